"""A process that is killed at its n-th commit, again and again, until it survives; and a network that has a good memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Row, delete, false

from bridges.sms.sending.store import Sendings
from bridges.sms.sending.tables import EARLY
from bridges.sms.traffic import Accepted, Failing, Outcome, Report, Stage, Submission
from gateway.bridge import Tables, Values
from gateway.model import DeliveryState
from tests.fakes.sms_route import FakeRoute, Written
from tests.unit.sms.sending.office import Office, Routes, rejected
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


async def kill_at_every_commit(office: Office, *, after: bool) -> None:
    """Right before the commit, or right after it. Asserts that nothing is lost or sent twice, and that all is told."""
    tables = office.tables
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
        # The dead have no connection that still commits.
        await tables.write((delete(EARLY).where(false()), None))
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
