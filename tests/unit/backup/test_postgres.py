"""With PostgreSQL its own tools keep the database, and the backup all else; settling is a command of its own."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from gateway.backup.making import schemas_of
from gateway.backup.settled import upgrade
from gateway.clock import SystemClock
from gateway.config import load
from gateway.storage.database import Database
from gateway.storage.offline import in_use, transaction
from gateway.storage.schema import deliveries
from tests.rig.postgres import Postgres
from tests.unit.backup.conftest import typed

_ROW = {column.name: "" if column.type.python_type is str else 0 for column in deliveries.columns} | {
    "inbound": False,
    "room": False,
    "receipt": False,
    "markable": False,
    "handed": True,
    "active": True,
    "id": "waits",
    "state": "queued",
}


@pytest.fixture
def served(home: Path, postgres: Postgres) -> Iterator[Path]:
    """The home of a gateway whose database is PostgreSQL's, with a message that waits."""
    url = asyncio.run(postgres.create("kept"))
    (home / "causeway.db").unlink()
    config = home / "config.toml"
    config.write_text(f'{config.read_text()}[storage]\ndatabase = "{url}"\n')

    async def make() -> None:
        await upgrade(url, schemas_of(load(config, os.environ)), SystemClock())
        async with transaction(url) as connection:
            await connection.execute(insert(deliveries), _ROW)

    asyncio.run(make())
    yield home
    asyncio.run(postgres.drop("kept"))


def test_all_but_the_database_is_packed_and_the_line_for_the_rest_is_said(
    served: Path, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(served, "backup", tmp_path / "b") == 0
    out = capsys.readouterr().out
    assert "pg_dump --format=custom --file=causeway.dump 'postgresql://postgres@127.0.0.1:" in out
    assert "correct" not in out, "the password"
    assert typed(elsewhere, "restore", tmp_path / "b") == 0
    out = capsys.readouterr().out
    assert "pg_restore --clean --if-exists" in out
    assert "causeway db settle" in out
    assert (elsewhere / "data/email/outbound/m1").read_text() == "a mail"


def test_what_waits_is_settled_and_the_schema_looked_at(
    served: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(served, "db", "status") == 0
    assert typed(served, "db", "migrate") == 0
    assert typed(served, "db", "settle") == 0
    assert "1 messages waited" in capsys.readouterr().out

    async def state() -> str:
        async with transaction(load(served / "config.toml", os.environ).storage.database) as connection:
            return str((await connection.execute(select(deliveries.c.state))).scalar_one())

    assert asyncio.run(state()) == "unknown"


def test_nothing_is_settled_under_a_gateway_that_runs(
    served: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = load(served / "config.toml", os.environ).storage.database
    with asyncio.Runner() as runner:
        assert not runner.run(in_use(url))
        database = runner.run(Database.open(url, clock=SystemClock()))
        assert typed(served, "db", "settle") == 1
        runner.run(database.close())
    assert "in use" in capsys.readouterr().err


def test_a_backup_of_one_kind_of_database_is_not_restored_to_the_other(
    served: Path, tmp_path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(served, "backup", tmp_path / "b") == 0
    config = elsewhere / "config.toml"
    config.write_text((served / "config.toml").read_text().partition("[storage]")[0])
    assert typed(elsewhere, "restore", tmp_path / "b") == 1
    assert "names an SQLite file" in capsys.readouterr().err
