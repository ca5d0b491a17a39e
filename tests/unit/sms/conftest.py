"""A database with the SMS bridge's tables, a clock and chance that the test owns."""

import importlib
import pkgutil
import random
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

import bridges.sms
from bridges.sms.schema import METADATA
from gateway.bridge import Migration, Schema, Services
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.rig.blank import lay


async def _create(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all)


@cache
def schema() -> Schema:
    """All tables of the bridge, in one step."""
    for module in pkgutil.walk_packages(bridges.sms.__path__, "bridges.sms."):
        importlib.import_module(module.name)
    return Schema(METADATA, (Migration(1, "today's tables", _create),))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[BridgeTables]:
    async with opened(lay(tmp_path / "test.db", "sms", schema()), clock=SystemClock()) as database:
        yield BridgeTables(database)


@pytest.fixture
def services(tables: BridgeTables, clock: ManualClock, tmp_path: Path) -> Services:
    return Services(clock, random.Random(1), "1.0", name="sms", tables=tables, directory=tmp_path)
