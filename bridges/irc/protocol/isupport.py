"""ISUPPORT (005): what the server told of itself, typed, with defaults for what it did not tell.

Sources: draft-hardy-irc-isupport-00, modern.ircdocs "RPL_ISUPPORT Parameters". Values come from a stranger: a malformed
one counts as not told. What to do with them is the session's business.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bridges.irc.protocol.casemap import RFC1459, Casemapping, casemapping
from bridges.irc.protocol.decode import decode

#: Larger than anything a line can hold: "no limit" that can be compared like a number.
UNLIMITED = 1 << 30

#: More tokens than any server has (about 50), so that a hostile one cannot grow us.
MAX_TOKENS = 512

#: Tokens whose reading is remembered, over all connections: every session of a network is told the same.
_SHARED = 1024

#: What servers have told that is remembered: some lines each of some networks.
_STATES = 128

_HEX = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")


class Chanmodes(NamedTuple):
    """Channel mode letters by kind: lists (A), always an argument (B), an argument when set (C), never one (D)."""

    lists: str
    always: str
    when_set: str
    never: str


@dataclass(slots=True, init=False, eq=False, repr=False)
class Isupport:
    """Every token is kept (``tokens``); those that change behaviour are attributes, always with a usable value.

    All sessions of a network are told the same, so they share one object (``UNTOLD``, ``after``), which is not changed any
    more then.
    """

    tokens: dict[str, str]  # upper-case name -> unescaped value, "" where value-less
    casemapping: Casemapping  # rfc1459
    chantypes: str  # "#&"; empty if the server has no channels
    prefix_modes: str  # "ov": highest first; empty if it has none
    prefix_symbols: str  # "@+": in the same order
    symbol_of: Mapping[str, str]  # mode letter -> symbol
    mode_of: Mapping[str, str]  # symbol -> mode letter
    chanmodes: Chanmodes
    statusmsg: str  # ""
    # Lengths in bytes and counts; UNLIMITED where the server sets no limit or told none.
    nicklen: int
    userlen: int
    channellen: int
    topiclen: int
    kicklen: int
    awaylen: int
    keylen: int
    namelen: int
    linelen: int  # 512, with CR LF, without tags
    modes: int  # mode changes with an argument in one MODE: 3
    monitor: int  # 0 if there is no MONITOR
    targmax: Mapping[str, int]  # command (upper-case) -> targets in one line
    chanlimit: Mapping[str, int]  # channel type -> channels we may be in
    maxlist: Mapping[str, int]  # list mode -> entries
    network: str
    elist: str
    clienttagdeny: str
    excepts: str  # the mode letter, "" where there is no such list
    invex: str
    bot: str
    whox: bool
    utf8only: bool
    safelist: bool
    knock: bool

    def __init__(self) -> None:
        self.tokens = {}
        for name in _ATTRIBUTES:
            self._derive(name)

    def load(self, params: Sequence[str]) -> set[str]:
        """Take in the parameters of one 005: our nick first, words for people last. Returns the names of the tokens that are
        new, changed or gone. Never raises."""
        changed = set()
        for token in params[1:]:
            if not token or " " in token:  # "are supported by this server", in any language
                continue
            name, value = _read(token)
            if name[:1] == "-":
                name = name[1:]
                if self.tokens.pop(name, None) is None:
                    continue
            else:
                if self.tokens.get(name) == value or (
                    len(self.tokens) >= MAX_TOKENS and name not in self.tokens
                ):
                    continue
                self.tokens[name] = value
            changed.add(name)
        for name in changed & _ATTRIBUTES.keys():
            self._derive(name)
        return changed

    def copy(self) -> "Isupport":
        other = copy(self)
        other.tokens = dict(self.tokens)
        return other

    def limit(self, command: str) -> int:
        """Targets that ``command`` (upper-case) may have in one line; 1 where nothing was told (TARGMAX, MAXTARGETS)."""
        if "TARGMAX" in self.tokens:
            return self.targmax.get(command, 1)
        return max(1, _number(1)(self.tokens.get("MAXTARGETS")))

    def is_channel(self, name: str) -> bool:
        return name != "" and name[0] in self.chantypes

    def split_status(self, target: str) -> tuple[str, str]:
        """``@#chan`` -> ``("@", "#chan")`` (STATUSMSG); ``("", target)`` for every other target."""
        channel = target.lstrip(self.statusmsg)
        # A channel type that is a status symbol as well ("+chan") is a channel.
        if len(channel) < len(target) and self.is_channel(channel) and not self.is_channel(target):
            return target[: len(target) - len(channel)], channel
        return "", target

    def _derive(self, name: str) -> None:
        """Set the attributes that follow from one token, which may be gone."""
        for attribute, value in _derived(name, self.tokens.get(name)).items():
            setattr(self, attribute, value)


@lru_cache(maxsize=_STATES)
def after(before: Isupport, tokens: tuple[str, ...]) -> tuple[Isupport, Set[str]]:
    """What a server has told with ``tokens``, the parameters of a 005 without our nick, and the names of those that are new,
    changed or gone. Equal tokens after the same lead to the same object."""
    told = before.copy()
    return told, frozenset(told.load(("", *tokens)))


