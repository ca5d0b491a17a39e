"""What an IMAP server says, bytes in and values out (RFC 3501 §7 and §9; RFC 9051 where it differs).

Sans-I/O and incremental: literals may come in any pieces, and nothing is kept beyond the limits. What a response means is
the client's to know.
"""

from collections.abc import Iterator
from dataclasses import dataclass

#: A string or an atom, NIL, or a parenthesised list.
Value = bytes | None | tuple["Value", ...]

#: Octets of a response without its literals; lists in lists; values in one response.
_LINE_MOST, _DEPTH_MOST, _VALUES_MOST = 1_000_000, 20, 150_000

_STATUS = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})
_ENDS_ATOM = frozenset(b' ()"{')


class Unintelligible(Exception):
    """The server says what is no IMAP, or too much of it: nothing that follows can be understood."""


@dataclass(frozen=True, slots=True)
class Response:
    """``tag`` is ``*``, ``+`` or that of a command. ``status`` is OK, NO, BAD, BYE, PREAUTH or empty; with it, ``code`` is
    what stood in brackets and ``text`` what is for people. Otherwise ``values`` is all after the tag; after ``+`` it is
    ``text``."""

    tag: str
    status: str = ""
    code: str = ""
    text: str = ""
    values: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """Of data: ``EXISTS`` of ``* 23 EXISTS``, ``SEARCH`` of ``* SEARCH 2 3``."""
        for value in self.values[:2]:
            if isinstance(value, bytes) and not value.isdigit():
                return value.decode("ascii", "replace").upper()
        return ""

    @property
    def number(self) -> int:
        """Of ``* 23 EXISTS``; 0 where there is none."""
        first = self.values[0] if self.values else None
        return int(first) if isinstance(first, bytes) and first.isdigit() and len(first) <= 10 else 0


class Responses:
    """``literal_most``: octets of one literal, and of all in one response."""

    def __init__(self, literal_most: int) -> None:
        self._most = literal_most
        self._buffer = bytearray()
        self._parts: list[bytes] = []  # of the response that is not complete: text, literal, text ...
        self._wanted = 0  # octets that are missing of a literal
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether there is part of a response."""
        return bool(self._buffer or self._parts)

    def feed(self, data: bytes) -> Iterator[Response]:
        """The responses that are complete now. Raises ``Unintelligible``."""
        self._buffer += data
        while True:
            if self._wanted:
                if len(self._buffer) < self._wanted:
                    return
                self._parts.append(bytes(self._buffer[: self._wanted]))
                del self._buffer[: self._wanted]
                self._wanted = 0
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > _LINE_MOST:
                    raise Unintelligible("a response without an end")
                return
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._size += len(line)
            if len(line) > _LINE_MOST or self._size > _LINE_MOST + self._most:
                raise Unintelligible("a response that is too long")
            self._parts.append(line)
            announced = _literal(line)
            if announced is not None:
                self._size += announced
                if self._size > _LINE_MOST + self._most:
                    raise Unintelligible(f"a literal of {announced} octets")
                self._wanted = announced
                if not announced:
                    self._parts.append(b"")
                continue
            parts, self._parts, self._size = self._parts, [], 0
            yield _parsed(parts)


def _literal(line: bytes) -> int | None:
    """The size of the literal that ``line`` ends in announcing: ``{12}``, ``{12+}``, ``~{12}``."""
    if not line.endswith(b"}"):
        return None
    start = line.rfind(b"{")
    digits = line[start + 1 : -1].removesuffix(b"+")
    return int(digits) if start >= 0 and digits.isdigit() and len(digits) <= 10 else None


def _parsed(parts: list[bytes]) -> Response:
    first = parts[0]
    tag, _, rest = first.partition(b" ")
    if not tag or len(tag) > 32 or not tag.isascii() or not tag.decode().isprintable():
        raise Unintelligible("a line without a tag")
    name = tag.decode("ascii")
    if name == "+":
        return Response(name, text=rest.decode("utf-8", "replace"))
    word = rest.partition(b" ")[0].upper()
    if word in _STATUS:
        code, text = _status(rest[len(word) :].lstrip())
        return Response(name, word.decode("ascii"), code, text)
    return Response(name, values=_Scanner([rest, *parts[1:]]).values())


def _status(rest: bytes) -> tuple[str, str]:
    """RFC 3501 §7.1 resp-text."""
    text = rest.decode("utf-8", "replace")
    if not text.startswith("["):
        return "", text
    code, bracket, words = text[1:].partition("]")
    return (code, words.strip()) if bracket else ("", text)


class _Scanner:
    """``parts``: text, literal, text, literal, text."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts
        self._part = 0
        self._at = 0
        self._count = 0

    def values(self) -> tuple[Value, ...]:
        return self._list(0)

    def _list(self, depth: int) -> tuple[Value, ...]:
        if depth > _DEPTH_MOST:
            raise Unintelligible("lists in lists in lists")
        found: list[Value] = []
        while True:
            char = self._next()
            if char is None or char == 0x29:  # )
                if (char is None) == (depth > 0):
                    raise Unintelligible("brackets that do not match")
                return tuple(found)
            self._count += 1
            if self._count > _VALUES_MOST:
                raise Unintelligible("a response with too many values")
            found.append(self._list(depth + 1) if char == 0x28 else self._string(char))

    def _next(self) -> int | None:
        """The first octet of the next value, or a bracket, which is taken; None at the end."""
        text = self._parts[self._part]
        while self._at < len(text) and text[self._at] == 0x20:
            self._at += 1
        if self._at >= len(text):
            return None
        char = text[self._at]
        if char in (0x28, 0x29):
            self._at += 1
        return char

    def _string(self, char: int) -> Value:
        text = self._parts[self._part]
        if char == 0x22:  # "
            return self._quoted(text)
        if (
            char in (0x7B, 0x7E)
            and self._part + 2 < len(self._parts)
            and text[self._at :].lstrip(b"~")[:1] == b"{"
        ):
            literal = self._parts[self._part + 1]
            self._part += 2
            self._at = 0
            return literal
        return self._atom(text)

    def _quoted(self, text: bytes) -> bytes:
        found = bytearray()
        at = self._at + 1
        while at < len(text):
            char = text[at]
            if char == 0x5C and at + 1 < len(text):  # backslash
                found.append(text[at + 1])
                at += 2
                continue
            if char == 0x22:
                self._at = at + 1
                return bytes(found)
            found.append(char)
            at += 1
        raise Unintelligible("a string without an end")

    def _atom(self, text: bytes) -> Value:
        start = at = self._at
        bracket = False  # BODY[HEADER.FIELDS (DATE FROM)] is one
        while at < len(text) and (bracket or text[at] not in _ENDS_ATOM):
            bracket = (bracket or text[at] == 0x5B) and text[at] != 0x5D
            at += 1
        if at == start:  # a curly bracket that announces nothing
            at += 1
        self._at = at
        atom = text[start:at]
        return None if atom.upper() == b"NIL" else atom
