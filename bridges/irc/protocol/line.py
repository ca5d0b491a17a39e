"""IRC lines: bytes into lines, a line into its parts, parts into a line (RFC 1459 §2.3, IRCv3 message-tags).

Knows nothing of what commands mean and nothing of encodings. This is the hot path of everything that comes from IRC.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NO_TAGS: Mapping[str, str] = MappingProxyType({})

#: A peer's line may have 8191 bytes of tags (message-tags, "Size limit") and 512 of the rest; LINELEN can raise that.
MAX_LINE = 16 * 1024

_UNESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPED = {";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_TO_ESCAPE = re.compile("[; \\\\\r\n]")
_TAG_KEY = re.compile(r"\+?(?:[^\s/;=\0]+/)?[A-Za-z0-9-]+")
_new = tuple.__new__  # a named tuple's own constructor costs twice as much

_BREAKS_LINE = re.compile("[\r\n\0]")
_BREAKS_MIDDLE = re.compile("[\r\n\0 ]")

#: Where people's words stand (the number of parameters then): marked with a colon even where one word needs none, which is
#: what every server sends and what simple peers expect.
_FREE_TEXT = {
    "PRIVMSG": 2,
    "NOTICE": 2,
    "TOPIC": 2,
    "PART": 2,
    "KICK": 3,
    "QUIT": 1,
    "AWAY": 1,
    "USER": 4,
    "SETNAME": 1,
    "ERROR": 1,
}


class Malformed(ValueError):
    """A received line without a command."""


class Injection(ValueError):
    """Text that would break out of its place in a line to be sent (CR, LF, NUL, a space in a middle parameter ...)."""


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
    """Read one line without its line end. Raises ``Malformed`` only.

    Only ASCII spaces part words: IRC's control codes 0x1D-0x1F and U+3000 are text. Several spaces count as one, and
    those at the end of a line without a trailing parameter are ignored.
    """
    tags = NO_TAGS
    source = ""
    if text[:1] != ":":
        text = text.lstrip(" ")
        if text[:1] == "@":
            word, _, text = text.partition(" ")
            tags = _parse_tags(word[1:])
            text = text.lstrip(" ")
    if text[:1] == ":":
        source, _, text = text.partition(" ")
        source = source[1:]
    head, colon, trailing = text.partition(" :")
    params = head.split(" ")
    if "" in params:
        params = [word for word in params if word]
        if not params:
            raise Malformed("a line without a command")
    command = params.pop(0)
    if colon:
        params.append(trailing)
    return _new(Line, (tags, source, command.upper(), params))


def _parse_tags(text: str) -> Mapping[str, str]:
    """message-tags: the last of equal keys wins; a missing value is the same as an empty one."""
    tags: dict[str, str] = {}
    for item in text.split(";"):
        key, _, value = item.partition("=")
        tags[key] = value
    if "\\" in text:
        tags = {key: _unescape(value) for key, value in tags.items()}
    tags.pop("", None)
    return tags


def _unescape(value: str) -> str:
    """message-tags: an unknown escape stands for the character itself; a lone backslash at the end is dropped."""
    return _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), value)


def serialise(command: str, *params: str, tags: Mapping[str, str] | None = None, source: str = "") -> str:
    """Build one line, without line end: the only place where lines are made.

    The last parameter gets a colon where it needs one. Raises ``Injection`` rather than sending less than was said: for
    CR, LF or NUL anywhere, for a space or nothing at all in a middle parameter, or a colon at its beginning.
    """
    if not (command.isascii() and command.isalnum()):
        raise Injection(f"{command!r} is not an IRC command.")
    if not params:
        line = command
    else:
        *middles, last = params
        for middle in middles:
            if not middle or middle[0] == ":" or _BREAKS_MIDDLE.search(middle):
                raise Injection(
                    f"{middle!r} cannot be a parameter of {command}: no spaces, line breaks or leading colon."
                )
        if _BREAKS_LINE.search(last):
            raise Injection(f"The last parameter of {command} holds a line break or a NUL.")
        words = [command, *middles]
        if not last or last[0] == ":" or " " in last or _FREE_TEXT.get(command) == len(params):
            last = ":" + last
        words.append(last)
        line = " ".join(words)
    if source:
        if _BREAKS_MIDDLE.search(source):
            raise Injection(f"{source!r} cannot be the source of a line.")
        line = f":{source} {line}"
    if tags:
        line = f"@{serialise_tags(tags)} {line}"
    return line


def serialise_tags(tags: Mapping[str, str]) -> str:
    """Tags as they stand between ``@`` and the space. Raises ``Injection`` for names that are none, and for a NUL."""
    items = []
    for key, value in tags.items():
        if _TAG_KEY.fullmatch(key) is None:
            raise Injection(f"{key!r} is not the name of a message tag.")
        if "\0" in value:
            raise Injection(f"The message tag {key} holds a NUL.")
        escaped = _TO_ESCAPE.sub(lambda match: _ESCAPED[match[0]], value)
        items.append(f"{key}={escaped}" if escaped else key)
    return ";".join(items)


def nick_of(source: str) -> str:
    """The nick (or server name) of a source, also of one without user or host."""
    nick, bang, _ = source.partition("!")
    return nick if bang else source.partition("@")[0]


def mask_of(source: str) -> Mask:
    """The parts of a source: ``nick!user@host``, ``nick@host``, ``nick!user`` or a name alone. Hosts hold no ``@``,
    users may."""
    rest, _, host = source.rpartition("@") if "@" in source else (source, "", "")
    nick, _, user = rest.partition("!")
    return _new(Mask, (nick, user, host))


class LineSplitter:
    """Bytes in, whole non-empty lines out (without line ends: CR, LF or both, RFC 1459 §2.3 being often broken).

    Work is linear in the bytes fed, however they are cut; what is held is at most ``limit`` bytes. A longer line is
    thrown away up to its end and counted in ``dropped``: it costs neither the connection nor the lines around it.
    """

    __slots__ = ("_held", "_limit", "_skipping", "dropped")

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()  # the beginning of a line; has no line end in it, so is never searched again
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes."""
        lines = data.splitlines()  # of bytes: at CR, LF and CR LF, nowhere else
        rest = b"" if data.endswith((b"\n", b"\r")) or not data else lines.pop()
        if lines:
            if self._held or self._skipping:
                self._hold(lines[0])
                lines[0] = bytes(self._held)
                self._held.clear()
                self._skipping = False
            if len(data) > self._limit:
                self.dropped += sum(len(line) > self._limit for line in lines)
                lines = [line for line in lines if len(line) <= self._limit]
            if b"" in lines:
                lines = [line for line in lines if line]
        if rest:
            self._hold(rest)
        return lines

    def _hold(self, data: bytes) -> None:
        if self._skipping:
            return
        self._held += data
        if len(self._held) > self._limit:
            self._held.clear()
            self._skipping = True
            self.dropped += 1
