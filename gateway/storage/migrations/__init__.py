"""Numbered migrations: how a database of any earlier version becomes one of today's.

Each runs in a transaction of its own under a lock that other processes respect, and is recorded in ``schema_version``
in the same transaction. A database with a higher number than ours is left alone: it belongs to a newer Causeway. Tables of
bridges have series of their own: ``bridge_schema_version`` tells how far each kind of bridge is.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import structlog
from sqlalchemy import Column, Double, Integer, MetaData, Table, Text, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from gateway.bridge import Migration
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
    m0009_bridges,
)
from gateway.storage.schema import bridge_schema_version

log = structlog.get_logger(__name__)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "first tables", m0001_first.apply),
    Migration(2, "registrations and access", m0002_access.apply),
    Migration(3, "contacts and their pictures", m0003_contacts.apply),
    Migration(4, "delivery ledger", m0004_deliveries.apply),
    Migration(5, "files of the web server", m0005_files.apply),
    Migration(6, "settings of the gateway and of rooms", m0006_preferences.apply),
    Migration(7, "private chats in archives", m0007_history.apply),
    Migration(8, "memory of bridges", m0008_memory.apply),
    Migration(9, "tables of bridges", m0009_bridges.apply),
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
    await _apply(connection, exclusive, place, now, migrations, VERSION_TABLE, {})


async def migrate_bridge(
    connection: AsyncConnection,
    exclusive: Callable[[], AbstractAsyncContextManager[None]],
    place: str,
    now: Callable[[], float],
    kind: str,
    migrations: Sequence[Migration],
) -> None:
    """As ``migrate``, after it, for the tables of one kind of bridge."""
    await _apply(connection, exclusive, place, now, migrations, bridge_schema_version, {"kind": kind})


async def _apply(
    connection: AsyncConnection,
    exclusive: Callable[[], AbstractAsyncContextManager[None]],
    place: str,
    now: Callable[[], float],
    migrations: Sequence[Migration],
    versions: Table,
    series: Mapping[str, str],
) -> None:
    """``series``: the columns of ``versions`` that tell one series from the others."""
    while True:
        async with exclusive():
            # Read again every time: another process may have been here between two transactions.
            if not series:
                await _prepare(connection, place)
            done = await _version(connection, versions, series)
            latest = migrations[-1].number
            if done > latest:
                of = f" of its {series['kind']} tables" if series else ""
                raise StorageError(
                    Trouble.FUTURE,
                    f"{place} has version {done}{of}, but this Causeway knows versions up to {latest} only: "
                    "install the newer Causeway that made it, or put a backup from before in its place.",
                )
            due = next((migration for migration in migrations if migration.number > done), None)
            if due is None:
                return
            await due.apply(connection)
            record = {**series, "number": due.number, "name": due.name, "applied": now()}
            await connection.execute(insert(versions), record)
        log.info("database migrated", place=place, number=due.number, name=due.name, **series)


async def _prepare(connection: AsyncConnection, place: str) -> None:
    """An empty database gets its version table."""
    names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    if VERSION_TABLE.name in names:
        return
    if names:
        raise StorageError(
            Trouble.NOT_A_DATABASE,
            f"{place} holds tables of another program: give Causeway a database of its own.",
        )
    await connection.execute(CreateTable(VERSION_TABLE))


async def _version(connection: AsyncConnection, versions: Table, series: Mapping[str, str]) -> int:
    """The number of the last migration of a series; 0 if there was none."""
    last = select(func.coalesce(func.max(versions.c.number), 0))
    result = await connection.execute(
        last.where(*(versions.c[name] == value for name, value in series.items()))
    )
    return int(result.scalar_one())
