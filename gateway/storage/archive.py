"""What was said in rooms and chats. The hot path of storage: one ``append`` for every message."""

import asyncio
import json
from collections.abc import Collection
from hashlib import blake2b

from sqlalchemy import delete, select

from gateway.bridge import Clock
from gateway.storage.backends import RowInsert
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.records import ArchivedMessage
from gateway.storage.schema import archive, archives
from gateway.storage.statements import delete_by

_COLUMNS = ("archive_id", "stanza_id", "foreign_id", "sender", "kind", "body", "sent_at")
_ROOMS_REMEMBERED = 20_000
_ARCHIVES_REMEMBERED = 100_000  # as numbers only
_REFRESH = 86_400.0  # seconds after which the time of use of a room is written again
_ROW_OCTETS = 300  # what a row costs in memory besides its body, roughly


class ArchiveStore:
    """Messages by (bridge, owner, network, room key)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = RowInsert(archive, _COLUMNS)
        self._retract = delete_by(archive, ("archive_id", "stanza_id"))
        self._use = RowInsert(
            archives, ("id", "bridge", "owner", "network", "room_key", "used"), replace=("used",)
        )
        self._ids: dict[tuple[str, str, str, str], int] = {}
        self._refresh_at = clock.monotonic() + _REFRESH
        self._begun = _Begun(database)

    def append(
        self,
        bridge: str,
        owner: str,
        network: str,
        room_key: str,
        stanza_id: str,
        sender: str,
        kind: str,
        body: str,
        sent_at: float,
        foreign_id: str = "",
    ) -> bool:
        """Archive one message with the next commit; False if too much waits already (counted and logged by the database)."""
        number = self._ids.get((bridge, owner, network, room_key))
        if number is None or self._clock.monotonic() >= self._refresh_at:
            number = self._used(bridge, owner, network, room_key)
        return self._database.post(
            self._insert,
            (number, stanza_id, foreign_id or None, sender, kind, body, sent_at),
            _ROW_OCTETS + len(body),
        )

    def _used(self, bridge: str, owner: str, network: str, room_key: str) -> int:
        """Note that an archive is in use, once after each start and once a day."""
        if len(self._ids) >= _ROOMS_REMEMBERED or self._clock.monotonic() >= self._refresh_at:
            self._ids.clear()
            self._refresh_at = self._clock.monotonic() + _REFRESH
        number = archive_id(bridge, owner, network, room_key)
        self._begun.add(number)
        if self._database.post(self._use, (number, bridge, owner, network, room_key, self._clock.now())):
            self._ids[bridge, owner, network, room_key] = number
        return number

    async def recent(
        self,
        bridge: str,
        owner: str,
        network: str,
        room_key: str,
        *,
        limit: int,
        since: float | None = None,
    ) -> list[ArchivedMessage]:
        """The last ``limit`` messages, said at or after ``since`` (Unix seconds), oldest first. Includes all that was
        appended before, unless the database cannot be written at the moment. Raises ``StorageError``."""
        number = archive_id(bridge, owner, network, room_key)
        if limit <= 0 or not await self._begun.may_hold(number):
            return []
        await self._settled()
        query = select(*(archive.c[name] for name in _COLUMNS[1:])).where(archive.c.archive_id == number)
        if since is not None:
            query = query.where(archive.c.sent_at >= since)
        rows = await self._database.read(
            query.order_by(archive.c.sent_at.desc(), archive.c.id.desc()).limit(limit)
        )
        return [
            ArchivedMessage(row.stanza_id, row.foreign_id or "", row.sender, row.kind, row.body, row.sent_at)
            for row in reversed(rows)
        ]

    async def known(
        self, bridge: str, owner: str, network: str, room_key: str, foreign_ids: Collection[str]
    ) -> set[str]:
        """Those of ``foreign_ids`` that this archive holds already (at most a few hundred at a time)."""
        await self._settled()
        query = select(archive.c.foreign_id).where(
            archive.c.foreign_id.in_(foreign_ids),
            archive.c.archive_id == archive_id(bridge, owner, network, room_key),
        )
        return {row.foreign_id for row in await self._database.read(query)}

    def retract(self, bridge: str, owner: str, network: str, room_key: str, stanza_id: str) -> bool:
        """Remove one message, with the next commit: it was taken back."""
        number = archive_id(bridge, owner, network, room_key)
        return self._database.post(self._retract, {"archive_id": number, "stanza_id": stanza_id})

    async def forget(self, bridge: str, owner: str, network: str) -> None:
        """Remove everything archived for an account. Raises ``StorageError``."""
        names = {"bridge": bridge, "owner": owner, "network": network}
        this = [archives.c[name] == value for name, value in names.items()]
        rows = delete(archive).where(archive.c.archive_id.in_(select(archives.c.id).where(*this)))
        await self._database.write_all([(rows, None), (delete(archives).where(*this), None)])
        for key in [key for key in self._ids if key[:3] == (bridge, owner, network)]:
            del self._ids[key]

    def forgotten(self, bridge: str, owner: str) -> None:
        """The rows of a user were removed by somebody else."""
        for key in [key for key in self._ids if key[:2] == (bridge, owner)]:
            del self._ids[key]

    async def _settled(self) -> None:
        if self._database.counts.waiting:
            try:
                await self._database.flush()
            except StorageError:
                return  # the writer has logged it; what is committed can still be read


class _Begun:
    """Which archives may hold anything. Most rooms that are joined have none yet, and a thousand may be joined at once: what
    there was at the start is read once, at the first question. Never forgets one, so it may name too many, but not too few;
    archives that another program writes meanwhile are found after the next start."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: set[int] = set()
        self._complete = False
        self._overfull = False  # too many to remember: any may be there
        self._reading = asyncio.Lock()

    def add(self, number: int) -> None:
        if len(self._numbers) >= _ARCHIVES_REMEMBERED:
            self._overfull = True
            self._numbers.clear()
        if not self._overfull:
            self._numbers.add(number)

    async def may_hold(self, number: int) -> bool:
        """Raises ``StorageError``."""
        if not self._complete and not self._overfull and number not in self._numbers:
            async with self._reading:
                if not self._complete:
                    await self._read()
        return self._overfull or number in self._numbers

    async def _read(self) -> None:
        for row in await self._database.read(select(archives.c.id).limit(_ARCHIVES_REMEMBERED + 1)):
            self.add(row.id)
        self._complete = True


def archive_id(bridge: str, owner: str, network: str, room_key: str) -> int:
    """The number of an archive: 64 bits of a hash, for it must be known before anything is read."""
    names = json.dumps([bridge, owner, network, room_key]).encode("ascii")
    return int.from_bytes(blake2b(names, digest_size=8).digest(), signed=True)
