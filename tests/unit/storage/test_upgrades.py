"""Databases of every earlier schema, with something in every table, are today's after a start: nothing in them is lost or
changed, however often the start is killed, and whoever starts at the same time."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.bridge import Schema
from gateway.clock import SystemClock
from gateway.config import installed_bridges
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.migrations import MIGRATIONS
from gateway.storage.schema import metadata
from gateway.storage.stores import Stores
from tests.rig.postgres import Postgres
from tests.unit.storage.filling import BRIDGE, VARIANTS, Rows, fill, kept, tables

BRIDGES = {
    kind: schema
    for kind, load in sorted(installed_bridges().items())
    if (schema := load().schema) is not None
}
STARTS = [("core", number) for number in range(1, len(MIGRATIONS) + 1)] + [
    (kind, number) for kind, schema in BRIDGES.items() for number in range(1, len(schema.migrations) + 1)
]
#: Of PostgreSQL every third: each migration meets rows of all tables before it all the same.
CASES = [("sqlite", *each) for each in STARTS] + [("postgresql", *each) for each in STARTS[::3]]


async def _old(url: str, series: str, number: int) -> Rows:
    """Make a database of that age; what is in it."""
    core = MIGRATIONS[:number] if series == "core" else MIGRATIONS
    async with opened(url, clock=SystemClock(), migrations=core) as database:
        if series != "core":
            schema = BRIDGES[series]
            old = replace(schema, migrations=schema.migrations[:number])
            await database.adopt(series, old, SystemClock())
        async with database._exclusive():
            connection = await database._writer.connection()
            return await connection.run_sync(fill, series)


@pytest.mark.parametrize(("url", "series", "number"), CASES, indirect=["url"])
async def test_nothing_is_lost_or_changed(url: str, series: str, number: int, secrets: SecretBox) -> None:
    before = await _old(url, series, number)
    async with opened(url, clock=SystemClock()) as database:
        schemas = [BRIDGES[series]] if series != "core" else []
        for schema in schemas:
            await database.adopt(series, schema, SystemClock())
        connection = await database._writer.connection()
        after = await connection.run_sync(kept, before)
        for name, rows in before.items():
            assert sorted(map(repr, after[name])) == sorted(map(repr, rows)), name
        there = set(metadata.tables).union(*(schema.metadata.tables for schema in schemas))
        assert await connection.run_sync(tables) == there - {"bridge_schema_version"}
        if series == "core":
            await _read_all(Stores.of(database, secrets, SystemClock()), before)


async def _read_all(stores: Stores, before: Rows) -> None:
    """Whatever today's gateway reads at its start, and shows to users."""
    count = len(VARIANTS)
    owners = [row["owner"] for row in before["accounts"]]
    assert len(await stores.accounts.all(BRIDGE)) + len(await stores.accounts.nicks(BRIDGE)) >= 1
    assert len(await stores.rooms.all(BRIDGE)) == count
    assert len(await stores.subscriptions.all(BRIDGE)) == count
    for owner in owners:
        await stores.accounts.settings(BRIDGE, owner, owner)
        await stores.preferences.read(BRIDGE, owner, owner)
        await stores.memory.recall(BRIDGE, owner, owner)
        await stores.archive.private(BRIDGE, owner)
    if "deliveries" in before:
        active = [row for row in before["deliveries"] if row["active"]]
        assert len(await stores.deliveries.active(BRIDGE)) == len(active)
    if "registrations" in before:
        assert len(await stores.access.registrations(BRIDGE)) == count
        assert len(await stores.access.rules(BRIDGE)) == count
        assert len(await stores.access.limits(BRIDGE)) == count
    if "contacts" in before:
        assert len(await stores.contacts.all(BRIDGE)) == count


@pytest.fixture(params=["sqlite", "postgresql"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[str]]:
    """Two empty databases."""
    if request.param == "sqlite":
        yield [f"sqlite:///{tmp_path / name}.db" for name in ("a", "b")]
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield [await server.create(name) for name in ("killed_a", "killed_b")]
    for name in ("killed_a", "killed_b"):
        await server.drop(name)


async def test_killed_in_the_midst_of_each_migration_it_goes_on_and_starts_at_once_migrate_once(
    two: list[str],
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.unit.storage.killed",
        *two,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert said.decode().rstrip().endswith("done"), said.decode()


def test_every_bridge_with_tables_is_among_them() -> None:
    assert {"email", "sms"} <= set(BRIDGES)
    assert all(isinstance(each, Schema) for each in BRIDGES.values())
