"""The order in which arrivals are kept, with works that the test lets go."""

import asyncio
from collections.abc import Awaitable, Callable

from bridges.sms.smpp.arrivals import Arrivals
from tests.unit.clock import settle


class Works:
    """Works that say when they begin, and end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    def __call__(self, name: str) -> Callable[[], Awaitable[None]]:
        gate = self._gates[name] = asyncio.Event()

        async def work() -> None:
            self.begun.append(name)
            await gate.wait()

        return work

    async def end(self, name: str) -> None:
        self._gates[name].set()
        await settle()


async def running(arrivals: Arrivals) -> "asyncio.Task[None]":
    task = asyncio.create_task(arrivals.run())
    await settle()
    return task


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_pair_of_numbers_is_in_order_and_others_do_not_wait() -> None:
    arrivals, works = Arrivals(), Works()
    task = await running(arrivals)
    arrivals.put(("a", "us"), works("a1"))
    arrivals.put(("a", "us"), works("a2"))
    arrivals.put(("b", "us"), works("b1"))
    await settle()
    assert works.begun == ["a1", "b1"]
    await works.end("a1")
    assert works.begun == ["a1", "b1", "a2"]
    await stopped(task)


async def test_no_more_than_so_many_run_at_a_time() -> None:
    arrivals, works = Arrivals(concurrent=2, waiting=10), Works()
    task = await running(arrivals)
    for name in "abcd":
        arrivals.put((name, "us"), works(name))
    await settle()
    assert works.begun == ["a", "b"]
    await works.end("b")
    assert works.begun == ["a", "b", "c"]
    await stopped(task)


async def test_what_is_too_much_is_not_taken() -> None:
    arrivals, works = Arrivals(concurrent=1, waiting=1), Works()
    task = await running(arrivals)
    assert arrivals.put(("a", "us"), works("a"))
    assert arrivals.put(("b", "us"), works("b"))
    assert not arrivals.put(("c", "us"), works("c"))
    await settle()
    await works.end("a")
    assert arrivals.put(("c", "us"), works("c"))
    await stopped(task)


async def test_nothing_is_taken_before_the_beginning_and_after_the_end() -> None:
    arrivals, works = Arrivals(), Works()
    assert not arrivals.put(("a", "us"), works("a"))
    task = await running(arrivals)
    assert arrivals.put(("a", "us"), works("a"))
    await stopped(task)
    assert not arrivals.put(("a", "us"), works("a"))
    assert arrivals.held == 0


async def test_nobody_is_left_running() -> None:
    arrivals, works = Arrivals(), Works()
    before = asyncio.all_tasks()
    task = await running(arrivals)
    for name in "abc":
        arrivals.put((name, "us"), works(name))
    await settle()
    await stopped(task)
    assert asyncio.all_tasks() == before
