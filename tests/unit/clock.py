"""A clock that tests own: time passes when they say so."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """``gateway.bridge.Clock``; ``await advance(seconds)`` runs what is due, in order."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._monotonic = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self._monotonic + delay, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        awake = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: awake.done() or awake.set_result(None))
        try:
            await awake
        finally:
            timer.cancel()

    @property
    def pending(self) -> list[float]:
        """Seconds until each timer that is set."""
        return sorted(due - self._monotonic for due, _, timer in self._timers if timer.callback is not None)

    async def advance(self, seconds: float) -> None:
        end = self._monotonic + seconds
        await settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._move(due)
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                callback()
            await settle()
        self._move(end)
        await settle()

    def _move(self, to: float) -> None:
        passed = max(0.0, to - self._monotonic)
        self._monotonic += passed
        self._now += passed


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)
