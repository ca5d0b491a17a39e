"""Files while they are here: a directory of their own, written and hashed off the event loop."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from gateway.media.sniff import HEAD

#: Bytes gathered before a thread is asked to write them.
_CHUNK = 262_144


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written: its beginning (``sniff.HEAD`` bytes), its size and its hash in hexadecimal."""

    path: Path
    head: bytes
    size: int
    sha256: str


class Incoming:
    """One file being written; deleted again unless ``finish`` was reached. Use with ``async with``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._head = b""
        self._waiting: list[bytes] = []
        self._held = 0
        self._finished = False

    async def __aenter__(self) -> "Incoming":
        self._file = await asyncio.to_thread(self.path.open, "xb")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if not self._finished:
            self.path.unlink(missing_ok=True)

    async def write(self, data: bytes) -> None:
        self.size += len(data)
        self._waiting.append(data)
        self._held += len(data)
        if self._held >= _CHUNK:
            await self._drain()

    async def finish(self) -> Kept:
        """Everything is written; the file stays."""
        await self._drain()
        if self._file is not None:
            await asyncio.to_thread(self._file.flush)
        self._finished = True
        return Kept(self.path, self._head, self.size, self._hash.hexdigest())

    async def _drain(self) -> None:
        block, self._waiting, self._held = b"".join(self._waiting), [], 0
        if block:
            await asyncio.to_thread(self._put, block)

    def _put(self, block: bytes) -> None:
        if self._file is not None:
            self._file.write(block)
        self._hash.update(block)
        if len(self._head) < HEAD:
            self._head = (self._head + block[:HEAD])[:HEAD]


class Spool:
    """A directory for files on their way, which nobody else may read. What an earlier life left there is removed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def prepare(self) -> None:
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.directory.iterdir():
            if left.is_file():
                left.unlink()

    def incoming(self) -> Incoming:
        return Incoming(self.new_path())

    def new_path(self) -> Path:
        return self.directory / secrets.token_hex(16)

    async def keep(self, data: bytes) -> Kept:
        """Bytes from memory as a file."""
        async with self.incoming() as incoming:
            await incoming.write(data)
            return await incoming.finish()


async def look(path: Path) -> Kept:
    """The head, size and hash of a file that is there. Raises ``OSError``."""
    return await asyncio.to_thread(_look, path)


def _look(path: Path) -> Kept:
    digest, head, size = hashlib.sha256(), b"", 0
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            size += len(block)
            head = head or block[:HEAD]
    return Kept(path, head, size, digest.hexdigest())


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[AsyncIterator[bytes]]:
    """The content of a file in blocks, read off the event loop. The file is closed with the context, however far it was
    read."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        yield _blocks(file)
    finally:
        file.close()


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(file.read, _CHUNK):
        yield block
