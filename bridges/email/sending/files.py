"""The files of mails that are to be sent: each is deleted when nobody waits for it any more."""

import asyncio
from pathlib import Path

from bridges.email.sending.store import Sendings

#: A file is there before its row is: how old one without a row has to be to count as left behind.
_LEFT_BEHIND = 24 * 3600.0
_BATCH = 500


class Files:
    def __init__(self, directory: Path, sendings: Sendings) -> None:
        self._directory = directory
        self._sendings = sendings

    async def sweep(self) -> None:
        """Delete what is not needed any more. Raises ``NotStored`` and ``OSError``."""
        while unneeded := await self._sendings.unneeded():
            await asyncio.to_thread(_delete, [self._directory / file for _, file in unneeded])
            await self._sendings.deleted([mail for mail, _ in unneeded])

    async def sweep_strangers(self, now: float) -> None:
        """Delete files that no row knows: their user was erased, or we ended before the row was written."""
        old = await asyncio.to_thread(_older, self._directory, now - _LEFT_BEHIND)
        for start in range(0, len(old), _BATCH):
            names = old[start : start + _BATCH]
            known = await self._sendings.known_files(names)
            strangers = [self._directory / name for name in names if name not in known]
            await asyncio.to_thread(_delete, strangers)


def _delete(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _older(directory: Path, before: float) -> list[str]:
    if not directory.is_dir():
        return []
    return [each.name for each in directory.iterdir() if each.is_file() and each.stat().st_mtime < before]
