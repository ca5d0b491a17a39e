"""The other end of ``tests.rig.smsc.control``, for children: answers commands, tells what happens."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Command = Callable[..., Awaitable[Any]]


class Lines:
    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = {"greet": _greet, **commands}
        self._watchers: set[asyncio.StreamWriter] = set()
        self._running: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, host, port)

    def tell(self, **event: Any) -> None:
        line = json.dumps(event).encode() + b"\n"
        for watcher in self._watchers:
            watcher.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.add(writer)
        try:
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(json.loads(line), writer))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        finally:
            self._watchers.discard(writer)
            writer.close()

    async def _answer(self, wanted: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        number, do = wanted.pop("id"), wanted.pop("do")
        (done,) = await asyncio.gather(self._commands[do](**wanted), return_exceptions=True)
        failed = isinstance(done, BaseException)
        said = {"id": number, "error": repr(done)} if failed else {"id": number, "ok": done}
        writer.write(json.dumps(said).encode() + b"\n")


async def _greet() -> None:
    """Whoever has the answer is told what happens."""
