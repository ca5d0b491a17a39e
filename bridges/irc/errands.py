"""Small work that must not hold up the lines: one owner for its tasks, and a word in the log if one fails."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


# An empty set of its own would cost every session 200 bytes.
_NONE: frozenset[asyncio.Task[None]] = frozenset()


class Errands:
    """Holds what is under way. ``about`` is what the log calls it."""

    __slots__ = ("_about", "_tasks")

    def __init__(self, about: str) -> None:
        self._about = about
        self._tasks = _NONE

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks |= {task}
        task.add_done_callback(self._done)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks = self._tasks - {task} or _NONE
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an errand failed", about=self._about, reason=str(error), exc_info=error)
