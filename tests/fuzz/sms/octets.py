"""Octets as message centres send them, and as nobody should: made by rule, then often broken. All from one seed."""

import random
import struct

from bridges.sms.smpp.tlv import Tag
from bridges.sms.smpp.unpacking import READERS

TEXTS = (
    "Hello",
    "5€ {~} [x]",
    "Привет 😀",
    "👨\u200d👩\u200d👧🇩🇪e\u0301",
    "ş" * 40,
    "नमस्ते",
    "x" * 161,
    "я" * 71,
    "\r\n\f\t",
    "id:1 stat:DELIVRD",
    "Größe “8” – à côté…",
    "\ufeff\ufffe\ud7ff",
    "",
)
_WORDS = (
    "DELIVRD",
    "UNDELIV",
    "EXPIRED",
    "ENROUTE",
    "2",
    "²",
    "\x00",
    "stat:",
    "0A1",
    "é",
    "9" * 30,
    "",
    " ",
    "id",
)
_KEYS = (
    "id",
    "sub",
    "dlvrd",
    "submit date",
    "done_date",
    "stat",
    "STATUS",
    "err",
    "error code",
    "text",
    "Txt",
    "id ",
    "x",
)
_ELEMENTS = tuple(
    bytes.fromhex(each)
    for each in (
        "0003070201",
        "08040007ff01",
        "05040b8423f0",
        "0402f0e2",
        "01028003",
        "240101",
        "25010d",
        "7f03aabbcc",
        "00",
        "",
    )
)
_CODINGS = (0, 0, 0, 8, 8, 3, 1, 4, 5, 0x0D, 0x10, 0x18, 0xC8, 0xE0, 0xF0, 0xF5)
_CLASSES = (0, 0, 0x40, 0x40, 0x04, 0x20, 0x08, 0x44, 0xFF)
_COMMANDS = (*READERS, 0x00000003, 0x00000ABC, 0x80000ABC)
_TAGS = (*map(int, Tag), 0x1402, 0xFFFF)


class Octets:
    """Makes them; every draw moves ``rng`` on."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng

    def pdu(self) -> bytes:
        """A frame with a right length; what is in it may be anything."""
        rng = self._random
        command = rng.choice(_COMMANDS)
        body = self._message() if rng.random() < 0.7 else rng.randbytes(rng.randrange(60))
        body = self.broken(body)
        return (
            struct.pack(">IIII", 16 + len(body), command, rng.choice((0, 0x58, 0x401)), rng.getrandbits(32))
            + body
        )

    def _message(self) -> bytes:
        rng = self._random
        data = self.user_data()[:255]
        fields = (
            b"%b\0" % rng.choice((b"", b"", b"CMT")),
            self._address(),
            self._address(),
            bytes((rng.choice(_CLASSES), 0, 0)),
            b"\0\0",
            bytes((1, 0, rng.choice(_CODINGS), 0, len(data))),
            data,
        )
        return b"".join(fields) + self.tlvs()

    def _address(self) -> bytes:
        rng = self._random
        ton, npi = rng.choice((0, 1, 2, 5, 7, 255)), rng.choice((0, 1, 9))
        return bytes((ton, npi)) + rng.choice((b"15551110000", b"", b"B\xe4nk")) + b"\0"

    def tlvs(self) -> bytes:
        rng = self._random
        found = b""
        while rng.random() < 0.5:
            value = rng.choice(
                (b"", b"\0", b"\2", b"\3\0\1", b"0a1b\0", rng.randbytes(rng.randrange(12)), self.user_data())
            )
            found += struct.pack(">HH", rng.choice(_TAGS), len(value)) + value
        return found

    def user_data(self) -> bytes:
        """Perhaps a header, then a text in some alphabet, a receipt, or anything."""
        rng = self._random
        what = rng.random()
        if what < 0.3:
            data = self.receipt().encode("latin-1", "replace")
        elif what < 0.6:
            data = rng.choice(TEXTS).encode(
                rng.choice(("utf-16-be", "utf-16-le", "utf-8", "shift_jis", "latin-1")), "replace"
            )
        else:
            data = rng.randbytes(rng.randrange(140))
        return self.header() + data if rng.random() < 0.5 else data

    def header(self) -> bytes:
        rng = self._random
        elements = b"".join(rng.choices(_ELEMENTS, k=rng.randrange(4)))
        length = len(elements) if rng.random() < 0.8 else rng.randrange(256)
        return bytes([length]) + elements

    def receipt(self) -> str:
        rng = self._random
        keys = rng.choices(_KEYS, k=rng.randrange(10))
        return rng.choice((" ", "", "\n", ";")).join(
            f"{key}{rng.choice((':', ': ', ''))}{rng.choice(_WORDS)}" for key in keys
        )

    def text(self) -> str:
        rng = self._random
        return "".join(rng.choices(TEXTS, k=rng.randrange(6))) * rng.choice((1, 1, 3))

    def broken(self, octets: bytes) -> bytes:
        """As they were, in half of all cases; else cut, longer, or other in places."""
        rng = self._random
        if rng.random() < 0.5:
            return octets
        data = bytearray(octets)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(4):
                case 0:
                    del data[at:]
                case 1:
                    data[at:at] = rng.randbytes(rng.randrange(1, 5))
                case 2:
                    data[at : at + 1] = bytes([rng.choice((0, 1, 0x1B, 0x7F, 0xD8, 0xFF))])
                case _:
                    del data[at : at + rng.randrange(1, 9)]
        return bytes(data)
