"""Which rows of a chat are shown next, whatever is read and told meanwhile."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from bridges.sms.receiving.delivering import Delivering
from bridges.sms.receiving.residents import Residents
from bridges.sms.receiving.rows import Delivery
from bridges.sms.receiving.showing import Showing
from bridges.sms.receiving.store import Lane, Store
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import BOB, OURS

ROMEO = "romeo@x"


def text(words: str, at: float) -> Delivery:
    return Delivery(ROMEO, words, at, BOB, OURS, words)


class Rows:
    """``Store`` as far as lanes need it. What a reader of lanes gets is as old as its question."""

    def __init__(self) -> None:
        self.rows: list[Delivery] = []
        self.asked: asyncio.Queue[None] = asyncio.Queue()
        self.answers: asyncio.Queue[None] = asyncio.Queue()

    async def lanes(self, owner: str | None) -> list[Lane]:
        found = list(dict.fromkeys(Lane(each.owner, each.contact) for each in self.rows))
        self.asked.put_nowait(None)
        await self.answers.get()
        return found

    async def of_lane(self, lane: Lane, limit: int) -> list[Delivery]:
        return sorted(self.rows, key=lambda each: each.at)[:limit]

    async def delivered(self, deliveries: Sequence[Delivery]) -> Sequence[None]:
        for each in deliveries:
            self.rows.remove(each)
        return [None] * len(deliveries)


class Screen:
    """``Showing`` and ``Residents``: Romeo is there."""

    def __init__(self) -> None:
        self.shown: asyncio.Queue[str] = asyncio.Queue()

    def sink(self, owner: str) -> Any:
        return self

    async def show(self, delivery: Delivery, sink: object, attempts: int) -> None:
        self.shown.put_nowait(delivery.text)


async def both(clock: ManualClock, *, doubt: bool) -> list[str]:
    """What is shown of two texts: one comes while the rows are read, the other while they are read again for the first."""
    rows, screen = Rows(), Screen()
    delivering = Delivering(cast("Store", rows), cast("Showing", screen), cast("Residents", screen), clock)
    task = asyncio.create_task(delivering.run())
    delivering.wake(ROMEO)
    await rows.asked.get()
    if doubt:
        rows.answers.put_nowait(None)
        delivering.look()
        await rows.asked.get()
    for words in ("first", "second"):
        rows.rows.append(text(words, len(rows.rows)))
        delivering.fresh(rows.rows[-1:])
        for _ in range(10):  # whoever is free does what can be done without the answer
            await asyncio.sleep(0)
        rows.answers.put_nowait(None)
        if words == "first":
            await rows.asked.get()
    async with asyncio.timeout(10):
        for _ in range(5):
            rows.answers.put_nowait(None)
        shown = [await screen.shown.get() for _ in range(2)]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await delivering.close()
    return shown


async def test_what_comes_while_rows_are_read_does_not_overtake_what_came_before(clock: ManualClock) -> None:
    assert await both(clock, doubt=False) == ["first", "second"]


async def test_nor_while_everything_is_doubtful(clock: ManualClock) -> None:
    assert await both(clock, doubt=True) == ["first", "second"]
