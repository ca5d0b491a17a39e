"""A mail as it is on the wire (RFC 5321 §4.5.2): what ends it, which dots are not its own, how much of it is taken."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bridges.email.receiving import replies
from bridges.email.receiving.replies import Reply

DATA_END = b"\r\n.\r\n"

_BEGINNINGS_OF_END = (b"\r", b"\r\n", b"\r\n.", b"\r\n.\r")


@dataclass(slots=True)
class Room:
    """How much there may be, in octets: of one mail, and of all that are being read at one time."""

    size: int
    memory: int
    held: int = 0


class Body:
    """A mail while it is read. What is too much is thrown away as it comes, up to its end."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._data = bytearray()
        self._counted = 0
        self._refused: Reply | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.held -= self._counted

    async def read(self, reader: asyncio.StreamReader) -> Reply | None:
        """All up to the lone dot. Returns why it is not kept, or None."""
        # What ends a mail is a line; the one before its first line ended with the command.
        self._data += await reader.readexactly(3)
        if self._data == b".\r\n":
            self._data.clear()
            return None
        while self._data.endswith(_BEGINNINGS_OF_END):
            self._data += await reader.readexactly(1)
            if self._data.endswith(DATA_END):
                return None
        while True:
            try:
                self._keep(await reader.readuntil(DATA_END))
                return self._refused
            except asyncio.LimitOverrunError as more:
                # All but what might be the beginning of the end.
                self._keep(await reader.readexactly(more.consumed))

    def take(self) -> bytes | bytearray:
        """The mail; it is not here any more afterwards."""
        data, self._data = self._data, bytearray()
        return unstuffed(data) if data else b""

    def _keep(self, chunk: bytes) -> None:
        if self._refused is not None:
            return
        if len(self._data) + len(chunk) > self._room.size + len(DATA_END):
            self._refused = replies.TOO_BIG
        elif self._room.held + len(chunk) > self._room.memory:
            self._refused = replies.NO_ROOM
        else:
            self._counted += len(chunk)
            self._room.held += len(chunk)
            self._data += chunk
            return
        self._data.clear()


def unstuffed(data: bytearray) -> bytearray:
    """The mail in ``data``, which ends with ``DATA_END``; only CR LF ends lines, whatever else is in them."""
    del data[len(data) - len(DATA_END) + 2 :]  # the mail keeps the end of its last line
    if data.startswith(b"."):
        del data[0]
    return data.replace(b"\r\n.", b"\r\n") if b"\r\n." in data else data
