"""One end of a connection of the load: writes as fast as the other side takes it, shows what it reads to watchers.

What the bytes mean is the business of the two kinds of peer built on it, the XMPP server and the IRC server.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from benchmarks.watching import Watcher

_HIGH_WATER = 256 * 1024


class Peer(asyncio.Protocol, ABC):
    """Subclasses read in ``received``."""

    def __init__(self, watchers: list[Watcher]) -> None:
        self._watchers = watchers
        self._transport: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.set()
        self.gone()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        for watcher in self._watchers:
            watcher.feed(data)
        self.received(data)

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def write(self, data: bytes) -> None:
        """What is written to a lost connection is lost."""
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        await self._writable.wait()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @abstractmethod
    def received(self, data: bytes) -> None: ...

    def gone(self) -> None:
        """The connection is lost."""


async def feed(peers: Sequence[Peer], blocks: Iterable[bytes], seconds: float) -> None:
    """Write every block to every peer, in step, no faster than they take it and no longer than ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            for block in blocks:
                for peer in peers:
                    await peer.drain()
                    peer.write(block)
                await asyncio.sleep(0)
    except TimeoutError:
        return  # bounded in time: whoever feeds measures how far it got
