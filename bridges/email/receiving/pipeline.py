"""Sees to it that every mail that was taken is shown: in order for each user, users beside one another, and again after
whatever went wrong.

The rows are the queue; here is only who is to be looked at, and when. A mail that cannot be shown just now keeps its user's
later mails waiting, for they are to come in order. One that is broken, or breaks us, does not: it is looked at alone, then
shown unread, then held.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bridges.email.receiving.arrivals import CAREFUL, Arrival, Arrivals, Kind, State
from bridges.email.receiving.closing import Closings
from bridges.email.receiving.intake import Waiting
from bridges.email.receiving.showing import Ending, NotNow, Showing
from gateway.bridge import Clock, NotKept, NotStored

log = structlog.get_logger(__name__)

_WORKERS = 16
_LOOK_AGAIN = 30.0  # seconds between looks at the rows, for what nobody told us of
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 300.0  # seconds after a failure, doubled
_COMPLAINT = 24 * 3600.0  # seconds between two of the same
_BATCH = 50
_MOST_FRESH = 1_000  # of one owner; more is read from the rows
#: Attempts that went wrong after which a mail is not read any more, and after which it is held.
_UNREAD, _HELD = CAREFUL + 2, CAREFUL + 4


@dataclass(slots=True)
class PipelineCounts:
    """For metrics."""

    shown: int = 0
    held: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    seconds: float


class Pipeline:
    """``run`` is its task; everything else may be called at any time. ``waiting`` is told of what does not wait any more."""

    def __init__(
        self, arrivals: Arrivals, showing: Showing, closings: Closings, waiting: Waiting, clock: Clock
    ) -> None:
        self.counts = PipelineCounts()
        self._arrivals = arrivals
        self._showing = showing
        self._closings = closings
        self._waiting = waiting
        self._clock = clock
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._fresh: dict[str, deque[Arrival]] = {}  # just taken, of owners who have nothing older
        self._behind: set[str] = set()  # of whom there is more in the rows
        self._begun = False
        self._settled: OrderedDict[str, None] = OrderedDict()  # what the rows may still have told as waiting
        self._queued: set[str] = set()
        self._busy: set[str] = set()
        self._again: set[str] = set()  # who got more while they were looked at
        self._pauses: dict[str, _Pause] = {}
        self._look = asyncio.Event()
        self._alone = asyncio.Lock()
        self._complain_at = 0.0
        self._not_before: dict[str, float] = {}  # mails for operators, and what came back
        self._closing: set[str] = set()  # mails that are shown, and whose last commit is under way
        self._unclosed: set[str] = set()  # of whom such a commit failed
        self._suspected: set[str] = set()  # mails that are marked by us, not by a process that died of them

    # What others do

    def taken(self, arrivals: Sequence[Arrival]) -> None:
        """Mails were taken; none: some were, and it is not known which."""
        if not arrivals or not self._begun:
            self._look.set()
            return
        for each in arrivals:
            if each.owner in self._pauses:
                continue  # the rows are looked at then
            fresh = self._fresh.setdefault(each.owner, deque())
            if each.owner not in self._behind and len(fresh) < _MOST_FRESH:
                fresh.append(each)
            else:
                self._behind.add(each.owner)
            self._make_ready(each.owner)

    def wake(self, owner: str) -> None:
        """A user's session is there, or something of the user's was released."""
        self._pauses.pop(owner, None)
        self._not_before.clear()
        self._settled.clear()
        self._behind |= {owner, ""}  # also what came back for the user
        self._make_ready(owner)
        self._make_ready("")

    async def run(self) -> None:
        """Until cancelled."""
        await self._begin()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._closings.run())
            group.create_task(self._looking())
            for _ in range(_WORKERS):
                group.create_task(self._working())

    # Who is looked at

    def _make_ready(self, owner: str) -> None:
        if owner in self._busy:
            self._again.add(owner)
        elif owner not in self._queued:
            self._queued.add(owner)
            self._ready.put_nowait(owner)

    async def _begin(self) -> None:
        while True:
            try:
                await self._arrivals.begin()
                return
            except NotStored as error:
                log.error("mail that waits cannot be read", reason=str(error))
                await self._clock.sleep(_FIRST_WAIT)

    async def _looking(self) -> None:
        while True:
            try:
                owners = await self._arrivals.owners()
            except NotStored as error:
                log.error("mail that waits cannot be read", reason=str(error))
                owners = ()
            self._begun = True
            now = self._clock.monotonic()
            for owner in owners:
                pause = self._pauses.get(owner)
                if pause is None or pause.until <= now:
                    self._behind.add(owner)
                    self._make_ready(owner)
            soonest = min(
                (pause.until for pause in self._pauses.values() if pause.until > now),
                default=now + _LOOK_AGAIN,
            )
            timer = self._clock.call_later(min(soonest - now, _LOOK_AGAIN), self._look.set)
            try:
                await self._look.wait()
            finally:
                timer.cancel()
            self._look.clear()

    async def _working(self) -> None:
        while True:
            owner = await self._ready.get()
            self._queued.discard(owner)
            self._busy.add(owner)
            try:
                await self._all_of(owner)
            finally:
                self._busy.discard(owner)
            if owner in self._again:
                self._again.discard(owner)
                self._make_ready(owner)

    def _pause(self, owner: str, seconds: float = 0.0) -> None:
        before = self._pauses.get(owner)
        wait = seconds or min(before.seconds * 2 if before else _FIRST_WAIT, _LONGEST_WAIT)
        self._pauses[owner] = _Pause(self._clock.monotonic() + wait, wait)
        self._again.discard(owner)
        self._fresh.pop(owner, None)
        self._look.set()

    # Their mails

    async def _all_of(self, owner: str) -> None:
        if owner in self._behind:
            # The rows have what is fresh too, in its order.
            self._behind.discard(owner)
            self._unclosed.discard(owner)
            self._fresh.pop(owner, None)
            if not await self._rows_of(owner):
                return
        fresh = self._fresh.get(owner)
        while fresh and owner not in self._behind:
            if not await self._one(fresh.popleft()):
                return
        if not fresh:
            self._fresh.pop(owner, None)
        if owner in self._behind:
            self._again.add(owner)
        if owner not in self._unclosed:
            self._pauses.pop(owner, None)

    async def _rows_of(self, owner: str) -> bool:
        """Whether all of them were looked at."""
        last: Arrival | None = None
        while True:
            try:
                batch = await self._arrivals.waiting(owner, last, _BATCH)
            except NotStored as error:
                log.error("mail that waits cannot be read", reason=str(error))
                self._pause(owner)
                return False
            if not batch:
                return True
            for arrival in batch:
                last = arrival
                if not await self._one(arrival):
                    return False

    async def _one(self, arrival: Arrival) -> bool:
        """Whether to go on with the next mail of the same user."""
        if arrival.id in self._settled or arrival.id in self._closing:
            return True
        if self._not_before.get(arrival.id, 0.0) > self._clock.monotonic():
            return True
        try:
            ending = await self._shown(arrival)
        except NotNow:
            return self._later(arrival)
        except NotKept as error:
            if arrival.kind is Kind.USER:
                log.warning("a mail cannot be shown just now", mail=arrival.id, reason=str(error))
                self._pause(arrival.owner)
                return False
            return self._later(arrival)
        except (NotStored, OSError) as error:
            log.warning("a mail cannot be shown just now", mail=arrival.id, reason=str(error))
            self._pause(arrival.owner)
            return False
        except Exception:
            self.counts.failed += 1
            log.exception("a mail could not be shown", mail=arrival.id, attempts=arrival.attempts + 1)
            return await self._failed(arrival)
        self._suspected.discard(arrival.id)
        self._not_before.pop(arrival.id, None)
        if ending.closing is None:
            self._count(arrival, ending.state)
        else:
            self._closing.add(arrival.id)
            ending.closing.add_done_callback(partial(self._closed, arrival, ending.state))
        return True

    def _closed(self, arrival: Arrival, state: State, closing: "asyncio.Future[None]") -> None:
        self._closing.discard(arrival.id)
        if closing.cancelled():
            return
        error = closing.exception()
        if error is None:
            self._count(arrival, state)
            return
        # The core knows it, and it is only closed when its turn comes again.
        log.warning("a mail that was shown cannot be closed just now", mail=arrival.id, reason=str(error))
        self._unclosed.add(arrival.owner)
        self._pause(arrival.owner)

    def _later(self, arrival: Arrival) -> bool:
        """There is nobody to show it to. What is no user's own is not in the way of what is for others."""
        if arrival.kind is Kind.USER:
            self._pause(arrival.owner, _LONGEST_WAIT)
            return False
        now = self._clock.monotonic()
        if arrival.kind is Kind.OPERATOR and now >= self._complain_at:
            self._complain_at = now + _COMPLAINT
            log.warning(
                "mail to postmaster or abuse waits for somebody who reads it",
                remedy="set `postmaster` of [bridges.email] to the address of a user who is there",
            )
        self._not_before[arrival.id] = now + _LONGEST_WAIT
        return True

    async def _shown(self, arrival: Arrival) -> Ending:
        if arrival.attempts < CAREFUL and not arrival.suspect:
            return await self._showing.show(arrival)
        # One at a time: if we die now, it is known of which.
        async with self._alone:
            died_of = arrival.suspect and arrival.id not in self._suspected
            poisoned = died_of or arrival.attempts >= _UNREAD
            if not poisoned:
                self._suspected.add(arrival.id)
                await self._arrivals.suspected(arrival.id)
            ending = await self._showing.show(arrival, poisoned=poisoned)
            if ending.closing is not None:
                await ending.closing
            return Ending(ending.state)

    async def _failed(self, arrival: Arrival) -> bool:
        try:
            if arrival.attempts + 1 >= _HELD:
                await self._arrivals.hold(arrival.id, "broken")
                self.counts.held += 1
            else:
                await self._arrivals.failed(arrival.id)
        except NotStored:
            self._pause(arrival.owner)
            return False
        return True

    def _count(self, arrival: Arrival, state: State) -> None:
        self._settled[arrival.id] = None
        if len(self._settled) > _MOST_FRESH * 2:
            self._settled.popitem(last=False)
        match state:
            case State.SHOWN:
                self.counts.shown += 1
            case State.DROPPED:
                self.counts.dropped += 1
            case _:
                self.counts.held += 1
                return
        self._waiting.add(arrival.burden, -1, -arrival.size)
