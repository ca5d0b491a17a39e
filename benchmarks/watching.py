"""Watching a stream of bytes go by without parsing it: counting, waiting, timing.

Every watcher is fed the chunks as they are read and copes with what it looks for being cut in two. Counting is one
pass of ``bytes.count`` over a chunk, so that a watcher is never the bottleneck of what it measures.
"""

import asyncio
import contextlib
import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Protocol


class Watcher(Protocol):
    def feed(self, chunk: bytes) -> None: ...


class Tally:
    """Counts the occurrences of any of ``needles`` (which must not overlap) and wakes who waits for a number of them."""

    def __init__(self, *needles: bytes) -> None:
        self.count = 0
        self.reached_at = 0.0  # time.monotonic() of the last occurrence seen
        self._needles = needles
        self._tails = [b""] * len(needles)
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def feed(self, chunk: bytes) -> None:
        before = self.count
        for number, needle in enumerate(self._needles):
            self.count += chunk.count(needle)
            keep = len(needle) - 1
            if keep:
                # What straddles the cut: at most one needle begins in the tail and ends in the chunk's first bytes.
                self.count += (self._tails[number] + chunk[:keep]).count(needle)
                self._tails[number] = (
                    (self._tails[number] + chunk)[-keep:] if len(chunk) < keep else chunk[-keep:]
                )
        if self.count != before:
            self.reached_at = time.monotonic()
            self._wake()

    async def reach(self, target: int, timeout: float, what: str = "") -> None:
        """Wait for ``count`` to reach ``target``; ``TimeoutError`` says how far it got."""
        if self.count >= target:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((target, future))
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise TimeoutError(
                f"waited {timeout:.0f} s for {what or self._needles[0].decode(errors='replace')}: "
                f"{self.count} of {target} came"
            ) from None
        finally:
            self._waiting = [(n, waiter) for n, waiter in self._waiting if waiter is not future]

    async def reached(self, target: int, timeout: float) -> bool:
        """As ``reach``, but a shortfall is an answer."""
        try:
            await self.reach(target, timeout)
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        for target, future in self._waiting:
            if self.count >= target and not future.done():
                future.set_result(None)


class Marks:
    """Finds the numbers in ``=LETTER123=`` marks and hands them, one by one, to ``found``. A mark that is cut is completed
    by the next chunk."""

    _LONGEST = 24

    def __init__(self, letter: str, found: Callable[[int], None]) -> None:
        self._pattern = re.compile(f"={letter}(\\d+)=".encode())
        self._found = found
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        data = self._tail + chunk
        end = 0
        for match in self._pattern.finditer(data):
            end = match.end()
            self._found(int(match[1]))
        self._tail = data[max(end, len(data) - self._LONGEST) :]


class Found:
    """Finds the first thing that fits a pattern, of at most 1,000 bytes."""

    _LONGEST = 1000

    def __init__(self, pattern: bytes) -> None:
        self._pattern = re.compile(pattern)
        self._tail = b""
        self._found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def feed(self, chunk: bytes) -> None:
        data = self._tail + chunk
        self._tail = data[-self._LONGEST :]
        if not self._found.done() and (match := self._pattern.search(data)) is not None:
            self._found.set_result(match[0].decode())

    async def first(self, timeout: float) -> str:
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self._found)


class Latencies:
    """Times of messages on their way, by the serial number in their mark; several copies may arrive of each."""

    def __init__(self, copies: int = 1) -> None:
        self._copies = copies
        self._sent: list[float] = []
        self._took: list[float] = []
        self._all_here = asyncio.Event()

    def stamp(self) -> int:
        """A message leaves now; the number to mark it with."""
        self._all_here.clear()
        self._sent.append(time.monotonic())
        return len(self._sent) - 1

    def arrived(self, number: int) -> None:
        if number < len(self._sent):
            self._took.append(time.monotonic() - self._sent[number])
            if self.outstanding <= 0:
                self._all_here.set()

    @property
    def outstanding(self) -> int:
        return len(self._sent) * self._copies - len(self._took)

    async def settle(self, timeout: float) -> None:
        """Give what is still on its way up to ``timeout`` seconds to arrive."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._all_here.wait()

    def milliseconds(self, share: float) -> float:
        """The percentile ``share`` (0 to 1). What has not arrived counts as slower than all that has: infinite."""
        everything = sorted(self._took) + [float("inf")] * max(self.outstanding, 0)
        return percentile(everything, share) * 1000


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank of an ascending sequence; nan of an empty one."""
    if not ordered:
        return float("nan")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
