"""The whole SMS bridge over real HTTP both ways, with a user's session and a simulated provider."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bridges.sms.bridge import SmsBridge
from bridges.sms.config import SmsSettings
from bridges.sms.migrations import SCHEMA
from bridges.sms.session import SmsSession
from gateway.bridge import Account, Services
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import RecordingSink
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import serving
from tests.fakes.sms_providers import FAMILIES, OURS, Provider
from tests.fakes.sms_signing import Post, login

ALICE = "alice@example.org"
BASE = "https://gw.example/bridge/sms"


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
        shown = {} if "Authorization" in signed else login("u", "w")
        headers = {**shown, **signed, **({"Content-Type": post.kind} if post.body else {})}
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
async def scene(name: str, directory: Path, **values: str) -> AsyncIterator[Scene]:
    """``values`` are more of the route's."""
    family = FAMILIES[name]
    async with (
        Provider(family) as provider,
        opened(f"sqlite:///{directory / 'x.db'}", clock=SystemClock()) as database,
    ):
        await database.adopt("sms", SCHEMA, SystemClock())
        route = {
            "kind": "http",
            "preset": name,
            "values": {**family.values, "base": provider.base, **values},
            "secrets": family.secrets,
        }
        if name == "twilio":
            route["values"] |= {"conversations_base": provider.base}
        if name != "vonage-messages":  # whose signature is in the header of the login
            route |= {"webhook_user": "u", "webhook_password": "w"}
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
