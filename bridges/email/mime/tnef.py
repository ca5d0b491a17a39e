"""Attachments within ``winmail.dat`` (application/ms-tnef), in which Outlook packs them for its like ([MS-OXTNEF]).

Nothing but names and contents is taken out; what is not as it must be is no TNEF, and stays the file that it came as.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTE = struct.Struct("<BII")  # level, type and name, octets
#: Attributes of level 2: a new attachment, its name, its content, its properties.
_BEGINS, _TITLE, _DATA, _PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
_LEVEL, _CHECKSUM = 2, 2
#: PR_ATTACH_LONG_FILENAME, in octets and in UTF-16: one value, its length.
_LONG = re.compile(rb"(?:\x1e|(\x1f))\x00\x07\x37\x01\x00\x00\x00(..)\x00\x00", re.DOTALL)
_NAME_MOST = 1024


class NoTnef(Exception):
    """It is something else, or broken."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    name: str
    data: bytes = field(repr=False)


def enclosed(data: bytes, most: int) -> list[Enclosed]:
    """The attachments, ``most`` at most; those without content are none. Raises ``NoTnef``."""
    found: list[Enclosed] = []
    current: Enclosed | None = None
    for name, value in _attributes(data):
        if name == _BEGINS:
            found += [current] if current is not None and current.data else []
            current = Enclosed("", b"")
        elif current is None:
            continue
        elif name == _TITLE:
            current = replace(current, name=current.name or _text(bytes(value)))
        elif name == _DATA:
            current = replace(current, data=bytes(value))
        elif name == _PROPERTIES:
            current = replace(current, name=_long_name(bytes(value)) or current.name)
    found += [current] if current is not None and current.data else []
    return found[:most]


def _attributes(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """Those of attachments."""
    if data[:4] != _SIGNATURE:
        raise NoTnef
    view, at = memoryview(data), 6  # behind the key
    while at + _ATTRIBUTE.size <= len(data):
        level, name, size = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if at + size + _CHECKSUM > len(data):
            raise NoTnef
        if level == _LEVEL:
            yield name, view[at : at + size]
        at += size + _CHECKSUM


def _long_name(properties: bytes) -> str:
    match = _LONG.search(properties)
    if match is None:
        return ""
    length = int.from_bytes(match[2], "little")
    value = properties[match.end() : match.end() + min(length, _NAME_MOST)]
    return value.decode("utf-16-le", "replace").rstrip("\0") if match[1] else _text(value)


def _text(value: bytes) -> str:
    return value[:_NAME_MOST].rstrip(b"\0").decode("cp1252", "replace")
