"""Where SQLite and PostgreSQL differ: reaching them, transactions, many rows at once. Everything else is SQLAlchemy Core.

Connections are opened in the drivers' autocommit mode and transactions are spoken in plain SQL, so that a group of
statements costs one hop each and no hidden one.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, cast

from sqlalchemy import Executable, Row, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from gateway.storage.at_once import AtOnce, Threads
from gateway.storage.errors import StorageError, Trouble, explain
from gateway.storage.items import Params, RowInsert, Step
from gateway.storage.sqlite_file import Identity, identity, only_looking, see, url_of


class Backend(Protocol):
    """One kind of database. ``place`` is how errors name it; it holds no password."""

    place: str
    begin: str
    errors: tuple[type[Exception], ...]

    @property
    def shares_connection(self) -> bool:
        """Reads must use the writer's connection, for nobody else sees the data."""

    @property
    def remote(self) -> bool:
        """Connections can be lost while nobody uses them."""

    async def prepare(self) -> None:
        """See that the database can be opened at all; make an SQLite file if there is none."""

    async def in_place(self) -> None:
        """Raises ``StorageError`` if what was prepared is not what the URL leads to any more."""

    def writer_engine(self) -> AsyncEngine: ...

    def reader_engine(self, connections: int) -> AsyncEngine: ...

    def looking_engine(self) -> AsyncEngine:
        """For who only looks, and nobody in this process has the database open: nothing is made, migrated or changed, no
        companion of an SQLite file either. Raises ``StorageError``."""

    async def command(self, connection: AsyncConnection, sql: str) -> None:
        """Run SQL without parameters and results straight on the driver."""

    async def run(self, connection: AsyncConnection, steps: Sequence[Step]) -> list[int]:
        """One step after the other, in the caller's transaction or in one that they begin and end themselves; the numbers
        of rows that they touched."""

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, params: Mapping[str, object] | None
    ) -> Sequence[Row[Any]]:
        """All rows of a query."""

    async def in_transaction(self, connection: AsyncConnection) -> bool: ...

    async def hurry(self, connection: AsyncConnection) -> None:
        """From now on, wait for locks of others a second only."""

    async def cutter(self, connection: AsyncConnection) -> Callable[[], None]:
        """What makes all fail that is under way on a connection whose other end does not answer."""

    async def lock_schema(self, connection: AsyncConnection) -> None:
        """In the current transaction, keep other processes from migrating until it ends."""

    async def close(self) -> None:
        """Once no connection is used any more."""


