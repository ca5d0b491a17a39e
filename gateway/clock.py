"""The real clock: the running loop's timers and the machine's time."""

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """``gateway.bridge.Clock`` on the running event loop."""

    # The functions themselves: asked several times for every message.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)
