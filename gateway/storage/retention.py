"""Deleting what is too old, by one rule for each table that grows, in batches small enough that nobody waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Column, ColumnElement, Table, bindparam, delete, false, select
from sqlalchemy.sql.dml import Delete

from gateway.bridge import Clock
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.schema import archive, archives, deliveries, delivery_keys

log = structlog.get_logger(__name__)

_BATCH = 500
_PAUSE = 0.05  # seconds between batches, in which others write
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Rows of ``table`` for which ``only`` holds go when ``time`` (Unix seconds) is more than ``max_age`` seconds ago. The
    table has a primary key of one column and an index on ``time``."""

    table: Table
    time: Column[float]
    max_age: float
    only: ColumnElement[bool] | None = None


def archive_rules(archive_days: float) -> tuple[RetentionRule, ...]:
    """Messages go after ``archive_days``; the note of an archive stays two days longer, for it is refreshed daily."""
    return (
        RetentionRule(archive, archive.c.sent_at, archive_days * _DAY),
        RetentionRule(archives, archives.c.used, (archive_days + 2) * _DAY),
    )


def delivery_rules(days: float) -> tuple[RetentionRule, ...]:
    """What is settled goes after ``days``: until then the same message is recognised when it comes again, and late news of
    it. What is still to be delivered has age limits of its own."""
    return (
        RetentionRule(deliveries, deliveries.c.created, days * _DAY, deliveries.c.active == false()),
        RetentionRule(delivery_keys, delivery_keys.c.created, days * _DAY),
    )


class Retention:
    """Applies rules every ``interval`` seconds, first right after the start."""

    def __init__(
        self, database: Database, rules: Sequence[RetentionRule], clock: Clock, *, interval: float = 3600.0
    ) -> None:
        self._database = database
        self._rules = [(rule, _deletion(rule)) for rule in rules]
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        """For ever; a database that cannot be written is tried again at the next turn."""
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                log.warning("old rows were not deleted", reason=str(error), next_try_seconds=self._interval)
            await self._clock.sleep(self._interval)

    async def sweep(self) -> dict[str, int]:
        """Delete all that is too old now; rows deleted by table. Raises ``StorageError``."""
        deleted: dict[str, int] = {}
        for rule, statement in self._rules:
            before = self._clock.now() - rule.max_age
            count = 0
            while rows := await self._database.write(statement, {"before": before}):
                count += rows
                if rows < _BATCH:
                    break
                await self._clock.sleep(_PAUSE)
            deleted[rule.table.name] = deleted.get(rule.table.name, 0) + count
            if count:
                log.info("old rows deleted", table=rule.table.name, rows=count)
        return deleted


def _deletion(rule: RetentionRule) -> Delete:
    (key,) = rule.table.primary_key
    oldest = select(key).where(rule.time < bindparam("before")).order_by(rule.time).limit(_BATCH)
    if rule.only is not None:
        oldest = oldest.where(rule.only)
    return delete(rule.table).where(key.in_(oldest))
