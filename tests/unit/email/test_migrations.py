"""Databases of every age end with the tables of today."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.email.migrations import SCHEMA
from tests.rig.postgres import Postgres
from tests.unit.email.conftest import schema
from tests.unit.storage.described import assert_migrations_end_today


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'causeway.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield await server.create("email_migrations")
    await server.drop("email_migrations")


async def test_every_path_ends_in_the_tables_that_the_parts_declare(url: str) -> None:
    await assert_migrations_end_today(url, "email", SCHEMA, schema())
