"""Files of mails that are being written, and finished mails: on disk for good before anybody relies on them."""

import asyncio
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from gateway.bridge import Blob

_UNFINISHED = ".new"


class Files:
    """``directory`` is made if it is missing. All of it raises ``OSError``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, name: str) -> Path:
        return self._directory / name

    async def keep(self, blob: Blob, name: str) -> None:
        """Take a file over from the core."""
        await asyncio.to_thread(self._keep, blob.path, name)

    async def write(self, name: str, writer: Callable[[BinaryIO], None]) -> int:
        """A file as ``writer`` writes it, in place of the one of that name; its size in octets."""
        return await asyncio.to_thread(self._write, name, writer)

    async def drop(self, names: Collection[str]) -> None:
        if names:
            await asyncio.to_thread(self._drop, names)

    async def drop_of(self, draft: str) -> None:
        """All whose names begin with that of a draft and a dash."""
        await asyncio.to_thread(
            lambda: self._drop([each.name for each in self._directory.glob(f"{draft}-*")])
        )

    async def sweep(self, wanted: Collection[str]) -> None:
        """Delete all that is not ``wanted``: what a crash left behind. Only before anything else is done."""
        await asyncio.to_thread(self._sweep, wanted)

    def _keep(self, source: Path, name: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path(name + _UNFINISHED)
        shutil.move(source, unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        self._settle(unfinished, name)

    def _write(self, name: str, writer: Callable[[BinaryIO], None]) -> int:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path(name + _UNFINISHED)
        with unfinished.open("wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        self._settle(unfinished, name)
        return size

    def _settle(self, unfinished: Path, name: str) -> None:
        unfinished.replace(self.path(name))
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _drop(self, names: Collection[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def _sweep(self, wanted: Collection[str]) -> None:
        keep = set(wanted)
        if self._directory.is_dir():
            self._drop([each.name for each in self._directory.iterdir() if each.name not in keep])
