"""Numbered migrations: how a database of any earlier version becomes one of today's.

Each runs in a transaction of its own under a lock that other processes respect, and is recorded in ``schema_version``
in the same transaction. A database with a higher number than ours is left alone: it belongs to a newer Causeway.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog
from sqlalchemy import Column, Double, Integer, MetaData, Table, Text, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from gateway.storage.errors import StorageError, Trouble
from gateway.storage.migrations import (
    m0001_first,
    m0002_access,
    m0003_contacts,
    m0004_deliveries,
    m0005_files,
    m0006_preferences,
    m0007_history,
    m0008_memory,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """``apply`` uses SQLAlchemy's DDL and Core, so that both dialects understand it; it must not commit."""

    number: int
    name: str
    apply: Callable[[AsyncConnection], Awaitable[None]]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first tables", m0001_first.apply),
    Migration(2, "registrations and access", m0002_access.apply),
    Migration(3, "contacts and their pictures", m0003_contacts.apply),
    Migration(4, "delivery ledger", m0004_deliveries.apply),
    Migration(5, "files of the web server", m0005_files.apply),
    Migration(6, "settings of the gateway and of rooms", m0006_preferences.apply),
    Migration(7, "private chats in archives", m0007_history.apply),
    Migration(8, "memory of bridges", m0008_memory.apply),
)

VERSION_TABLE = Table(
    "schema_version",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied", Double, nullable=False),
)


async def migrate(
    connection: AsyncConnection,
    exclusive: Callable[[], AbstractAsyncContextManager[None]],
    place: str,
    now: Callable[[], float],
    migrations: Sequence[Migration] = MIGRATIONS,
) -> None:
    """Bring the database to the last of ``migrations``. ``exclusive()`` is one transaction on ``connection`` that no other
    process shares. Raises ``StorageError`` for a database from the future or of another program."""
    while True:
        async with exclusive():
            # Read again every time: another process may have been here between two transactions.
            done = await _version(connection, place)
            latest = migrations[-1].number
            if done > latest:
                raise StorageError(
                    Trouble.FUTURE,
                    f"{place} has version {done}, but this Causeway knows versions up to {latest} only: "
                    "install the newer Causeway that made it, or put a backup from before in its place.",
                )
            due = next((migration for migration in migrations if migration.number > done), None)
            if due is None:
                return
            await due.apply(connection)
            await connection.execute(insert(VERSION_TABLE), _record(due, now()))
        log.info("database migrated", place=place, number=due.number, name=due.name)


def _record(migration: Migration, now: float) -> dict[str, object]:
    return {"number": migration.number, "name": migration.name, "applied": now}


async def _version(connection: AsyncConnection, place: str) -> int:
    """The number of the last migration of this database; an empty one has 0 and gets its version table."""
    names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if VERSION_TABLE.name not in names:
        if names:
            raise StorageError(
                Trouble.NOT_A_DATABASE,
                f"{place} holds tables of another program: give Causeway a database of its own.",
            )
        await connection.execute(CreateTable(VERSION_TABLE))
    result = await connection.execute(select(func.coalesce(func.max(VERSION_TABLE.c.number), 0)))
    return int(result.scalar_one())
