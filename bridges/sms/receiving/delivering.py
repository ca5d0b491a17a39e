"""Sees to it that every user is shown what is theirs: in order for each chat, chats beside one another, and again after
whatever went wrong.

The rows are the queue; here is only which chat (*lane*) is to be looked at, and when. While a user has no session nothing of
theirs is held. A message is told to the core under one id, so after ``kill -9`` it is told again and shown once. A picture
that takes its time holds up its own chat alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from bridges.sms.receiving.gathering import Gathering
from bridges.sms.receiving.residents import Residents
from bridges.sms.receiving.rows import Delivery
from bridges.sms.receiving.showing import Later, Showing
from bridges.sms.receiving.store import Lane, Store
from gateway.bridge import Cancellable, Clock, NotKept, NotStored

log = structlog.get_logger(__name__)

_WORKERS, _FETCHERS = 32, 8
_BATCH = 50
_MOST_FRESH = 500  # of one lane; more is read from the rows
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 300.0  # seconds after a failure, doubled
_FEW = 50  # users who are looked for one by one
_LOOK_AGAIN = 300.0  # seconds between looks at the rows, for what nobody told us of


@dataclass(slots=True)
class DeliveringCounts:
    """For metrics."""

    shown: int = 0
    failed: int = 0


@dataclass(slots=True, eq=False)
class _Lane:
    """``behind``: the rows have more than is in ``fresh``. ``idle``: neither queued nor worked on."""

    lane: Lane
    fresh: deque[Delivery] = field(default_factory=deque)
    behind: bool = False
    idle: bool = True
    failures: int = 0
    pause: Cancellable | None = None

    @property
    def has_more(self) -> bool:
        return bool(self.fresh) or self.behind


class Delivering:
    """``run`` is its task; everything else may be called at any time."""

    def __init__(self, store: Store, showing: Showing, residents: Residents, clock: Clock) -> None:
        self.counts = DeliveringCounts()
        self._store = store
        self._showing = showing
        self._residents = residents
        self._clock = clock
        self._lanes: dict[Lane, _Lane] = {}
        self._ready: asyncio.Queue[_Lane] = asyncio.Queue()
        self._ready_to_fetch: asyncio.Queue[_Lane] = asyncio.Queue()
        self._done = Gathering(store.delivered)
        self._look = asyncio.Event()
        self._came: set[str] = set()  # whose rows are to be looked at
        self._followed: set[str] = set()  # users of whose rows nothing is unknown here
        self._doubtful = False  # there may be rows of anybody that are unknown here

    # -- what others do ----------------------------------------------------------------------------------------

    def fresh(self, deliveries: Sequence[Delivery]) -> None:
        """They are in the rows, and new."""
        for each in deliveries:
            if self._residents.sink(each.owner) is None:
                self._followed.discard(each.owner)
                continue  # it is found in the rows when the user comes
            if self._doubtful or each.owner not in self._followed:
                self.wake(each.owner)  # there may be older ones in the rows
                continue
            lane = self._lane(Lane(each.owner, each.contact))
            if not lane.behind and len(lane.fresh) < _MOST_FRESH:
                lane.fresh.append(each)
            else:
                lane.behind = True
            self._make_ready(lane)

    def wake(self, owner: str) -> None:
        """A user's session is there, or rows of theirs are that are not held here."""
        self._followed.discard(owner)
        self._came.add(owner)
        self._look.set()

    def look(self) -> None:
        """There may be something in the rows of which nobody told."""
        self._doubtful = True
        self._came.add("")
        self._look.set()

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        self._followed.discard(owner)
        for name, lane in self._lanes.items():
            if name.owner == owner:
                lane.fresh.clear()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._looking())
            for _ in range(_WORKERS):
                group.create_task(self._working(self._ready, fetches=False))
            for _ in range(_FETCHERS):
                group.create_task(self._working(self._ready_to_fetch, fetches=True))

    async def close(self) -> None:
        """Returns once nothing is on its way into the tables."""
        await self._done.close()

    # -- which lane --------------------------------------------------------------------------------------------

    def _lane(self, name: Lane) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(name)
        return lane

    def _make_ready(self, lane: _Lane) -> None:
        if lane.idle and lane.pause is None:
            lane.idle = False
            self._ready.put_nowait(lane)

    async def _looking(self) -> None:
        while True:
            came, self._came = self._came, set()
            self._look.clear()
            try:
                await self._find(came)
            except NotStored as error:
                log.error("texts that wait cannot be read", reason=str(error))
                self._came |= came
                await self._clock.sleep(_FIRST_WAIT)
                continue
            timer = self._clock.call_later(_LOOK_AGAIN, self.look)
            try:
                await self._look.wait()
            finally:
                timer.cancel()

    async def _find(self, came: set[str]) -> None:
        """Look at the rows of users who came, or of everybody (empty)."""
        found = [
            lane
            for owner in ((None,) if "" in came or len(came) > _FEW else sorted(came))
            for lane in await self._store.lanes(owner)
        ]
        # Of who came meanwhile there may be rows that were not there yet when these were read.
        self._followed |= came - self._came
        if "" in came:
            self._doubtful = "" in self._came
        for name in found:
            if self._residents.sink(name.owner) is None:
                self._followed.discard(name.owner)
                continue
            lane = self._lane(name)
            lane.behind = True
            lane.fresh.clear()  # all of it stands in the rows, in its order
            if name.owner in came:
                self._go_on(lane)
            self._make_ready(lane)

    def _go_on(self, lane: _Lane) -> None:
        if lane.pause is not None:
            lane.pause.cancel()
            lane.pause = None

    # -- one lane ----------------------------------------------------------------------------------------------

    async def _working(self, queue: "asyncio.Queue[_Lane]", *, fetches: bool) -> None:
        while True:
            lane = await queue.get()
            if await self._all_of(lane, fetches=fetches):
                self._ready_to_fetch.put_nowait(lane)
                continue
            lane.idle = True
            if lane.pause is not None:
                continue
            if lane.has_more:
                self._make_ready(lane)
            elif not lane.failures:
                del self._lanes[lane.lane]

    async def _all_of(self, lane: _Lane, *, fetches: bool) -> bool:
        """Whether the next one has files, which somebody else is to fetch."""
        try:
            while True:
                if lane.behind and not lane.fresh:
                    await self._read(lane)
                if not lane.fresh:
                    lane.failures = 0
                    return False
                delivery = lane.fresh[0]
                if delivery.files and not fetches:
                    return True
                await self._one(lane, delivery)
        except Later as later:
            self._pause(lane, later.seconds)
        except (NotKept, NotStored) as error:
            log.warning("a text cannot be shown just now", reason=str(error))
            self._pause(lane)
        except Exception:
            self.counts.failed += 1
            log.exception("a text could not be shown", attempts=lane.failures + 1)
            self._pause(lane)
        return False

    async def _one(self, lane: _Lane, delivery: Delivery) -> None:
        sink = self._residents.sink(delivery.owner)
        if sink is None:
            # It is in the rows, and looked for when the user comes.
            self._followed.discard(delivery.owner)
            lane.fresh.clear()
            lane.behind = False
            return
        await self._showing.show(delivery, sink, attempts=lane.failures)
        await self._done.add(delivery)
        lane.failures = 0
        self.counts.shown += 1
        # Nobody else takes from it, but it may have been emptied when too much came.
        if lane.fresh and lane.fresh[0] is delivery:
            lane.fresh.popleft()

    async def _read(self, lane: _Lane) -> None:
        lane.behind = False
        lane.fresh.clear()
        rows = await self._rows(lane)
        # What was told meanwhile may stand in the rows that were read.
        read = {each.id for each in rows}
        told = [each for each in lane.fresh if each.id not in read]
        lane.fresh.clear()
        lane.fresh.extend(rows)
        if len(rows) == _BATCH:
            lane.behind = True
        else:
            lane.fresh.extend(told)

    async def _rows(self, lane: _Lane) -> list[Delivery]:
        try:
            return await self._store.of_lane(lane.lane, _BATCH)
        except NotStored:
            lane.behind = True
            raise

    def _pause(self, lane: _Lane, seconds: float = 0.0) -> None:
        wait = seconds or min(_FIRST_WAIT * 2**lane.failures, _LONGEST_WAIT)
        lane.failures += 1
        lane.behind = True
        lane.fresh.clear()
        self._go_on(lane)
        lane.pause = self._clock.call_later(wait, lambda: self._resume(lane))

    def _resume(self, lane: _Lane) -> None:
        lane.pause = None
        self._make_ready(lane)
