"""What is tried of the database and the key: whole, fast enough, and belonging together."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Select, select, text

from gateway.bridge import Clock, Finding, Verdict
from gateway.doctor.examination import Examination
from gateway.secrets import SecretBox, SecretError
from gateway.settings import StorageSettings
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError
from gateway.storage.schema import account_settings, bridge_memory, preferences, rooms

#: Seconds that a look through the whole database may take.
_LOOKING = 8.0
#: Seconds of one commit from which on users feel it.
_SLOW = 0.1
#: Bytes of a write-ahead log that somebody must be holding up.
_WAL = 512_000_000
_STEPS = 100_000  # of SQLite, between two looks at the clock
_SAMPLE = 20


def of_storage(storage: StorageSettings, clock: Clock, database: Database | None) -> list[Examination]:
    """``database``: the running gateway's; None: it is opened, if it is there."""
    return [Examination("database", lambda: _database(storage, clock, database))]


async def _database(
    storage: StorageSettings, clock: Clock, database: Database | None
) -> AsyncIterator[Finding]:
    file = storage.database_file
    if database is None and file is not None and not file.exists():
        # Opening would make it, owned by whoever asks, who may be root.
        yield _to_be_made(file)
        return
    async with AsyncExitStack() as stack:
        try:
            if database is None:
                database = await stack.enter_async_context(opened(storage.database, clock=clock))
            yield Finding(Verdict.OK, f"{database.place} answers.")
            async for finding in _sealed(storage, database):
                yield finding
            async for finding in _commit(database, file, clock):
                yield finding
        except StorageError as error:
            yield Finding(Verdict.FAIL, str(error))
            return
    if file is not None:
        yield await asyncio.to_thread(_whole, file)
        yield _log(file)


def _to_be_made(file: Path) -> Finding:
    if not file.parent.is_dir():
        text = f"The directory {file.parent} for the database does not exist: create it, or correct storage.database."
        return Finding(Verdict.FAIL, text)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return Finding(
            Verdict.FAIL,
            f"The database {file} cannot be made: give the user that runs Causeway write access to {file.parent}.",
        )
    return Finding(Verdict.OK, f"{file} will be made at the first start.")


# -- the key ----------------------------------------------------------------------------------------------------


def _samples() -> list[Select[tuple[str]]]:
    tables = (account_settings, bridge_memory, preferences)
    queries = [select(each.c.value).where(each.c.secret).limit(_SAMPLE) for each in tables]
    return [*queries, select(rooms.c.password).where(rooms.c.password.is_not(None)).limit(_SAMPLE)]


async def _sealed(storage: StorageSettings, database: Database) -> AsyncIterator[Finding]:
    """Whether the key is the one that what is stored was sealed with."""
    subject = "stored passwords"
    try:
        key = await asyncio.to_thread(SecretBox.load, storage.key_file)
    except SecretError:
        return  # said of the key file already
    sealed = [row[0] for query in _samples() for row in await database.read(query)]
    foreign = [wrong for each in sealed if (wrong := _foreign(key, each))]
    if foreign:
        text = f"{len(foreign)} of {len(sealed)} stored passwords cannot be read. {foreign[0]}"
        yield Finding(Verdict.FAIL, text, subject)
    elif sealed:
        yield Finding(Verdict.OK, "The key file opens what is stored.", subject)
    else:
        yield Finding(Verdict.OK, "There are none yet.", subject)


def _foreign(key: SecretBox, sealed: str) -> str:
    """Why a key is not the one something was sealed with; what it was bound to does not matter for that."""
    try:
        key.open(sealed, "")
    except SecretError as error:
        return str(error) if error.wrong_key else ""
    return ""


# -- speed ------------------------------------------------------------------------------------------------------


async def _commit(database: Database, file: Path | None, clock: Clock) -> AsyncIterator[Finding]:
    subject = "commits"
    if database.dialect == "postgresql":
        version = (await database.read(text("SHOW server_version")))[0][0]
        begun = clock.monotonic()
        await database.read(text("SELECT 1"))
        seconds = clock.monotonic() - begun
        yield Finding(
            Verdict.OK if seconds < _SLOW else Verdict.NOTE,
            f"PostgreSQL {version} answers in {seconds * 1000:.1f} ms.",
            subject,
        )
    elif file is not None:
        try:
            seconds = await asyncio.to_thread(_synced, file.parent)
        except OSError as error:
            why = error.strerror or str(error)
            yield Finding(Verdict.FAIL, f"Nothing can be written to {file.parent}: {why}.", subject)
            return
        if seconds < _SLOW:
            yield Finding(
                Verdict.OK, f"The disk keeps what is written within {seconds * 1000:.1f} ms.", subject
            )
        else:
            yield Finding(
                Verdict.NOTE,
                f"The disk takes {seconds * 1000:.0f} ms to keep what is written, and private messages wait for it: a "
                "faster disk helps many users.",
                subject,
            )


def _synced(directory: Path) -> float:
    """Seconds until 4 KiB are on the disk, the best of three."""
    path = directory / f".causeway-doctor.{os.getpid()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        seconds = []
        for _ in range(3):
            begun = time.monotonic()
            os.write(descriptor, b"\0" * 4096)
            os.fsync(descriptor)
            seconds.append(time.monotonic() - begun)
        return min(seconds)
    finally:
        os.close(descriptor)
        path.unlink()


# -- SQLite -----------------------------------------------------------------------------------------------------


def _whole(file: Path) -> Finding:
    """Look through all of it on a connection of our own that cannot write, for so long as nobody is kept waiting."""
    subject = "database file"
    until = time.monotonic() + _LOOKING
    size = file.stat().st_size / 1e6
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            said = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as error:
        if time.monotonic() > until:
            text = f"{size:.0f} MB are too much to look through within {_LOOKING:.0f} seconds; what was seen is whole."
            return Finding(Verdict.OK, text, subject)
        return Finding(Verdict.UNKNOWN, f"It could not be looked through: {error}.", subject)
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    if said == ["ok"]:
        return Finding(Verdict.OK, f"{size:.1f} MB, and whole.", subject)
    return Finding(
        Verdict.FAIL,
        f"{file} is damaged ({said[0][:200]}): stop the gateway, keep a copy of the file, and restore a backup (`causeway "
        "restore`).",
        subject,
    )


def _log(file: Path) -> Finding:
    subject = "database log"
    log = file.with_name(f"{file.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size < _WAL:
        return Finding(Verdict.OK, f"{size / 1e6:.1f} MB.", subject)
    return Finding(
        Verdict.NOTE,
        f"{log.name} has grown to {size / 1e6:.0f} MB: some other program reads the database all the time; end it.",
        subject,
    )
