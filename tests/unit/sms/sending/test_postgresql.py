"""The same over a real PostgreSQL: its statements, its types, its rules for what text may hold."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import MessageState
from bridges.sms.sending.store import Sendings
from bridges.sms.sending.tables import MESSAGES, PIECES
from bridges.sms.traffic import Failing, Report, Stage, Unknown
from gateway.clock import SystemClock
from gateway.model import Condition, DeliveryState, Refused
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.fakes.sms_route import FakeRoute
from tests.rig.postgres import Postgres
from tests.unit.sms.sending.conftest import SCHEMA
from tests.unit.sms.sending.mortal import kill_at_every_commit
from tests.unit.sms.sending.office import ALICE, BOB, OTHERS, THEIRS, Office, Routes, rejected


@pytest.fixture
async def served(postgres: Postgres, clock: ManualClock) -> AsyncIterator[Office]:
    async with opened(await postgres.create("texts"), clock=SystemClock()) as database:
        await database.adopt("sms", SCHEMA, SystemClock())
        yield Office(BridgeTables(database), clock)
    await postgres.drop("texts")


async def test_messages_reports_and_news_go_their_ways(served: Office) -> None:
    served.routes = Routes(FakeRoute("a", each=10, ids=lambda n: f"{n + 0xA000:X}"), FakeRoute("b"))
    served.a.steps.extend([rejected(Failing.ROUTE), rejected(Failing.PASSING, text="\0 \ud800")])
    served.b.steps.append(rejected(Failing.PASSING))
    async with served.open() as sender:
        await sender.reported(Report("a", Stage.BUFFERED, "\0\ud800", recipient="\0"))
        by_b = await served.send("by b after a while")
        await served.delayed()
        await served.clock.advance(20)
        await served.until(by_b, MessageState.SENT)
        served.b.steps.append(rejected(Failing.PASSING))
        group = await served.send("to two", recipients=(THEIRS, OTHERS), owner=BOB)
        await served.delayed()
        await served.clock.advance(20)
        await served.until(group, MessageState.SENT)
        written = served.a.written[-1]
        number = str(int(written.id, 16))
        for phone in (OTHERS, THEIRS):
            await served.report(written, Stage.DELIVERED, id=number, recipient=phone)
        assert (await served.told.until(1)).id == group
        why = Refused(Condition.ITEM_NOT_FOUND, "none")
        await served.report(served.b.written[1], Stage.FAILED, why=why)
        assert (await served.told.until(2)).why == why
        served.a.steps.append(Unknown("lost"))
        doubtful = await served.send("doubtful", owner=BOB)
        await served.until(doubtful, MessageState.SENT)
        assert (await served.in_time(3)).state is DeliveryState.UNKNOWN
        standing = await sender.standing()
        assert standing.states == {"delivered": 1, "failed": 1, "unknown": 1}
        await sender.forget(ALICE)
    for table in (MESSAGES, PIECES):
        assert (await served.tables.read(select(func.count()).select_from(table)))[0][0] == 2
    assert not await Sendings(served.tables, "sms").sweep(served.clock.now() + 1)
    assert (await served.tables.read(select(func.count()).select_from(PIECES)))[0][0] == 0


async def test_what_was_learnt_and_what_came_early_outlives_a_restart(served: Office) -> None:
    served.pace = Pace(grace=0.0)
    served.routes = Routes(FakeRoute("a", ids=lambda n: f"{n + 0xA000:X}"))
    async with served.open():
        first = await served.send()
        await served.until(first, MessageState.SENT)
        await served.report(served.a.written[0], Stage.DELIVERED, id=str(0xA001))
        await served.a.tell(Report("a", Stage.DELIVERED, str(0xA002), recipient=THEIRS))
    async with served.open():
        second = await served.send()
        await served.told.until(2)
    assert [each.id for each in served.told.news] == [first, second]
    assert list((await Sendings(served.tables, "sms").rules())["a"].values()) == [2]


@pytest.mark.parametrize("after", [False, True])
async def test_a_kill_at_any_commit_loses_nothing_and_sends_nothing_twice(
    served: Office, after: bool
) -> None:
    await kill_at_every_commit(served, after=after)


async def test_many_at_once_are_one_commit(served: Office) -> None:
    async with served.open() as sender:
        wanted = [sender.submit(served.outgoing(conversation=str(n % 50))) for n in range(300)]
        await asyncio.gather(*wanted)
        await served.a.until(300)
        await asyncio.gather(*(served.report(each, Stage.DELIVERED) for each in served.a.written))
        await served.told.until(300)
