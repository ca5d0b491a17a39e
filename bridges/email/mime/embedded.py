"""Files that stand within a text, as mail had them before MIME: uuencoded (IEEE Std 1003.1, ``uuencode``), and yEnc.

Octets in, octets out, in one pass. Only what is whole to the last line is a file: all else is text, for people do write
"begin 644".
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

_BEGIN = re.compile(rb"begin(-base64)? [0-7]{3,4} ([^\r\n]{1,255})$")
_YENC = re.compile(rb"=ybegin line=\d{1,5} size=(\d{1,10}) name=([^\r\n]{1,255})$")
_YEND = re.compile(rb"=yend size=(\d{1,10})(.*)$")
_ANY = re.compile(rb"^(?:begin(?:-base64)? [0-7]{3,4} |=ybegin )", re.MULTILINE)
_CRC = re.compile(rb"\bcrc32=([0-9a-fA-F]{8})\b")
_ESCAPED = bytes((octet - 64 - 42) % 256 for octet in range(256))
_PLAIN = bytes((octet - 42) % 256 for octet in range(256))


@dataclass(frozen=True, slots=True)
class Embedded:
    name: bytes
    data: bytes = field(repr=False)


def begins(data: bytes) -> bool:
    """Whether there may be one, at a glance."""
    return b"begin" in data and _ANY.search(data) is not None


def parted(data: bytes, most: int) -> tuple[bytes, list[Embedded]]:
    """The text without the files in it, of which there are ``most`` at most, and the files."""
    kept: list[bytes] = []
    found: list[Embedded] = []
    behind = 0
    for match in _ANY.finditer(data):
        if match.start() < behind or len(found) >= most:
            continue
        begun = _begun(data, match.start())
        if begun is not None:
            kept.append(data[behind : match.start()])
            found.append(begun[0])
            behind = begun[1]
    return (b"".join((*kept, data[behind:])), found) if found else (data, [])


def _lines(data: bytes, at: int) -> Iterator[tuple[bytes, int]]:
    """Those from ``at`` on without their ends, each with where the next one begins."""
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[at:end].rstrip(b"\r"), end + 1
        at = end + 1


def _begun(data: bytes, at: int) -> tuple[Embedded, int] | None:
    """The file that begins on the line at ``at``, and where the line behind it begins."""
    line, behind = next(_lines(data, at))
    if (match := _BEGIN.match(line)) is not None:
        return (_base64 if match[1] else _uu)(_lines(data, behind), match[2])
    if (match := _YENC.match(line)) is not None:
        return _yenc(_lines(data, behind), match[2].strip(), int(match[1]))
    return None


def _uu(lines: Iterator[tuple[bytes, int]], name: bytes) -> tuple[Embedded, int] | None:
    out = bytearray()
    for line, behind in lines:
        if line == b"end":
            return Embedded(name, bytes(out)), behind
        if not line:
            continue
        if not 32 <= line[0] <= 96:  # no length; another beginning, for one
            return None
        octets = (line[0] - 32) & 63
        try:
            # Spaces at the end are lost on the way, and count as there; some encoders put a checksum behind.
            out += binascii.a2b_uu(line[: 1 + (octets + 2) // 3 * 4])
        except binascii.Error:
            return None
    return None


def _base64(lines: Iterator[tuple[bytes, int]], name: bytes) -> tuple[Embedded, int] | None:
    out = bytearray()
    for line, behind in lines:
        if line == b"====":
            try:
                return Embedded(name, base64.b64decode(out, validate=True)), behind
            except binascii.Error:
                return None
        if b" " in line:
            return None
        out += line
    return None


def _yenc(lines: Iterator[tuple[bytes, int]], name: bytes, size: int) -> tuple[Embedded, int] | None:
    out = bytearray()
    for line, behind in lines:
        if line.startswith(b"=y"):
            end = _YEND.match(line)
            crc = _CRC.search(end[2]) if end is not None else None
            whole = end is not None and int(end[1]) == size == len(out)
            if not whole or (crc is not None and int(crc[1], 16) != zlib.crc32(out)):
                return None
            return Embedded(name, bytes(out)), behind
        first, *escaped = line.split(b"=")
        out += first.translate(_PLAIN)
        for each in escaped:
            out += each[:1].translate(_ESCAPED) + each[1:].translate(_PLAIN)
        if len(out) > size:
            return None
    return None
