"""Group commit of small things: what is asked for while one commit runs shares the next, in one statement for all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gateway.bridge import NotStored

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathering(Generic[Item, Result]):
    """``write`` commits several items, in the order in which they were added, and answers for each; it may raise
    ``NotStored``. It is never called twice at a time."""

    def __init__(
        self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], most: int = 200
    ) -> None:
        self._write = write
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Returns once it is committed. Raises ``NotStored``. Goes on if the caller is cancelled."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await done

    def __len__(self) -> int:
        """How many wait for a commit."""
        return len(self._waiting)

    async def close(self) -> None:
        """Returns once nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._one(group)
        finally:
            self._task = None

    async def _one(self, group: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            results = await self._write([item for item, _ in group])
        except NotStored as error:
            for _, done in group:
                if not done.done():
                    done.set_exception(NotStored(str(error)))
            return
        except BaseException:
            for _, done in group:
                done.cancel()
            raise
        for (_, done), result in zip(group, results, strict=True):
            if not done.done():
                done.set_result(result)
