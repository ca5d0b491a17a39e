"""Who may write next, and on which connection: one queue of a route for all its connections, their windows and its rate.

First come, first served; a segment that was throttled keeps the place that it had. Knows no messages and no protocol.
"""

import asyncio
import heapq
import itertools
from collections.abc import Collection
from typing import Final, Protocol

from bridges.sms.smpp.rate import Backoff, Bucket, Congestion
from bridges.sms.traffic import Away
from gateway.bridge import Cancellable, Clock

_BURST: Final = 0.05  # seconds of the rate that may be written at once: timers are not that exact


class Lane(Protocol):
    """A connection as far as it matters here."""

    @property
    def room(self) -> int: ...

    @property
    def busy(self) -> int:
        """Segments without an answer, and turns that were given."""

    @property
    def transmits(self) -> bool: ...

    def reserve(self) -> None: ...

    def release(self) -> None: ...


class Slot:
    """Room for one segment on ``lane``, until it is ``used`` or given back, whatever comes first."""

    __slots__ = ("_turns", "free", "lane", "order")

    def __init__(self, turns: "Turns", lane: Lane, order: int) -> None:
        self._turns = turns
        self.lane = lane
        self.order = order
        self.free = True

    def used(self) -> None:
        """The segment is written next, before anything else happens."""
        if self.free:
            self.free = False
            self.lane.release()

    def give_back(self) -> None:
        if self.free:
            self.free = False
            self._turns.returned(self.lane)


class Turns:
    """``rate`` is that of the route, ``lane_rate`` that of each connection, in segments a second (0: none). ``patience``:
    seconds after which a route that cannot write is ``Away``."""

    def __init__(self, clock: Clock, *, rate: float, lane_rate: float, patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._lane_rate = lane_rate
        self._bucket = Bucket(rate, rate * _BURST)
        self._lanes: dict[Lane, Bucket] = {}
        self._orders = itertools.count()
        self._waiting: list[tuple[int, asyncio.Future[Slot]]] = []
        self._again: set[asyncio.Future[Slot]] = set()  # of those, whose segment was throttled
        self._timer: Cancellable | None = None
        self._timer_due = float("inf")
        self._down: float | None = clock.monotonic()  # since when no connection can write
        self._why = "it is not connected yet"
        self._hopeless = False
        self.backoff = Backoff()
        self.congestion = Congestion()

    # -- connections ---------------------------------------------------------------------------------------------------

    def joined(self, lane: Lane) -> None:
        self._lanes[lane] = Bucket(self._lane_rate, self._lane_rate * _BURST)
        self._hopeless = False
        self.serve()

    def left(self, lane: Lane, why: str) -> None:
        if self._lanes.pop(lane, None) is not None and not self._lanes:
            self._down = self._clock.monotonic()
            self._why = why
        self.serve()

    def failed(self, why: str, *, hopeless: bool) -> None:
        """An attempt to connect. ``hopeless``: nobody need wait for the next one."""
        self._why, self._hopeless = why, hopeless
        self.serve()

    @property
    def queue(self) -> int:
        """How many wait."""
        return sum(not future.done() for _, future in self._waiting)

    @property
    def why(self) -> str:
        """Why the connection was lost, or never was."""
        return self._why

    # -- turns ---------------------------------------------------------------------------------------------------------

    async def enter(self, order: int | None = None) -> Slot:
        """Wait for room. ``order``: the place that it had before. Raises ``Away``."""
        why = self._down_why() or (self._pause_why() if order is None else None)
        if why is not None:
            raise Away(why)
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (next(self._orders) if order is None else order, turn))
        if order is not None:
            self._again.add(turn)
            turn.add_done_callback(self._again.discard)
        self.serve()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                turn.result().give_back()
            raise

    def returned(self, lane: Lane) -> None:
        """Room that nobody used."""
        lane.release()
        self._bucket.give_back()
        if lane in self._lanes:
            self._lanes[lane].give_back()
        self.serve()

    def serve(self) -> None:
        """Give what there is to give: called whenever something may have changed."""
        waiting = self._waiting
        while waiting:
            if waiting[0][1].done():
                heapq.heappop(waiting)
                continue
            now = self._clock.monotonic()
            if (why := self._down_why()) is not None:
                self._dismiss(why)
                return
            if (why := self._pause_why()) is not None and self._dismiss(why, but=self._again):
                continue
            lane, wait = self._best(now)
            if wait > 0 or lane is None:
                self._arm(now + wait)
                return
            order, turn = heapq.heappop(waiting)
            self._bucket.take(now)
            self._lanes[lane].take(now)
            self.congestion.take(now)
            lane.reserve()
            turn.set_result(Slot(self, lane, order))

    def _best(self, now: float) -> tuple[Lane | None, float]:
        """The connection with most room, or how long to wait; infinitely long where only news help."""
        able = [lane for lane in self._lanes if lane.transmits]
        if not able:
            return None, max(0.001, (self._down or now) + self._patience - now)
        if self.backoff.pausing and any(lane.busy for lane in able):
            return None, float("inf")  # the answer to one of them says whether there is room again
        roomy = [lane for lane in able if lane.room > 0]
        if not roomy:
            return None, float("inf")
        held = max(self.backoff.wait(now), self.congestion.wait(now), self._bucket.wait(now))
        soonest = min(self._lanes[lane].wait(now) for lane in roomy)
        if max(held, soonest) > 0:
            return None, max(held, soonest)
        return max(
            (lane for lane in roomy if self._lanes[lane].wait(now) <= 0), key=lambda lane: lane.room
        ), 0.0

    def _down_why(self) -> str | None:
        """Why nothing can be written, if it cannot and has not for so long that nobody shall wait."""
        if any(lane.transmits for lane in self._lanes):
            self._down = None
            return None
        now = self._clock.monotonic()
        if self._down is None:
            self._down = now
        return self._why if self._hopeless or now >= self._down + self._patience else None

    def _pause_why(self) -> str | None:
        """The same for a pause that is too long for whoever can go elsewhere."""
        pause = self.backoff.wait(self._clock.monotonic())
        return f"it asks for a pause of {pause:.0f} seconds" if pause > self._patience else None

    def _dismiss(self, why: str, but: Collection[asyncio.Future[Slot]] = ()) -> bool:
        """Whether anybody was."""
        found = [turn for _, turn in self._waiting if not turn.done() and turn not in but]
        for turn in found:
            turn.set_exception(Away(why))
        return bool(found)

    # -- time ----------------------------------------------------------------------------------------------------------

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < float("inf"):
            self._timer_due = due
            self._timer = self._clock.call_later(max(0.0, due - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer, self._timer_due = None, float("inf")
        self.serve()

    def close(self) -> None:
        """Nobody gets a turn any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = None, float("inf")
        self._lanes.clear()
        self._why, self._hopeless = "it is being switched off", True
        self._dismiss(self._why)
