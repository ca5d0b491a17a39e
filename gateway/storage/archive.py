"""What was said in rooms and chats. The hot path of storage: one ``append`` for every message.

An archive is a room's, by its key, or a private chat's, by ``chat_key``. A row is found again by its ``stanza_id``: by the
time in it (``gateway.ids.time_in``), or, where there is none, by ``foreign_id``, which then is the same; an index of all ids
would double what a message costs. ``extra`` is ready XML of what a message is besides its text, beginning with the origin-id
if the sender's client gave one. Pages of an archive are ``archive_pages``' to read.
"""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, func, select, update
from sqlalchemy.sql.dml import Update

from gateway.bridge import Clock
from gateway.ids import is_ours, time_in
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.items import RowInsert
from gateway.storage.records import ArchivedMessage
from gateway.storage.schema import archive, archives

_COLUMNS = ("archive_id", "stanza_id", "foreign_id", "sender", "kind", "body", "sent_at", "extra")
#: What a row is if it is no message, which is what ``gateway.model.MessageKind`` says then.
ACT, RETRACTED = "act", "retracted"
_NO_MESSAGES = (ACT, RETRACTED)
#: Seconds around the time in an id in which its row lies: ids count milliseconds.
ABOUT = 0.002
#: Written for the room of an element, which is a character that PostgreSQL does not take.
_ROOM, _KEPT_ROOM = "\x00", "\x02"
_ROOMS_REMEMBERED = 20_000
_ARCHIVES_REMEMBERED = 100_000  # as numbers only
_REFRESH = 86_400.0  # seconds after which the time of use of a room is written again
_CHATS = 2_000  # of one user that are searched together, the latest
_ROW_OCTETS = 300  # what a row costs in memory besides its body, roughly
_LOOKED_AT = 20_000  # rows, by one query of a search without an index

