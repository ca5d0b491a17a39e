"""One thing after the other for each user, and all users beside each other. Knows work, not what it is about."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from gateway.bridge import Contained

_log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]


class Desks:
    """Jobs wait until ``serve`` runs. A job that fails is logged, and the next one is done."""

    def __init__(self) -> None:
        self._jobs: dict[str, deque[Job]] = {}
        self._beside = 0
        self._group: asyncio.TaskGroup | None = None

    @property
    def busy(self) -> bool:
        """Also before ``serve``: what was posted waits, and what is not posted yet may be restored."""
        return self._group is None or bool(self._jobs) or self._beside > 0

    def post(self, owner: str, job: Job) -> None:
        """Do this for ``owner`` after all that was posted before."""
        waiting = self._jobs.get(owner)
        if waiting is not None:
            waiting.append(job)
            return
        self._jobs[owner] = deque([job])
        if self._group is not None:
            self._group.create_task(self._work(owner))

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do this beside all else; only while ``serve`` runs."""
        if self._group is None:
            work.close()
            raise RuntimeError("Work was begun before the desks were open.")
        self._beside += 1
        self._group.create_task(self._spawned(work))

    async def serve(self) -> None:
        """Until it is cancelled; then whatever is being done is cancelled too."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for owner in list(self._jobs):
                    group.create_task(self._work(owner))
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None

    async def _work(self, owner: str) -> None:
        jobs = self._jobs[owner]
        try:
            while jobs:
                await self._guarded(jobs.popleft())
        finally:
            del self._jobs[owner]

    async def _spawned(self, work: Coroutine[None, None, None]) -> None:
        try:
            await self._guarded(lambda: work)
        finally:
            self._beside -= 1

    async def _guarded(self, job: Job) -> None:
        # One mail that cannot be made keeps no other from being made.
        with Contained(_log, "a step of composing a mail failed"):
            await job()
