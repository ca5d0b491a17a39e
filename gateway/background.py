"""What bridges do besides their users' sessions (``gateway.bridge.Running``): started and ended with their component."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import structlog

from gateway.bridge import Bridge, Contained, Running

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def background(
    name: str, bridge: Bridge, faulty: Callable[[Exception], None] = lambda error: None
) -> AsyncIterator[None]:
    """While inside, the bridge runs, if it has anything to run. Its failure is logged and told to ``faulty``, and ends
    nothing else."""
    if not bridge.capabilities.background:
        yield
        return
    running = asyncio.create_task(
        _held(name, cast("Running", bridge), faulty)
    )  # the capability says that it can
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


async def _held(name: str, bridge: Running, faulty: Callable[[Exception], None]) -> None:
    with Contained(_log, "the bridge's own work failed", bridge=name) as work:
        await bridge.run()
    if work.fault is not None:
        faulty(work.fault)
