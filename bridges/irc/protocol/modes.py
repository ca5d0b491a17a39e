"""Channel modes: MODE lines and NAMES entries read with the server's PREFIX and CHANMODES."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from bridges.irc.protocol.isupport import Isupport


class ModeKind(Enum):
    PREFIX = "prefix"  # of an occupant
    LIST = "A"
    ALWAYS = "B"
    WHEN_SET = "C"
    FLAG = "D"


class ModeChange(NamedTuple):
    adding: bool
    letter: str
    argument: str | None
    kind: ModeKind


class NamesEntry(NamedTuple):
    """One word of 353. ``modes`` are mode letters (not symbols), highest first; user and host empty where not told."""

    modes: str
    nick: str
    user: str
    host: str


def parse_modes(params: Sequence[str], isupport: Isupport) -> list[ModeChange]:
    """The changes of a channel MODE (``params`` without the channel). Never raises."""
    raise NotImplementedError


def parse_names(text: str, isupport: Isupport) -> list[NamesEntry]:
    """The occupants in the last parameter of 353, with multi-prefix and userhost-in-names."""
    raise NotImplementedError


def highest_first(modes: str, isupport: Isupport) -> str:
    """``modes`` in the server's order, each once, letters that are no prefix modes left out."""
    raise NotImplementedError
