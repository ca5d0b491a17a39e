"""What is tried of the database and the key: whole, fast enough, and belonging together."""

import asyncio
import errno
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Connection, Executable, Row, Select, inspect, select, text

from gateway.bridge import Clock, Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.check_storage import before_looking, of_schema, place_of
from gateway.secrets import SecretBox, SecretError
from gateway.settings import Settings, StorageSettings
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.offline import looking
from gateway.storage.schema import account_settings, bridge_memory, preferences, rooms
from gateway.storage.sqlite_file import only_looking
from gateway.storage.versions import applied

Read = Callable[[Executable], Awaitable[Sequence[Row[Any]]]]

#: Seconds that a look through the whole database may take.
_LOOKING = 8.0
#: Seconds of one commit from which on users feel it.
_SLOW = 0.1
#: Bytes of a write-ahead log that somebody must be holding up.
_WAL = 512_000_000
_STEPS = 100_000  # of SQLite, between two looks at the clock
_SAMPLE = 20
_SEALED = (account_settings, bridge_memory, preferences, rooms)
#: Of file systems and kernels that know no files without a name.
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})


def of_storage(settings: Settings, clock: Clock, database: Database | None) -> list[Examination]:
    """``database``: the running gateway's; None: it is looked at, if it is there, and nothing of it changed."""
    return [
        Examination(
            "database",
            (lambda: _running(settings, clock, database))
            if database is not None
            else (lambda: _resting(settings, clock)),
        )
    ]


async def _running(settings: Settings, clock: Clock, database: Database) -> AsyncIterator[Finding]:
    storage = settings.storage
    try:
        await database.in_place()
        yield Finding(Verdict.OK, f"{database.place} answers.")
        yield await _sealed(storage, database.read)
        if database.dialect == "postgresql":
            yield await _answering(database.read, clock)
    except StorageError as error:
        yield Finding(Verdict.FAIL, str(error))
        return
    if (file := storage.database_file) is not None:
        async for finding in _of_file(file, {}):
            yield finding


async def _resting(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    storage = settings.storage
    file, place = storage.database_file, place_of(storage)
    if file is not None and (found := before_looking(file)) is not None:
        yield found
        return
    try:
        async with looking(storage.database) as connection:

            async def read(query: Executable) -> Sequence[Row[Any]]:
                return (await connection.execute(query)).all()

            found = of_schema(settings, place, await applied(connection, place))
            yield found
            if found.verdict is Verdict.OK and await connection.run_sync(_has_all):
                yield await _sealed(storage, read)
            if connection.dialect.name == "postgresql":
                yield await _answering(read, clock)
    except StorageError as error:
        yield Finding(Verdict.FAIL, str(error))
        return
    if file is not None:
        async for finding in _of_file(file, only_looking(file)):
            yield finding


def _has_all(connection: Connection) -> bool:
    return all(inspect(connection).has_table(each.name) for each in _SEALED)


async def _of_file(file: Path, query: Mapping[str, str]) -> AsyncIterator[Finding]:
    """``query``: of the URI that it is opened with."""
    if (found := await asyncio.to_thread(_commit, file.parent)) is not None:
        yield found
    yield await asyncio.to_thread(_whole, file, query)
    yield _log(file)


# -- the key ----------------------------------------------------------------------------------------------------


def _samples() -> list[Select[tuple[str]]]:
    tables = (account_settings, bridge_memory, preferences)
    queries = [select(each.c.value).where(each.c.secret).limit(_SAMPLE) for each in tables]
    return [*queries, select(rooms.c.password).where(rooms.c.password.is_not(None)).limit(_SAMPLE)]


async def _sealed(storage: StorageSettings, read: Read) -> Finding:
    """Whether the key is the one that what is stored was sealed with."""
    subject = "stored passwords"
    try:
        key = await asyncio.to_thread(SecretBox.load, storage.key_file)
    except SecretError:
        return Finding(Verdict.UNKNOWN, "They cannot be tried before the key file is right.", subject)
    sealed = [row[0] for query in _samples() for row in await read(query)]
    foreign = [wrong for each in sealed if (wrong := _foreign(key, each))]
    if foreign:
        text = f"{len(foreign)} of {len(sealed)} stored passwords cannot be read. {foreign[0]}"
        return Finding(Verdict.FAIL, text, subject)
    if sealed:
        return Finding(Verdict.OK, "The key file opens what is stored.", subject)
    return Finding(Verdict.OK, "There are none yet.", subject)


def _foreign(key: SecretBox, sealed: str) -> str:
    """Why a key is not the one something was sealed with; what it was bound to does not matter for that."""
    try:
        key.open(sealed, "")
    except SecretError as error:
        return str(error) if error.wrong_key else ""
    return ""


# -- speed ------------------------------------------------------------------------------------------------------


async def _answering(read: Read, clock: Clock) -> Finding:
    version = (await read(text("SHOW server_version")))[0][0]
    begun = clock.monotonic()
    await read(text("SELECT 1"))
    seconds = clock.monotonic() - begun
    said = f"PostgreSQL {version} answers in {seconds * 1000:.1f} ms."
    if seconds < _SLOW:
        return Finding(Verdict.OK, said, "commits")
    return Finding(Verdict.NOTE, f"{said} A nearer or less busy server helps many users.", "commits")


def _commit(directory: Path) -> Finding | None:
    """None where the file system does not let it be tried without leaving a trace."""
    subject = "commits"
    try:
        seconds = _synced(directory)
    except OSError as error:
        if error.errno in _NO_NAMELESS:
            return None
        why = error.strerror or str(error)
        return Finding(Verdict.FAIL, f"Nothing can be written to {directory}: {why}.", subject)
    if seconds < _SLOW:
        return Finding(Verdict.OK, f"The disk keeps what is written within {seconds * 1000:.1f} ms.", subject)
    return Finding(
        Verdict.NOTE,
        f"The disk takes {seconds * 1000:.0f} ms to keep what is written, and private messages wait for it: a "
        "faster disk helps many users.",
        subject,
    )


def _synced(directory: Path) -> float:
    """Seconds until 4 KiB are on the disk, the best of three; in a file without a name, so that nobody sees it."""
    descriptor = os.open(directory, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
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


# -- SQLite -----------------------------------------------------------------------------------------------------


def _whole(file: Path, query: Mapping[str, str]) -> Finding:
    """Look through all of it on a connection of our own that cannot write, for so long as nobody is kept waiting."""
    subject = "database file"
    until = time.monotonic() + _LOOKING
    try:
        size = file.stat().st_size / 1e6
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Finding(Verdict.FAIL, f"{file} cannot be looked at: {why}.", subject)
    try:
        uri = f"file:{quote(str(file))}?{urlencode({'mode': 'ro', **query})}"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
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
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        size = 0  # whoever had the database open has ended
    if size < _WAL:
        return Finding(Verdict.OK, f"{size / 1e6:.1f} MB.", subject)
    return Finding(
        Verdict.NOTE,
        f"{log.name} has grown to {size / 1e6:.0f} MB: some other program reads the database all the time; end it.",
        subject,
    )
