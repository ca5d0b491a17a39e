"""Waiting for what tells nobody that it has happened: another thread, process or server, or the other end of a socket.

Where there is something to be told (an event, a stanza, an answer), tests wait for that instead.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.playground.expect import Unmet

DEADLINE = 30.0  # seconds; generous, because two slow cores are shared and only failures wait so long
_FIRST, _LONGEST = 0.001, 0.01

T = TypeVar("T")


async def eventually(
    look: Callable[[], T | Awaitable[T]],
    what: str = "what was waited for",
    within: float = DEADLINE,
    *,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> T:
    """Look again and again; gives the first that is true. Raises ``Unmet``, and whatever ``look`` raises. ``meanwhile`` is
    done between two looks: a clock of the test's is moved."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + within, _FIRST
    while True:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if loop.time() > deadline:
            raise Unmet(f"{what} did not come true within {within:g} s")
        if meanwhile is not None:
            await meanwhile()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST)
