"""What is tried of a PostgreSQL database."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import side_by_side
from gateway.clock import SystemClock
from gateway.config import load
from gateway.doctor.keeping import of_storage
from gateway.init import init
from gateway.settings import Settings
from gateway.storage.database import Database
from gateway.storage.errors import StorageError, Trouble
from gateway.storage.migrations import MIGRATIONS
from gateway.storage.offline import looking
from gateway.storage.versions import applied
from tests.rig.postgres import Postgres


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "config.toml"
    init("irc.example.org", "irc", "prosody", config, force=False, out=StringIO())
    return load(config, {})


async def looked(settings: Settings, url: str) -> dict[str, Finding]:
    there = replace(settings, storage=settings.storage.model_copy(update={"database": url}))
    found = [each async for each in side_by_side(of_storage(there, SystemClock(), None))]
    return {each.subject: each for each in found}


async def test_it_is_looked_at_and_neither_filled_nor_migrated(
    settings: Settings, postgres: Postgres
) -> None:
    url = await postgres.create("doctor")
    try:
        found = await looked(settings, url)
        assert "its tables will be made at the first start" in found["database"].text
        assert found["commits"].text.startswith("PostgreSQL ")
        assert "database file" not in found
        await (await Database.open(url, clock=SystemClock(), migrations=MIGRATIONS[:4])).close()
        found = await looked(settings, url)
        assert found["database"].verdict is Verdict.NOTE
        assert f"(version 4 to {MIGRATIONS[-1].number})" in found["database"].text
        async with looking(url) as connection:
            assert len(await applied(connection, "It")) == 4
        await (await Database.open(url, clock=SystemClock())).close()
        found = await looked(settings, url)
        assert {each.verdict for each in found.values()} == {Verdict.OK}
        assert found["stored passwords"].text == "There are none yet."
    finally:
        await postgres.drop("doctor")
    assert (await looked(settings, url))["database"].verdict is Verdict.FAIL


async def test_who_looks_cannot_write(postgres: Postgres) -> None:
    url = await postgres.create("readonly")
    try:
        with pytest.raises(StorageError) as caught:
            async with looking(url) as connection:
                await connection.execute(text("CREATE TABLE t (a integer)"))
        assert caught.value.trouble is Trouble.PERMISSION
    finally:
        await postgres.drop("readonly")
