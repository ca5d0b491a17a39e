"""Group commit: everything asked for in one loop turn, or while the last commit ran, is one transaction.

The writer owns the only connection that writes. It knows jobs in order, commits and retries; it knows no table.

* ``submit`` is for what somebody waits for: its future is done after the commit, never before.
* ``post`` is for what nobody waits for. Posted rows wait for company up to ``gather`` seconds after the last commit, so a
  lone row is written at once and a flood costs few commits. They survive a transient failure (locked, disk full, connection
  lost) and are tried again; if a connection dies in the very moment of COMMIT they may be written twice.
* A statement that fails by its own fault takes nobody with it: the group is done again with a savepoint for each job.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.bridge import Clock
from gateway.storage.backends import Backend, RowInsert
from gateway.storage.errors import StorageError, Trouble, explain, trouble

log = structlog.get_logger(__name__)

Params = Mapping[str, object] | Sequence[Mapping[str, object]] | None
#: A statement with its parameters, or a hot insert with its rows.
Item = tuple[Executable, Params] | tuple[RowInsert, Sequence[tuple[object, ...]]]

_GROUP_ROWS = 5_000  # a transaction stays short, so that a waiting write is not held up
_FIRST_RETRY = 0.1
_LAST_RETRY = 5.0


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """``gather`` is in seconds; ``rows`` and ``octets`` bound what is posted and not yet committed."""

    gather: float = 0.05
    rows: int = 100_000
    octets: int = 64 * 1024 * 1024


@dataclass(slots=True)
class WriterCounts:
    """For metrics and tests. ``waiting`` rows are posted and not yet committed; ``dropped`` ones found no room, ``rejected``
    ones broke a rule of the database, ``lost`` ones could not be written before the end."""

    commits: int = 0
    written: int = 0
    waiting: int = 0
    dropped: int = 0
    rejected: int = 0
    lost: int = 0


@dataclass(slots=True, eq=False)
class _Write:
    items: Sequence[Item]
    done: asyncio.Future[int]
    affected: int = 0
    error: StorageError | None = None

    @property
    def weight(self) -> int:
        return 1


@dataclass(slots=True, eq=False)
class _Posts:
    statement: Executable | RowInsert
    rows: list[Any] = field(default_factory=list)
    octets: int = 0
    rejected: int = 0

    @property
    def weight(self) -> int:
        return len(self.rows)


_Job = _Write | _Posts


class Writer:
    """One queue, one connection, one loop (``run``)."""

    def __init__(self, backend: Backend, engine: AsyncEngine, clock: Clock, limits: WriterLimits) -> None:
        self.counts = WriterCounts()
        self.lock = asyncio.Lock()  # held while a group is under way
        self._backend = backend
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._connection: AsyncConnection | None = None
        self._jobs: deque[_Job] = deque()
        # The last job of each table, while rows can be added to it. No table refers to another, so that jobs of different
        # tables may change places within a group: a thousand users' rooms and clients become two calls of the driver.
        self._tails: dict[object, _Posts] = {}
        self._octets = 0
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._urgent = False
        self._running = False
        self._closing = False
        self._gather_until = 0.0
        self._not_before = 0.0
        self._retry = 0.0  # seconds to the next try; 0 while all is well
        self._overflowing = False

    # What callers do

    def submit(self, items: Sequence[Item]) -> asyncio.Future[int]:
        """Queue statements that succeed or fail together; the result is the number of rows they touched."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._closing:
            done.set_exception(trouble(Trouble.CLOSED, self._backend.place))
            return done
        self._jobs.append(_Write(items, done))
        self._tails.clear()
        self._urgent = True
        self._wake.set()
        return done

    def post(self, statement: Executable | RowInsert, row: object, octets: int) -> bool:
        """Queue one row; False if there is no room for it (it is counted and logged)."""
        counts = self.counts
        if (
            counts.waiting >= self._limits.rows
            or self._octets + octets > self._limits.octets
            or self._closing
        ):
            self._overflow()
            return False
        counts.waiting += 1
        self._octets += octets
        table = getattr(statement, "table", None)
        tail = self._tails.get(table)
        if tail is None or tail.statement is not statement or len(tail.rows) >= _GROUP_ROWS:
            if table is None:
                self._tails.clear()  # it may touch any table
            self._tails[table] = tail = _Posts(statement)
            self._jobs.append(tail)
            self._wake.set()
        tail.rows.append(row)
        tail.octets += octets
        return True

    def _overflow(self) -> None:
        self.counts.dropped += 1
        if not self._overflowing:
            self._overflowing = True
            log.warning(
                "rows to write are dropped: too many wait",
                waiting=self.counts.waiting,
                place=self._backend.place,
            )

    # The loop

    async def run(self) -> None:
        """Write until ``close``. If cancelled, the group under way is finished first and the rest is left to ``close``."""
        if self._running or self._stopped.is_set():
            raise RuntimeError("a Writer runs once")
        self._running = True
        try:
            while not self._closing:
                await self._until_due()
                if self._jobs and not self._closing:
                    await self._one_group()
        finally:
            self._running = False
            self._stopped.set()

    async def _until_due(self) -> None:
        while True:
            self._wake.clear()
            if self._closing:
                return
            if not self._jobs:
                await self._wake.wait()
                continue
            due = self._not_before if self._urgent else max(self._not_before, self._gather_until)
            wait = due - self._clock.monotonic()
            if wait <= 0:
                return
            timer = self._clock.call_later(wait, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                timer.cancel()

    async def _one_group(self) -> bool:
        """False if a transient failure stopped it."""
        group: list[_Job] = []
        weight = 0
        while self._jobs and weight < _GROUP_ROWS:
            group.append(self._jobs.popleft())
            weight += group[-1].weight
        self._tails.clear()
        self._urgent = any(type(job) is _Write for job in self._jobs)
        commit = asyncio.ensure_future(self._commit(group))
        try:
            return await asyncio.shield(commit)
        except asyncio.CancelledError:
            await commit  # nobody may be left with half a truth
            raise

    async def close(self) -> None:
        """Write what is left, as far as it can be written, and give the connection back."""
        self._closing = True
        self._wake.set()
        if self._running:
            await self._stopped.wait()
        while self._jobs:
            if not await self._one_group():
                break
        self._give_up()
        self._stopped.set()
        await self._disconnect()

    def _give_up(self) -> None:
        for job in self._jobs:
            if isinstance(job, _Write):
                if not job.done.done():
                    job.done.set_exception(trouble(Trouble.CLOSED, self._backend.place))
            else:
                self.counts.lost += len(job.rows)
        self._jobs.clear()
        if self.counts.lost:
            log.error(
                "rows were not written before the end", rows=self.counts.lost, place=self._backend.place
            )

    # One group

    async def _commit(self, group: list[_Job]) -> bool:
        try:
            async with self.lock:
                await self._transaction(group)
        except self._backend.errors as error:
            self._put_back(group, explain(error, self._backend.place))
            return False
        except StorageError as error:
            self._put_back(group, error)
            return False
        except BaseException:
            self._put_back(group, trouble(Trouble.STATEMENT, self._backend.place, "see the log"))
            raise
        self._settle(group)
        return True

    async def _transaction(self, group: list[_Job]) -> None:
        try:
            connection = await self._begun()
            for job in group:
                await self._execute(connection, job)
            await self._backend.command(connection, "COMMIT")
            return
        except self._backend.errors as error:
            failure = explain(error, self._backend.place)
            await self._roll_back()
            if not failure.by_statement:
                raise failure from error
        try:
            await self._one_by_one(group)
        except self._backend.errors:
            await self._roll_back()
            raise

    async def _begun(self) -> AsyncConnection:
        connection = await self.connection()
        try:
            await self._backend.command(connection, self._backend.begin)
        except self._backend.errors as error:
            if explain(error, self._backend.place).trouble is not Trouble.UNREACHABLE:
                raise
            # The server was restarted while we were idle; nothing is lost by asking it again.
            await self._disconnect(broken=True)
            connection = await self.connection()
            await self._backend.command(connection, self._backend.begin)
        return connection

    async def _one_by_one(self, group: list[_Job]) -> None:
        """The same again, so that only the guilty fail. The driver's error stays out of sight: it quotes the row."""
        connection = await self._begun()
        for job in group:
            if isinstance(job, _Write):
                job.error = await self._apart(connection, job)
            else:
                await self._sift(connection, job)
        await self._backend.command(connection, "COMMIT")

    async def _sift(self, connection: AsyncConnection, posts: _Posts) -> None:
        """Write all rows but the guilty ones: halve until those stand alone."""
        posts.rejected = 0
        parts = [posts.rows]
        while parts:
            rows = parts.pop()
            failure = await self._apart(connection, _Posts(posts.statement, rows))
            if failure is None:
                continue
            if len(rows) > 1:
                middle = len(rows) // 2
                parts += [rows[middle:], rows[:middle]]
                continue
            posts.rejected += 1
            log.error("a row was rejected", table=_table_name(posts.statement), reason=str(failure))

    async def _apart(self, connection: AsyncConnection, job: _Job) -> StorageError | None:
        """Run one job in a savepoint; its own fault is returned, any other raised."""
        failure: StorageError | None = None
        await self._backend.command(connection, "SAVEPOINT apart")
        try:
            await self._execute(connection, job)
        except self._backend.errors as error:
            failure = explain(error, self._backend.place)
            if not failure.by_statement:
                raise
            await self._backend.command(connection, "ROLLBACK TO SAVEPOINT apart")
        await self._backend.command(connection, "RELEASE SAVEPOINT apart")
        return failure

    async def _execute(self, connection: AsyncConnection, job: _Job) -> None:
        if isinstance(job, _Write):
            job.affected = 0
            for statement, params in job.items:
                if isinstance(statement, RowInsert):
                    rows = cast("Sequence[tuple[object, ...]]", params)
                    await self._backend.insert_rows(connection, statement, rows)
                    job.affected += len(rows)
                else:
                    result = await connection.execute(statement, cast("Params", params))
                    job.affected += max(0, result.rowcount)
        elif isinstance(job.statement, RowInsert):
            await self._backend.insert_rows(connection, job.statement, job.rows)
        else:
            await connection.execute(job.statement, job.rows)

    # What comes of it

    def _settle(self, group: list[_Job]) -> None:
        counts = self.counts
        counts.commits += 1
        for job in group:
            if isinstance(job, _Posts):
                counts.waiting -= len(job.rows)
                counts.written += len(job.rows) - job.rejected
                counts.rejected += job.rejected
                self._octets -= job.octets
            elif job.done.done():
                continue  # its caller was cancelled
            elif job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.affected)
        if self._overflowing and counts.waiting < self._limits.rows // 2:
            self._overflowing = False
            log.warning("rows to write are taken again", dropped_so_far=counts.dropped)
        if self._retry:
            self._retry = 0.0
            log.info("the database can be written again", place=self._backend.place)
        self._gather_until = self._clock.monotonic() + self._limits.gather

    def _put_back(self, group: list[_Job], failure: StorageError) -> None:
        """After a transient failure: who waits is told, posted rows stay first in the queue."""
        everything = [*group, *self._jobs]
        self._jobs = deque(job for job in everything if isinstance(job, _Posts))
        self._tails.clear()
        self._urgent = False
        for job in everything:
            if isinstance(job, _Write) and not job.done.done():
                job.done.set_exception(StorageError(failure.trouble, str(failure)))
        if not self._retry:
            log.error("the database cannot be written", reason=str(failure), waiting=self.counts.waiting)
        self._retry = min(max(_FIRST_RETRY, self._retry * 2), _LAST_RETRY)
        self._not_before = self._clock.monotonic() + self._retry

    # The connection

    async def connection(self) -> AsyncConnection:
        """The writer's connection, made if there is none; raises the driver's errors. Hold ``lock`` to use it."""
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _roll_back(self) -> None:
        if self._connection is None:
            return
        try:
            # A full disk makes SQLite roll back by itself.
            if await self._backend.in_transaction(self._connection):
                await self._backend.command(self._connection, "ROLLBACK")
            else:
                await self._backend.command(self._connection, "SELECT 1")  # still alive?
        except self._backend.errors as error:
            log.debug("the writer's connection is given up", reason=str(explain(error, self._backend.place)))
            await self._disconnect(broken=True)

    async def _disconnect(self, *, broken: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if broken:
                await connection.invalidate()
            await connection.close()
        except self._backend.errors as error:
            log.debug(
                "the writer's connection did not close well", reason=str(explain(error, self._backend.place))
            )


def _table_name(statement: Executable | RowInsert) -> str:
    table: Callable[[], object] | object = getattr(statement, "table", None)
    return str(getattr(table, "name", "?"))
