"""PDUs of SMPP 3.4 (§3.2): a header of four numbers and a body, and where one ends and the next begins in a stream.

::

    framer = Framer()
    for octets in framer.feed(data):      # raises Unframed: the stream is of no use any more
        pdu = decode(octets)              # raises Malformed: answer ``error.status``, and go on
    data = encode(Pdu(Command.ENQUIRE_LINK, 0, sequence, Bare()))

Knows no session: not which command may come when, nor which response belongs to what.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from bridges.sms.smpp.bodies import (
    Alert,
    Bare,
    Bind,
    BindReply,
    Body,
    Foreign,
    Message,
    Outbind,
    Reply,
    Unwritable,
)
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.packing import write
from bridges.sms.smpp.status import RINVCMDLEN
from bridges.sms.smpp.unpacking import READERS, BadBody, foreign

__all__ = (
    "LONGEST",
    "Alert",
    "Bare",
    "Bind",
    "BindReply",
    "Body",
    "Command",
    "Foreign",
    "Framer",
    "Malformed",
    "Message",
    "Outbind",
    "Pdu",
    "Reply",
    "Unframed",
    "Unwritable",
    "decode",
    "encode",
)

#: Octets of a PDU at most: a message_payload of 65,535 and what stands around it.
LONGEST: Final = 70 * 1024

_HEADER: Final = struct.Struct(">IIII")
_LENGTH: Final = struct.Struct(">I")


class Pdu(NamedTuple):
    """One PDU. ``command`` and ``status`` are whatever came: unknown ones are normal (0x400 to 0x4FF are the
    provider's)."""

    command: int
    status: int
    sequence: int
    body: Body


class Unframed(Exception):
    """A length that no PDU has: nobody can tell where the next one begins. ``sequence`` is 0 if it had not come yet."""

    def __init__(self, length: int, sequence: int = 0) -> None:
        super().__init__(f"a PDU claims a length of {length} octets")
        self.length = length
        self.sequence = sequence


class Malformed(Exception):
    """A PDU whose body cannot be read; the next one can. ``status`` is the command_status to answer with."""

    def __init__(self, command: int, status: int, sequence: int, text: str) -> None:
        super().__init__(text)
        self.command = command
        self.status = status
        self.sequence = sequence


def encode(pdu: Pdu) -> bytes:
    """The octets. Raises ``Unwritable`` for what does not fit: a NUL in a string, more than 255 octets of
    short_message."""
    command, status, sequence, body = pdu
    octets = write(command, body)
    length = _HEADER.size + len(octets)
    if length > LONGEST:
        raise Unwritable(f"a PDU of {length} octets is too long")
    try:
        return _HEADER.pack(length, command, status, sequence) + octets
    except struct.error as error:
        raise Unwritable("a number of the header has more than 32 bits") from error


def decode(octets: bytes) -> Pdu:
    """The PDU of a frame. Raises ``Malformed``."""
    if len(octets) < _HEADER.size:
        raise Malformed(0, RINVCMDLEN, 0, "shorter than a header")
    length, command, status, sequence = _HEADER.unpack_from(octets)
    if length != len(octets):
        raise Malformed(command, RINVCMDLEN, sequence, "command_length is not the length")
    try:
        return Pdu(command, status, sequence, READERS.get(command, foreign)(octets))
    except BadBody as error:
        raise Malformed(command, error.status, sequence, str(error)) from error


class Framer:
    """Cuts a stream into PDUs. Holds at most one that is incomplete; lengths are judged before anything is kept."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Octets of the PDU that is not complete yet."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The PDUs that are complete now. Those before a bad length come first; then it raises ``Unframed``, for
        ever."""
        self._held += data
        return self._frames()

    def _frames(self) -> Iterator[bytes]:
        held = self._held
        while len(held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held)
            if not _HEADER.size <= length <= self._longest:
                raise Unframed(length, int.from_bytes(held[12:16], "big") if len(held) >= _HEADER.size else 0)
            if len(held) < length:
                return
            frame = bytes(held[:length])
            del held[:length]
            yield frame
