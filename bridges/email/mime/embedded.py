"""Files that stand within a text, as mail had them before MIME: uuencoded (IEEE Std 1003.1, ``uuencode``), and yEnc.

Octets in, octets out, in one pass. Only what is whole to the last line is a file: all else is text, for people do write
"begin 644".
"""

import base64
import binascii
import re
import zlib
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
    return _ANY.search(data) is not None


def parted(data: bytes, most: int) -> tuple[bytes, list[Embedded]]:
    """The text without the files in it, of which there are ``most`` at most, and the files."""
    lines = data.split(b"\n")
    kept: list[bytes] = []
    found: list[Embedded] = []
    at = 0
    while at < len(lines):
        begun = _begun(lines, at) if len(found) < most else None
        if begun is None:
            kept.append(lines[at])
            at += 1
        else:
            file, at = begun
            found.append(file)
    return (b"\n".join(kept), found) if found else (data, [])


def _begun(lines: list[bytes], at: int) -> tuple[Embedded, int] | None:
    """The file that begins on a line, and the line behind it."""
    line = lines[at].rstrip(b"\r")
    if line.startswith(b"begin") and (match := _BEGIN.match(line)) is not None:
        read = _base64 if match[1] else _uu
        return read(lines, at + 1, match[2])
    if line.startswith(b"=ybegin") and (match := _YENC.match(line)) is not None:
        return _yenc(lines, at + 1, match[2].strip(), int(match[1]))
    return None


def _uu(lines: list[bytes], at: int, name: bytes) -> tuple[Embedded, int] | None:
    out = bytearray()
    for number in range(at, len(lines)):
        line = lines[number].rstrip(b"\r")
        if line == b"end":
            return Embedded(name, bytes(out)), number + 1
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


def _base64(lines: list[bytes], at: int, name: bytes) -> tuple[Embedded, int] | None:
    for number in range(at, len(lines)):
        line = lines[number].rstrip(b"\r")
        if line == b"====":
            try:
                data = base64.b64decode(b"".join(each.strip() for each in lines[at:number]), validate=True)
            except binascii.Error:
                return None
            return Embedded(name, data), number + 1
        if b" " in line:
            return None
    return None


def _yenc(lines: list[bytes], at: int, name: bytes, size: int) -> tuple[Embedded, int] | None:
    out = bytearray()
    for number in range(at, len(lines)):
        line = lines[number].rstrip(b"\r")
        if line.startswith(b"=y"):
            end = _YEND.match(line)
            crc = _CRC.search(end[2]) if end is not None else None
            whole = end is not None and int(end[1]) == size == len(out)
            if not whole or (crc is not None and int(crc[1], 16) != zlib.crc32(out)):
                return None
            return Embedded(name, bytes(out)), number + 1
        first, *escaped = line.split(b"=")
        out += first.translate(_PLAIN)
        for each in escaped:
            out += each[:1].translate(_ESCAPED) + each[1:].translate(_PLAIN)
        if len(out) > size:
            return None
    return None
