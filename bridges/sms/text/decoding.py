"""Octets of messages to text for people: once, after all pieces of a message are together.

Peers cut where they like: between the halves of a surrogate pair, between ESC and what it escapes. Nothing here
raises, whatever the octets are.
"""

import re
from typing import Final

from bridges.sms.text.gsm import septets
from bridges.sms.traffic import Alphabet

# What XML cannot carry goes; pages and lines of any kind end with a line feed.
_CONTROLS: Final = {
    **dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF]),
    **{ord(each): "\n" for each in "\n\f\r\x85"},
    ord("\t"): "\t",
}

_CONTROL: Final = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")

# Control characters that Latin-1 texts do not have, but that are letters in the GSM alphabet.
_SEPTETS: Final = bytes(each for each in range(0x20) if each not in b"\t\n\r")
_OTHERS: Final = bytes(each for each in range(0x100) if each not in _SEPTETS)


def decode(data: bytes, alphabet: Alphabet, locking: int = 0, single: int = 0) -> str:
    """The text of a whole message; empty for ``BINARY``. ``locking`` and ``single`` are the languages of its shift
    tables."""
    match alphabet:
        case Alphabet.GSM:
            text = _gsm(data, locking, single)
        case Alphabet.UCS2:
            text = _ucs2(data)
        case Alphabet.LATIN1:
            text = _latin1(data)
        case Alphabet.ASCII:
            text = data.decode("ascii") if data.isascii() else _octets(data)
        case Alphabet.BINARY:
            return ""
        case Alphabet.TEXT:
            text = data.decode("utf-8", "replace")
        case _:
            text = data.decode(alphabet.value, "replace")
    # Nearly all texts have none, and looking costs a tenth of translating.
    return text.replace("\r\n", "\n").translate(_CONTROLS) if _CONTROL.search(text) else text


def _gsm(data: bytes, locking: int, single: int) -> str:
    if not data.isascii() and not data.translate(None, delete=_OTHERS):
        # No septets at all: the alphabet of whoever believes that 0 means his own.
        return _octets(data)
    # 3GPP TS 23.038 §6.1.2.3.1: one CR at the end is padding.
    return septets(locking, single).decode(data.removesuffix(b"\r"))


def _octets(data: bytes) -> str:
    """Octets that claim to be something smaller: UTF-8 if they can be, else Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _latin1(data)


def _latin1(data: bytes) -> str:
    """As Windows reads it, which has letters where Latin-1 has controls that nobody sends."""
    return data.decode("cp1252", "replace")


def _ucs2(data: bytes) -> str:
    """UTF-16, big-endian unless a byte order mark says otherwise. An odd octet at the end is dropped, half a pair
    replaced."""
    codec = "utf-16-le" if data.startswith(b"\xff\xfe") else "utf-16-be"
    return data[: len(data) & ~1].decode(codec, "replace").removeprefix("\ufeff")
