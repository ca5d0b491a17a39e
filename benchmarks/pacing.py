"""Loads: those that follow a clock, those that follow the gateway, and what they say."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

MARK = (
    b"=m="  # once in every counted message; nothing that styles text (XEP-0393), which most messages do not
)
PROSE = "the quick brown fox jumps over the lazy dog"
_BLOCK_LINES = 400


async def paced(rate: float, seconds: float, send: Callable[[], None]) -> None:
    """Call ``send`` ``rate`` times a second; what falls behind is caught up with: the number of calls is always the same."""
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        if (early := began + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(early)
        send()


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """``work`` goes on while the block runs and is cancelled at its end; its failure fails the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


def blocks(line: Callable[[int], str], count: int, lines: int = _BLOCK_LINES) -> list[bytes]:
    """``count`` lines, each made from its number, in blocks of ``lines``."""
    return [
        "".join(map(line, range(first, min(first + lines, count)))).encode()
        for first in range(0, count, lines)
    ]


def body(number: int) -> str:
    """What message ``number`` of a flood says: about 60 characters, no two alike."""
    return f"{MARK.decode()} {number} {PROSE}"
