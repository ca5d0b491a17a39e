"""All that sends, over scripted routes: it can end and begin again over the same tables."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from bridges.sms.sending.messages import Known, Outgoing, Tidings
from bridges.sms.sending.pace import Pace
from bridges.sms.sending.sender import Sender
from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Failing, Inbound, OptOut, Rejected, Report, Route, Stage, Unfit
from gateway.bridge import Tables
from gateway.model import Condition, DeliveryState, Refused
from tests.fakes.clock import ManualClock
from tests.fakes.sms_route import FakeRoute, Written
from tests.waiting import DEADLINE, eventually

ALICE, BOB = "alice@example.org", "bob@example.org"
OURS, THEIRS, OTHERS = "+15550001111", "+15551234567", "+15557654321"


def rejected(failing: Failing, condition: Condition = Condition.ITEM_NOT_FOUND, **more: object) -> Rejected:
    later = more.get("later", 0.0)
    assert isinstance(later, float)
    return Rejected(
        failing, Refused(condition, str(more.get("text", "no"))), "11", later, bool(more.get("operator"))
    )


class Told:
    """``News``."""

    def __init__(self) -> None:
        self.news: list[Tidings] = []
        self.absent: set[str] = set()
        self.asked = 0
        self._changed = asyncio.Condition()

    async def told(self, tidings: Tidings) -> bool:
        async with self._changed:
            self.asked += 1
            if tidings.owner not in self.absent:
                self.news.append(tidings)
            self._changed.notify_all()
        return tidings.owner not in self.absent

    @property
    def states(self) -> list[tuple[str, DeliveryState]]:
        return [(each.id, each.state) for each in self.news]

    async def until(self, count: int) -> Tidings:
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(lambda: len(self.news) >= count)
        return self.news[count - 1]

    async def until_asked(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(lambda: self.asked >= count)


class Routes:
    """``Choosing``: all routes, in order, for everybody."""

    def __init__(self, *routes: FakeRoute) -> None:
        self.routes = list(routes)
        self.unfit: Refused | None = None
        self.fault: Exception | None = None

    def candidates(self, owner: str, sender: str, recipients: Sequence[str]) -> Sequence[Route]:
        if self.unfit is not None:
            raise Unfit(self.unfit)
        if self.fault is not None:
            raise self.fault
        return self.routes

    def route(self, name: str) -> FakeRoute | None:
        return next((each for each in self.routes if each.name == name), None)


class Office:
    """``sender`` is the one of now; ``open`` makes another one, and cuts it off at the end, in whatever it does."""

    def __init__(self, tables: Tables, clock: ManualClock) -> None:
        self.tables = tables
        self.clock = clock
        self.routes = Routes(FakeRoute("a"))
        self.told = Told()
        self.troubles: list[tuple[str, str]] = []
        self.pace = Pace(sweep=60.0, grace=0.0)
        self._numbers = itertools.count(1)
        self.sender = self.made()

    @property
    def a(self) -> FakeRoute:
        return self.routes.routes[0]

    @property
    def b(self) -> FakeRoute:
        return self.routes.routes[1]

    def made(self) -> Sender:
        self.sender = Sender(
            self.tables,
            "sms",
            self.routes,
            self.told,
            lambda route, text: self.troubles.append((route, text)),
            clock=self.clock,
            chance=random.Random(7),
            pace=self.pace,
        )
        return self.sender

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Sender]:
        sender = self.made()
        tasks = [asyncio.create_task(sender.run())]
        tasks += [asyncio.create_task(each.run(_Into(sender))) for each in self.routes.routes]
        try:
            yield sender
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def outgoing(self, text: str = "hello", **more: object) -> Outgoing:
        """From Alice to one phone, a new message each time."""
        usual = Outgoing(ALICE, THEIRS, OURS, (THEIRS,), text, f"reference{next(self._numbers)}")
        return replace(usual, **more)

    async def send(self, text: str = "hello", **more: object) -> str:
        return await self.sender.submit(self.outgoing(text, **more))

    async def report(self, written: Written, stage: Stage, **more: object) -> None:
        route = self.routes.route(next(r.name for r in self.routes.routes if written in r.written))
        assert route is not None
        await route.tell(route.report(written, stage, **more))

    async def known(self, id: str) -> Known:
        known = await self.sender.state_of(id)
        assert known is not None
        return known

    async def delayed(self, count: int = 1) -> None:
        """Wait until so many conversations wait for a time."""

        async def enough() -> bool:
            return (await self.sender.standing()).delayed >= count

        await eventually(enough, "conversations that wait")

    async def in_time(self, count: int = 1) -> Tidings:
        """Let minutes pass until something was told of so many messages; gives what was told last."""

        async def told() -> bool:
            if len({each.id for each in self.told.news}) < count:
                await self.clock.advance(60)
                await self.sender.standing()  # as long as the database takes
            return len({each.id for each in self.told.news}) >= count

        await eventually(told, "what time brings")
        return self.told.news[-1]

    async def until(self, id: str, state: MessageState) -> Known:
        """Wait until a message has come so far."""

        async def there() -> Known | None:
            known = await self.sender.state_of(id)
            return known if known is not None and known.state is state else None

        return await eventually(there, f"a message that is {state}")


class _Into:
    """``Intake``, of which only reports matter here."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def reported(self, report: Report) -> None:
        await self._sender.reported(report)

    async def received(self, inbound: Inbound) -> None:
        raise AssertionError("nothing comes in here")

    async def opted(self, optout: OptOut) -> None:
        raise AssertionError("nobody opts out here")

    def trouble(self, route: str, text: str) -> None:
        raise AssertionError("no route has troubles here")
