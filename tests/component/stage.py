"""A whole component on a stage: the loopback bridge behind it, a fake XMPP server before it, a database in memory."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.limits import LimitPolicy, Limits
from gateway.loops import Loops
from gateway.media.service import MediaService
from gateway.ops.desk import Desk
from gateway.secrets import SecretBox
from gateway.settings import MediaSettings
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from gateway.web.server import serving
from gateway.xmpp.component import Component, ComponentSettings
from gateway.xmpp.lookout import Lookout
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.rig.blank import lay

JID = "loop.localhost"
ALICE = "alice@localhost/phone"
BOB = "bob@localhost/desk"
ROOM = f"#room@{JID}"
MUC = "<x xmlns='http://jabber.org/protocol/muc'/>"
C = "{jabber:component:accept}"
USER = "{http://jabber.org/protocol/muc#user}"

Wanted = Callable[[Element], bool]


def kind(name: str, /, **attributes: str) -> Wanted:
    """Stanzas of that name with those attributes (``from_`` for ``from``)."""
    wanted = {key.rstrip("_"): value for key, value in attributes.items()}

    def fits(stanza: Element) -> bool:
        return stanza.tag == f"{C}{name}" and all(stanza.get(key) == value for key, value in wanted.items())

    return fits


def codes(stanza: Element) -> list[str | None]:
    return [each.get("code") for each in stanza.iter(f"{USER}status")]


def condition(stanza: Element) -> str:
    """The defined condition of an error stanza."""
    error = stanza.find(f"{C}error")
    assert error is not None, "no error in it"
    return error[0].tag.partition("}")[2]


@dataclass
class Stage:
    server: FakeXmppServer
    component: Component
    bridge: LoopbackBridge
    link: Connection

    def send(self, xml: str) -> None:
        self.link.send(xml)

    async def expect(self, name: str, /, **attributes: str) -> Element:
        return await self.link.expect(kind(name, **attributes))

    async def join(self, who: str = ALICE, room: str = ROOM, nick: str = "alice") -> None:
        """Join and take the burst off the wire."""
        self.send(f"<presence from='{who}' to='{room}/{nick}' id='join'>{MUC}</presence>")
        await self.link.expect(lambda each: kind("presence", to=who)(each) and "110" in codes(each))
        await self.link.expect(
            lambda each: kind("message", to=who)(each) and each.find(f"{C}subject") is not None
        )

    async def silence(self) -> list[Element]:
        """What is left on the wire once a ping has come back: everything before it has been dealt with."""
        self.send(f"<iq type='get' id='silence' from='{ALICE}' to='{JID}'><ping xmlns='urn:xmpp:ping'/></iq>")
        await self.expect("iq", id="silence")
        rest, self.link.received[:] = list(self.link.received), []
        return rest


def _plain(services: Services) -> LoopbackBridge:
    return LoopbackBridge(LoopbackSettings())


@asynccontextmanager
async def staged(
    path: Path,
    *,
    server: FakeXmppServer,
    bridge: LoopbackBridge | None = None,
    build: Callable[[Services], LoopbackBridge] = _plain,
    media: MediaSettings | None = None,
    linger: float = 300.0,
    usage: LimitPolicy | None = None,
    loops: Loops | None = None,
    desk: Desk | None = None,
    lookout: Lookout | None = None,
    **settings: object,
) -> AsyncIterator[Stage]:
    """A running component with its database in ``path``, so that a second one can be its restart. ``build`` makes a bridge
    that needs its services; ``media``: files are carried so."""
    clock, rng = SystemClock(), random.Random(5)
    key = path / "key"
    box = SecretBox.load(key) if key.exists() else SecretBox.create(key)
    wanted = replace(
        ComponentSettings(
            "loopback",
            "Loopback",
            JID,
            "s3cret",
            server.host,
            server.port,
            linger=linger,
            backoff=BackoffPolicy(first=0.05),
        ),
        **settings,
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(lay(path / "test.db"), clock=clock))
        stores = Stores.of(database, box, clock)
        pacer = Pacer(PacingPolicy(spacing=0), clock)
        limits = Limits(usage or LimitPolicy(), clock)
        services = Services(clock, rng, "1.0")
        carrier = MediaService(media, stores.files, clock, "test") if media is not None else None
        if carrier is not None:
            await stack.enter_async_context(carrier.running())
            if carrier.settings.listen:
                host, _, port = carrier.settings.listen.rpartition(":")
                await stack.enter_async_context(serving(host, int(port), carrier.routes()))
            services = replace(services, media=carrier.fetcher)
        bridge = bridge or build(services)
        component = Component(wanted, bridge, services, stores, pacer, carrier, limits, loops, desk, lookout)
        running = asyncio.create_task(component.run())
        link = await asyncio.wait_for(server.accepted.get(), 10)
        try:
            yield Stage(server, component, bridge, link)
        finally:
            if not running.done():
                await component.close("The show is over.")
            await asyncio.wait_for(running, 10)
