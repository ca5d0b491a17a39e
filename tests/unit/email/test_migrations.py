"""Databases of every age end with the tables of today."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from bridges.email.migrations import SCHEMA
from gateway.clock import SystemClock
from gateway.storage.database import Database, opened
from tests.rig.postgres import Postgres
from tests.unit.email.conftest import schema


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'causeway.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield await server.create("email_migrations")
    await server.drop("email_migrations")


def _tables(connection: Connection) -> dict[str, object]:
    looked = inspect(connection)
    return {
        name: (
            [(each["name"], str(each["type"]), each["nullable"]) for each in looked.get_columns(name)],
            looked.get_pk_constraint(name)["constrained_columns"],
            sorted(
                (each["name"], each["column_names"], bool(each["unique"]))
                for each in looked.get_indexes(name)
            ),
        )
        for name in looked.get_table_names()
        if name.startswith("email_")
    }


async def described(database: Database) -> dict[str, object]:
    connection = await database._writer.connection()
    return await connection.run_sync(_tables)


async def test_every_path_ends_in_the_tables_that_the_parts_declare(url: str) -> None:
    today = schema()
    clock = SystemClock()
    async with opened(url, clock=clock) as database:
        await database.adopt("email", SCHEMA, clock)
        migrated = await described(database)
        for table in today.metadata.sorted_tables:
            await database.write(text(f"DROP TABLE {table.name}"))
        connection = await database._writer.connection()
        await connection.run_sync(today.metadata.create_all)
        assert migrated == await described(database)
        assert set(migrated) == set(today.metadata.tables)


def test_the_migrations_are_numbered_without_gaps() -> None:
    assert [each.number for each in SCHEMA.migrations] == list(range(1, len(SCHEMA.migrations) + 1))
