"""A clock that the test moves: nothing happens until ``advance``."""

import asyncio
import heapq
import itertools
from collections.abc import Callable


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """``gateway.bridge.Clock`` by hand. ``now`` and ``monotonic`` differ, as real ones do."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._epoch = now
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []

    def now(self) -> float:
        return self._epoch + self._elapsed

    def set_back(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self._epoch -= seconds

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self._elapsed + delay, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        done = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: done.done() or done.set_result(None))
        try:
            await done
        finally:
            timer.cancel()

    @property
    def waiting(self) -> list[float]:
        """Seconds until each pending timer, soonest first."""
        return sorted(due - self._elapsed for due, _, timer in self._timers if not timer.cancelled)

    async def advance(self, seconds: float) -> None:
        """Let time pass; what falls due runs in order, and the loop gets to work after each."""
        until = self._elapsed + seconds
        while self._timers and self._timers[0][0] <= until:
            due, _, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._elapsed = max(self._elapsed, due)
            timer.callback()
            await settle()
        self._elapsed = until
        await settle()


async def settle(turns: int = 10) -> None:
    """Give the loop a few turns for what is ready."""
    for _ in range(turns):
        await asyncio.sleep(0)
