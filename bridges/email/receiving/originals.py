"""Mails as they came, on disk and in rows: small ones are part of the row, large ones are files.

A file is safe (written, synced, renamed, its directory synced) before a row names it; a file that no row names is left
from an end in between, and swept. All file work is done in threads.
"""

import asyncio
import os
import shutil
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path

from bridges.email.receiving.arrivals import Arrivals

#: Octets up to which a mail is part of its row: one commit makes many of them safe.
SMALL = 64 * 1024
_ENDING = ".eml"
_FRESH = 8 * 1024 * 1024  # octets of mails that are kept in memory until they were read


def place(directory: Path) -> Path:
    """Where large mails are, below the bridge's own directory."""
    return directory / "inbound"


class Gone(Exception):
    """A mail that is not kept any more."""


class Originals:
    """``directory`` is made if it is not there."""

    def __init__(self, directory: Path, arrivals: Arrivals) -> None:
        self._directory = directory
        self._arrivals = arrivals
        self._fresh: OrderedDict[str, bytes] = OrderedDict()  # just taken, and about to be read
        self._octets = 0

    def fresh(self, raw: str, data: bytes) -> None:
        """A mail was taken, and will be asked for soon."""
        self._fresh[raw] = data
        self._octets += len(data)
        while self._octets > _FRESH:
            _, oldest = self._fresh.popitem(last=False)
            self._octets -= len(oldest)

    async def write(self, id_: str, *parts: bytes | bytearray) -> str:
        """Returns the name of the file, which is safe on disk now. Raises OSError."""
        return await asyncio.to_thread(self._write, id_ + _ENDING, parts)

    async def read(self, raw: str) -> bytes:
        """Raises ``Gone``, OSError and ``NotStored``."""
        found = await self._find(raw)
        if isinstance(found, bytes):
            return found
        try:
            return await asyncio.to_thread(found.read_bytes)
        except FileNotFoundError:
            raise Gone from None

    async def short(self, raw: str) -> bytes | None:
        """A mail that is part of its row; None for one that is a file. Raises ``Gone`` and ``NotStored``."""
        found = await self._find(raw)
        return found if isinstance(found, bytes) else None

    async def lay_out(self, raw: str, desk: Path) -> Path:
        """The mail as a file, which is not to be changed; and ``desk``, with an empty directory ``files``. Raises ``Gone``,
        OSError and ``NotStored``."""
        return await asyncio.to_thread(_lay_out, await self._find(raw), desk)

    async def _find(self, raw: str) -> bytes | Path:
        data = self._fresh.get(raw)
        if data is not None:
            return data
        kept = await self._arrivals.raw(raw)
        if kept is None:
            raise Gone
        return kept.data if kept.data is not None else self._directory / kept.file

    async def discard(self, name: str) -> None:
        await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def sweep(self, named: Collection[str], before: float) -> int:
        """Delete files that are not ``named``, and were last written before that time. Returns how many that were."""
        return await asyncio.to_thread(self._sweep, named, before)

    def _write(self, name: str, parts: Collection[bytes | bytearray]) -> str:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / name
        temporary = path.with_suffix(".part")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return name

    def _sweep(self, named: Collection[str], before: float) -> int:
        if not self._directory.is_dir():
            return 0
        stale = [
            path
            for path in self._directory.iterdir()
            if path.name not in named and path.suffix in (_ENDING, ".part") and path.stat().st_mtime < before
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def _lay_out(found: bytes | Path, desk: Path) -> Path:
    shutil.rmtree(desk, ignore_errors=True)
    (desk / "files").mkdir(parents=True, mode=0o700)
    if isinstance(found, Path):
        if not found.exists():
            raise Gone
        return found
    path = desk / "mail.eml"
    path.write_bytes(found)
    return path
