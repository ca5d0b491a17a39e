"""Deleting what is too old, by one rule for each table that grows, in batches small enough that nobody waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Column, ColumnElement, Table, delete, false, select
from sqlalchemy.sql.dml import Delete

from gateway.bridge import Clock
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.schema import archive, archives, deliveries, delivery_keys

log = structlog.get_logger(__name__)

_BATCH = 500
_PAUSE = 0.05  # seconds between batches, in which others write
_DAY = 86_400.0
_JUMP = 3600.0  # seconds that the clock may be put forward while we run, and is still believed


class Rule(Protocol):
    """What of a table goes."""

    @property
    def table(self) -> Table: ...

    async def sweep(self, database: Database, clock: Clock) -> int:
        """Delete what is too old now, or too much; the number of rows. Raises ``StorageError``."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Rows of ``table`` for which ``only`` holds go when ``time`` (Unix seconds) is more than ``max_age`` seconds ago. The
    table has a primary key of one column and an index on ``time``."""

    table: Table
    time: Column[float]
    max_age: float
    only: ColumnElement[bool] | None = None

    async def sweep(self, database: Database, clock: Clock) -> int:
        (key,) = self.table.primary_key
        oldest = select(key).where(self.time < clock.now() - self.max_age).order_by(self.time).limit(_BATCH)
        if self.only is not None:
            oldest = oldest.where(self.only)
        return await _in_batches(database, clock, delete(self.table).where(key.in_(oldest)))


@dataclass(frozen=True, slots=True)
class ArchiveRule:
    """Of every archive, messages older than ``max_age`` seconds go, and the oldest beyond ``max_count`` (0: any number).
    Archives are looked at one by one, since messages have no index on their time alone."""

    max_age: float
    max_count: int = 0
    table: Table = archive

    async def sweep(self, database: Database, clock: Clock) -> int:
        before = clock.now() - self.max_age
        old = select(archive.c.id).where(archive.c.archive_id == archives.c.id, archive.c.sent_at < before)
        count = 0
        for row in await database.read(select(archives.c.id).where(old.exists())):
            count += await _in_batches(database, clock, _oldest_of(row.id, before))
        if self.max_count:
            count += await self._excess(database, clock)
        return count

    async def _excess(self, database: Database, clock: Clock) -> int:
        count = 0
        for row in await database.read(select(archives.c.id)):
            query = select(archive.c.sent_at).where(archive.c.archive_id == row.id)
            newest = query.order_by(archive.c.sent_at.desc(), archive.c.id.desc())
            kept = await database.read(newest.offset(self.max_count - 1).limit(1))
            if kept:
                # Of one moment, all or none: a few more may stay.
                count += await _in_batches(database, clock, _oldest_of(row.id, kept[0].sent_at))
        return count


def _oldest_of(number: int, before: float) -> Delete:
    oldest = select(archive.c.id).where(archive.c.archive_id == number, archive.c.sent_at < before)
    return delete(archive).where(archive.c.id.in_(oldest.order_by(archive.c.sent_at).limit(_BATCH)))


async def _in_batches(database: Database, clock: Clock, statement: Delete) -> int:
    """Run a deletion of ``_BATCH`` rows until there are none left."""
    count = 0
    while rows := await database.write(statement):
        count += rows
        if rows < _BATCH:
            break
        await clock.sleep(_PAUSE)
    return count


def archive_rules(archive_days: float, archive_messages: int = 0) -> tuple[Rule, ...]:
    """Messages go after ``archive_days``, or where an archive has more than ``archive_messages``; the note of an archive
    stays two days longer, for it is refreshed daily."""
    return (
        ArchiveRule(archive_days * _DAY, archive_messages),
        RetentionRule(archives, archives.c.used, (archive_days + 2) * _DAY),
    )


def delivery_rules(days: float) -> tuple[Rule, ...]:
    """What is settled goes after ``days``: until then the same message is recognised when it comes again, and late news of
    it. What is still to be delivered has age limits of its own."""
    return (
        RetentionRule(deliveries, deliveries.c.created, days * _DAY, deliveries.c.active == false()),
        RetentionRule(delivery_keys, delivery_keys.c.created, days * _DAY),
    )


class Retention:
    """Applies rules every ``interval`` seconds, first right after the start."""

    def __init__(
        self, database: Database, rules: Sequence[Rule], clock: Clock, *, interval: float = 3600.0
    ) -> None:
        self._database = database
        self.rules = tuple(rules)  # those of now: others can be put in their place
        self._clock = clock
        self._interval = interval
        self._offset = self._now()

    def _now(self) -> float:
        return self._clock.now() - self._clock.monotonic()

    async def run(self) -> None:
        """For ever; a database that cannot be written is tried again at the next turn."""
        while True:
            try:
                if self._now() - self._offset < _JUMP:
                    await self.sweep()
                else:
                    # What is deleted does not come back when the clock is put right.
                    log.warning("nothing old is deleted: the clock was set forward", until="the next start")
            except StorageError as error:
                log.warning("old rows were not deleted", reason=str(error), next_try_seconds=self._interval)
            await self._clock.sleep(self._interval)

    async def sweep(self) -> dict[str, int]:
        """Delete all that is too old now; rows deleted by table. Raises ``StorageError``."""
        deleted: dict[str, int] = {}
        for rule in self.rules:
            count = await rule.sweep(self._database, self._clock)
            deleted[rule.table.name] = deleted.get(rule.table.name, 0) + count
            if count:
                log.info("old rows deleted", table=rule.table.name, rows=count)
        return deleted
