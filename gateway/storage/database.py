"""The one door to the database: open, read, write, post, flush, close.

SQLite or PostgreSQL is decided by the URL and nowhere else visible. Knows no table but the version of the schema.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import structlog
from sqlalchemy import Executable, Row, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.bridge import Clock, Migration, Schema
from gateway.storage.backends import Backend, backend
from gateway.storage.errors import StorageError, explain
from gateway.storage.items import Item, Params, RowInsert
from gateway.storage.migrations import MIGRATIONS, VERSION_TABLE, migrate, migrate_bridge
from gateway.storage.writer import Writer, WriterCounts, WriterLimits

log = structlog.get_logger(__name__)

_BUSY_TIMEOUT = 5.0
_READERS = 3
_LIMITS = WriterLimits()
#: One row of a small table, as it is.
_PROBE = update(VERSION_TABLE).where(VERSION_TABLE.c.number == 1).values(name=VERSION_TABLE.c.name)


class Database:
    """``Database.open`` connects and migrates; ``run`` is the writer's loop and must run for writes to happen."""

    def __init__(self, backend: Backend, writer: Writer, engines: Sequence[AsyncEngine]) -> None:
        self._backend = backend
        self._writer = writer
        self._engines = engines

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        limits: WriterLimits = _LIMITS,
        busy_timeout: float = _BUSY_TIMEOUT,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> Self:
        """Open ``sqlite:///path``, ``sqlite://`` (memory) or ``postgresql://user:password@host/database`` and bring it to
        today's schema. An SQLite file is made if missing (mode 0600), its directory is not. Raises ``StorageError``.

        ``busy_timeout`` is how many seconds a lock of another program is waited for.
        """
        kind = backend(url, busy_timeout=busy_timeout)
        await kind.prepare()
        engines = [kind.writer_engine(), kind.reader_engine(_READERS)]
        writer = Writer(kind, engines[0], clock, limits)
        opened = cls(kind, writer, engines)
        try:
            await opened._migrate(clock, migrations)
        except kind.errors as error:
            await opened.close()
            # "from None": drivers' errors can quote the URL.
            raise explain(error, kind.place) from None
        except BaseException:
            await opened.close()
            raise
        return opened

    async def _migrate(self, clock: Clock, migrations: Sequence[Migration]) -> None:
        connection = await self._writer.connection()
        await migrate(connection, self._exclusive, self._backend.place, clock.now, migrations)

    async def adopt(self, kind: str, schema: Schema, clock: Clock) -> None:
        """Bring the tables of a kind of bridge to today's schema. Raises ``StorageError``."""
        try:
            async with self._writer.lock:
                connection = await self._writer.connection()
                place = self._backend.place
                await migrate_bridge(connection, self._exclusive, place, clock.now, kind, schema.migrations)
        except self._backend.errors as error:
            raise explain(error, self._backend.place) from None

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """A transaction on the writer's connection that no other process shares."""
        connection = await self._writer.connection()
        await self._backend.command(connection, self._backend.begin)
        try:
            await self._backend.lock_schema(connection)
            yield
        except BaseException:
            if await self._backend.in_transaction(connection):
                await self._backend.command(connection, "ROLLBACK")
            raise
        await self._backend.command(connection, "COMMIT")

    @property
    def place(self) -> str:
        """How messages name this database; without secrets."""
        return self._backend.place

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engines[0].dialect.name

    @property
    def counts(self) -> WriterCounts:
        return self._writer.counts

    @property
    def alive(self) -> bool:
        """Whether there is somebody who writes."""
        return self._writer.alive

    @property
    def commits(self) -> int:
        """Since the start."""
        return self._writer.counts.commits

    def listen(self, on_trouble: Callable[[StorageError | None], None]) -> None:
        """``on_trouble`` hears of each failure to write that is no statement's own, and with None that it is over."""
        self._writer.listen(on_trouble)

    def hurry(self) -> None:
        """The end is near: do not wait long for other programs."""
        self._writer.hurry()

    async def ended(self) -> None:
        """Return when nothing is written any more: after ``close``, or if the writer failed."""
        await self._writer.ended()

    async def in_place(self) -> None:
        """Raises ``StorageError`` if the file that is open is not the one at its place any more."""
        await self._backend.in_place()

    async def probe(self) -> None:
        """Write something that changes nothing. Raises ``StorageError``."""
        await self.write(_PROBE)

    async def run(self) -> None:
        """Write what is asked for, until ``close``."""
        await self._writer.run()

    async def write(self, statement: Executable, params: Params = None) -> int:
        """Run a statement (once for each mapping of a list) and return the number of rows touched, after the commit.
        Raises ``StorageError``, and then nothing of it was written."""
        return await self._writer.submit([(statement, params)])

    async def write_all(self, items: Sequence[Item], patience: float = 0.0) -> int:
        """As ``write``, for several (statement, params) that succeed or fail together. They may wait ``patience`` seconds
        for a commit that others need at once."""
        return await self._writer.submit(items, patience)

    def urge(self) -> None:
        """Commit at once what was given with patience."""
        self._writer.urge()

    def post(
        self,
        statement: Executable | RowInsert,
        params: Mapping[str, object] | tuple[object, ...],
        octets: int = 0,
    ) -> bool:
        """Write with the next commit; nobody waits. A ``RowInsert`` takes a tuple, anything else a mapping.

        Returns False if too much waits already. ``octets`` is the rough size of a row that can be large. Use the same
        statement object again: consecutive posts of one statement become one call of the driver.
        """
        return self._writer.post(statement, params, octets)

    async def flush(self) -> None:
        """Return when all that was posted so far is committed; raises ``StorageError`` if that fails now (it is tried again
        later)."""
        await self._writer.submit([])

    async def read(
        self, statement: Executable, params: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of a query, as of the last commit. Raises ``StorageError``."""
        try:
            if self._backend.shares_connection:
                async with self._writer.lock:
                    return await self._backend.fetch(await self._writer.connection(), statement, params)
            async with self._engines[1].connect() as connection:
                return await self._backend.fetch(connection, statement, params)
        except self._backend.errors as error:
            # "from None", here and where it is written: what a driver says quotes what people said.
            raise explain(error, self._backend.place) from None

    async def close(self) -> None:
        """Write what is left and let go of the database; ``run`` returns. May be called twice."""
        await self._writer.close()
        for engine in self._engines:
            await engine.dispose(close=not self._writer.gone)
        await self._backend.close()


@asynccontextmanager
async def opened(url: str, *, clock: Clock, **options: Any) -> AsyncIterator[Database]:
    """A database with its writer running, for as long as the block lasts; ``options`` as for ``Database.open``."""
    database = await Database.open(url, clock=clock, **options)
    writing = asyncio.create_task(database.run())
    try:
        yield database
    finally:
        await database.close()
        await writing
