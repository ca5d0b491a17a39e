"""When requests to a provider may be made: so many at a time, so many a second, and none during a pause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridges.sms.traffic import Away
from gateway.bridge import Clock

_PATIENCE = 5.0  # a pause that nobody waits for who can go elsewhere
_FAILURES = 3  # connections in a row that were not made, before it is said that the provider is away
_AGAIN = 5.0


class Gate:
    """Who may write next: so many at a time, so many a second, nobody during a pause."""

    def __init__(self, clock: Clock, rate: float, window: int) -> None:
        self._clock = clock
        self._spacing = 1 / rate if rate else 0.0
        self._room = asyncio.Semaphore(window)
        self._order = asyncio.Lock()
        self._next = 0.0
        self._until = 0.0
        self._why = ""
        self._failures = 0
        self.waiting = 0

    @property
    def why(self) -> str:
        """Why nothing is to be expected soon; empty if it is."""
        return self._why if self._until - self._clock.monotonic() > 0 else ""

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Raises ``Away``."""
        self._look()
        self.waiting += 1
        try:
            await self._room.acquire()
        finally:
            self.waiting -= 1
        try:
            async with self._order:
                while (wait := max(self._next, self._until) - self._clock.monotonic()) > 0:
                    self._look()
                    await self._clock.sleep(wait)
                self._next = max(self._next, self._clock.monotonic()) + self._spacing
            yield
        finally:
            self._room.release()

    def _look(self) -> None:
        if self._until - self._clock.monotonic() > _PATIENCE:
            raise Away(self._why)

    def pause(self, seconds: float, why: str) -> None:
        self._until = max(self._until, self._clock.monotonic() + seconds)
        self._why = why

    def failed(self, why: str) -> None:
        """A connection was not made."""
        self._failures += 1
        if self._failures >= _FAILURES:
            doubled = _AGAIN * 2 ** min(self._failures - _FAILURES, 4)
            self.pause(min(60.0, 1.5 * doubled), why)

    def reached(self) -> None:
        self._failures = 0
