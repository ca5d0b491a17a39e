"""The tree of parts of a mail (RFC 2045, RFC 2046), by offsets: nothing is copied but headers and what is asked for.

The standard library's parser holds a mail several times, once as a list of lines, and recurses as deep as the mail tells it
to. This one looks for delimiters in the bytes, or in a mapped file, and stops at the limits of depth and number.
"""

import binascii
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bridges.email.mime import fields
from bridges.email.mime.fields import Header
from bridges.email.mime.limits import Limits

Source = bytes | mmap.mmap

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_SLICE = 1024 * 1024 - 4  # octets decoded at a time; a multiple of four
_TOKEN = re.compile(r"[a-z0-9-]+")


@dataclass(slots=True)
class Part:
    """One part: its header, and where its body lies in the source. ``media_type`` is in lower case and well-formed."""

    source: Source
    header: Header
    start: int
    end: int
    media_type: str
    parameters: dict[str, str]
    disposition: str
    encoding: str
    filename: str
    declared: str  # the same, before it turned out to be no multipart
    children: tuple["Part", ...] = ()

    @property
    def main_type(self) -> str:
        return self.media_type.partition("/")[0]

    @property
    def content_id(self) -> str:
        found = fields.identifiers(self.header.first("content-id"), 1)
        return found[0][1:-1] if found else ""

    def raw(self) -> bytes:
        """The body as it stands in the mail."""
        return self.source[self.start : self.end]

    def decoded(self, limit: int) -> bytes:
        """The body without its transfer encoding, at most ``limit`` octets."""
        out = bytearray()
        for piece in self.pieces():
            out += piece
            if len(out) >= limit:
                break
        return bytes(out[:limit])

    def pieces(self) -> Iterator[bytes]:
        """The decoded body, a megabyte or so at a time."""
        if self.encoding == "base64":
            yield from self._base64()
        elif self.encoding == "quoted-printable":
            yield from self._quoted_printable()
        else:
            for at in range(self.start, self.end, _SLICE):
                yield self.source[at : min(at + _SLICE, self.end)]

    def _base64(self) -> Iterator[bytes]:
        left = b""
        for at in range(self.start, self.end, _SLICE):
            kept = left + fields.only_base64(self.source[at : min(at + _SLICE, self.end)])
            # Padding within is the end of a piece: whole quadruples up to it can be decoded at once.
            cut = len(kept) - len(kept) % 4 if b"=" not in kept else len(kept)
            left = kept[cut:]
            yield fields.base64_octets(kept[:cut])
        yield fields.base64_octets(left)

    def _quoted_printable(self) -> Iterator[bytes]:
        at = self.start
        while at < self.end:
            end = min(at + _SLICE, self.end)
            if end < self.end:
                line = self.source.rfind(b"\n", at, end)
                end = line + 1 if line > at else end
            yield binascii.a2b_qp(self.source[at:end])
            at = end


class Structure:
    """Reads one source. ``defects`` says what was left out."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._left = limits.parts
        self.defects: list[str] = []

    def root(self) -> Part:
        return self._part(0, len(self._source), 0, "text/plain")

    def nested(self, part: Part) -> Part:
        """The message within a message/rfc822 part, its header only: no mail is read within a mail."""
        header, start, _ = self._header(part.start, part.end)
        return self._leaf(header, start, part.end, "text/plain")

    def _defect(self, what: str) -> None:
        if what not in self.defects:
            self.defects.append(what)

    def _header(self, start: int, end: int) -> tuple[Header, int, bool]:
        most = self._limits.header
        block = self._source[start : min(start + most, end)]
        if start + most < end:  # what was cut in the middle would not look like a field
            block = block[: block.rfind(b"\n") + 1] or block
        header, length, dropped = fields.split(block, self._limits.fields_of_a_name)
        if dropped:
            self._defect("too many fields of one name")
        ended = block[:length].endswith((b"\n\n", b"\n\r\n")) or block[:length] in (b"\n", b"\r\n")
        if length == len(block) and start + most < end and not ended:
            self._defect("header too long")
            found = _EMPTY_LINE.search(self._source, start + most - 2, end)
            return header, found.end() if found else end, True
        return header, start + length, dropped

    def _part(self, start: int, end: int, depth: int, default: str) -> Part:
        header, body, _ = self._header(start, end)
        part = self._leaf(header, body, end, default)
        if part.main_type != "multipart":
            return part
        boundary = part.parameters.get("boundary", "").rstrip()
        if not boundary:
            return self._as_text(part, "multipart without a boundary")
        if depth >= self._limits.depth:
            return self._as_text(part, "parts nested too deeply")
        usual = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        children: list[Part] = []
        for first, last in self._between(boundary, body, end):
            if first == last:
                continue
            if self._left <= 0:
                self._defect("too many parts")
                break
            self._left -= 1
            child = self._part(first, last, depth + 1, usual)
            if not child.children and child.parameters.get("boundary", "").rstrip() == boundary:
                # A multipart that uses the delimiter of the one around it: the parts that follow were meant to be its own.
                part.media_type = child.declared
                continue
            children.append(child)
        if not children:
            return self._as_text(part, "multipart without its delimiter")
        part.children = tuple(children)
        return part

    def _as_text(self, part: Part, defect: str) -> Part:
        self._defect(defect)
        part.media_type = "text/plain"
        return part

    def _between(self, boundary: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """RFC 2046 §5.1.1: the line break before a delimiter belongs to it, what comes before the first does not count."""
        delimiter = re.compile(
            rb"\n--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?=\r?(?:\n|\Z))"
        )
        first = -1
        # The header ended with a line break, so one stands right before ``start``.
        for match in delimiter.finditer(self._source, max(0, start - 1), end):
            if first >= 0:
                yield first, self._before(match.start(), first)
            line = self._source.find(b"\n", match.end(), end)
            first = end if line < 0 else line + 1
            if match[1]:
                return
        if first >= 0:
            self._defect("multipart without an end")
            yield first, end

    def _before(self, at: int, first: int) -> int:
        if at > first and self._source[at - 1 : at] == b"\r":
            at -= 1
        return max(at, first)

    def _leaf(self, header: Header, start: int, end: int, default: str) -> Part:
        media_type, given = fields.parameters(header.first("content-type"))
        disposition, more = fields.parameters(header.first("content-disposition"))
        if _TYPE.fullmatch(media_type) is None:
            # RFC 2045 §5.2: what says nothing usable is plain text; "Content-Type: text" comes from very old mailers.
            media_type = default if media_type in ("", "text") else "application/octet-stream"
        token = _TOKEN.match(header.first("content-transfer-encoding").lower())
        name = more.get("filename") or given.get("name") or ""
        encoding = token[0] if token else ""
        return Part(
            self._source, header, start, end, media_type, given, disposition, encoding, name, media_type
        )
