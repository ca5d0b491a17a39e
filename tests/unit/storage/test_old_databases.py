"""Databases that gateways of earlier commits have left behind, at work between Prosody and IRC servers: today's carries on
with them. ``old/coreN.sql`` is one whose schema had version N."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.clock import SystemClock
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.migrations import MIGRATIONS, VERSION_TABLE
from gateway.storage.schema import accounts, archive, deliveries
from gateway.storage.stores import Stores

OLD = sorted((Path(__file__).parent / "old").glob("core*.sql"))


def _loaded(dump: Path, path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text())
    return _counts(path)


def _counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("accounts", "archive", "archives", "deliveries", "delivery_keys")
        }


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
async def test_a_real_database_is_carried_on_with(dump: Path, tmp_path: Path, secrets: SecretBox) -> None:
    path = tmp_path / "causeway.db"
    before = _loaded(dump, path)
    assert all(before.values())
    async with opened(f"sqlite:///{path}", clock=SystemClock()) as database:
        newest = await database.read(select(func.max(VERSION_TABLE.c.number)))
        assert newest[0][0] == MIGRATIONS[-1].number
        stores = Stores.of(database, secrets, SystemClock())
        users = (await database.read(select(accounts.c.owner, accounts.c.network))) or []
        assert len(await stores.accounts.all("irc")) > 0
        for owner, network in users:
            await stores.preferences.read("irc", owner, network)
            await stores.archive.private("irc", owner)
        assert len(await stores.deliveries.active("irc")) <= before["deliveries"]
        bodies = await database.read(select(archive.c.body).where(archive.c.extra.is_(None)))
        assert any(row.body for row in bodies)
        assert {row.state for row in await database.read(select(deliveries.c.state))} <= {
            "queued",
            "accepted",
            "delivered",
            "read",
            "failed",
            "unknown",
        }
    assert _counts(path) == before


def test_there_are_some() -> None:
    assert len(OLD) >= 2
