"""Whose turn it is, by a clock that somebody sets: no mail waits for a time that another clock has noted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bridges.email.sending.schedule import Schedule
from bridges.email.sending.store import Sendings
from bridges.email.sending.turns import Turns
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.sending.conftest import Office
from tests.waiting import eventually

NOW = 1_700_000_000.0
DAY = 86_400.0


@asynccontextmanager
async def turns(sendings: Sendings, clock: ManualClock) -> AsyncIterator[Turns]:
    one = Turns(sendings, clock, Schedule(), "", 1)
    filling = asyncio.create_task(one.fill())
    yield one
    filling.cancel()
    await asyncio.wait([filling])


async def later(office: Office, tables: BridgeTables, clock: ManualClock) -> Sendings:
    """A mail is there that is to be tried again in half an hour."""
    sendings = Sendings(tables, "mail")
    await sendings.take(office.finished("bob@example.com", time=NOW), ["a" * 12], "", ())
    (job,) = await sendings.due("", NOW, 0.0, 1, 1)
    await sendings.postpone(job, clock.now() + 1800.0, None)
    return sendings


def noticed(sendings: Sendings, clock: ManualClock) -> Callable[[], Awaitable[bool]]:
    async def due() -> bool:
        return bool(await sendings.due("", clock.now(), 0.0, 1, 1))

    return due


async def test_a_clock_that_is_set_back_makes_no_mail_wait(office: Office, tables: BridgeTables) -> None:
    clock = ManualClock(NOW)
    sendings = await later(office, tables, clock)
    async with turns(sendings, clock):
        await eventually(lambda: clock.waiting, "the queue to know what is to be done when")
        assert not await noticed(sendings, clock)()
        clock.set_back(DAY)
        await eventually(noticed(sendings, clock), meanwhile=lambda: clock.advance(60))


async def test_a_time_beyond_all_waits_is_not_believed_after_a_start(
    office: Office, tables: BridgeTables
) -> None:
    clock = ManualClock(NOW)
    sendings = await later(office, tables, clock)
    clock.set_back(DAY)
    async with turns(sendings, clock) as one:
        async with asyncio.timeout(30):
            assert (await one.next(None)) is not None


async def test_a_time_of_this_clock_is_waited_for(office: Office, tables: BridgeTables) -> None:
    clock = ManualClock(NOW)
    sendings = await later(office, tables, clock)
    async with turns(sendings, clock) as one:
        await eventually(lambda: clock.waiting, "the queue to know what is to be done when")
        assert not one.ready.waiting
        await eventually(lambda: one.ready.waiting, meanwhile=lambda: clock.advance(60))
    assert clock.now() >= NOW + 1800.0
