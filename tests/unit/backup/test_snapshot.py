"""Copies of a database that is written to: of one moment, whole, and in nobody's way."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.backup.gathering import holding
from gateway.backup.snapshot import Damaged, check, copy


def _database(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER, c TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, 0, ?)", ((n, "x" * 500) for n in range(rows)))


def test_a_copy_is_of_one_moment_and_keeps_no_writer_waiting(tmp_path: Path) -> None:
    source, target = tmp_path / "s.db", tmp_path / "t.db"
    _database(source, 40_000)  # several steps
    steps = 0
    writer = sqlite3.connect(source, timeout=0, isolation_level=None)

    def step(done: int, all_: int) -> None:
        """Between two steps of the copy somebody changes every row."""
        nonlocal steps
        steps += 1
        writer.execute("UPDATE t SET b = b + 1")

    with closing(writer):
        copy(source, target, step)
        assert writer.execute("SELECT DISTINCT b FROM t").fetchall() == [(steps,)]
    assert steps > 1
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT DISTINCT b FROM t").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (40_000,)
    assert not list(tmp_path.glob("t.db-*"))


def test_a_database_that_is_damaged_is_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "s.db"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", (("x" * 500,) for _ in range(100)))
    data = bytearray(source.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    source.write_bytes(data)
    with pytest.raises(Damaged):
        copy(source, tmp_path / "t.db")


def test_other_files_are_no_databases(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_text("hello" * 1000)
    with pytest.raises(Damaged):
        check(tmp_path / "s.db")


def test_files_are_held_while_others_delete_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "early").write_text("1")
    with holding(tmp_path) as held:
        held.hold()
        (tmp_path / "a" / "early").unlink()
        (tmp_path / "a" / "late").write_text("2")
        held.hold()
        (tmp_path / "a" / "late").unlink()
        assert {name: path.read_text() for name, path in held.files().items()} == {
            "a/early": "1",
            "a/late": "2",
        }
        held.release()
        assert held.files() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_held_of_what_is_not_there(tmp_path: Path) -> None:
    with holding(tmp_path / "nothing") as held:
        held.hold()
        assert held.files() == {}
    assert list(tmp_path.iterdir()) == []


def test_links_and_what_a_killed_backup_left_are_not_held(tmp_path: Path) -> None:
    (tmp_path / ".backup-1").mkdir()
    (tmp_path / ".backup-1" / "old").write_text("1")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with holding(tmp_path) as held:
        held.hold()
        assert held.files() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_files_that_vanish_while_they_are_looked_at_do_no_harm(tmp_path: Path) -> None:
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            for number in range(50):
                (tmp_path / f"f{number}").write_text("x")
            for number in range(50):
                (tmp_path / f"f{number}").unlink()

    busy = threading.Thread(target=come_and_go)
    busy.start()
    try:
        with holding(tmp_path) as held:
            for _ in range(20):
                held.hold()
    finally:
        over.set()
        busy.join()
