"""Waiting for something that may come too late."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

Value = TypeVar("Value")


async def unless(over: asyncio.Future[None], opening: Coroutine[None, None, Value]) -> Value | None:
    """What ``opening`` gives; None if ``over`` came before that: then it is cancelled. Raises what ``opening`` raises."""
    task = asyncio.ensure_future(opening)

    def end(_: asyncio.Future[None]) -> None:
        task.cancel()

    over.add_done_callback(end)
    try:
        return await task
    except asyncio.CancelledError:
        caller = asyncio.current_task()
        if over.done() and not (caller is not None and caller.cancelling()):
            return None
        raise
    finally:
        over.remove_done_callback(end)
