"""Who is told what became of mails, and when again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from bridges.email.addresses import Mailbox
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import new_row
from gateway.bridge import NotStored
from tests.fakes.clock import ManualClock
from tests.unit.email.sending.conftest import Office
from tests.waiting import eventually


class Told:
    """Tells those who are here; fails as often as it is said to."""

    def __init__(self) -> None:
        self.here = {"alice", "bob"}
        self.failures: list[Exception] = []
        self.news: list[tuple[str, Kind]] = []
        self.asked = 0

    async def outcome(
        self, owner: str, mail_id: str, line_ids: tuple[str, ...], recipient: Mailbox, outcome: Outcome
    ) -> bool:
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        if owner not in self.here:
            return False
        self.news.append((owner, outcome.kind))
        return True


class Stage:
    def __init__(self, office: Office, clock: ManualClock) -> None:
        self.office = office
        self.clock = clock
        self.told = Told()
        self.store = Sendings(office.tables, "mail")
        self.teller = Teller(self.store, self.told, clock, again=300)

    async def accepted(self, owner: str) -> None:
        row = new_row(random.Random())
        await self.store.take(self.office.finished("x@example.com", owner=owner), [row], "", ())
        await self.store.reach(row, Outcome(Kind.ACCEPTED, "", 250))
        self.teller.look()

    async def until(self, count: int) -> None:
        await eventually(lambda: len(self.told.news) >= count)

    async def owed(self, most: int) -> None:
        """No more than so many are to be told."""

        async def few() -> bool:
            return len(await self.store.owed(10)) <= most

        await eventually(few)


@pytest.fixture
async def stage(office: Office, clock: ManualClock) -> AsyncIterator[Stage]:
    stage = Stage(office, clock)
    task = asyncio.create_task(stage.teller.run())
    yield stage
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_who_is_away_holds_nobody_up_and_is_told_on_coming(stage: Stage) -> None:
    stage.told.here = {"bob"}
    await stage.accepted("alice")
    await stage.accepted("alice")
    await stage.accepted("bob")
    await stage.until(1)
    assert stage.told.news == [("bob", Kind.ACCEPTED)]
    stage.told.here.add("alice")
    stage.teller.present("alice")
    await stage.until(3)
    await stage.owed(0)
    assert len(stage.told.news) == 3


async def test_who_is_away_is_tried_now_and_then_with_one_timer(stage: Stage) -> None:
    stage.told.here = {"bob"}
    await stage.accepted("alice")
    for number in range(1, 6):
        await stage.accepted("bob")
        await stage.until(number)
    await stage.owed(1)
    assert len(stage.clock.waiting) == 1
    stage.told.here.add("alice")
    await stage.clock.advance(300)
    await stage.until(6)


async def test_a_fault_of_telling_is_no_telling(stage: Stage) -> None:
    stage.told.failures = [RuntimeError("a mistake")]
    await stage.accepted("alice")
    await eventually(lambda: stage.clock.waiting)
    assert stage.told.news == []
    await stage.clock.advance(300)
    await stage.until(1)


async def test_a_database_that_is_away_is_waited_for(stage: Stage) -> None:
    stage.told.failures = [NotStored("locked")]
    await stage.accepted("alice")
    await eventually(lambda: stage.clock.waiting)
    await stage.clock.advance(5)
    await stage.until(1)
    await stage.owed(0)
