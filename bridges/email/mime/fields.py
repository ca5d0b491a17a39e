"""Header fields: where they begin and end, and the decoding of what stands in them, broken or not.

Knows RFC 5322 folding, encoded words (RFC 2047), parameters (RFC 2231), identifiers and dates. Everything here is linear in
its input and raises nothing.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz

from bridges.email.mime import charsets, clean

_NAME = re.compile(rb"[!-9;-~]{1,256}[ \t]*:")
_FOLD = re.compile(r"\r?\n(?=[ \t])|\r\n?|\n")
_WORD = re.compile(r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*)\?=")
_ID = re.compile(r"<([^<>\s]{1,996})>")
_BARE_ID = re.compile(r"[^\s<>@,;]{1,500}@[^\s<>@,;]{1,500}")
_MAX_PARAMETERS = 200
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` in lower case; ``value`` as it stands in the mail, folded."""

    name: str
    value: bytes


class Header:
    """The fields of one header block, in order."""

    __slots__ = ("_by_name", "fields")

    def __init__(self, fields: tuple[Field, ...] = ()) -> None:
        self.fields = fields
        self._by_name: dict[str, list[bytes]] = {}
        for field in fields:
            self._by_name.setdefault(field.name, []).append(field.value)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def all(self, name: str) -> list[str]:
        """Every value of that name (lower case), unfolded."""
        return [unfolded(value) for value in self._by_name.get(name, ())]

    def first(self, name: str) -> str:
        values = self._by_name.get(name)
        return unfolded(values[0]) if values else ""

    def text(self, name: str) -> str:
        """Unstructured text for people: decoded, one line."""
        return clean.line(words(self.first(name)))

    def names(self) -> Iterator[str]:
        return iter(self._by_name)


def split(block: bytes, most_of_a_name: int) -> tuple[Header, int, bool]:
    """The header that ``block`` begins with, where it ends (behind the empty line, or before a line that cannot be of a
    header), and whether fields had to be left out."""
    fields: list[Field] = []
    count: dict[str, int] = {}
    at = 0
    if block.startswith((b"From ", b">From ")):  # the line that separates mails in a file
        at = block.find(b"\n") + 1 or len(block)
    start, name, begin = at, "", 0
    dropped = False

    def finish(end: int) -> bool:
        if not name:
            return False
        count[name] = count.get(name, 0) + 1
        if count[name] > most_of_a_name:
            return True
        fields.append(Field(name, block[begin:end].rstrip(b"\r\n")))
        return False

    while start < len(block):
        end = block.find(b"\n", start) + 1 or len(block)
        first = block[start : start + 1]
        if first in (b"\n", b"\r") and block[start:end].strip(b"\r\n") == b"":
            dropped |= finish(start)
            return Header(tuple(fields)), end, dropped
        if first not in (b" ", b"\t"):
            match = _NAME.match(block, start, end)
            if match is None:
                dropped |= finish(start)
                return Header(tuple(fields)), start, dropped
            dropped |= finish(start)
            name = match[0][:-1].rstrip().decode("ascii").lower()
            begin = match.end()
        start = end
    dropped |= finish(len(block))
    return Header(tuple(fields)), len(block), dropped


def unfolded(value: bytes) -> str:
    """One line of text, not yet decoded. Octets above 127 are taken for what they probably are (RFC 6532: UTF-8)."""
    text = charsets.decode(value)
    return _FOLD.sub("", text).strip(" \t") if "\n" in text or "\r" in text else text.strip(" \t")


def words(text: str) -> str:
    """``text`` with its encoded words decoded. Words that stand beside each other and have one charset are joined before
    they are decoded: many clients cut characters in the middle. What cannot be decoded stays as it is."""
    if "=?" not in text:
        return text
    out: list[str] = []
    pending: list[bytes] = []
    charset = ""
    last = 0
    for match in _WORD.finditer(text):
        between = text[last : match.start()]
        data = _word(match[2], match[3])
        beside = bool(pending) and not between.strip(" \t\r\n")
        if pending and not (beside and match[1].lower() == charset and data is not None):
            out.append(charsets.decode(b"".join(pending), charset))
            pending = []
        if not (beside and data is not None):
            out.append(between)
        last = match.end()
        if data is None:
            out.append(match[0])
        else:
            pending.append(data)
            charset = match[1].lower()
    if pending:
        out.append(charsets.decode(b"".join(pending), charset))
    out.append(text[last:])
    return "".join(out)


def _word(encoding: str, content: str) -> bytes | None:
    try:
        raw = content.encode("latin-1")
    except UnicodeError:
        return None
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return base64_octets(raw)


