"""Several bridges in one gateway: one that fails takes no other along, is told of, and comes back by itself.

The whole gateway runs in this process, with bridges that fail when the test says so, between a fake XMPP server and the
control socket.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.bridge import Plugin, Services
from gateway.clock import SystemClock
from gateway.config import load
from gateway.control.client import Client, ControlError
from gateway.ops.status import LinkView
from gateway.secrets import SecretBox
from tests.component.stage import MUC, C, codes, kind
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.waiting import DEADLINE, eventually

FRAGILE, STURDY = "fragile.localhost", "sturdy.localhost"
CONFIG = """
[xmpp]
port = {port}
[bridges.fragile]
kind = "loopback"
jid = "fragile.localhost"
secret = "one"
[bridges.sturdy]
kind = "loopback"
jid = "sturdy.localhost"
secret = "two"
"""


class FragileBridge(LoopbackBridge):
    """Has work of its own, which ends when the test says so."""

    def __init__(self, workshop: "Workshop") -> None:
        super().__init__(LoopbackSettings())
        self.capabilities = replace(LoopbackBridge.capabilities, background=True)
        self.work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._workshop = workshop

    async def run(self) -> None:
        await self.work

    def fold(self, name: str) -> str:
        if self._workshop.mad:
            raise RuntimeError("fold has gone mad")
        return super().fold(name)


class Workshop:
    """Where bridges are made, by name."""

    def __init__(self) -> None:
        self.made: dict[str, FragileBridge] = {}
        self.broken = False
        self.mad = False

    def build(self, settings: object, services: Services) -> LoopbackBridge:
        if self.broken and services.name == "fragile":
            raise RuntimeError("no bridges today")
        self.made[services.name] = FragileBridge(self if services.name == "fragile" else Workshop())
        return self.made[services.name]


class House:
    """A gateway that runs."""

    def __init__(self, place: Path, server: FakeXmppServer) -> None:
        self.workshop = Workshop()
        self.server = server
        self.config = place / "config.toml"
        self.desk = Client(place / "causeway.sock")
        self.links: dict[str, Connection] = {}
        SecretBox.create(place / "causeway.key")
        self.config.write_text(CONFIG.format(port=server.port))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        plugins = {"loopback": lambda: Plugin(LoopbackSettings, self.workshop.build)}

        def read() -> object:
            return load(self.config, {}, plugins)

        stop = asyncio.Event()
        gateway = asyncio.create_task(Gateway(read(), SystemClock(), read).run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(DEADLINE):
                await gateway

    async def linked(self, domain: str) -> Connection:
        """The next link of a bridge."""
        while domain not in self.links or self.links[domain].closed.is_set():
            async with asyncio.timeout(DEADLINE):
                link = await self.server.accepted.get()
            self.links[link.domain] = link
        return self.links[domain]

    async def joined(self, domain: str) -> None:
        """Alice is in a room of that bridge."""
        link = await self.linked(domain)
        link.send(f"<presence from='alice@localhost/x' to='#room@{domain}/alice' id='join'>{MUC}</presence>")
        await link.expect(lambda each: kind("presence")(each) and "110" in codes(each))
        await link.expect(lambda each: kind("message")(each) and each.find(f"{C}subject") is not None)

    async def says(self, domain: str, words: str) -> None:
        link = await self.linked(domain)
        link.send(
            f"<message from='alice@localhost/x' to='#room@{domain}' type='groupchat' id='{words}'>"
            f"<body>{words}</body></message>"
        )
        await link.expect(kind("message", id=words, type="groupchat"))

    async def found_again(self, domain: str) -> None:
        """The gateway asks whether alice is still there; she is, and is shown her room."""
        link = await self.linked(domain)
        ping = await link.expect(kind("iq", to="alice@localhost/x", type="get"))
        link.send(
            f"<iq type='result' id='{ping.get('id')}' from='alice@localhost/x' to='{ping.get('from')}'/>"
        )
        await link.expect(lambda each: kind("presence")(each) and "110" in codes(each))

    async def ails(self) -> dict[str, str]:
        found = await asyncio.to_thread(self.desk.readiness)
        return {each.key: each.text for each in found.ailments}

    async def restart(self) -> None:
        await asyncio.to_thread(self.desk.restart, "fragile")


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The gateway sets the garbage collector up for a process of its own."""
    kept = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*kept)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with FakeXmppServer(domains={FRAGILE: "one", STURDY: "two"}) as server:
        house = House(tmp_path, server)
        async with house.running():
            await house.joined(FRAGILE)
            await house.joined(STURDY)
            neighbour = house.links[STURDY]
            yield house
            await house.says(STURDY, "as ever")
            assert neighbour is house.links[STURDY], "the neighbour's link is the same"


