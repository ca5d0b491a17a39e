"""A copy of an SQLite database that somebody writes to, as of one moment. Knows no table."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_PAGES = 2_000  # 8 MB at a time
_PATIENCE = 10.0


class Damaged(Exception):
    """A database that is not in order; the text says what SQLite says."""


def copy(source: Path, target: Path, told: Callable[[int, int], None] = lambda done, all_: None) -> None:
    """Copy ``source`` to ``target``, which is made, mode 0600, on disk when this returns. ``told`` hears of pages done and
    of all. Raises ``sqlite3.Error``, ``OSError``, ``Damaged``.

    In WAL mode readers keep no writer waiting. The transaction that we hold makes all steps see one moment; without it
    every change would make the copy begin anew.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    uri = f"{source.absolute().as_uri()}?mode=rw"  # a reader of a WAL has to be able to write the index of it
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        reader.execute("PRAGMA query_only=ON")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        reader.backup(writer, pages=_PAGES, progress=lambda status, left, all_: told(all_ - left, all_))
        reader.execute("ROLLBACK")
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
    check(target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def check(path: Path) -> None:
    """Raises ``Damaged``."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("PRAGMA integrity_check(5)").fetchall()
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from None
    if rows != [("ok",)]:
        raise Damaged("; ".join(str(row[0]) for row in rows))
