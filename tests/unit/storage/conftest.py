"""Every test that asks for ``url`` or ``database`` runs on SQLite and on a real PostgreSQL."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.secrets import SecretBox
from gateway.storage.database import Database, opened
from tests.rig.postgres import Postgres

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'causeway.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    yield await server.create(name)
    await server.drop(name)


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
async def database(url: str, clock: SystemClock) -> AsyncIterator[Database]:
    async with opened(url, clock=clock, busy_timeout=0.2) as database:
        yield database


@pytest.fixture
def secrets() -> SecretBox:
    return SecretBox(bytes(range(32)), "The test key")
