"""User data headers (3GPP TS 23.040 §9.2.3.24): what stands before the text of a message, and says what the text is
part of.

Reading walks over all information elements, whatever their order, and takes what it knows of them. Nothing in it
raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bridges.sms.traffic import Concatenation, Lamp

CONCATENATED: Final = 0x00
SPECIAL_MESSAGE: Final = 0x01
PORTS_8: Final = 0x04
PORTS_16: Final = 0x05
CONCATENATED_16: Final = 0x08
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25

#: The elements that are read, and the octets that they have.
_LENGTHS: Final[Mapping[int, int]] = MappingProxyType(
    {
        CONCATENATED: 3,
        SPECIAL_MESSAGE: 2,
        PORTS_8: 2,
        PORTS_16: 4,
        CONCATENATED_16: 4,
        SINGLE_SHIFT: 1,
        LOCKING_SHIFT: 1,
    }
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says, as far as it is known here. ``locking`` and ``single`` are national languages, 0 is the
    default."""

    concatenation: Concatenation | None = None
    port: int | None = None  # the destination's
    source_port: int | None = None
    locking: int = 0
    single: int = 0
    lamp: Lamp | None = None


NONE: Final = Header()

_KINDS: Final = ("voicemail", "fax", "email", "other")


def lamp(kind: int, *, on: bool, count: int | None = None) -> Lamp:
    """A message-waiting indication by the number of its kind (3GPP TS 23.038 §4, 23.040 §9.2.3.24.2): the low two
    bits."""
    return Lamp(_KINDS[kind & 3], on, count)


def read(data: bytes) -> tuple[Header, bytes]:
    """The header at the beginning of user data, and what comes after it.

    Elements that are unknown, or of another length than they should be, are passed over; of those that come twice the
    last one counts (§9.2.3.24). One that is cut short ends the meaning of the header, not that of the text. A header
    that is longer than the data is none: all of it is text.
    """
    if not data or data[0] >= len(data):
        return NONE, data
    end = data[0] + 1
    at = 1
    found: dict[int, bytes] = {}
    while at + 2 <= end:
        identifier, length = data[at], data[at + 1]
        begin = at + 2
        at = begin + length
        if at > end:
            break
        if _LENGTHS.get(identifier) == length:
            # Again, for the order: the last one counts.
            found.pop(identifier, None)
            found[identifier] = data[begin:at]
    return _header(found) if found else NONE, data[end:]


def _header(found: Mapping[int, bytes]) -> Header:
    concatenation: Concatenation | None = None
    port: int | None = None
    source_port: int | None = None
    lit: Lamp | None = None
    locking = single = 0
    for identifier, value in found.items():
        match identifier:
            case 0x00 | 0x08:
                concatenation = _concatenation(value) or concatenation
            case 0x04 | 0x05:
                half = len(value) // 2
                port = int.from_bytes(value[:half], "big")
                source_port = int.from_bytes(value[half:], "big")
            case 0x01:
                lit = lamp(value[0], on=value[1] > 0, count=value[1])
            case 0x24:
                single = value[0]
            case _:
                locking = value[0]
    return Header(concatenation, port, source_port, locking, single, lit)


def _concatenation(value: bytes) -> Concatenation | None:
    """§9.2.3.24.1: with a total or a number of zero, or a number beyond the total, the element does not count."""
    reference, total, number = int.from_bytes(value[:-2], "big"), value[-2], value[-1]
    if not 1 <= number <= total:
        return None
    return Concatenation(str(reference), total, number, width=8 * (len(value) - 2))


def write(*elements: bytes) -> bytes:
    """A header of these elements; empty for none. Raises ``ValueError`` beyond 255 octets."""
    octets = b"".join(elements)
    return bytes([len(octets)]) + octets if octets else b""


def concatenated(reference: int, total: int, number: int, *, width: int = 8) -> bytes:
    """The element of one piece. ``reference`` is cut to ``width`` bits, 8 or 16; ``number`` counts from 1."""
    if width == 16:
        return bytes([CONCATENATED_16, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number])
    return bytes([CONCATENATED, 3, reference & 0xFF, total, number])


def shifts(locking: int, single: int) -> tuple[bytes, ...]:
    """The elements that name national languages; none for the default one."""
    known = ((SINGLE_SHIFT, single), (LOCKING_SHIFT, locking))
    return tuple(bytes([identifier, 1, language]) for identifier, language in known if language)
