"""Backup and restore as operators type them: what is packed is what is there again, and nothing is changed by a failure."""

import asyncio
import hashlib
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.secrets import SecretBox
from gateway.storage.database import Database, opened
from gateway.storage.offline import file_in_use
from tests.unit.backup.conftest import typed


def _put(home: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "causeway.db")) as connection, connection:
        connection.execute(sql, values)


def _all(home: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "causeway.db")) as connection:
        return connection.execute(sql).fetchall()


def _account(home: Path, owner: str) -> None:
    _put(
        home,
        "INSERT INTO accounts VALUES ('irc', ?, 'libera', 'nick', 1, 0, '', 0)",
        owner,
    )


def _files(place: Path) -> dict[str, str]:
    return {
        path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.startswith("causeway.db")
    }


def test_everything_is_there_again_elsewhere(home: Path, elsewhere: Path, tmp_path: Path) -> None:
    _account(home, "ann@example.org")
    backup = tmp_path / "b.tar.gz"
    assert typed(home, "backup", backup, "--with-key") == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert typed(elsewhere, "restore", backup) == 0
    assert _files(elsewhere) == _files(home)
    assert _all(elsewhere, "SELECT owner FROM accounts") == [("ann@example.org",)]
    assert {path.name for path in home.iterdir()} == {
        "config.toml",
        "causeway.key",
        "causeway.db",
        "data",
        "media",
    }
    for path in elsewhere.rglob("*"):
        assert not path.name.startswith("."), "something was left behind"
        assert path.is_dir() or not stat.S_IMODE(path.stat().st_mode) & 0o077
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_key_lies_beside_the_database_only_if_that_is_wanted(
    home: Path, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(home, "backup", tmp_path / "b", "--key", tmp_path / "key") == 0
    assert (tmp_path / "key").read_bytes() == (home / "causeway.key").read_bytes()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with tarfile.open(tmp_path / "b") as tar:
        assert "causeway.key" not in tar.getnames()
    assert typed(elsewhere, "restore", tmp_path / "b") == 0
    assert "put the key file" in capsys.readouterr().out
    assert not (elsewhere / "causeway.key").exists()
    assert typed(home, "backup", tmp_path / "b2", "--key", tmp_path / "key") == 1, "there is a key already"
    assert not (tmp_path / "b2").exists()


def test_a_key_that_does_not_fit_is_noticed_before_anything_is_changed(
    home: Path, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SecretBox.create(elsewhere / "causeway.key")
    assert typed(home, "backup", tmp_path / "b") == 0
    assert typed(elsewhere, "restore", tmp_path / "b") == 1
    assert "does not open the passwords in this backup" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["causeway.key"]


def test_what_is_in_the_way_is_told_and_moved_aside_at_request(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(home, "backup", tmp_path / "b") == 0
    _account(home, "late@example.org")
    before = _files(home)
    assert typed(home, "restore", tmp_path / "b") == 1
    said = capsys.readouterr().err
    for name in ("causeway.db", "data/email", "media/given"):
        assert str(home / name) in said
    assert _files(home) == before
    assert typed(home, "restore", tmp_path / "b", "--force") == 0
    assert _all(home, "SELECT owner FROM accounts") == []
    (aside,) = home.glob("causeway.db.before-restore-*")
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT owner FROM accounts").fetchall() == [("late@example.org",)]
    (mails,) = (home / "data").glob("email.before-restore-*")
    assert (mails / "outbound/m1").read_text() == "a mail"


def test_a_configuration_that_is_there_says_where_everything_goes(
    home: Path, elsewhere: Path, tmp_path: Path
) -> None:
    config = elsewhere / "config.toml"
    config.write_text((home / "config.toml").read_text() + '[storage]\ndatabase = "sqlite:///other.db"\n')
    kept = config.read_text()
    assert typed(home, "backup", tmp_path / "b") == 0
    assert typed(elsewhere, "restore", tmp_path / "b") == 0
    assert config.read_text() == kept
    assert (elsewhere / "config.toml.from-backup").read_text() == (home / "config.toml").read_text()
    assert (elsewhere / "other.db").exists()


def test_files_that_the_configuration_names_are_to_be_put_in_place_first(
    home: Path, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, named = home / "config.toml", ("page-token", "smarthost-password")
    text = config.read_text().replace(
        "[bridges.email.trust]", 'password_file = "smarthost-password"\n[bridges.email.trust]'
    )
    config.write_text(f'[operator]\nlisten = "127.0.0.1:8480"\ntoken_file = "page-token"\n{text}')
    for name in named:
        (home / name).write_text("0123456789abcdef0123456789abcdef")
        (home / name).chmod(0o600)
    assert typed(home, "backup", tmp_path / "b") == 0
    assert typed(elsewhere, "restore", tmp_path / "b") == 1
    files = ", ".join(str(elsewhere / name) for name in named)
    assert (
        f"The configuration in the backup names files that backups do not hold: {files}. Put them there, then restore again."
        in capsys.readouterr().err
    )
    assert not list(elsewhere.iterdir())
    for name in named:
        shutil.copy2(home / name, elsewhere / name)
    assert typed(elsewhere, "restore", tmp_path / "b") == 0
    # What else is wrong is said of the backup's, by the name that it has there.
    (elsewhere / "config.toml").unlink()
    (elsewhere / "page-token").write_text("short")
    assert typed(elsewhere, "restore", tmp_path / "b") == 1
    said = capsys.readouterr().err
    assert "config.toml in the backup, line 3: operator.token_file is too easy to guess" in said
    assert ".restored" not in said
    assert f"Write a corrected one to {elsewhere / 'config.toml'}" in said


@pytest.mark.parametrize("cut", [0, 10, 0.3, 0.6, 0.95])
def test_a_backup_that_is_cut_off_changes_nothing(
    home: Path, elsewhere: Path, tmp_path: Path, cut: float
) -> None:
    backup = tmp_path / "b"
    assert typed(home, "backup", backup) == 0
    data = backup.read_bytes()
    backup.write_bytes(data[: int(cut if cut >= 1 else cut * len(data))])
    assert typed(elsewhere, "restore", backup) == 1
    assert list(elsewhere.iterdir()) == []


def test_a_newer_gateways_backup_is_refused(
    home: Path, elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _put(home, "INSERT INTO schema_version VALUES (99, 'future', 0)")
    assert typed(home, "backup", tmp_path / "b") == 0
    assert typed(elsewhere, "restore", tmp_path / "b") == 1
    assert "version 99 of its core tables" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_an_earlier_gateways_backup_is_migrated(home: Path, elsewhere: Path, tmp_path: Path) -> None:
    _put(home, "DROP TABLE bridge_schema_version")
    _put(home, "DELETE FROM schema_version WHERE number = 9")
    for (name,) in _all(home, "SELECT name FROM sqlite_master WHERE name LIKE 'email_%' AND type = 'table'"):
        _put(home, f"DROP TABLE {name}")
    for (name,) in _all(home, "SELECT name FROM sqlite_master WHERE name LIKE 'sms_%' AND type = 'table'"):
        _put(home, f"DROP TABLE {name}")
    assert typed(home, "backup", tmp_path / "b") == 0
    assert typed(elsewhere, "restore", tmp_path / "b") == 0
    assert _all(elsewhere, "SELECT max(number) FROM schema_version") == [(9,)]


def test_a_file_that_a_row_names_and_nobody_has_is_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _put(
        home,
        "INSERT INTO email_mails VALUES ('email', 'm2', 'ann@example.org', '', '<m2>', 'm2', 1, 0, '[]', '', 0)",
    )
    assert typed(home, "backup", tmp_path / "b") == 0
    assert "Missing already, though the database names it: data/email/outbound/m2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "said"), [("config.toml", "exists already"), ("nowhere/b", "cannot be read or written")]
)
def test_a_backup_goes_where_nothing_is(
    home: Path, target: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(home, "backup", home / target) == 1
    assert said in capsys.readouterr().err


def test_without_a_database_there_is_no_backup(home: Path, tmp_path: Path) -> None:
    (home / "causeway.db").unlink()
    assert typed(home, "backup", tmp_path / "b") == 1
    assert not (home / "causeway.db").exists()
    assert not (tmp_path / "b").exists()


@pytest.fixture
def used(home: Path) -> Iterator[None]:
    """Somebody has the database open, in a thread of their own."""
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(f"sqlite:///{home / 'causeway.db'}", clock=SystemClock()))
        yield
        runner.run(database.close())


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(
    "words", [("restore", "b", "--force"), ("db", "migrate"), ("db", "settle")], ids=lambda words: words[-1]
)
def test_nothing_is_changed_under_a_gateway_that_runs(
    home: Path, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    backup = tmp_path / "b"
    assert typed(home, "backup", backup) == 0
    assert file_in_use(home / "causeway.db")
    assert typed(home, *(str(backup) if word == "b" else word for word in words)) == 1
    assert "in use" in capsys.readouterr().err


async def test_a_database_that_nobody_uses_is_not_in_use(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with opened(f"sqlite:///{path}", clock=SystemClock()):
        assert await asyncio.to_thread(file_in_use, path)
    assert not await asyncio.to_thread(file_in_use, path)
    assert sorted(os.listdir(tmp_path)) == ["x.db"]
