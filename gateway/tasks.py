"""Somebody who holds the tasks of a component: none is ever started and forgotten."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType

import structlog

_log = structlog.get_logger(__name__)


class Tasks:
    """An ``asyncio.TaskGroup`` that others may start tasks in. Leaving the ``async with`` block waits for all of them."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> "Tasks":
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    def spawn(self, work: Awaitable[None], *, vital: bool = False) -> None:
        """Run ``work`` in a task of the group. What it fails with is logged and ends nothing else, for one user's trouble is
        not everybody's; a ``vital`` task that fails ends the group, and so the program."""
        self._group.create_task(_held(work, vital))


async def _held(work: Awaitable[None], vital: bool) -> None:
    try:
        await work
    except Exception:
        if vital:
            raise
        _log.exception("a task failed")