def backend(url: str, *, busy_timeout: float) -> Backend:
    """The backend a database URL asks for; raises ``StorageError``."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        parsed = None
    if parsed is not None:
        match parsed.drivername:
            case "sqlite":
                return SqliteBackend(parsed, busy_timeout)
            case "postgresql" | "postgres" if url.count("@") < 2:  # or the host would be half a password
                return PostgresBackend(parsed, busy_timeout)
    # The URL itself stays out of the text: it may hold a password.
    raise StorageError(
        Trouble.URL,
        "The database URL is not understood: write sqlite:///directory/file.db or "
        "postgresql://user:password@host/database, with @ in the password as %40.",
    )


_SQLITE_HEADER = b"SQLite format 3\x00"

_BUSY_PAUSE = 0.05

_WRITER_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=4000",  # pages; messages of a thousand rooms cost a quarter less than with 1000
)


class SqliteBackend:
    """A file (or memory) through aiosqlite. WAL: readers never wait for the writer; FULL: a commit survives a power cut."""

    begin = (
        "BEGIN IMMEDIATE"  # take the lock at once: a later upgrade of a read lock could fail without waiting
    )
    remote = False
    errors: tuple[type[Exception], ...] = (
        SQLAlchemyError,
        sqlite3.Error,
        OSError,
        ValueError,
        TypeError,
        OverflowError,
    )

    def __init__(self, url: URL, busy_timeout: float) -> None:
        name = url.database or ":memory:"
        self._path = None if name == ":memory:" else Path(name)
        # Where the file is gone while we run, no new one is made in its place.
        self._url = url_of(self._path, mode="rw") if self._path else URL.create("sqlite+aiosqlite")
        self._opened: Identity | None = None
        self._busy_timeout = busy_timeout
        self._threads = Threads()
        self.place = "The database in memory" if self._path is None else f"The database {self._path}"

    @property
    def shares_connection(self) -> bool:
        return self._path is None

    async def prepare(self) -> None:
        if self._path is not None:
            await asyncio.to_thread(self._prepare, self._path)

    def _prepare(self, path: Path) -> None:
        directory = path.absolute().parent
        if not directory.is_dir():
            raise StorageError(
                Trouble.DIRECTORY,
                f"The directory {directory} of the database {path.name} does not exist: create it and give it to the "
                "user that runs Causeway.",
            )
        # SQLite gives its -wal and -shm files the mode of the database.
        self._begins_well(path, os.O_CREAT | os.O_RDWR)
        try:
            self._to_wal(path)
            self._opened = identity(path)
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self.place) from error

    async def in_place(self) -> None:
        if self._path is not None:
            await asyncio.to_thread(see, self._path, self._opened, self.place)

    def _begins_well(self, path: Path, flags: int) -> None:
        """Open it so, and see that it is SQLite's."""
        try:
            with os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o600), "rb") as file:
                head = file.read(len(_SQLITE_HEADER))
        except OSError as error:
            raise explain(error, self.place) from error
        if head not in (b"", _SQLITE_HEADER):
            raise StorageError(
                Trouble.NOT_A_DATABASE,
                f"{self.place} is not an SQLite database: correct the database URL, or move the file away to start anew.",
            )

    def _to_wal(self, path: Path) -> None:
        """The mode stays with the file. Changing it does not wait for locks as everything else does: of several programs
        that open a new database together, all but one are told at once that it is busy."""
        until = time.monotonic() + self._busy_timeout
        with closing(sqlite3.connect(path, timeout=self._busy_timeout)) as connection:
            while True:
                try:
                    connection.execute("PRAGMA journal_mode=WAL")
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                        raise
                time.sleep(_BUSY_PAUSE)

    def looking_engine(self) -> AsyncEngine:
        if self._path is None:
            return self.writer_engine()
        self._begins_well(self._path, os.O_RDWR)  # the gateway will want to write
        return create_async_engine(
            url_of(self._path, mode="ro", **only_looking(self._path)),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            poolclass=NullPool,
            connect_args={"timeout": self._busy_timeout},
        )

    def writer_engine(self) -> AsyncEngine:
        return self._engine(*_WRITER_PRAGMAS)

    def reader_engine(self, connections: int) -> AsyncEngine:
        return self._engine("PRAGMA query_only=ON", **_reader_pool(connections))

    def _engine(self, *pragmas: str, **pool: Any) -> AsyncEngine:
        engine = create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            # One thread at a time: aiosqlite's, or one of ours.
            connect_args={"timeout": self._busy_timeout, "check_same_thread": False},
            **(pool or {"poolclass": NullPool}),
        )

        @event.listens_for(engine.sync_engine, "connect")
        def configure(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(pragma)
            cursor.close()

        return engine

    async def command(self, connection: AsyncConnection, sql: str) -> None:
        await (await _driver(connection)).execute(sql)

    async def run(self, connection: AsyncConnection, steps: Sequence[Step]) -> list[int]:
        return await self._threads.run((await _at_once(connection)).run, steps)

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, params: Mapping[str, object] | None
    ) -> Sequence[Row[Any]]:
        return await self._threads.run((await _at_once(connection)).fetch, statement, params)

    async def in_transaction(self, connection: AsyncConnection) -> bool:
        return bool((await _driver(connection)).in_transaction)

    async def hurry(self, connection: AsyncConnection) -> None:
        await self.command(connection, "PRAGMA busy_timeout=1000")

    async def cutter(self, connection: AsyncConnection) -> Callable[[], None]:
        return lambda: None  # nobody is at the other end

    async def lock_schema(self, connection: AsyncConnection) -> None:
        """BEGIN IMMEDIATE has done it."""

    async def close(self) -> None:
        await self._threads.close()


# Any number, the same in every Causeway: who holds it migrates.
_SCHEMA_LOCK = 0x63617573


