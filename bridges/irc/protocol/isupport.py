"""ISUPPORT (005): what the server told of itself, typed, with defaults for what it did not tell."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bridges.irc.protocol.casemap import Casemapping

UNLIMITED = 1 << 30


class Chanmodes(NamedTuple):
    """Channel mode letters by kind: lists (A), always an argument (B), an argument when set (C), never one (D)."""

    lists: str
    always: str
    when_set: str
    never: str


class Isupport:
    """Every token is kept (``tokens``); those that change behaviour are attributes, always with a usable value."""

    tokens: dict[str, str]  # upper-case name -> unescaped value, "" where value-less
    casemapping: Casemapping  # rfc1459
    chantypes: str  # "#&"
    prefix_modes: str  # "ov": highest first
    prefix_symbols: str  # "@+": same order
    chanmodes: Chanmodes
    statusmsg: str  # ""
    # lengths in bytes, counts; UNLIMITED where the server sets none
    nicklen: int
    channellen: int
    topiclen: int
    kicklen: int
    awaylen: int
    keylen: int
    linelen: int  # 512
    modes: int  # mode changes in one MODE: 3
    monitor: int  # 0: not supported
    targmax: Mapping[str, int]  # command (upper-case) -> targets in one line
    chanlimit: Mapping[str, int]  # channel type -> channels
    maxlist: Mapping[str, int]  # list mode -> entries
    network: str
    elist: str
    excepts: str  # the mode letter, "" if unsupported
    invex: str
    bot: str
    whox: bool
    utf8only: bool
    safelist: bool

    def __init__(self) -> None:
        raise NotImplementedError

    def load(self, params: Sequence[str]) -> set[str]:
        """Take in the parameters of one 005 (target first). Returns the names of the tokens that changed. Never raises."""
        raise NotImplementedError

    def is_channel(self, name: str) -> bool:
        raise NotImplementedError

    def split_status(self, target: str) -> tuple[str, str]:
        """``@#chan`` -> ``("@", "#chan")`` (STATUSMSG); ``("", target)`` for every other target."""
        raise NotImplementedError
