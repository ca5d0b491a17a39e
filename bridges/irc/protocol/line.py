"""IRC lines: bytes into lines, a line into its parts, parts into a line (RFC 1459 §2.3, IRCv3 message-tags)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Malformed(ValueError):
    """A received line without a command."""


class Injection(ValueError):
    """Text that would break out of its place in a line that is to be sent (CR, LF, NUL, a space in a middle ...)."""


class TooLong(ValueError):
    """A line to be sent is longer than the server accepts."""


class Line(NamedTuple):
    """One received line. ``source`` is empty where absent, ``command`` upper-case (or three digits)."""

    tags: Mapping[str, str]
    source: str
    command: str
    params: list[str]


class Mask(NamedTuple):
    """``nick!user@host`` in its parts, empty where absent."""

    nick: str
    user: str
    host: str


def parse(text: str) -> Line:
    """Read one line without its line end. Raises ``Malformed`` only."""
    raise NotImplementedError


def serialise(command: str, *params: str, tags: Mapping[str, str] | None = None, source: str = "") -> str:
    """Build one line, without line end. Raises ``Injection``."""
    raise NotImplementedError


def nick_of(source: str) -> str:
    """The nick (or server name) of a source."""
    raise NotImplementedError


def mask_of(source: str) -> Mask:
    """The three parts of a source."""
    raise NotImplementedError


class LineSplitter:
    """Bytes in, whole non-empty lines out (without line ends)."""

    dropped: int  # lines longer than the cap, thrown away

    def __init__(self, limit: int = 16384) -> None:
        raise NotImplementedError

    def feed(self, data: bytes) -> list[bytes]:
        raise NotImplementedError
