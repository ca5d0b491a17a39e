"""Whose turn it is: which mail is next, which worker takes it, and how many may be at it.

Mails that are due come from the tables in portions; workers wait here. A connection that is open is used before another
one is made; while the smarthost is in trouble one worker tries for all, and while it wants few connections there are few.
"""

import asyncio
from collections import deque
from functools import partial

import structlog

from bridges.email.sending.ready import Ready
from bridges.email.sending.rows import Job
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.store import Sendings
from gateway.bridge import Cancellable, Clock, NotStored
from gateway.bridge.steps import Steps

log = structlog.get_logger(__name__)

_MOST_READY = 500
_REFILL = 100
_OF_ONE = 20  # of one user, of each refill
_READ_AGAIN = 5.0
_LONGEST_WAIT = 60.0  # seconds between two looks at the clock


class Turns:
    """``fill`` is its life, held by the caller. ``ready`` is its own to add to and to take from."""

    def __init__(
        self, sendings: Sendings, clock: Clock, schedule: Schedule, lane: str, connections: int
    ) -> None:
        self._sendings = sendings
        self._clock = clock
        self._schedule = schedule
        self._lane = lane
        self._connections = connections
        # One user's mails never take all connections, where there are several.
        self.ready = Ready(max(1, connections - 1))
        self.open = 0  # connections, also those that are being opened
        # Workers that wait: with a connection, and without.
        self._idle: dict[bool, deque[asyncio.Future[bool]]] = {True: deque(), False: deque()}
        self._allowed = connections  # workers that may be at it
        self._blocked_until = 0.0  # by the monotonic clock
        self._stopping = False
        self._refill = asyncio.Event()
        self._more = True  # the tables may have more that is due
        # Who was dealt with while the tables were read: what was read of them is not true any more.
        self._dealt_with: set[str] = set()
        self._alarm: Cancellable | None = None
        self._alarm_at = 0.0
        self._steps = Steps(clock)
        # Seconds from now beyond which no time is believed that the tables have; None: all are of this clock.
        self._believed: float | None = schedule.longest

    # Mails

    def add(self, jobs: list[Job]) -> None:
        """New ones, which are in the tables; where too many wait already they stay there."""
        if self.ready.waiting > _MOST_READY:
            self._more = True
            return
        for job in jobs:
            self.ready.add(job)
        self.go()

    async def next(self, idle: float | None) -> Job | None:
        """The next mail, for a worker that has a connection if ``idle`` is given: then None after so many seconds without
        one. The mail is under way until ``done`` or ``ready.back``."""
        waiters = self._idle[idle is not None]
        while True:
            job = self.ready.take() if self._free(idle is not None) else None
            if job is not None:
                if self._more and self.ready.waiting < _REFILL:
                    self._refill.set()
                return job
            waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            waiters.append(waiting)
            timer = None
            if idle is not None:
                timer = self._clock.call_later(idle, partial(_settle, waiting, False))
            try:
                if not await waiting:
                    return None
            finally:
                if timer is not None:
                    timer.cancel()
                if waiting in waiters:
                    waiters.remove(waiting)

    def done(self, job: Job) -> None:
        """It is not under way any more, and the tables know what became of it."""
        self._dealt_with.add(job.row)
        self.ready.done(job)

    def look_at(self, at: float) -> None:
        """See to it that somebody looks for what is due at this time; one timer for all."""
        if self._alarm is not None and self._alarm_at <= at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        # Not for longer, for the clock may be put right meanwhile.
        wait = min(_LONGEST_WAIT, max(0.0, at - self._clock.now()))
        self._alarm = self._clock.call_later(wait, self._due)

    async def fill(self) -> None:
        """Fetch what is due from the tables, when there is room and when it becomes so."""
        while True:
            try:
                await self._fetch()
            except NotStored as error:
                log.warning("mails to be sent cannot be read just now", error=str(error))
                self.look_at(self._clock.now() + _READ_AGAIN)
            await self._refill.wait()
            self._refill.clear()

    async def _fetch(self) -> None:
        now = self._clock.now()
        if self._steps.taken() < 0.0:
            self._believed = 0.0
        if self._believed is not None:
            await self._sendings.hasten(self._lane, now + self._believed, now)
            self._believed = None
        held = self.ready.waiting + self.ready.under_way
        since = now - self._schedule.give_up
        self._dealt_with.clear()
        jobs = await self._sendings.due(self._lane, now, since, _OF_ONE + held, _MOST_READY + held)
        self._more = sum([self.ready.add(job) for job in jobs if job.row not in self._dealt_with]) > 0
        self.go()
        earliest = await self._sendings.earliest(self._lane, now)
        self.look_at(now + self._schedule.sweep if earliest is None else earliest)

    def _due(self) -> None:
        self._alarm = None
        self._more = True
        self._refill.set()

    # Workers

    def go(self) -> None:
        """Wake as many as can work; first those who have a connection, and of them who worked last."""
        if self._stopping or self._clock.monotonic() < self._blocked_until:
            return
        number = min(self.ready.waiting, self._allowed - self.ready.under_way)
        number -= _wake(self._idle[True], number)
        _wake(self._idle[False], min(number, self._allowed - self.open))

    def stop(self) -> None:
        """Nothing more is begun."""
        self._stopping = True

    def block(self, seconds: float) -> None:
        """Nothing is begun for so long; then one tries for all, until ``unblock``."""
        self._blocked_until = self._clock.monotonic() + seconds
        self._allowed = 1
        self._clock.call_later(seconds, self.go)

    def unblock(self) -> None:
        self._allowed = self._connections

    def narrow(self, connections: int) -> None:
        """No more than so many, for a while."""
        if self._allowed == self._connections:
            self._clock.call_later(self._schedule.widen, self._widen)
        self._allowed = connections

    def _widen(self) -> None:
        self.unblock()
        self.go()

    def _free(self, connected: bool) -> bool:
        return (
            not self._stopping
            and (connected or self.open < self._allowed)
            and self.ready.under_way < self._allowed
            and self._clock.monotonic() >= self._blocked_until
        )


def _wake(waiters: deque[asyncio.Future[bool]], number: int) -> int:
    woken = 0
    while waiters and woken < number:
        waiting = waiters.pop()
        if not waiting.done():
            waiting.set_result(True)
            woken += 1
    return woken


def _settle(waiting: asyncio.Future[bool], result: bool) -> None:
    if not waiting.done():
        waiting.set_result(result)
