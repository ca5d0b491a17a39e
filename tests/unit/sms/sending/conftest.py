"""A real SQLite with the tables of sending, and all that sends over them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.sending import tables as sending_tables
from gateway.bridge import Migration, Schema, Tables
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.rig.blank import lay
from tests.unit.sms.sending.office import Office

_METADATA = sending_tables.MESSAGES.metadata


async def _create(connection: AsyncConnection) -> None:
    await connection.run_sync(_METADATA.create_all)


SCHEMA = Schema(_METADATA, (Migration(1, "today's tables", _create),))


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[BridgeTables]:
    async with opened(lay(tmp_path / "test.db", "sms", SCHEMA), clock=SystemClock()) as database:
        yield BridgeTables(database)


@pytest.fixture
def office(tables: Tables, clock: ManualClock) -> Office:
    return Office(tables, clock)