_NAMED = select(archives.c.bridge, archives.c.network, archives.c.peer, archive.c.sent_at).join_from(
    archives, archive, archives.c.id == archive.c.archive_id
)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a message was kept; ``peer`` is None in rooms."""

    bridge: str
    network: str
    peer: str | None
    time: float


class ArchiveStore:
    """Messages by (bridge, owner, network, room key)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = RowInsert(archive, _COLUMNS)
        self._use = RowInsert(
            archives, ("id", "bridge", "owner", "network", "room_key", "used", "peer"), replace=("used",)
        )
        self._ids: dict[tuple[str, str, str, str], int] = {}
        self._refresh_at = clock.monotonic() + _REFRESH
        self._begun = _Begun(database)
        #: Archives that somebody has counted, and until which time: what is older and comes later ends that.
        self.counted: dict[int, float] = {}

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
        extra: str = "",
        peer: str | None = None,
    ) -> bool:
        """Archive one message with the next commit; False if too much waits already (counted and logged by the database).
        ``sender`` is empty for the user's own in a private chat, whose contact is ``peer``."""
        number = self._ids.get((bridge, owner, network, room_key))
        if number is None or self._clock.monotonic() >= self._refresh_at:
            number = self._used(bridge, owner, network, room_key, peer)
        if self.counted and sent_at < self.counted.get(number, sent_at):
            del self.counted[number]
        besides = extra.replace(_ROOM, _KEPT_ROOM) if extra else None
        return self._database.post(
            self._insert,
            (number, stanza_id, foreign_id or None, sender, kind, body, sent_at, besides),
            _ROW_OCTETS + len(body) + len(extra),
        )

    def _used(self, bridge: str, owner: str, network: str, room_key: str, peer: str | None) -> int:
        """Note that an archive is in use, once after each start and once a day."""
        if len(self._ids) >= _ROOMS_REMEMBERED or self._clock.monotonic() >= self._refresh_at:
            self._ids.clear()
            self._refresh_at = self._clock.monotonic() + _REFRESH
        number = archive_id(bridge, owner, network, room_key)
        self._begun.add(number)
        row = (number, bridge, owner, network, room_key, self._clock.now(), peer)
        if self._database.post(self._use, row):
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
        """The last ``limit`` messages (nothing else), said at or after ``since`` (Unix seconds), oldest first. Includes all
        that was appended before, unless the database cannot be written at the moment. Raises ``StorageError``."""
        number = archive_id(bridge, owner, network, room_key)
        if limit <= 0 or not await self._begun.may_hold(number):
            return []
        await self.settled()
        query = select(*KEPT).where(archive.c.archive_id == number, archive.c.kind.not_in(_NO_MESSAGES))
        if since is not None:
            query = query.where(archive.c.sent_at >= since)
        rows = await self._database.read(
            query.order_by(archive.c.sent_at.desc(), archive.c.id.desc()).limit(limit)
        )
        return [kept(row) for row in reversed(rows)]

    async def known(
        self, bridge: str, owner: str, network: str, room_key: str, foreign_ids: Collection[str]
    ) -> set[str]:
        """Those of ``foreign_ids`` that this archive holds already (at most a few hundred at a time)."""
        await self.settled()
        query = select(archive.c.foreign_id).where(
            archive.c.foreign_id.in_(foreign_ids),
            archive.c.archive_id == archive_id(bridge, owner, network, room_key),
        )
        return {row.foreign_id for row in await self._database.read(query)}

    async def named(self, id_: str, limit: int) -> list[Trace]:
        """Messages that have this id, ours or the network's."""
        query = _NAMED.limit(limit)
        said_at = time_in(id_)
        if said_at is None:
            query = query.where(archive.c.foreign_id == id_)
        else:
            near = archive.c.sent_at.between(said_at - 1, said_at + 1)
            query = query.where(near, archive.c.stanza_id == id_)
        await self.settled()
        rows = await self._database.read(query)
        return [Trace(row.bridge, row.network, row.peer, row.sent_at) for row in rows]

    async def beginning(
        self, extra: str, limit: int, seconds: float, at_once: int = _LOOKED_AT
    ) -> list[Trace]:
        """The same of messages whose ``extra`` begins so. There is no index of those, so all are looked at, the latest
        first, ``at_once`` by a query, until ``seconds`` are over."""
        await self.settled()
        deadline = self._clock.monotonic() + seconds
        last = (await self._database.read(select(func.max(archive.c.id))))[0][0] or 0
        first = (await self._database.read(select(func.min(archive.c.id))))[0][0] or 0
        query = _NAMED.where(func.substr(archive.c.extra, 1, len(extra)) == extra)
        query = query.order_by(archive.c.id.desc()).limit(limit)
        found: list[Trace] = []
        while last >= first > 0 and len(found) < limit and self._clock.monotonic() < deadline:
            rows = await self._database.read(query.where(archive.c.id.between(last - at_once + 1, last)))
            found += [Trace(row.bridge, row.network, row.peer, row.sent_at) for row in rows]
            last -= at_once
        return found[:limit]

    def retract(
        self, bridge: str, owner: str, network: str, room_key: str, stanza_id: str, tombstone: str = ""
    ) -> bool:
        """One message was taken back: with the next commit nothing is left of it but its place and ``tombstone``, ready XML
        that stands there from then on (XEP-0424 §4)."""
        number = archive_id(bridge, owner, network, room_key)
        said_at = time_in(stanza_id)
        params: dict[str, object] = {"number": number, "meant": stanza_id, "tombstone": tombstone or None}
        if said_at is None:
            return self._database.post(_RETRACT_OLD if is_ours(stanza_id) else _RETRACT_FOREIGN, params)
        params |= {"first": said_at - ABOUT, "last": said_at + ABOUT}
        return self._database.post(_RETRACT_TIMED, params)

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

    async def private(self, bridge: str, owner: str, network: str = "") -> Sequence[Row[Any]]:
        """The private chats of a user, on one network or on all: (number, network, peer). Raises ``StorageError``."""
        await self.settled()
        query = select(archives.c.id, archives.c.network, archives.c.peer).where(
            archives.c.bridge == bridge, archives.c.owner == owner, archives.c.peer.is_not(None)
        )
        if network:
            query = query.where(archives.c.network == network)
        return await self._database.read(query.order_by(archives.c.used.desc()).limit(_CHATS))

    async def settled(self) -> None:
        """Return when what was appended so far can be read, or the database cannot be written at the moment."""
        if self._database.counts.waiting:
            try:
                await self._database.flush()
            except StorageError:
                return  # the writer has logged it; what is committed can still be read


_MEANT = and_(archive.c.archive_id == bindparam("number"), archive.c.stanza_id == bindparam("meant"))


def _taken_back() -> Update:
    return update(archive).values(kind=RETRACTED, body="", extra=bindparam("tombstone"))


_RETRACT_OLD = _taken_back().where(_MEANT)  # of before ids had times
_RETRACT_FOREIGN = _taken_back().where(_MEANT, archive.c.foreign_id == bindparam("meant"))
_RETRACT_TIMED = _taken_back().where(_MEANT, archive.c.sent_at.between(bindparam("first"), bindparam("last")))
#: The columns of a message.
KEPT = tuple(archive.c[name] for name in _COLUMNS[1:])


def kept(row: Row[Any]) -> ArchivedMessage:
    """The message of a row with the columns ``KEPT``."""
    extra = (row.extra or "").replace(_KEPT_ROOM, _ROOM)
    return ArchivedMessage(
        row.stanza_id, row.foreign_id or "", row.sender, row.kind, row.body, row.sent_at, extra
    )


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


def chat_key(folded: str) -> str:
    """What a private chat has for a room's key: a space, which no folded name of a room begins with, and the folded name of
    the contact."""
    return f" {folded}"


def archive_id(bridge: str, owner: str, network: str, room_key: str) -> int:
    """The number of an archive: 64 bits of a hash, for it must be known before anything is read."""
    names = json.dumps([bridge, owner, network, room_key]).encode("ascii")
    return int.from_bytes(blake2b(names, digest_size=8).digest(), signed=True)
