"""The whole SMS bridge over real HTTP both ways: texts to a provider, its callbacks through the gateway's web server."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bridges.sms.bridge import SmsBridge
from bridges.sms.config import SmsSettings
from bridges.sms.migrations import SCHEMA
from bridges.sms.session import SmsSession
from gateway.bridge import Account, Services
from gateway.clock import SystemClock
from gateway.model import DeliveryState, MessageKind
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import RecordingSink, RecordingTicket
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import serving
from tests.fakes.sms_providers import FAMILIES, OURS, TEXT, THEIRS, Provider
from tests.fakes.sms_signing import Post, login

ALICE = "alice@example.org"
BASE = "https://gw.example/bridge/sms"
SEVERAL = ["twilio", "telnyx", "bandwidth", "kannel"]


@dataclass
class Scene:
    """A user's session, a provider, and the way back from it."""

    name: str
    provider: Provider
    bridge: SmsBridge
    sink: RecordingSink
    session: aiohttp.ClientSession
    user: SmsSession

    async def call(self, post: Post, once: str) -> int:
        family = FAMILIES[self.name]
        post = family.prepare(post, SystemClock().now())
        signed = family.sign(post, SystemClock().now(), once)
        headers = {**login("u", "w"), **signed, **({"Content-Type": post.kind} if post.body else {})}
        path = post.url.removeprefix("https://gw.example")
        async with self.session.request(
            post.method, path, data=post.body or None, headers=headers
        ) as response:
            return response.status

    def address(self) -> str:
        route = self.bridge.office.routes.find("main")
        assert route is not None
        return str(getattr(route, "address", ""))


@asynccontextmanager
async def scene(name: str, directory: Path) -> AsyncIterator[Scene]:
    family = FAMILIES[name]
    async with (
        Provider(family) as provider,
        opened(f"sqlite:///{directory / 'x.db'}", clock=SystemClock()) as database,
    ):
        await database.adopt("sms", SCHEMA, SystemClock())
        route = {
            "kind": "http",
            "preset": name,
            "values": {**family.values, "base": provider.base},
            "secrets": family.secrets,
            "webhook_user": "u",
            "webhook_password": "w",
        }
        number = {"number": OURS, "routes": ["main"], "users": [ALICE]}
        settings = SmsSettings.model_validate(
            {
                "region": "US",
                "routes": {"main": route},
                "numbers": [number],
                # Bandwidth knows of the carrier only.
                "sending": {"receipts": "network" if name == "bandwidth" else "handset"},
            }
        )
        tables = BridgeTables(database)
        services = Services(
            SystemClock(), random.Random(), "1.0", name="sms", tables=tables, directory=directory, web=BASE
        )
        bridge = SmsBridge(settings, services)
        running = asyncio.create_task(bridge.run())
        await bridge.office.opened()
        sink = RecordingSink()
        session = bridge.session(Account(ALICE, "phone", "", {}, address=ALICE), sink)
        life = asyncio.create_task(session.run())
        await sink.wait("online")
        async with (
            serving("127.0.0.1", 0, bridge_routes({"sms": bridge}, Clients())) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            await bridge.office.routes.find("main").opened()
            try:
                yield Scene(name, provider, bridge, sink, client, session)
            finally:
                session.close("the test is over")
                await asyncio.wait([life])
                running.cancel()
                await asyncio.wait([running])


@pytest.mark.parametrize("name", SEVERAL)
async def test_a_text_goes_out_and_its_receipt_and_an_answer_come_back(name, tmp_path):
    async with scene(name, tmp_path) as s:
        ticket = RecordingTicket()
        s.user.tell(THEIRS, TEXT, MessageKind.CHAT, ticket)
        outcome = await ticket.outcome()
        assert outcome.name == "done"
        await s.provider.until(asked=1)
        assert not s.provider.wrong
        reference = _reference(s)
        report = FAMILIES[name].report(s.address(), reference, "delivered")
        assert await s.call(report, "1") == 200
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (outcome.arguments[0][0], DeliveryState.DELIVERED)
        assert await s.call(FAMILIES[name].message(s.address()), "2") == 200
        assert await s.call(FAMILIES[name].message(s.address()), "3") == 200  # the same message again
        shown = await s.sink.wait("direct")
        assert (shown.arguments[0].sender, shown.arguments[0].text) == (THEIRS, TEXT)
        assert await s.call(FAMILIES[name].report(s.address(), reference, "delivered"), "4") == 200
        assert len([call for call in s.sink.calls if call.name == "direct"]) == 1


def _reference(s: Scene) -> str:
    """Ours, as the provider was given it."""
    asked = s.provider.asked[0].fields
    if s.name == "bandwidth":
        return str(asked["tag"])
    key = {"twilio": "StatusCallback", "telnyx": "webhook_url", "kannel": "dlr-url"}[s.name]
    return str(asked[key]).partition("?")[0].rpartition("/")[2]


async def test_an_open_address_gives_nothing_away(tmp_path):
    async with scene("telnyx", tmp_path) as s:
        for path in ("/bridge/sms/main/x", "/bridge/sms/", "/bridge/sms/other/x/y"):
            async with s.session.post(path, data=b"{}") as response:
                assert (response.status, await response.read()) == (404, b"")