_NOT_BASE64 = bytes(
    octet for octet in range(256) if not (chr(octet).isalnum() and octet < 128) and octet not in b"+/="
)


def only_base64(raw: bytes) -> bytes:
    return raw.translate(None, _NOT_BASE64)


def base64_octets(raw: bytes) -> bytes:
    """As much as can be had of it: foreign characters skipped, missing padding added, several pieces one after another."""
    kept = only_base64(raw)
    body = kept.rstrip(b"=")
    pieces = [body] if b"=" not in body else body.split(b"=")
    out = bytearray()
    for piece in pieces:
        whole = len(piece) - (len(piece) % 4 == 1)  # six bits alone are nothing
        out += base64.b64decode(piece[:whole] + b"=" * (-whole % 4))
    return bytes(out)


def parameters(text: str) -> tuple[str, dict[str, str]]:
    """The value of a structured field in lower case, and its parameters by names in lower case: as RFC 2231 says,
    encoded words where no standard allows them, or raw octets."""
    pieces = list(_pieces(text))
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in pieces[1 : _MAX_PARAMETERS + 1]:
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            continue
        base, star, rest = name.partition("*")
        value = _unquoted(value)
        if not star:
            plain.setdefault(base, value)
            continue
        number, extended = rest.rstrip("*"), rest.endswith("*") or not rest
        if number.isascii() and number.isdigit() and len(number) < 5:
            parts.setdefault(base, {}).setdefault(int(number), (value, extended))
        elif not number:
            parts.setdefault(base, {}).setdefault(0, (value, True))
    found = {name: clean.line(words(value)) for name, value in plain.items()}
    for name, numbered in parts.items():
        found[name] = clean.line(_continued(numbered))
    return clean.line(pieces[0]).lower() if pieces else "", found


def _pieces(text: str) -> Iterator[str]:
    """Between semicolons that are not quoted. A quote that never ends is no quote."""
    begin = at = 0
    quotes = True
    for match in re.finditer(r'[";]', text):
        if match.start() < at:
            continue
        if match[0] == ";":
            yield text[begin : match.start()]
            begin = match.end()
        elif quotes:
            end = _closing(text, match.end())
            if end < 0:
                quotes = False
            else:
                at = end + 1
    yield text[begin:]


def _closing(text: str, at: int) -> int:
    for match in re.compile(r'\\.|"', re.DOTALL).finditer(text, at):
        if match[0] == '"':
            return match.start()
    return -1


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        # Windows clients write paths and do not quote the backslashes in them: only what needs quoting is unquoted.
        return re.sub(r'\\(["\\])', r"\1", value[1:-1])
    return value.strip('"')


def _continued(numbered: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    out: list[str] = []
    octets = bytearray()
    for place, number in enumerate(sorted(numbered)):
        value, extended = numbered[number]
        if place == 0 and extended and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        if extended:
            octets += _percent(value)
            continue
        if octets:
            out.append(charsets.decode(bytes(octets), charset))
            octets.clear()
        out.append(value)
    if octets:
        out.append(charsets.decode(bytes(octets), charset))
    text = "".join(out)
    return words(text) if "=?" in text else text


def _percent(value: str) -> bytes:
    raw = value.encode("utf-8", "replace")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes((int(match[1], 16),)), raw)


def charset_of(given: dict[str, str]) -> str:
    """The charset parameter as a label, empty where it is none."""
    match = _CHARSET.match(given.get("charset", ""))
    return match[0] if match else ""


def identifiers(text: str, limit: int = 100) -> tuple[str, ...]:
    """The message ids in it, in angle brackets, each once, in order. Some senders write them as encoded words, or without
    brackets."""
    if "=?" in text:
        text = words(text)
    text = clean.line(text, 64 * 1024)
    found = [f"<{match[1]}>" for match in _ID.finditer(text)]
    if not found and (bare := _BARE_ID.fullmatch(text)) is not None:
        found = [f"<{bare[0]}>"]
    unique = list(dict.fromkeys(found))
    # The first one is where the thread began, the last ones are what is answered.
    return tuple(unique if len(unique) <= limit else [unique[0], *unique[-(limit - 1) :]])


def date(text: str) -> float | None:
    """Unix seconds of an RFC 5322 date, None for what is none."""
    try:
        parsed = parsedate_tz(clean.line(text, 200))
        if parsed is None:
            return None
        time = float(mktime_tz(parsed))
        datetime.fromtimestamp(time, UTC)
    except (ValueError, IndexError, TypeError, OverflowError, OSError):
        return None
    return time if time >= 0 else None
