"""Reads mails without danger to who asks: in workers that are killed when a mail takes too long or too much.

A mail that a worker dies of is read again without its HTML and calendars, and then by its header alone. Mails and
attachments go by files, so the gateway itself never holds them.
"""

import asyncio
import json
import struct
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from bridges.email.mime import reading, simple, wire
from bridges.email.mime.letter import Letter
from bridges.email.mime.limits import DEFAULT, Limits

_log = structlog.get_logger(__name__)

_LENGTH = struct.Struct(">I")
_LONGEST_ANSWER = 32 * 1024 * 1024  # octets; letters are bounded in code points by their limits
_FAILED = b'{"failed"'
_HEADER = 32 * 1024  # octets that are looked at here, where no worker could
_SORRY = "It is built in a way that cannot be read safely; what it says is in the original."


class Closed(RuntimeError):
    """The reader was closed while a mail waited."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """For one mail: processor time, time on the clock (the machine may be busy), and memory beyond what a worker needs to
    begin with. ``mails`` is how many a worker reads before another takes its place."""

    seconds: float = 2.0
    patience: float = 10.0
    memory: int = 200 * 1024 * 1024
    workers: int = 1
    mails: int = 2_000


class _Died(Exception):
    """The worker is gone, and with it the answer."""


class Reader:
    """Owns the workers. They are started when there is something to read."""

    def __init__(
        self,
        limits: Limits = DEFAULT,
        bounds: Bounds | None = None,
        command: tuple[str, ...] = (sys.executable, "-I", "-m", "bridges.email.mime.worker"),
    ) -> None:
        self._limits = limits
        self._bounds = bounds or Bounds()
        self._command = command
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        for _ in range(self._bounds.workers):
            self._idle.put_nowait(None)
        self._running: set[_Worker] = set()
        self._closed = False

    def at_once(self, raw: bytes) -> Letter | None:
        """A mail for which no worker is needed; None for all others."""
        return simple.read(raw) if simple.is_simple(raw) else None

    async def read(self, path: Path, directory: Path) -> Letter:
        """The mail in the file ``path``. ``directory`` exists, and is for its attachments: who asks removes it. Raises
        ``OSError`` where the file cannot be opened, and ``Closed``; anything in the mail is an answer."""
        size = (await asyncio.to_thread(path.stat)).st_size
        attempts = (self._limits, replace(self._limits, read_html=False, read_calendars=False))
        for limits in attempts:
            try:
                return await self._ask(path, directory, limits)
            except _Died as death:
                _log.warning(
                    "a mail could not be read", reason=str(death), octets=size, html=limits.read_html
                )
        start = await asyncio.to_thread(_beginning, path)
        return reading.unread(start, size, _SORRY, self._limits)

    async def close(self) -> None:
        """Ends the workers. Mails that wait are not read."""
        self._closed = True
        for worker in list(self._running):
            await self._end(worker)

    async def _ask(self, path: Path, directory: Path, limits: Limits) -> Letter:
        request = {"path": str(path), "directory": str(directory), "limits": asdict(limits)}
        worker = await self._idle.get()
        try:
            if self._closed:
                raise Closed("the reader was closed")
            if worker is None:
                worker = await self._start()
            data = await worker.ask(json.dumps(request).encode() + b"\n", self._bounds.patience)
            if data.startswith(_FAILED):
                raise _Died(str(json.loads(data).get("failed", "")))
            letter = wire.decode(data)
        except BaseException as error:
            # Whatever happened, also that nobody waits any more: its answer is not for the next one who asks.
            if worker is not None:
                await self._end(worker)
                worker = None
            if isinstance(error, wire.Garbled):
                raise _Died(str(error)) from error
            raise
        else:
            if worker.asked >= self._bounds.mails:
                await self._end(worker)
                worker = None
            return letter
        finally:
            self._idle.put_nowait(worker)

    async def _start(self) -> "_Worker":
        bounds = self._bounds
        process = await asyncio.create_subprocess_exec(
            *self._command,
            str(bounds.memory),
            str(bounds.seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
        worker = _Worker(process)
        self._running.add(worker)
        return worker

    async def _end(self, worker: "_Worker") -> None:
        self._running.discard(worker)
        await worker.end()


class _Worker:
    """One process, which does one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.asked = 0

    async def ask(self, request: bytes, patience: float) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        self.asked += 1
        try:
            async with asyncio.timeout(patience):
                stdin.write(request)
                await stdin.drain()
                (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
                if length > _LONGEST_ANSWER:
                    raise _Died("what was made of it is too long")
                return await stdout.readexactly(length)
        except TimeoutError as error:
            raise _Died("it took too long") from error
        except (asyncio.IncompleteReadError, ConnectionError, OSError) as error:
            raise _Died("it took too much time or memory") from error

    async def end(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        # The transport would wait for the garbage collector.
        if self._process.stdin is not None:
            self._process.stdin.close()


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER)
