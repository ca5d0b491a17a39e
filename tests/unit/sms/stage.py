"""A whole SMS bridge over routes that tests write into, and users with recording sinks."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridges.sms.bridge import SmsBridge
from bridges.sms.commands import SmsCommands
from bridges.sms.config import SmsSettings
from bridges.sms.migrations import SCHEMA
from bridges.sms.session import SmsSession
from bridges.sms.traffic import Inbound
from gateway.bridge import Account, Clock, Finish, ForgetfulMemory, Invocation, Memory, NextStep, Services
from gateway.clock import SystemClock
from gateway.model import MessageKind
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import RecordingSink, RecordingTicket
from tests.fakes.sms_route import FakeRoute
from tests.rig.blank import lay

OURS, TEAM, POOL = "+12125550001", "+12125550002", "+12125550003"
THEM, OTHER = "+12125550100", "+12125550101"
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
NUMBERS = (
    {"number": OURS, "routes": ["one", "two"], "users": [ALICE]},
    {"number": TEAM, "routes": ["one"], "mode": "team", "users": [ALICE, BOB], "name": "Support"},
)


@dataclass
class User:
    """One with a session."""

    session: SmsSession
    sink: RecordingSink
    running: "asyncio.Task[None]"

    async def write(self, to: str, text: str) -> RecordingTicket:
        """The ticket, once it has an outcome."""
        ticket = RecordingTicket()
        self.session.tell(to, text, MessageKind.CHAT, ticket)
        await ticket.outcome()
        return ticket

    async def refused(self, to: str, text: str) -> str:
        """Why a text is not taken."""
        outcome = await (await self.write(to, text)).outcome()
        assert outcome.name == "refused", outcome
        return f"{outcome.arguments[0].condition.value}: {outcome.arguments[0].text}"

    async def sent(self, to: str, text: str) -> str:
        """The id of a text that is taken."""
        outcome = await (await self.write(to, text)).outcome()
        assert outcome.name == "done", outcome
        ids: tuple[str, ...] = outcome.arguments[0]
        return ids[0]

    async def shown(self, text: str) -> Any:
        """The message with these words in it."""
        call = await self.sink.wait("direct", lambda message: text in message.text)
        return call.arguments[0]

    async def leave(self) -> None:
        self.session.close("enough")
        await asyncio.wait_for(self.running, 10)


@dataclass
class Whole:
    bridge: SmsBridge
    one: FakeRoute
    two: FakeRoute
    routes: dict[str, FakeRoute]
    _users: list[User] = field(default_factory=list)
    _texts: int = 0

    async def user(self, owner: str = ALICE, **settings: str) -> User:
        sink = RecordingSink()
        session = self.bridge.session(Account(owner, "phone", "", settings, address=owner), sink)
        user = User(session, sink, asyncio.create_task(session.run()))
        await sink.wait("online")
        self._users.append(user)
        return user

    async def text(self, words: str, sender: str = THEM, to: str = OURS, **more: Any) -> None:
        """Somebody's phone to one of our numbers."""
        self._texts += 1
        await self.one.received(Inbound("one", sender, to, f"{id(self)}-{self._texts}", words, **more))

    async def command(
        self, node: str, owner: str = ALICE, stage: int | None = None, **values: str | tuple[str, ...]
    ) -> NextStep:
        """Run a command with one page, or as many as ``stage`` says; without values, what it asks."""
        [found] = [each for each in SmsCommands(self.bridge.office).declared() if each.node == node]
        filled = {key: (each,) if isinstance(each, str) else each for key, each in values.items()}
        pages = stage if stage is not None else int(bool(filled))
        step = found.run(Invocation(owner, self.bridge.address(""), None, pages, filled))
        return step if not hasattr(step, "__await__") else await step

    async def done(self, node: str, owner: str = ALICE, **values: str | tuple[str, ...]) -> str:
        """What a command says at its end."""
        step = await self.command(node, owner, **values)
        assert isinstance(step, Finish), step
        return "\n".join(filter(None, (step.note, step.result)))

    async def close(self) -> None:
        for each in self._users:
            each.session.close("the test is over")
        await asyncio.gather(*(each.running for each in self._users))


@asynccontextmanager
async def whole(
    directory: Path,
    one: FakeRoute | None = None,
    two: FakeRoute | None = None,
    *,
    clock: Clock | None = None,
    memory: Memory | None = None,
    numbers: Any = NUMBERS,
    **settings: Any,
) -> AsyncIterator[Whole]:
    """``directory`` keeps the database: open it again for a restart."""
    routes = {"one": one or FakeRoute("one"), "two": two or FakeRoute("two")}
    smpp = {"kind": "smpp", "host": "127.0.0.1", "system_id": "x", "password": "x"}
    configured = SmsSettings.model_validate(
        {"region": "US", "routes": dict.fromkeys(routes, smpp), "numbers": numbers, **settings}
    )
    clock = clock or SystemClock()
    url = lay(directory / "test.db", "sms", SCHEMA)
    async with opened(url, clock=SystemClock()) as database:
        services = Services(
            clock,
            random.Random(),
            "1.0",
            memory=memory or ForgetfulMemory(),
            name="sms",
            tables=BridgeTables(database),
            directory=directory,
        )
        bridge = SmsBridge(configured, services, lambda name, *_: routes.setdefault(name, FakeRoute(name)))
        running = asyncio.create_task(bridge.run())
        await bridge.office.opened()
        stage = Whole(bridge, routes["one"], routes["two"], routes)
        try:
            yield stage
        finally:
            await stage.close()
            running.cancel()
            await asyncio.wait([running])
