"""Octets to and from a server, in the clear or by TLS, in little memory.

asyncio's own TLS keeps a buffer of 256 KB for each connection (3.11), which is more than all else that an idle mailbox costs
together: here OpenSSL works on buffers in memory that are as large as what is in them.
"""

import asyncio
import ssl
from typing import Self

_PIECE = 65_536
_GOODBYE = 2.0  # seconds for the end of a connection


class Stream:
    """All of it raises OSError (``ssl.SSLError`` is one), but ``close``. Nothing has a time limit here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port, limit=_PIECE))

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """TLS from here on, with a server that has to be called ``name``."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                if not await self._fill():
                    raise ConnectionResetError("it closed the connection") from None
            finally:
                self._flush()  # also why it fails: the server hears of it
        self._tls = tls

    async def read(self, most: int) -> bytes:
        """Nothing at the end."""
        if self._tls is None:
            return await self._reader.read(most)
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLWantReadError:
                self._flush()
                if not await self._fill():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def write(self, data: bytes) -> None:
        if self._tls is None:
            self._writer.write(data)
        else:
            for start in range(0, len(data), _PIECE):
                self._tls.write(data[start : start + _PIECE])
                self._flush()
                await self._writer.drain()
        await self._writer.drain()

    async def close(self) -> None:
        """Without another word; twice is once."""
        self._writer.close()
        try:
            async with asyncio.timeout(_GOODBYE):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())

    async def _fill(self) -> bool:
        data = await self._reader.read(_PIECE)
        self._incoming.write(data)
        return bool(data)
