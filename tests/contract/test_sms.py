"""The SMS bridge keeps the contract, over a route that a test writes into."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.sms.bridge import SmsBridge
from bridges.sms.config import SmsSettings
from bridges.sms.groups import Group
from bridges.sms.migrations import SCHEMA
from bridges.sms.traffic import Inbound, Ways
from gateway.bridge import Account, Services
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import BridgeContract, Harness
from gateway.testing.contract import session_of
from tests.fakes.sms_route import FakeRoute

ME, OURS, PEER, OTHER, THIRD = "me@localhost", "+12125550001", "+12125550100", "+12125550101", "+12125550102"


class Phone:
    """Somebody with a telephone, who is in the group."""

    nick = PEER
    _numbers = itertools.count(1)

    def __init__(self, route: FakeRoute) -> None:
        self._route = route
        self._heard = 0

    async def join(self, room: str) -> None:
        """Who is in a group, is so from its beginning."""

    async def leave(self, room: str) -> None:
        """Nobody leaves a group of telephones: without somebody it is another group."""

    async def say(self, room: str, text: str) -> None:
        await self.text(text, others=(OTHER,))

    async def tell(self, nick: str, text: str) -> None:
        await self.text(text)

    async def text(self, text: str, *, others: tuple[str, ...] = ()) -> None:
        id_ = f"i{next(self._numbers)}"
        await self._route.received(Inbound("fake", PEER, OURS, id_, text, others=others))

    async def heard(self, text: str) -> None:
        while True:
            self._heard += 1
            written = await self._route.until(self._heard)
            if text in written.submission.text:
                self._heard -= 1  # one text can hold more that is listened for
                return


class TestSms(BridgeContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[Harness]:
        clock, route = SystemClock(), FakeRoute("fake", Ways(groups=True, group_size=8))
        settings = SmsSettings.model_validate(
            {
                "region": "US",
                "routes": {"fake": {"kind": "smpp", "host": "127.0.0.1", "system_id": "x", "password": "x"}},
                "numbers": [{"number": OURS, "routes": ["fake"], "users": [ME]}],
            }
        )
        async with opened(f"sqlite:///{tmp_path / 'test.db'}", clock=clock) as database:
            await database.adopt("sms", SCHEMA, clock)
            services = Services(
                clock, random.Random(1), "1.0", name="sms", tables=BridgeTables(database), directory=tmp_path
            )
            bridge = SmsBridge(settings, services, lambda name, *_: route)
            running = asyncio.create_task(bridge.run())
            account = Account(ME, "phone", "me", {}, address=ME)
            assert await bridge.validate(account) is None
            group = await bridge.office.groups.open(ME, OURS, (PEER, OTHER))
            assert isinstance(group, Group)
            yield Harness(bridge, account, group.room, Phone(route))
            running.cancel()
            await asyncio.wait([running])

    async def test_coming_and_going_of_others_is_told(self, harness: Harness) -> None:
        """Whoever is added makes another group, and so does whoever is left out."""
        async with session_of(harness) as (_, sink):
            assert isinstance(harness.peer, Phone)
            await harness.peer.text("three of us now", others=(OTHER, THIRD))
            invited = await sink.wait("invited")
            assert invited.arguments[0] != harness.room
