"""Group commit: everything asked for in one loop turn, or while the last commit ran, is one transaction.

The writer knows jobs in order, when they are due, and what becomes of them. How a group is written is ``transactions``' to
know.

* ``submit`` is for what somebody waits for: its future is done after the commit, never before. Who has patience lets the
  next one who has none take it along, where such come one after the other: two commits become one.
* ``post`` is for what nobody waits for. Posted rows wait for company up to ``gather`` seconds after the last commit, so a
  lone row is written at once and a flood costs few commits. They survive a transient failure (locked, disk full, connection
  lost) and are tried again; if a connection dies in the very moment of COMMIT they may be written twice.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.bridge import Cancellable, Clock
from gateway.storage.backends import Backend
from gateway.storage.errors import StorageError, Trouble, explain, trouble
from gateway.storage.items import Item, RowInsert
from gateway.storage.transactions import Job, Posts, Transactions, Write

log = structlog.get_logger(__name__)

_GROUP_ROWS = 5_000  # a transaction stays short, so that a waiting write is not held up
_FIRST_RETRY = 0.1
_LAST_RETRY = 5.0
_LAST_WAIT = 2.0  # seconds for a group once the end is near


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """``gather`` is in seconds; ``rows`` and ``octets`` bound what is posted and not yet committed."""

    gather: float = 0.05
    rows: int = 100_000
    octets: int = 64 * 1024 * 1024


@dataclass(slots=True)
class WriterCounts:
    """For metrics and tests. ``waiting`` rows are posted and not yet committed; ``dropped`` ones found no room, ``rejected``
    ones broke a rule of the database, ``lost`` ones could not be written before the end.
    ``seconds`` were spent in commits."""

    commits: int = 0
    written: int = 0
    waiting: int = 0
    dropped: int = 0
    rejected: int = 0
    lost: int = 0
    seconds: float = 0.0


class Writer:
    """One queue, one connection, one loop (``run``)."""

    def __init__(self, backend: Backend, engine: AsyncEngine, clock: Clock, limits: WriterLimits) -> None:
        self.counts = WriterCounts()
        self.lock = asyncio.Lock()  # held while a group is under way
        self._backend = backend
        self._transactions = Transactions(backend, engine)
        self._clock = clock
        self._limits = limits
        self._jobs: deque[Job] = deque()
        # The last job of each table, while rows can be added to it. No table refers to another, so that jobs of different
        # tables may change places within a group: a thousand users' rooms and clients become two calls of the driver.
        self._tails: dict[object, Posts] = {}
        self._octets = 0
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._due = math.inf  # when what somebody waits for is to be written
        self._asked = -math.inf  # when somebody without patience came last
        self._started = False
        self._running = False
        self._closing = False
        self._gather_until = 0.0
        self._not_before = 0.0
        self._retry = 0.0  # seconds to the next try; 0 while all is well
        self._overflowing = False
        self._on_trouble: Callable[[StorageError | None], None] = lambda error: None
        self._begun: float | None = None  # when the group under way was begun
        self._alarm: Cancellable | None = None  # once the end is near

    @property
    def alive(self) -> bool:
        """Whether there is somebody who writes."""
        return self._running

    def listen(self, on_trouble: Callable[[StorageError | None], None]) -> None:
        """``on_trouble`` hears of each failure that is no statement's own, and with None that it is over."""
        self._on_trouble = on_trouble

    def hurry(self) -> None:
        """The end is near: do not wait long for locks of others, nor for a server that does not answer."""
        self._transactions.hurry = True
        self._alarm = self._clock.call_later(_LAST_WAIT, self._impatient)

    def _impatient(self) -> None:
        now = self._clock.monotonic()
        lasted = now - (self._begun if self._begun is not None and self._backend.remote else now)
        if lasted >= _LAST_WAIT:
            self._transactions.cut()
        else:
            self._alarm = self._clock.call_later(_LAST_WAIT - lasted, self._impatient)

    @property
    def gone(self) -> bool:
        """The server did not answer at the end, and nobody waits for it."""
        return self._transactions.gone

    async def ended(self) -> None:
        """Return when nothing is written any more."""
        await self._stopped.wait()

    async def connection(self) -> AsyncConnection:
        """The connection that writes; raises the driver's errors. Hold ``lock`` to use it."""
        return await self._transactions.connection()

    # What callers do

    def submit(self, items: Sequence[Item], patience: float = 0.0) -> asyncio.Future[int]:
        """Queue statements that succeed or fail together; the result is the number of rows they touched. ``patience`` are
        seconds that they may wait for somebody who has none."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._closing:
            done.set_exception(trouble(Trouble.CLOSED, self._backend.place))
            return done
        self._jobs.append(Write(items, done))
        self._tails.clear()
        now = self._clock.monotonic()
        if not patience:
            self._asked = now
        # Where nobody came lately, nobody is waited for.
        likely = now - self._asked < patience * 2
        self._due = min(self._due, now + patience if likely else now)
        self._wake.set()
        return done

    def urge(self) -> None:
        """Whoever has patience has it no longer."""
        if self._due < math.inf:
            self._due = -math.inf
            self._wake.set()

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
            self._tails[table] = tail = Posts(statement)
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
        if self._started:
            raise RuntimeError("a Writer runs once")
        self._started = True
        if self._closing:
            return  # ``close`` came first, and sees to everything
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
            asked_for = self._due < math.inf
            due = max(self._not_before, self._due if asked_for else self._gather_until)
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
        group: list[Job] = []
        weight = 0
        while self._jobs and weight < _GROUP_ROWS:
            group.append(self._jobs.popleft())
            weight += group[-1].weight
        self._tails.clear()
        self._due = -math.inf if any(type(job) is Write for job in self._jobs) else math.inf
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
        if self._alarm is not None:
            self._alarm.cancel()
        await self._transactions.close()

    def _give_up(self) -> None:
        for job in self._jobs:
            if isinstance(job, Write):
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

    async def _commit(self, group: list[Job]) -> bool:
        try:
            async with self.lock:
                self._begun = begun = self._clock.monotonic()
                try:
                    await self._transactions.write(group)
                finally:
                    self._begun = None
                self.counts.seconds += self._clock.monotonic() - begun
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

    # What comes of it

    def _settle(self, group: list[Job]) -> None:
        counts = self.counts
        counts.commits += 1
        for job in group:
            if isinstance(job, Posts):
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
            self._on_trouble(None)
        self._gather_until = self._clock.monotonic() + self._limits.gather

    def _put_back(self, group: list[Job], failure: StorageError) -> None:
        """After a transient failure: who waits is told, posted rows stay first in the queue."""
        everything = [*group, *self._jobs]
        self._jobs = deque(job for job in everything if isinstance(job, Posts))
        self._tails.clear()
        self._due = math.inf
        for job in everything:
            if isinstance(job, Write) and not job.done.done():
                job.done.set_exception(StorageError(failure.trouble, str(failure)))
        if not self._retry:
            log.error("the database cannot be written", reason=str(failure), waiting=self.counts.waiting)
        self._on_trouble(failure)
        self._retry = min(max(_FIRST_RETRY, self._retry * 2), _LAST_RETRY)
        self._not_before = self._clock.monotonic() + self._retry
