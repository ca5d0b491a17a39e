"""Opening a database: what a person reads when it cannot be opened, and what opening leaves on the disk."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.engine import make_url

from gateway.clock import SystemClock
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError, Trouble
from gateway.storage.migrations import MIGRATIONS, VERSION_TABLE
from tests.rig.postgres import PASSWORD, Postgres


async def refusal(url: str) -> StorageError:
    with pytest.raises(StorageError) as caught:
        await Database.open(url, clock=SystemClock(), busy_timeout=0.1)
    assert PASSWORD not in str(caught.value)
    return caught.value


def modes(directory: Path) -> dict[str, int]:
    return {found.name: stat.S_IMODE(found.stat().st_mode) for found in directory.iterdir()}


async def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "causeway.db"
    async with opened(f"sqlite:///{path}", clock=SystemClock()) as database:
        await database.write(text("UPDATE accounts SET nick = nick"))
        found = modes(tmp_path)
    assert found == {"causeway.db": 0o600, "causeway.db-shm": 0o600, "causeway.db-wal": 0o600}


async def test_sqlite_commits_survive_a_power_cut(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'causeway.db'}", clock=SystemClock()) as database:
        writer = await database._writer.connection()
        settings = [
            (await writer.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 2, 1, 5000]


async def test_a_reader_cannot_write_sqlite(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'causeway.db'}", clock=SystemClock()) as database:
        with pytest.raises(StorageError):
            await database.read(text("DELETE FROM accounts RETURNING nick"))


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    error = await refusal(f"sqlite:///{tmp_path}/nowhere/causeway.db")
    assert error.trouble is Trouble.DIRECTORY
    assert f"{tmp_path}/nowhere" in str(error)
    assert "create it" in str(error)


@pytest.mark.parametrize(
    "content", [b"hello, this is a text file and no database at all", b"SQLite format 3"]
)
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    error = await refusal(f"sqlite:///{path}")
    assert error.trouble is Trouble.NOT_A_DATABASE
    assert str(path) in str(error)
    assert path.read_bytes() == content


async def test_a_damaged_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "causeway.db"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    error = await refusal(f"sqlite:///{path}")
    assert error.trouble is Trouble.NOT_A_DATABASE


async def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    error = await refusal(f"sqlite:///{tmp_path}")
    assert "directory" in str(error)


def test_an_unreadable_file_says_to_give_access(tmp_path: Path) -> None:
    path = tmp_path / "causeway.db"
    path.write_bytes(b"")
    path.chmod(0)
    code = (
        "import asyncio, sys\n"
        "from gateway.clock import SystemClock\n"
        "from gateway.storage.database import Database\n"
        "from gateway.storage.errors import StorageError\n"
        "try: asyncio.run(Database.open(sys.argv[1], clock=SystemClock()))\n"
        "except StorageError as error: print(error.trouble.value, error)\n"
    )
    without: list[str] = []
    if os.geteuid() == 0:  # root may read everything, unless it gives up the right to
        os.chown(path, 65534, 65534)
        powers = "-dac_override,-dac_read_search"
        without = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]
    done = subprocess.run(
        [*without, sys.executable, "-c", code, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("permission"), done.stderr
    assert "give the user that runs Causeway read and write access" in done.stdout
    assert str(path) in done.stdout


@pytest.mark.parametrize(
    "url",
    [
        "",
        "causeway.db",
        "mysql://root@localhost/x",
        "sqlite+pysqlite:///x",
        "postgresql://u:hunter2@h:x/d",
        "postgresql://u:an@hunter2@h:1/d",
        "postgresql://u:an@h/hunter2@h:1/d",
    ],
)
async def test_a_url_that_is_not_understood_is_not_repeated(url: str) -> None:
    error = await refusal(url)
    assert error.trouble is Trouble.URL
    assert "sqlite:///" in str(error)
    assert "hunter2" not in str(error)


async def test_sqlite_locked_at_the_start_is_said_to_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "causeway.db"
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = await refusal(f"sqlite:///{path}")
        other.execute("ROLLBACK")
    other.close()
    assert error.trouble is Trouble.LOCKED


async def test_postgresql_refusing_the_password_says_so(postgres: Postgres) -> None:
    error = await refusal(postgres.url("postgres", password="wrong"))
    assert error.trouble is Trouble.CREDENTIALS
    assert "127.0.0.1" in str(error)
    assert "wrong" not in str(error)


async def test_a_missing_postgresql_database_is_named(postgres: Postgres) -> None:
    error = await refusal(postgres.url("nowhere"))
    assert error.trouble is Trouble.MISSING
    assert "database nowhere" in str(error)


@pytest.mark.parametrize(
    ("host", "detail"),
    [("127.0.0.1:1", "connection refused"), ("nowhere.invalid", "the host name is unknown")],
)
async def test_an_unreachable_postgresql_is_named(host: str, detail: str) -> None:
    error = await refusal(f"postgresql://u:p@{host}/causeway")
    assert error.trouble is Trouble.UNREACHABLE
    assert host in str(error)
    assert detail in str(error)


async def test_a_database_from_the_future_is_left_alone(url: str, clock: SystemClock) -> None:
    async with opened(url, clock=clock) as database:
        await database.write(insert(VERSION_TABLE), {"number": 99, "name": "flying cars", "applied": 0.0})
    error = await refusal(url)
    assert error.trouble is Trouble.FUTURE
    assert "version 99" in str(error)
    assert f"up to {MIGRATIONS[-1].number}" in str(error)
    assert "install the newer Causeway" in str(error)


async def test_a_database_of_another_program_is_left_alone(url: str, request: pytest.FixtureRequest) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(make_url(url).database or "") as other:
            other.execute("CREATE TABLE accounts (id)")
        other.close()
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        connection = await postgres.connect(make_url(url).database or "")
        await connection.execute("CREATE TABLE accounts (id int)")
        await connection.close()
    error = await refusal(url)
    assert "another program" in str(error)
    assert "a database of its own" in str(error)


async def test_an_open_that_fails_leaves_no_thread_and_no_task(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    before = asyncio.all_tasks()
    await refusal(f"sqlite:///{path}")
    assert asyncio.all_tasks() == before


async def test_a_file_that_is_not_at_its_place_any_more_is_seen_and_no_other_is_made_there(
    tmp_path: Path,
) -> None:
    path, kept = tmp_path / "causeway.db", tmp_path / "kept.db"
    async with opened(f"sqlite:///{path}", clock=SystemClock()) as database:
        await database.in_place()
        path.rename(kept)
        with pytest.raises(StorageError) as caught:
            await database.in_place()
        assert caught.value.trouble is Trouble.MOVED
        with pytest.raises(StorageError):
            await database.read(text("SELECT * FROM accounts"))
        assert not path.exists()
        path.touch()
        with pytest.raises(StorageError, match="moved away or replaced"):
            await database.in_place()
        kept.replace(path)
        await database.in_place()
        assert not await database.read(text("SELECT * FROM accounts"))


async def test_a_database_can_be_closed_before_its_writer_began(url: str) -> None:
    async with opened(url, clock=SystemClock()) as database:
        database.post(text("UPDATE accounts SET nick = nick"), {})
    assert (database.counts.waiting, database.counts.lost) == (0, 0)


async def test_a_writer_runs_once(url: str) -> None:
    async with opened(url, clock=SystemClock()) as database:
        await database.flush()
        with pytest.raises(RuntimeError, match="once"):
            await database.run()
