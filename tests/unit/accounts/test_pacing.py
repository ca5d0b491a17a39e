import asyncio
import random

from gateway.accounts.pacing import Backoff, BackoffPolicy, Pacer, PacingPolicy
from tests.unit.clock import ManualClock, settle


def test_delays_double_up_to_the_longest_and_never_end():
    backoff = Backoff(BackoffPolicy(first=2, longest=60), random.Random(7))
    delays = [backoff.next() for _ in range(2_000)]
    assert 1 <= delays[0] <= 2
    assert 2 <= delays[1] <= 4
    assert all(30 <= delay <= 60 for delay in delays[10:])


def test_only_a_session_that_stood_long_starts_anew():
    backoff = Backoff(BackoffPolicy(first=2, stable=600), random.Random(7))
    for _ in range(8):
        backoff.next()
    backoff.stood(599)
    assert backoff.next() > 60
    backoff.stood(600)
    assert backoff.next() <= 2


async def entering(pacer: Pacer, network: str, log: list, release: asyncio.Event) -> None:
    async with pacer.turn(network) as logged_in:
        log.append(network)
        await release.wait()
        logged_in()
        logged_in()
        await asyncio.Event().wait()


async def test_logins_on_one_network_are_spaced_and_few_at_a_time():
    clock, log, release = ManualClock(), [], asyncio.Event()
    pacer = Pacer(PacingPolicy(concurrent=2, spacing=3, total=10), clock)
    tasks = [asyncio.create_task(entering(pacer, "net", log, release)) for _ in range(4)]
    await settle()
    assert len(log) == 1
    await clock.advance(3)
    assert len(log) == 2
    await clock.advance(100)
    assert len(log) == 2, "two are at the door, and nobody has logged in"
    release.set()
    await clock.advance(10)
    assert len(log) == 4
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_networks_do_not_wait_for_each_other():
    clock, log, release = ManualClock(), [], asyncio.Event()
    pacer = Pacer(PacingPolicy(concurrent=1, spacing=30, total=10), clock)
    tasks = [asyncio.create_task(entering(pacer, name, log, release)) for name in ("a", "b", "c")]
    await settle()
    assert sorted(log) == ["a", "b", "c"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_turn_that_was_given_up_goes_to_the_next():
    clock, log, release = ManualClock(), [], asyncio.Event()
    pacer = Pacer(PacingPolicy(concurrent=1, spacing=0, total=1), clock)
    first = asyncio.create_task(entering(pacer, "a", log, release))
    second = asyncio.create_task(entering(pacer, "b", log, release))
    await settle()
    assert log == ["a"]
    first.cancel()
    await settle()
    assert log == ["a", "b"]
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_doors_nobody_stands_at_are_cleared_away():
    clock = ManualClock()
    pacer = Pacer(PacingPolicy(spacing=1), clock)
    for number in range(1_000):
        async with pacer.turn(f"net{number}"):
            pass
        await clock.advance(2)
    assert len(pacer._gates) <= 201
