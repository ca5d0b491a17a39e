"""Debian's biboumi and Causeway, one after the other at the same place: the server's side of a component link."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridges.irc.plugin import BRIDGE
from gateway.accounts.pacing import Pacer, PacingPolicy
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.doors.access import AccessPolicy
from gateway.playground.process import Child, require
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from gateway.xmpp.component import Component, ComponentSettings
from tests.fakes.desk import FakeDesk, nothing
from tests.fakes.xmpp_server import FakeXmppServer

G = "gw.localhost"


@asynccontextmanager
async def biboumi(place: Path, server: FakeXmppServer, fixed: str) -> AsyncIterator[None]:
    config = place / "biboumi.cfg"
    lines = [
        f"hostname={G}",
        "password=s3cret",
        f"xmpp_server_ip={server.host}",
        f"port={server.port}",
        f"db_name={place}/biboumi.sqlite",
        "identd_port=0",
        "policy_directory=/etc/biboumi",
        "admin=admin@localhost",
        *([f"fixed_irc_server={fixed}"] if fixed else []),
    ]
    config.write_text("\n".join(lines) + "\n")
    child = Child("biboumi", [require("biboumi", ("biboumi",)), str(config)], place)
    child.start()
    try:
        yield
    finally:
        await child.stop()


@asynccontextmanager
async def causeway(place: Path, server: FakeXmppServer, fixed: str) -> AsyncIterator[None]:
    clock, rng = SystemClock(), random.Random(5)
    services = Services(clock, rng, "1.0")
    settings = BRIDGE.settings.model_validate(
        {
            "default_ports": [6667],
            "default_tls_ports": [6697, 6670],
            "fixed_server": fixed,
            "private_servers": True,  # as with biboumi, and the network is on this machine
        }
    )
    async with opened(f"sqlite:///{place}/causeway.db", clock=clock) as database:
        component = Component(
            ComponentSettings(
                "irc",
                "Causeway",
                G,
                "s3cret",
                server.host,
                server.port,
                access=AccessPolicy(admins=frozenset({"admin@localhost"})),
            ),
            BRIDGE.build(settings, services),
            services,
            Stores.of(database, SecretBox.create(place / "key"), clock),
            Pacer(PacingPolicy(spacing=0), clock),
            desk=FakeDesk(clock, nothing()),
        )
        running = asyncio.create_task(component.run())
        try:
            yield
        finally:
            await component.close("The comparison is over.")
            await asyncio.wait_for(running, 10)


GATEWAYS = (biboumi, causeway)
