"""GSM 7 bit text, one septet an octet as SMPP has it (3GPP TS 23.038 §6.2): default alphabet, extension, national
tables.

Reading takes anything. Writing takes what the tables have and says what they have not.
"""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from bridges.sms.text.national import ESC, LOCKING, SINGLE, UNDEFINED

_ESC = bytes([ESC])

# Octets that are no septets: 0xA0 and above as Latin-1, in which senders write that know no better.
_BEYOND = UNDEFINED * 32 + bytes(range(0xA0, 0x100)).decode("latin-1")


class NotInAlphabet(ValueError):
    """A text that the tables cannot write. ``characters`` are those that they do not have."""

    def __init__(self, characters: tuple[str, ...]) -> None:
        super().__init__(f"{len(characters)} characters are not in the alphabet")
        self.characters = characters


@dataclass(frozen=True, slots=True, eq=False)
class Septets:
    """A locking and a single shift table in use; made by ``septets``."""

    locking: int
    single: int
    _characters: str = field(repr=False)  # by octet
    _shifted: Mapping[int, str] = field(repr=False)  # by the octet after ESC
    _octets: Mapping[int, bytes] = field(repr=False)  # by code point

    def decode(self, data: bytes) -> str:
        """The text. An unknown code after ESC is that of the locking table; ESC twice, or at the end, a space
        (§6.2.1.1)."""
        if _ESC not in data:
            return codecs.charmap_decode(data, "strict", self._characters)[0]
        found = []
        at = 0
        while (escape := data.find(_ESC, at)) >= 0:
            found.append(codecs.charmap_decode(data[at:escape], "strict", self._characters)[0])
            code = data[escape + 1] if escape + 1 < len(data) else ESC
            found.append(" " if code == ESC else self._shifted.get(code) or self._characters[code])
            at = escape + 2
        found.append(codecs.charmap_decode(data[at:], "strict", self._characters)[0])
        return "".join(found)

    def encode(self, text: str) -> bytes:
        """The octets. Raises ``NotInAlphabet``."""
        octets = self.encoded(text)
        if octets is None:
            raise NotInAlphabet(self.missing(text))
        return octets

    def encoded(self, text: str) -> bytes | None:
        """The octets; None if there are characters that cannot be written."""
        try:
            return codecs.charmap_encode(text, "strict", self._octets)[0]
        except UnicodeEncodeError:
            return None

    def missing(self, text: str) -> tuple[str, ...]:
        """The characters of a text that cannot be written, each once, in the order in which they come."""
        return tuple(each for each in dict.fromkeys(text) if ord(each) not in self._octets)

    def cost(self, character: str) -> int:
        """Septets of a character: 1 or 2, and 0 for one that cannot be written."""
        return len(self._octets.get(ord(character), b""))


@cache
def _septets(locking: int, single: int) -> Septets:
    base = LOCKING[locking]
    shifted = SINGLE[single]
    octets: dict[int, bytes] = {}
    for code, character in shifted.items():
        octets.setdefault(ord(character), bytes([ESC, code]))
    for code, character in reversed(list(enumerate(base))):
        if character != UNDEFINED and code != ESC:
            octets[ord(character)] = bytes([code])
    return Septets(locking, single, base + _BEYOND, shifted, octets)


def septets(locking: int = 0, single: int = 0) -> Septets:
    """The tables of these languages (3GPP TS 23.038 §6.2.1.2.4). One that there is no table for is the default
    one's."""
    return _septets(locking if locking in LOCKING else 0, single if single in SINGLE else 0)


#: The default alphabet and its extension.
DEFAULT = septets()