async def test_a_bridge_whose_own_work_fails_is_started_again_and_its_rooms_with_it(house):
    first = house.workshop.made["fragile"]
    first.work.set_exception(RuntimeError("out of paper"))
    told = await eventually(house.ails, "the failure to be told of")
    assert "RuntimeError" in told["bridge fragile"]
    await house.found_again(FRAGILE)
    assert house.workshop.made["fragile"] is not first
    await house.says(FRAGILE, "back")
    assert await house.ails() == {}


async def test_a_bridge_that_cannot_be_made_again_is_tried_until_it_can(house):
    house.workshop.broken = True
    with pytest.raises(ControlError, match="fragile did not start: RuntimeError"):
        await house.restart()
    assert list(await house.ails()) == ["bridge fragile"]
    with pytest.raises(ControlError, match="is being started"):
        await asyncio.to_thread(house.desk.limits, "fragile")

    async def shown() -> LinkView | None:
        fragile, sturdy = (await asyncio.to_thread(house.desk.status)).bridges
        assert (fragile.name, sturdy.link.state) == ("fragile", "up")
        # Just now it may be being made, and fail again.
        return fragile.link if fragile.link.next_try is not None else None

    link = await eventually(shown, "the next try to be shown")
    assert (link.state, link.reason) == ("failed", "It failed (RuntimeError).")
    house.workshop.broken = False
    await house.found_again(FRAGILE)
    await house.says(FRAGILE, "made at last")
    assert await house.ails() == {}


async def test_a_bridge_that_fails_while_it_begins_does_not_keep_its_neighbour(house):
    house.workshop.mad = True
    with pytest.raises(ControlError, match="did not start"):
        await house.restart()
    await house.says(STURDY, "meanwhile")
    house.workshop.mad = False
    await house.found_again(FRAGILE)


async def test_a_bridge_that_takes_no_settings_keeps_none_from_being_in_force_elsewhere(house):
    sound = house.config.read_text()
    bridge = house.workshop.made["fragile"]
    bridge.capabilities, kept = None, bridge.capabilities
    house.config.write_text(f"{sound}[limits]\naccounts_per_user = 7\n")
    done = await asyncio.to_thread(house.desk.reload)
    (told,) = done.failed
    assert "bridges.fragile could not be put in force (AttributeError" in told
    assert done.changed == ("limits: accounts_per_user.",)
    limits = {each.name: each.value for each in await asyncio.to_thread(house.desk.limits, "sturdy")}
    assert limits["accounts_per_user"] == 7
    assert "bridges.fragile" in (await house.ails())["configuration"]
    bridge.capabilities = kept
    await house.says(FRAGILE, "still here")
    assert not (await asyncio.to_thread(house.desk.reload)).failed
    assert not await house.ails()
    limits = {each.name: each.value for each in await asyncio.to_thread(house.desk.limits, "fragile")}
    assert limits["accounts_per_user"] == 7


async def test_a_restart_is_one_whoever_asks_for_it_how_often(house):
    await asyncio.gather(*(house.restart() for _ in range(3)))
    await house.found_again(FRAGILE)
    await house.says(FRAGILE, "once more")
