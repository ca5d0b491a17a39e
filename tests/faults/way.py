"""The way to a server that can be closed: who comes is refused, and who is there is cut off, as when the server is stopped.
And it can be silent: nothing is passed on, and nobody is told, as when the server hangs.

Has a loop and a thread of its own, so that it works whatever the test does.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from gateway.playground.process import free_ports


class Way:
    """To ``target`` on this machine; others come in at ``port``."""

    def __init__(self, target: int) -> None:
        (self.port,) = free_ports(1)
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self._do(False)
        try:
            yield
        finally:
            self._do(True)

    @contextmanager
    def silent(self) -> Iterator[None]:
        self._loop.call_soon_threadsafe(self._flows.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flows.set)

    def _do(self, open_: bool) -> None:
        work = self._open() if open_ else self._close()
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        while self._ends:
            for each in self._ends:
                each.transport.abort()
            await asyncio.sleep(0)  # until those who pass things on have noticed

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(back)
            try:
                await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
            finally:
                self._ends.discard(back)
                back.close()
        finally:
            self._ends.discard(writer)
            writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either end is gone."""
        try:
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # cut off
        finally:
            writer.close()
