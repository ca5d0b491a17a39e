"""Pieces of string between sockets: what connects at one place is joined to another place.

Runs in the playground, and, as a program of its own, inside an ``Enclosure``; so it needs nothing of ours.

    python relay.py '{"unix:/path/of/socket": "127.0.0.1:13013", "127.0.0.1:5280": "unix:/other/socket"}'
"""

import asyncio
import contextlib
import fcntl
import json
import socket
import struct
import sys
from collections.abc import Mapping

UNIX = "unix:"
READY = "the relay is ready"

_BLOCK = 65_536
# ioctl(2) of Linux: netdevice(7).
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


class Relay:
    """``joins``: from where to where; places are ``HOST:PORT`` or ``unix:PATH``."""

    def __init__(self, joins: Mapping[str, str]) -> None:
        self._joins = dict(joins)
        self._servers: list[asyncio.Server] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for here, there in self._joins.items():
            self._servers.append(await self._listen(here, there))

    async def stop(self) -> None:
        """Ends all connections, too."""
        for server in self._servers:
            server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._servers.clear()

    async def _listen(self, here: str, there: str) -> asyncio.Server:
        def begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(_joined(reader, writer, there))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

        if here.startswith(UNIX):
            return await asyncio.start_unix_server(begun, here.removeprefix(UNIX))
        host, _, port = here.rpartition(":")
        return await asyncio.start_server(begun, host, int(port))


async def _joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: str) -> None:
    """Whoever cannot be joined to anybody is hung up on."""
    try:
        far_reader, far_writer = await _open(there)
    except OSError:
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        for each in (writer, far_writer):
            each.transport.abort()


async def _open(there: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if there.startswith(UNIX):
        return await asyncio.open_unix_connection(there.removeprefix(UNIX))
    host, _, port = there.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # The other way ends by itself when this one is hung up on.
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _wake_loopback() -> None:
    """A new network namespace has a loopback interface that is off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags: int
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


async def _serve(joins: Mapping[str, str]) -> None:
    await Relay(joins).start()
    print(READY, flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    _wake_loopback()
    asyncio.run(_serve(json.loads(sys.argv[1])))
