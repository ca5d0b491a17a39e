"""The bridge's tables on SQLite and PostgreSQL, for stores whose SQL is to run on both."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.schema import CreateTable

from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.rig.postgres import Postgres
from tests.unit.email.composing.stage import OUTBOX, Stage
from tests.unit.email.conftest import schema

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BridgeTables]:
    name = f"composing{next(_numbers)}"
    url = f"sqlite:///{tmp_path / 'both.db'}"
    server: Postgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        assert server is not None
        url = await server.create(name)
    async with opened(url, clock=SystemClock()) as database:
        await database.adopt("email", schema(), SystemClock())
        yield BridgeTables(database)
    if server is not None:
        await server.drop(name)


@pytest.fixture
async def mail_tables(tables: BridgeTables) -> BridgeTables:
    """SQLite, with the table of the outbox of these tests."""
    await tables.write((CreateTable(OUTBOX), None))
    return tables


@pytest.fixture
async def stage(mail_tables: BridgeTables, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Stage]:
    """A composer that runs."""
    async with Stage(mail_tables, clock, tmp_path).running() as stage:
        await stage.idle()
        yield stage
