"""Killed at every commit, and with a database that fails: nothing is lost, nothing sent twice, what is unknown is said."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Executable, Row, insert, select

from bridges.sms.sending.states import MessageState
from bridges.sms.sending.tables import RULES
from bridges.sms.traffic import Accepted, NotTaken, Outcome, Report, Stage, Submission
from gateway.bridge import NotStored, Tables, Values
from tests.fakes.sms_route import FakeRoute, Silence
from tests.unit.sms.sending.mortal import LONG, kill_at_every_commit
from tests.unit.sms.sending.office import THEIRS, Office, Routes
from tests.waiting import eventually


@pytest.mark.parametrize("after", [False, True])
async def test_a_kill_at_any_commit_loses_nothing_and_sends_nothing_twice(
    office: Office, after: bool
) -> None:
    await kill_at_every_commit(office, after=after)


class Breaking:
    """``Tables`` that cannot be written while ``broken``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.dialect = tables.dialect
        self.broken = False
        self.refused = 0

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        if self.broken:
            self.refused += 1
            raise NotStored("the disk is full")
        return await self._tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self._tables.read(statement, values)


@pytest.fixture
def broken(office: Office) -> Breaking:
    office.tables = tables = Breaking(office.tables)
    return tables


async def test_what_cannot_be_kept_is_not_taken_and_not_sent(office: Office, broken: Breaking) -> None:
    async with office.open():
        broken.broken = True
        with pytest.raises(NotStored):
            await office.send("lost")
        with pytest.raises(NotTaken):
            await office.sender.reported(Report("a", Stage.DELIVERED, "7", recipient=THEIRS))
        broken.broken = False
        await office.until(await office.send("kept"), MessageState.SENT)
        assert (await office.sender.standing()).early == 0
    assert office.a.texts == [("kept", 0)]


async def test_nothing_is_written_that_was_not_noted_before(office: Office, broken: Breaking) -> None:
    office.a.hold()
    async with office.open():
        id = await office.send()
        broken.broken = True
        office.a.release()
        await eventually(lambda: broken.refused, "a commit that fails")
        await office.delayed()
        assert not office.a.written
        broken.broken = False
        await office.clock.advance(5)
        await office.until(id, MessageState.SENT)
    assert len(office.a.written) == 1


async def test_an_outcome_is_noted_however_long_the_database_is_away(
    office: Office, broken: Breaking
) -> None:
    def breaking(submission: Submission, piece: int) -> Outcome:
        broken.broken = True
        return office.a.accept()

    office.a.steps.append(breaking)
    async with office.open():
        id = await office.send()
        for times in range(1, 5):
            await eventually(lambda n=times: broken.refused >= n, "a commit that fails")
            await eventually(lambda: any(wait < 30 for wait in office.clock.waiting), "another try")
            await office.clock.advance(10)
        broken.broken = False
        await office.clock.advance(10)
        await office.until(id, MessageState.SENT)
        await office.report(office.a.written[0], Stage.DELIVERED)
        await office.told.until(1)
    assert len(office.a.written) == 1


async def test_a_message_stays_on_its_route_though_the_database_failed_amid_it(
    office: Office, broken: Breaking
) -> None:
    office.routes = Routes(FakeRoute("a", each=10), FakeRoute("b", each=10))

    def turned() -> None:
        broken.broken = office.a.turns == 2

    office.a.turned = turned
    async with office.open():
        id = await office.send(LONG)
        await office.delayed()
        office.a.away, broken.broken = "no connection", False
        await office.clock.advance(5)
        await office.delayed()
        assert not office.b.written
        office.a.away = ""
        await office.clock.advance(30)
        await office.until(id, MessageState.SENT)
    assert [piece for _, piece in office.a.texts] == [0, 1]
    assert not office.b.written


async def test_a_failure_is_told_when_the_database_is_back(office: Office, broken: Breaking) -> None:
    office.routes = Routes()
    async with office.open():
        await office.until(await office.send(), MessageState.FAILED)
        office.routes.fault = ZeroDivisionError("oh")
        await office.send()
        await office.delayed()
        office.routes.fault = None
        broken.broken = True
        await office.clock.advance(61)
        await eventually(lambda: broken.refused, "a commit that fails")
        broken.broken = False
        await office.in_time(2)


async def test_an_end_gives_what_is_under_way_some_time(office: Office) -> None:
    answer = asyncio.Event()

    async def slow() -> Outcome:
        await answer.wait()
        return Accepted("x")

    office.pace = type(office.pace)(grace=5.0)
    office.a.steps.append(lambda submission, piece: slow())
    sender = office.made()
    task = asyncio.create_task(sender.run())
    id = await office.send("first")
    await office.send("second")
    await office.a.until(1)
    task.cancel()
    await eventually(lambda: any(wait < 1 for wait in office.clock.waiting), "the end being asked for")
    answer.set()

    async def noted() -> bool:
        await office.clock.advance(0.05)
        return task.done()

    await eventually(noted, "the end")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await office.known(id)).state is MessageState.SENT
    assert office.a.texts == [("first", 0)]


async def test_an_end_does_not_wait_for_ever(office: Office) -> None:
    office.a.steps.append(Silence())
    async with office.open():
        id = await office.send()
        await office.a.until(1)
    assert (await office.known(id)).state is MessageState.QUEUED


async def test_the_same_request_twice_is_one_message(office: Office) -> None:
    outgoing = office.outgoing()
    async with office.open() as sender:
        first, second = await asyncio.gather(sender.submit(outgoing), sender.submit(outgoing))
        await office.until(first, MessageState.SENT)
        third = await sender.submit(outgoing)
    async with office.open() as sender:
        fourth = await sender.submit(outgoing)
        await office.until(await office.send("after it"), MessageState.SENT)
    assert len({first, second, third, fourth}) == 1
    assert office.a.texts == [("hello", 0), ("after it", 0)]


async def test_what_goes_with_a_message_is_committed_with_it_and_once(office: Office) -> None:
    counted = insert(RULES).values(bridge="sms", route="counted", rule="raw", weight=1)
    outgoing = office.outgoing()
    async with office.open() as sender:
        for _ in range(2):
            await sender.submit(outgoing, also=[(counted, None)])
    assert len(await office.tables.read(select(RULES).where(RULES.c.route == "counted"))) == 1


async def test_requests_without_reference_are_messages_of_their_own(office: Office) -> None:
    outgoing = office.outgoing(reference="")
    async with office.open() as sender:
        await sender.submit(outgoing)
        await sender.submit(outgoing)
        await office.a.until(2)
    assert len({each.submission.reference for each in office.a.written}) == 2
