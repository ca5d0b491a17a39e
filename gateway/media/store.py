"""The gateway's own place for files: a directory, rows that say whose they are, links nobody guesses, and an end to it all.

A link holds a token of 192 random bits; the database and the disk know only its hash. Serving is ``gateway.web``'s work.
"""

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from gateway.bridge import Blob, Clock
from gateway.media.refusals import Cause, refused
from gateway.media.tally import Place
from gateway.model import Condition
from gateway.storage.errors import StorageError
from gateway.storage.files import FileStore
from gateway.storage.records import StoredFile

_log = structlog.get_logger(__name__)

_TOKEN_BYTES = 24
_TOKEN_LENGTHS = range(20, 65)
_DAY = 86_400.0
#: Seconds that a file without a row stays: its row may be on its way.
_GRACE = 3600.0


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """``url`` is what links begin with; sizes in bytes."""

    url: str
    days: float = 30.0
    per_user: int = 500_000_000
    total: int = 10_000_000_000


def key_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class OwnStore:
    """All files the gateway gives out itself. ``directory`` is its own; ``policy`` can be exchanged."""

    def __init__(self, directory: Path, files: FileStore, clock: Clock, policy: StorePolicy) -> None:
        self._directory = directory
        self._files = files
        self._clock = clock
        self.policy = policy
        self._quota = asyncio.Lock()  # sizes are looked at and changed by one at a time

    async def prepare(self) -> None:
        await asyncio.to_thread(self._directory.mkdir, 0o700, parents=True, exist_ok=True)

    async def add(self, bridge: str, user: str, file: Blob) -> str:
        """Take a copy of ``file`` and give its link. A user's oldest files make room for new ones. Raises ``MediaError``."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        key, now, policy = key_of(token), self._clock.now(), self.policy
        path = self.path(key)
        try:
            async with self._quota:
                await self._make_room(user, file.size)
                await asyncio.to_thread(shutil.copyfile, file.path, path)
                await self._files.add(
                    StoredFile(
                        key,
                        bridge,
                        user,
                        file.name,
                        file.media_type,
                        file.size,
                        file.sha256,
                        now,
                        now + policy.days * _DAY,
                    )
                )
        except (OSError, StorageError) as error:
            path.unlink(missing_ok=True)
            _log.error("a file could not be stored", reason=str(error))
            text = "The gateway could not store it; its log tells more."
            raise refused(text, cause=Cause.STORAGE) from error
        return f"{policy.url}/file/{token}/{quote(file.name)}"

    async def _make_room(self, user: str, size: int) -> None:
        policy = self.policy
        if size > policy.per_user:
            raise refused(
                f"It is larger than the {policy.per_user / 1e6:g} MB that the gateway keeps for one user.",
                cause=Cause.TOO_LARGE,
            )
        while (over := await self._files.size_of(user) + size - policy.per_user) > 0:
            gone: list[str] = []
            for each in await self._files.oldest_of(user):
                if over <= 0:
                    break
                gone.append(each.key)
                over -= each.size
            await self._delete(gone)
        if await self._files.size() + size > policy.total:
            _log.warning("the store of files is full", bytes=policy.total)
            text = "The gateway has no space left for files."
            raise refused(text, Condition.RESOURCE_CONSTRAINT, Cause.STORAGE)

    async def find(self, token: str) -> tuple[StoredFile, Path] | None:
        """What the link with that token leads to, until it expires. Raises ``StorageError``."""
        if len(token) not in _TOKEN_LENGTHS:
            return None
        file = await self._files.find(key_of(token))
        if file is None or file.expires <= self._clock.now():
            return None
        return file, self.path(file.key)

    def path(self, key: str) -> Path:
        return self._directory / key

    # -- the end of files ---------------------------------------------------------------------------------------

    async def run(self, interval: float = 3600.0) -> None:
        """Clean up for ever, first at once."""
        while True:
            try:
                await self.sweep()
            except (StorageError, OSError) as error:
                _log.warning("old files were not deleted", reason=str(error), next_try_seconds=interval)
            await self._clock.sleep(interval)

    async def sweep(self) -> int:
        """Delete what has expired, and files whose rows are gone; how many."""
        count = 0
        while keys := await self._files.expired(self._clock.now()):
            await self._delete(keys)
            count += len(keys)
        strays = await self._strays()
        await asyncio.to_thread(self._unlink, strays)
        count += len(strays)
        if count:
            _log.info("old files deleted", files=count)
        return count

    async def _strays(self) -> list[str]:
        """Files on disk without a row: their users had everything erased, or we died in between."""
        found = await asyncio.to_thread(lambda: list(self._settled(self._clock.now() - _GRACE)))
        known = await self._files.known(found)
        return [key for key in found if key not in known]

    def _settled(self, before: float) -> Iterator[str]:
        for path in self._directory.iterdir():
            if path.is_file() and path.stat().st_mtime < before:
                yield path.name

    async def _delete(self, keys: list[str]) -> None:
        await self._files.forget(keys)
        await asyncio.to_thread(self._unlink, keys)

    def _unlink(self, keys: list[str]) -> None:
        for key in keys:
            self.path(key).unlink(missing_ok=True)


class OwnStoreWay:
    """The store as a ``Way`` of one bridge."""

    place = Place.STORE
    name = "own store"

    def __init__(self, store: OwnStore, bridge: str) -> None:
        self._store = store
        self._bridge = bridge

    async def publish(self, file: Blob, user: str) -> str:
        """See ``Way``."""
        return await self._store.add(self._bridge, user, file)
