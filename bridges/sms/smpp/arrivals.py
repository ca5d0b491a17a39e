"""What came and has to be kept before it is answered: in order for each pair of numbers, several pairs at once.

Knows neither messages nor connections, only work under a key.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

Work = Callable[[], Awaitable[None]]
Key = tuple[str, str]

CONCURRENT: Final = 100
WAITING: Final = 1000


class Arrivals:
    """``concurrent`` works at a time, and ``waiting`` more that wait for it. Works deal with their own failures."""

    def __init__(self, concurrent: int = CONCURRENT, waiting: int = WAITING) -> None:
        self._concurrent = concurrent
        self._most = concurrent + waiting
        self._lanes: dict[Key, deque[Work]] = {}
        self._ready: deque[Key] = deque()
        self._held = 0
        self._group: asyncio.TaskGroup | None = None
        self._workers = 0

    @property
    def held(self) -> int:
        """Works that are not done."""
        return self._held

    def put(self, key: Key, work: Work) -> bool:
        """Whether it was taken: not while too much waits, nor before ``run``."""
        if self._group is None or self._held >= self._most:
            return False
        self._held += 1
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(work)
            return True
        self._lanes[key] = deque((work,))
        self._ready.append(key)
        if self._workers < self._concurrent:
            self._workers += 1
            self._group.create_task(self._work())
        return True

    async def run(self) -> None:
        """Until cancelled; what is under way then is cancelled too."""
        try:
            async with asyncio.TaskGroup() as self._group:
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            self._lanes.clear()
            self._ready.clear()
            self._held = self._workers = 0

    async def _work(self) -> None:
        while self._ready:
            key = self._ready.popleft()
            lane = self._lanes[key]
            while lane:
                try:
                    await lane[0]()
                finally:
                    self._held -= 1
                    lane.popleft()
            del self._lanes[key]
        self._workers -= 1
