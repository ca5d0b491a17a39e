"""Migrations: every path ends in today's schema, each step whole or not at all, one process at a time."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bridge import Migration
from gateway.clock import SystemClock
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError
from gateway.storage.migrations import MIGRATIONS, VERSION_TABLE
from gateway.storage.schema import metadata


def describe(connection: Connection) -> dict[str, Any]:
    """The schema as the database sees it."""
    found = inspect(connection)
    description = {}
    for table in sorted(found.get_table_names()):
        if table == VERSION_TABLE.name:
            continue
        columns = [
            (column["name"], str(column["type"]), column["nullable"], column["default"])
            for column in found.get_columns(table)
        ]
        indexes = sorted(
            (
                str(index["name"]),
                tuple(index["column_names"]),
                index["unique"],
                sorted((name, str(value)) for name, value in index.get("dialect_options", {}).items()),
            )
            for index in found.get_indexes(table)
        )
        checks = sorted(
            (str(check["name"]), check["sqltext"]) for check in found.get_check_constraints(table)
        )
        options = found.get_table_options(table) if connection.dialect.name == "postgresql" else {}
        key = found.get_pk_constraint(table)["constrained_columns"]
        description[table] = (columns, key, indexes, checks, options)
    return description


async def described(database: Database) -> dict[str, Any]:
    connection = await database._writer.connection()
    return await connection.run_sync(describe)


async def numbers(database: Database) -> list[int]:
    return [
        row[0] for row in await database.read(select(VERSION_TABLE.c.number).order_by(VERSION_TABLE.c.number))
    ]


async def _by_schema(connection: AsyncConnection) -> None:
    await connection.run_sync(metadata.create_all)


async def test_the_migrations_are_numbered_upwards_without_gaps() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("start", range(len(MIGRATIONS) + 1))
async def test_every_path_ends_in_the_schema_of_today(url: str, clock: SystemClock, start: int) -> None:
    if start:
        async with opened(url, clock=clock, migrations=MIGRATIONS[:start]) as database:
            assert await numbers(database) == [migration.number for migration in MIGRATIONS[:start]]
    async with opened(url, clock=clock) as database:
        migrated = await described(database)
        assert await numbers(database) == [migration.number for migration in MIGRATIONS]
        for table in reversed(metadata.sorted_tables):
            await database.write(text(f"DROP TABLE {table.name}"))
        await _by_schema(await database._writer.connection())
        assert migrated == await described(database)
        assert set(migrated) == set(metadata.tables)


def _second(*, fails: bool) -> Migration:
    async def apply(connection: AsyncConnection) -> None:
        await connection.run_sync(
            Table("second", MetaData(), Column("id", Integer, primary_key=True), Column("t", Text)).create
        )
        await connection.execute(text("INSERT INTO second (id) VALUES (1)"))
        if fails:
            await connection.execute(text("INSERT INTO second (id) VALUES (1)"))

    return Migration(MIGRATIONS[-1].number + 1, "second", apply)


async def test_a_migration_that_fails_leaves_nothing_behind_and_can_be_done_again(
    url: str, clock: SystemClock
) -> None:
    with pytest.raises(StorageError):
        await Database.open(url, clock=clock, migrations=(*MIGRATIONS, _second(fails=True)))
    async with opened(url, clock=clock) as database:
        assert await numbers(database) == [migration.number for migration in MIGRATIONS]
        assert set(await described(database)) == set(metadata.tables)
    async with opened(url, clock=clock, migrations=(*MIGRATIONS, _second(fails=False))) as database:
        assert (await database.read(text("SELECT id FROM second")))[0][0] == 1


async def test_several_starts_at_the_same_time_migrate_once(url: str, clock: SystemClock) -> None:
    async def start() -> list[int]:
        async with opened(url, clock=clock) as database:
            return await numbers(database)

    for found in await asyncio.gather(*(start() for _ in range(5))):
        assert found == [migration.number for migration in MIGRATIONS]
