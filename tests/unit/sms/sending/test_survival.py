"""Killed at every commit, and with a database that fails: nothing is lost, nothing sent twice, what is unknown is said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Executable, Row

from bridges.sms.sending.states import MessageState
from bridges.sms.sending.store import Sendings
from bridges.sms.traffic import Accepted, Failing, NotTaken, Outcome, Report, Stage, Submission
from gateway.bridge import NotStored, Tables, Values
from gateway.model import DeliveryState
from tests.fakes.sms_route import FakeRoute, Silence, Written
from tests.unit.sms.sending.office import THEIRS, Office, Routes, rejected
from tests.waiting import eventually

LONG, SHORT, ELSEWHERE = "a text of two pieces", "short", "by b"


class Mortal:
    """``Tables`` of a process that is killed at a commit: right before it, or right after it, before anybody hears of it."""

    def __init__(self, tables: Tables, commit: int, *, after: bool) -> None:
        self._tables = tables
        self._left = commit
        self._after = after
        self.dialect = tables.dialect
        self.dead = asyncio.Event()

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        await self._alive()
        self._left -= 1
        last = self._left == 0
        if last and not self._after:
            self.dead.set()
            await self._alive()
        touched = await self._tables.write(*statements)
        if last:
            self.dead.set()
        await self._alive()
        return touched

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        await self._alive()
        return await self._tables.read(statement, values)

    async def _alive(self) -> None:
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()


class Network:
    """Takes everything, but for what is to go by b; and reports all of it until somebody has heard it."""

    def __init__(self, office: Office) -> None:
        self.accepted: list[tuple[str, int]] = []
        self._office = office
        self._reports: list[Report] = []
        self._more = asyncio.Event()
        for route in office.routes.routes:
            route.always = lambda submission, piece, route=route: self._take(route, submission, piece)

    def _take(self, route: FakeRoute, submission: Submission, piece: int) -> Outcome:
        if submission.text == ELSEWHERE and route.name == "a":
            return rejected(Failing.ROUTE)
        written: Written = route.written[-1]
        self.accepted.append((submission.reference, piece))
        self._reports.append(route.report(written, Stage.DELIVERED))
        self._more.set()
        return Accepted(written.id)

    @contextlib.asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._report())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _report(self) -> None:
        while True:
            while self._reports:
                await self._office.sender.reported(self._reports[0])
                self._reports.pop(0)
            self._more.clear()
            await self._more.wait()


def final(office: Office) -> dict[str, DeliveryState]:
    return {each.id: each.state for each in office.told.news}


async def ended(office: Office, dead: asyncio.Event, count: int) -> None:
    """Wait until the process has died, or everything was told and noted as told."""

    async def over() -> bool:
        return dead.is_set() or (len(final(office)) >= count and not (await owed(office)))

    await eventually(over, "the end of a life")


async def owed(office: Office) -> Sequence[object]:
    return await Sendings(office.tables, "sms").owed(10)


@pytest.mark.parametrize("after", [False, True])
async def test_a_kill_at_any_commit_loses_nothing_and_sends_nothing_twice(
    office: Office, tables: Tables, after: bool
) -> None:
    office.routes = Routes(FakeRoute("a", each=10), FakeRoute("b"))
    network = Network(office)
    survived, unknowns = False, 0
    for commit in range(1, 200):
        office.told.news.clear()
        network.accepted.clear()
        office.tables = mortal = Mortal(tables, commit, after=after)
        outgoing = [office.outgoing(text) for text in (LONG, SHORT, ELSEWHERE)]
        async with office.open() as sender, network.reporting():
            submitted = [sender.submit(each) for each in outgoing]
            await ended(office, mortal.dead, 3)
            for each in submitted:
                each.cancel()
            survived = not mortal.dead.is_set()
        office.tables = tables
        async with office.open() as sender, network.reporting():
            # Who asked for it, and never heard, asks again.
            ids = [await sender.submit(each) for each in outgoing]
            await office.in_time(3)
            await ended(office, asyncio.Event(), 3)
        pieces = {(ids[0], 0), (ids[0], 1), (ids[1], 0), (ids[2], 0)}
        assert len(set(network.accepted)) == len(network.accepted), f"sent twice: {commit}"
        lost = pieces - set(network.accepted)
        assert len(lost) <= 1, f"lost: {commit}"
        # What was being written at the end may have been written: nobody may send it again, and that is said.
        for id in ids:
            expected = DeliveryState.UNKNOWN if id in {each for each, _ in lost} else DeliveryState.DELIVERED
            assert final(office)[id] is expected, commit
        assert all(office.told.states.count(each) <= 2 for each in office.told.states), commit
        unknowns += len(lost)
        if survived:
            break
    assert survived
    assert commit > 8
    assert unknowns  # there was such an end


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


async def test_requests_without_reference_are_messages_of_their_own(office: Office) -> None:
    outgoing = office.outgoing(reference="")
    async with office.open() as sender:
        await sender.submit(outgoing)
        await sender.submit(outgoing)
        await office.a.until(2)
    assert len({each.submission.reference for each in office.a.written}) == 2
