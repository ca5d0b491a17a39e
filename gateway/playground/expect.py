"""Things received and not yet looked at, and waiting for one of them, so that a scenario reads "send this, expect that"."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

DEADLINE = 10.0  # seconds; long, because only failures ever wait for it
_KEPT = 100_000  # items nobody asked for


class Unmet(AssertionError):
    """What was expected did not come; the text says what came instead."""


class Inbox(Generic[T]):
    """What one person received, oldest first. Looking at an item takes it out."""

    def __init__(self, owner: str, show: Callable[[T], str]) -> None:
        self._owner = owner
        self._show = show
        self._items: deque[T] = deque(maxlen=_KEPT)
        self._changed = asyncio.Event()
        self._ended: str | None = None

    def put(self, item: T) -> None:
        self._items.append(item)
        self._changed.set()

    def end(self, reason: str) -> None:
        """Nothing will come any more: who waits learns why at once."""
        self._ended = reason
        self._changed.set()

    async def take(self, wanted: Callable[[T], bool], description: str = "", within: float = DEADLINE) -> T:
        """The oldest item for which ``wanted`` holds, whatever else came before it. Raises ``Unmet``."""
        return await self._take(wanted, description or str(wanted), within, any_order=True)

    async def take_next(
        self, wanted: Callable[[T], bool], description: str = "", within: float = DEADLINE
    ) -> T:
        """The oldest item of all, which has to be a wanted one. Raises ``Unmet``."""
        return await self._take(wanted, description or str(wanted), within, any_order=False)

    async def _take(
        self, wanted: Callable[[T], bool], description: str, within: float, *, any_order: bool
    ) -> T:
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    for index, item in enumerate(self._items):
                        if wanted(item):
                            del self._items[index]
                            return item
                        if not any_order:
                            raise self._unmet(description, "something else came first")
                    if self._ended is not None:
                        raise self._unmet(description, self._ended)
                    await self._changed.wait()
        except TimeoutError:
            raise self._unmet(description, f"nothing of the kind came within {within:g} s") from None

    def waiting(self, wanted: Callable[[T], bool] = lambda _: True) -> list[T]:
        """Items that came and were not taken, without taking them."""
        return [item for item in self._items if wanted(item)]

    def clear(self) -> None:
        self._items.clear()

    def _unmet(self, description: str, why: str) -> Unmet:
        shown = [self._show(item) for item in list(self._items)[:30]]
        if len(self._items) > len(shown):
            shown.append(f"... and {len(self._items) - len(shown)} more")
        instead = "".join(f"\n    {line}" for line in shown) or " nothing"
        return Unmet(f"{self._owner} expected {description}, but {why}. Waiting unread:{instead}")
