"""data_coding (SMPP 3.4 §5.2.19), and the data coding scheme of GSM (3GPP TS 23.038 §4) that message centres let
through in its place.

Every one of the 256 values means something: what the tables do not have is read as TS 23.038 says of its reserved groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bridges.sms.text.udh import lamp
from bridges.sms.traffic import Alphabet, Lamp, Nature

#: What we write.
DEFAULT: Final = 0x00
UCS2: Final = 0x08


@dataclass(frozen=True, slots=True)
class Coding:
    """What a value says. ``alphabet`` is None for the default one of the message centre."""

    alphabet: Alphabet | None
    nature: Nature = Nature.MESSAGE
    lamp: Lamp | None = None


_SMPP: Final[Mapping[int, Alphabet | None]] = MappingProxyType(
    {
        0x00: None,
        0x01: Alphabet.ASCII,
        0x02: Alphabet.BINARY,
        0x03: Alphabet.LATIN1,
        0x04: Alphabet.BINARY,
        0x05: Alphabet.JAPANESE,
        0x06: Alphabet.CYRILLIC,
        0x07: Alphabet.HEBREW,
        0x08: Alphabet.UCS2,
        0x09: Alphabet.JAPANESE,  # pictograms, which are characters of Shift JIS
        0x0A: Alphabet.ISO2022,
        0x0D: Alphabet.EXTENDED_JAPANESE,
        0x0E: Alphabet.EUC_KR,
    }
)

# Bits 3 and 2 of the general groups; the last one is reserved.
_ALPHABETS: Final = (None, Alphabet.BINARY, Alphabet.UCS2, None)


def _general(value: int) -> Coding:
    """Groups 00xx and 01xx: compression, class, alphabet."""
    if value & 0x20:
        # Compressed with TS 23.042, which nobody ever did.
        return Coding(Alphabet.BINARY, Nature.BINARY)
    alphabet = _ALPHABETS[value >> 2 & 3]
    return Coding(alphabet, _nature(alphabet, flash=value & 0x13 == 0x10))


def _nature(alphabet: Alphabet | None, *, flash: bool) -> Nature:
    if alphabet is Alphabet.BINARY:
        return Nature.BINARY
    return Nature.FLASH if flash else Nature.MESSAGE


def _coding(value: int) -> Coding:
    if value in _SMPP:
        alphabet = _SMPP[value]
        return Coding(alphabet, _nature(alphabet, flash=False))
    group = value >> 4
    if group < 8:
        return _general(value)
    if group < 12:
        return Coding(None)
    if group < 15:
        waiting = lamp(value, on=bool(value & 8))
        return Coding(Alphabet.UCS2 if group == 14 else None, Nature.WAITING, waiting)
    alphabet = Alphabet.BINARY if value & 4 else None
    return Coding(alphabet, _nature(alphabet, flash=value & 3 == 0))


#: By value.
CODINGS: Final = tuple(_coding(value) for value in range(256))
