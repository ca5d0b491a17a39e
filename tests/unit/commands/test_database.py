"""``causeway db``: what it tells of a database, and what it changes."""

import asyncio
import os
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway import cli
from gateway.backup.making import schemas_of
from gateway.backup.settled import upgrade
from gateway.clock import SystemClock
from gateway.config import installed_bridges, load
from gateway.secrets import SecretBox
from gateway.storage.database import Database
from gateway.storage.migrations import MIGRATIONS
from gateway.storage.urls import without_password
from gateway.storage.versions import CORE, RELEASES

CONFIG = '[bridges.irc]\njid = "irc.example.org"\nsecret = "hunter2"\n'
LATEST = MIGRATIONS[-1].number


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    SecretBox.create(tmp_path / "causeway.key")
    return path


def _made(config: Path, number: int) -> None:
    """A database of that age."""

    async def make() -> None:
        url = f"sqlite:///{config.parent / 'causeway.db'}"
        await (await Database.open(url, clock=SystemClock(), migrations=MIGRATIONS[:number])).close()

    asyncio.run(make())


def _version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT max(number) FROM schema_version").fetchone()[0])


def db(config: Path, *words: str) -> int:
    return cli.main(["db", *words, "-c", str(config)])


def test_status_tells_how_far_the_schema_is(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _made(config, LATEST)
    assert db(config, "status") == 0
    assert f"core    {LATEST}" in capsys.readouterr().out
    _made_older(config)
    assert db(config, "status") == 1
    assert "is migrated at the next start" in capsys.readouterr().out


def _made_older(config: Path) -> None:
    (config.parent / "causeway.db").unlink()
    _made(config, 3)


def test_nothing_is_made_by_looking(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status"], ["migrate"], ["settle"], ["downgrade-check", "1"]):
        assert db(config, *words) == 1
    assert "does not exist" in capsys.readouterr().err
    assert not (config.parent / "causeway.db").exists()


def test_migrate_tells_each_step_and_keeps_the_database_as_it_was(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made(config, 7)
    assert db(config, "migrate") == 0
    out = capsys.readouterr().out
    assert f"core 8: {MIGRATIONS[7].name}" in out
    assert _version(config.parent / "causeway.db") == LATEST
    (kept,) = config.parent.glob("causeway.db.before-migration-*")
    assert _version(kept) == 7
    assert db(config, "migrate") == 0
    assert "nothing to migrate" in capsys.readouterr().out
    assert len(list(config.parent.glob("causeway.db.before-migration-*"))) == 1


def test_no_copy_is_kept_if_that_is_not_wanted(config: Path) -> None:
    _made(config, 7)
    assert db(config, "migrate", "--no-backup") == 0
    assert _version(config.parent / "causeway.db") == LATEST
    assert not list(config.parent.glob("*.before-migration-*"))


@pytest.mark.parametrize("words", [["migrate"], ["settle"]])
def test_a_database_of_a_newer_causeway_is_left_alone(
    config: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _made(config, LATEST)
    file = config.parent / "causeway.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'future', 0)")
    assert db(config, *words) == 1
    assert "install the newer Causeway" in capsys.readouterr().err
    assert db(config, "status") == 1
    assert "too new" in capsys.readouterr().out


def test_what_an_older_causeway_would_not_know_is_told_with_what_would_be_lost(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made(config, LATEST)
    with closing(sqlite3.connect(config.parent / "causeway.db")) as connection, connection:
        connection.execute(
            "INSERT INTO accounts VALUES ('irc', 'ann@example.org', 'libera', 'ann', 1, 0, '', 9e9)"
        )
    assert db(config, "downgrade-check", "core=7") == 1
    out = capsys.readouterr().out
    assert "core=7 refuses to start" in out
    assert MIGRATIONS[7].name in out
    assert "1 accounts" in out
    for same in (str(LATEST), version("causeway")):
        assert db(config, "downgrade-check", same) == 0
    assert db(config, "downgrade-check", "yesterday's") == 2


def test_the_running_release_is_known_with_the_schema_that_it_has() -> None:
    """If this fails after a migration was added: before the first release with it, change that release's line; afterwards
    add a line."""
    plugins = {kind: plugin() for kind, plugin in installed_bridges().items()}
    ours = {
        kind: plugin.schema.migrations[-1].number
        for kind, plugin in plugins.items()
        if plugin.schema is not None
    }
    assert RELEASES[version("causeway")] == {CORE: LATEST, **ours}


async def test_upgrading_settings_of_all_bridges(config: Path) -> None:
    settings = load(config, os.environ)
    await upgrade(settings.storage.database, schemas_of(settings), SystemClock())
    assert _version(config.parent / "causeway.db") == LATEST


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p%20w@h:5/db", "postgresql://u@h:5/db"),
        ("postgresql://h/db", "postgresql://h/db"),
        ("postgresql://u:p/w?#@h/db", "postgresql://u@h/db"),
        ("postgresql://u@h/db?password=p&ssl=1", "postgresql://u@h/db?ssl=1"),
        ("postgresql://u@h/db?password=p", "postgresql://u@h/db"),
        ("postgresql://u@h/db?sslmode=require", "postgresql://u@h/db?sslmode=require"),
    ],
)
def test_passwords_are_left_out_of_what_is_to_be_pasted(url: str, shown: str) -> None:
    assert without_password(url) == shown
