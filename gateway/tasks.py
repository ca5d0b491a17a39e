"""Somebody who holds the tasks of a component: none is ever started and forgotten."""

import asyncio
from collections.abc import Awaitable
from types import TracebackType


class Tasks:
    """An ``asyncio.TaskGroup`` that others may start tasks in. Leaving the ``async with`` block waits for all of them; a task
    that fails ends the rest, as in any task group."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> "Tasks":
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    def spawn(self, work: Awaitable[None]) -> None:
        """Run ``work`` in a task of the group."""

        async def held() -> None:
            await work

        self._group.create_task(held())