class PostgresBackend:
    """A server through asyncpg."""

    begin = "BEGIN"
    shares_connection = False
    remote = True

    def __init__(self, url: URL, busy_timeout: float) -> None:
        try:
            asyncpg = import_module("asyncpg")  # an operator of SQLite does not have it
        except ImportError as error:
            raise StorageError(
                Trouble.URL,
                "The package asyncpg for PostgreSQL is not installed: install causeway[postgresql], or use a "
                "database URL of sqlite:///.",
            ) from error
        self.errors: tuple[type[Exception], ...] = (
            SQLAlchemyError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # a connection that died while a command was being sent
            OSError,
            ValueError,
            TypeError,
            OverflowError,
        )
        self._url = url.set(drivername="postgresql+asyncpg")
        self._lock_timeout = f"{max(1, int(busy_timeout * 1000))}ms"
        self._texts: dict[RowInsert, str] = {}
        self.place = (
            f"The PostgreSQL database {url.database or ''} at {url.host or 'localhost'}:{url.port or 5432}"
        )

    async def prepare(self) -> None:
        """Connecting tells everything."""

    async def in_place(self) -> None:
        """It is where it is reached."""

    def looking_engine(self) -> AsyncEngine:
        return self._engine({"default_transaction_read_only": "on"}, poolclass=NullPool)

    def writer_engine(self) -> AsyncEngine:
        return self._engine(poolclass=NullPool)

    def reader_engine(self, connections: int) -> AsyncEngine:
        return self._engine(pool_pre_ping=True, **_reader_pool(connections))

    def _engine(self, more: Mapping[str, str] = MappingProxyType({}), **pool: Any) -> AsyncEngine:
        settings = {"application_name": "causeway", "lock_timeout": self._lock_timeout, **more}
        return create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"timeout": 10, "command_timeout": 30, "server_settings": settings},
            **pool,
        )

    async def command(self, connection: AsyncConnection, sql: str) -> None:
        await (await _driver(connection)).execute(sql)

    async def run(self, connection: AsyncConnection, steps: Sequence[Step]) -> list[int]:
        return [await self._one(connection, step) for step in steps]

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, params: Mapping[str, object] | None
    ) -> Sequence[Row[Any]]:
        return (await connection.execute(statement, params)).all()

    async def _one(self, connection: AsyncConnection, step: Step) -> int:
        if isinstance(step, str):
            await self.command(connection, step)
            return 0
        statement, params = step
        if isinstance(statement, RowInsert):
            rows = cast("Sequence[tuple[object, ...]]", params)
            await self._insert(connection, statement, rows)
            return len(rows)
        result = await connection.execute(statement, cast("Params", params))
        return max(0, result.rowcount)

    async def _insert(
        self, connection: AsyncConnection, insert: RowInsert, rows: Sequence[tuple[object, ...]]
    ) -> None:
        text = self._texts.get(insert)
        if text is None:
            places = ", ".join(f"${number}" for number in range(1, len(insert.columns) + 1))
            text = self._texts[insert] = f"{insert.into()} VALUES ({places}){insert.on_conflict()}"
        # asyncpg pipelines these: half the client's CPU of unnest() over arrays, a third of long VALUES.
        await (await _driver(connection)).executemany(text, rows)

    async def in_transaction(self, connection: AsyncConnection) -> bool:
        return bool((await _driver(connection)).is_in_transaction())

    async def hurry(self, connection: AsyncConnection) -> None:
        await self.command(connection, "SET lock_timeout='1s'")

    async def cutter(self, connection: AsyncConnection) -> Callable[[], None]:
        return cast("Callable[[], None]", (await _driver(connection)).terminate)

    async def lock_schema(self, connection: AsyncConnection) -> None:
        await self.command(connection, f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    async def close(self) -> None:
        """There is nothing to close."""


def _reader_pool(connections: int) -> dict[str, Any]:
    # Autocommit leaves nothing to reset.
    return {
        "poolclass": AsyncAdaptedQueuePool,
        "pool_size": connections,
        "max_overflow": 0,
        "pool_reset_on_return": None,
    }


async def _driver(connection: AsyncConnection) -> Any:
    """aiosqlite's or asyncpg's own connection."""
    return (await connection.get_raw_connection()).driver_connection


async def _at_once(connection: AsyncConnection) -> AtOnce:
    """The other way to the same connection of SQLite's; made when it is first used."""
    info = (await connection.get_raw_connection()).info
    found = info.get(AtOnce)
    if not isinstance(found, AtOnce):
        async with (await _driver(connection)).cursor() as cursor:
            found = info[AtOnce] = AtOnce(cursor.connection)
    return found
