"""How a group of jobs is written: one transaction on the one connection that writes.

A statement that fails by its own fault takes nobody with it: the group is done again with a savepoint for each job. Knows
neither when groups are due nor what becomes of those that could not be written.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.storage.backends import Backend
from gateway.storage.errors import StorageError, Trouble, explain, trouble
from gateway.storage.items import Item, RowInsert

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Write:
    """Statements that succeed or fail together; ``done`` waits for the commit."""

    items: Sequence[Item]
    done: asyncio.Future[int]
    affected: int = 0
    error: StorageError | None = None

    @property
    def weight(self) -> int:
        return 1


@dataclass(slots=True, eq=False)
class Posts:
    """Rows of one statement that nobody waits for."""

    statement: Executable | RowInsert
    rows: list[Any] = field(default_factory=list)
    octets: int = 0
    rejected: int = 0

    @property
    def weight(self) -> int:
        return len(self.rows)

    @property
    def items(self) -> Sequence[Item]:
        return (cast("Item", (self.statement, self.rows)),)


#: What a group is made of.
Job = Write | Posts


class Transactions:
    """One at a time."""

    def __init__(self, backend: Backend, engine: AsyncEngine) -> None:
        self._backend = backend
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._connecting: asyncio.Future[AsyncConnection] | None = None
        self._cutter: Callable[[], None] = lambda: None
        self.gone = False  # the server does not answer, and is not asked again
        self._hurried: AsyncConnection | None = None  # the connection that waits for nobody
        self.hurry = False  # locks of others are hardly waited for any more

    async def connection(self) -> AsyncConnection:
        """Made if there is none. Raises the driver's errors, and ``StorageError`` after ``cut``."""
        if self._connection is None:
            if self.gone:
                raise trouble(Trouble.UNREACHABLE, self._backend.place, "no answer in time")
            connection = await self._connected()
            self._cutter = await self._backend.cutter(connection)
            self._connection = connection
        if self.hurry and self._hurried is not self._connection:
            await self._backend.hurry(self._connection)
            self._hurried = self._connection
        return self._connection

    def cut(self) -> None:
        """The server does not answer: what is under way fails at once, and all that comes after it."""
        self.gone = True
        if self._connecting is not None:
            self._connecting.cancel()
        else:
            self._cutter()

    async def _connected(self) -> AsyncConnection:
        self._connecting = asyncio.ensure_future(self._engine.connect())
        try:
            return await self._connecting
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise trouble(Trouble.UNREACHABLE, self._backend.place, "no answer in time") from None
        finally:
            self._connecting = None

    async def write(self, group: Sequence[Job]) -> None:
        """Write and commit a group: all of it, or with errors noted in the jobs that earned them. Raises what is nobody's
        fault, and then nothing is written."""
        try:
            connection, first = await self._begin()
            items = [item for job in group for item in job.items]
            touched = await self._backend.run(connection, [*first, *items, "COMMIT"])
            _count(group, touched[len(first) :])
            return
        except self._backend.errors as error:
            failure = explain(error, self._backend.place)
            await self._roll_back()
            if not failure.by_statement:
                raise failure from None
        try:
            await self._one_by_one(group)
        except self._backend.errors:
            await self._roll_back()
            raise

    async def _begin(self) -> tuple[AsyncConnection, Sequence[str]]:
        """A connection, and how the transaction is begun there with what is to be run in it, if it is not begun yet."""
        if self._backend.remote:
            return await self._begun(), ()
        return await self.connection(), (self._backend.begin,)

    async def _begun(self) -> AsyncConnection:
        connection = await self.connection()
        try:
            await self._backend.command(connection, self._backend.begin)
        except self._backend.errors as error:
            if explain(error, self._backend.place).trouble is not Trouble.UNREACHABLE:
                raise
            # The server was restarted while we were idle; nothing is lost by asking it again.
            await self.close(broken=True)
            connection = await self.connection()
            await self._backend.command(connection, self._backend.begin)
        return connection

    async def _one_by_one(self, group: Sequence[Job]) -> None:
        """The same again, so that only the guilty fail. The driver's error stays out of sight: it quotes the row."""
        connection = await self._begun()
        for job in group:
            if isinstance(job, Write):
                job.error = await self._apart(connection, job)
            else:
                await self._sift(connection, job)
        await self._backend.command(connection, "COMMIT")

    async def _sift(self, connection: AsyncConnection, posts: Posts) -> None:
        """Write all rows but the guilty ones: halve until those stand alone."""
        posts.rejected = 0
        parts = [posts.rows]
        while parts:
            rows = parts.pop()
            failure = await self._apart(connection, Posts(posts.statement, rows))
            if failure is None:
                continue
            if len(rows) > 1:
                middle = len(rows) // 2
                parts += [rows[middle:], rows[:middle]]
                continue
            posts.rejected += 1
            log.error("a row was rejected", table=_table_name(posts.statement), reason=str(failure))

    async def _apart(self, connection: AsyncConnection, job: Job) -> StorageError | None:
        """Run one job in a savepoint; its own fault is returned, any other raised."""
        failure: StorageError | None = None
        await self._backend.command(connection, "SAVEPOINT apart")
        try:
            _count([job], await self._backend.run(connection, job.items))
        except self._backend.errors as error:
            failure = explain(error, self._backend.place)
            if not failure.by_statement:
                raise
            await self._backend.command(connection, "ROLLBACK TO SAVEPOINT apart")
        await self._backend.command(connection, "RELEASE SAVEPOINT apart")
        return failure

    async def _roll_back(self) -> None:
        if self._connection is None:
            return
        if self.gone:
            await self.close(broken=True)  # it has been cut, and has nothing left to ask
            return
        try:
            # A full disk makes SQLite roll back by itself.
            if await self._backend.in_transaction(self._connection):
                await self._backend.command(self._connection, "ROLLBACK")
            else:
                await self._backend.command(self._connection, "SELECT 1")  # still alive?
        except self._backend.errors as error:
            log.debug("the writer's connection is given up", reason=str(explain(error, self._backend.place)))
            await self.close(broken=True)

    async def close(self, *, broken: bool = False) -> None:
        """Give the connection back; the next use makes another."""
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


def _count(group: Sequence[Job], touched: Sequence[int]) -> None:
    """Tell each job what its items did."""
    numbers = iter(touched)
    for job in group:
        count = sum(next(numbers) for _ in job.items)
        if isinstance(job, Write):
            job.affected = count


def _table_name(statement: Executable | RowInsert) -> str:
    table: Callable[[], object] | object = getattr(statement, "table", None)
    return str(getattr(table, "name", "?"))