@lru_cache(maxsize=_SHARED)
def _read(token: str) -> tuple[str, str]:
    """A token's name in upper case and its value, empty if it has none."""
    name, _, value = token.partition("=")
    return name.upper(), _unescape(value)


@lru_cache(maxsize=_SHARED)
def _derived(name: str, value: str | None) -> dict[str, object]:
    """The attributes that follow from a token; shared, so not to be changed."""
    return _ATTRIBUTES[name](value)


def _unescape(value: str) -> str:
    """``\\xHH`` stands for a byte, several in a row for text in UTF-8."""
    if "\\" not in value:
        return value
    return _HEX.sub(lambda match: decode(bytes.fromhex(match[0].replace("\\x", ""))), value)


Parser = Callable[[str | None], dict[str, object]]  # a token's value (None: absent) -> attributes


def _number(default: int, bare: int = UNLIMITED) -> Callable[[str | None], int]:
    """A count; ``default`` where absent or malformed, ``bare`` where told without a value."""

    def parse(value: str | None) -> int:
        if value == "":
            return bare
        if value is None or not (value.isascii() and value.isdigit()) or len(value) > 9:
            return default
        return int(value)

    return parse


def _pairs(value: str | None) -> Mapping[str, int]:
    """``a:3,c:,b:2``: numbers by word; no number means no limit."""
    found = {}
    for item in (value or "").split(","):
        word, _, number = item.partition(":")
        if word:
            found[word] = _number(UNLIMITED)(number)
    return found


def _letters(value: str | None) -> Mapping[str, int]:
    """As ``_pairs``, every letter of a word by itself: ``#&:50``."""
    return {letter: number for word, number in _pairs(value).items() for letter in word}


def _prefix(value: str | None) -> dict[str, object]:
    """``(ov)@+``; empty means no prefixes; anything else is not told."""
    modes, symbols = "ov", "@+"
    if value == "":
        modes = symbols = ""
    elif value is not None and value[:1] == "(":
        told_modes, closing, told_symbols = value[1:].partition(")")
        if closing and len(told_modes) == len(told_symbols) == len(set(told_modes)) == len(set(told_symbols)):
            modes, symbols = told_modes, told_symbols
    return {
        "prefix_modes": modes,
        "prefix_symbols": symbols,
        "symbol_of": dict(zip(modes, symbols, strict=True)),
        "mode_of": dict(zip(symbols, modes, strict=True)),
    }


def _chanmodes(value: str | None) -> dict[str, object]:
    """``A,B,C,D`` and, one day, further kinds, which clients are to ignore. Default: RFC 1459 §4.2.3.1."""
    kinds = (value or "").split(",")
    if len(kinds) < 4:
        kinds = ["b", "k", "l", "imnpst"]
    return {"chanmodes": Chanmodes(*kinds[:4])}


def _mode_letter(attribute: str, usual: str) -> Parser:
    """A mode's letter, which has a usual one where it is not told."""
    return lambda value: {attribute: "" if value is None else (value if len(value) == 1 else usual)}


def _count(attribute: str, default: int = UNLIMITED, bare: int = UNLIMITED) -> Parser:
    parse = _number(default, bare)
    return lambda value: {attribute: parse(value)}


def _flag(attribute: str) -> Parser:
    return lambda value: {attribute: value is not None}


def _text(attribute: str, default: str = "") -> Parser:
    return lambda value: {attribute: default if value is None else value}


_ATTRIBUTES: dict[str, Parser] = {
    "CASEMAPPING": lambda value: {"casemapping": casemapping(value) if value else RFC1459},
    "CHANTYPES": _text("chantypes", "#&"),
    "PREFIX": _prefix,
    "CHANMODES": _chanmodes,
    "STATUSMSG": _text("statusmsg"),
    "NICKLEN": _count("nicklen"),
    "USERLEN": _count("userlen"),
    "CHANNELLEN": _count("channellen"),
    "TOPICLEN": _count("topiclen"),
    "KICKLEN": _count("kicklen"),
    "AWAYLEN": _count("awaylen"),
    "KEYLEN": _count("keylen"),
    "NAMELEN": _count("namelen"),
    "LINELEN": lambda value: {"linelen": max(512, min(_number(512, 512)(value), 1 << 16))},
    "MODES": _count("modes", 3),
    "MONITOR": _count("monitor", 0),
    "TARGMAX": lambda value: {"targmax": {word.upper(): number for word, number in _pairs(value).items()}},
    # ngIRCd writes 0 where there is no limit.
    "CHANLIMIT": lambda value: {
        "chanlimit": {letter: number or UNLIMITED for letter, number in _letters(value).items()}
    },
    "MAXLIST": lambda value: {"maxlist": _letters(value)},
    "NETWORK": _text("network"),
    "ELIST": lambda value: {"elist": (value or "").upper()},
    "CLIENTTAGDENY": _text("clienttagdeny"),
    "EXCEPTS": _mode_letter("excepts", "e"),
    "INVEX": _mode_letter("invex", "I"),
    "BOT": _mode_letter("bot", ""),
    "WHOX": _flag("whox"),
    "UTF8ONLY": _flag("utf8only"),
    "SAFELIST": _flag("safelist"),
    "KNOCK": _flag("knock"),
}

#: What counts for a server that has not told anything yet.
UNTOLD = Isupport()
