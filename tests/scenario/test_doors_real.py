"""The doors to the gateway on real servers: registering, chatting with the bot, prompts, unregistering, as clients do it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.doors.access import AccessPolicy
from gateway.playground.clients import XmppClient, presence
from gateway.playground.peers import User, XmppServer
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from gateway.xmpp.component import Component, ComponentSettings
from gateway.xmpp.link import LinkState
from tests.loopback import LoopbackSettings
from tests.loopback.registering import RegisteringBridge
from tests.rig.servers import SPARE, USERS
from tests.waiting import eventually

JID = SPARE.jid
C = "{jabber:client}"
REGISTER = "jabber:iq:register"
INFO = "http://jabber.org/protocol/disco#info"
COMMANDS = "http://jabber.org/protocol/commands"
ALICE, BOB = USERS


@dataclass
class Scene:
    server: XmppServer
    component: Component
    bridge: RegisteringBridge

    async def log_in(self, user: User = ALICE, resource: str = "desk") -> XmppClient:
        return await XmppClient.connect(
            self.server.host, self.server.c2s_port, user.jid, user.password, resource, priority=0
        )


@pytest.fixture
async def scene(xmpp_server: XmppServer, tmp_path: Path) -> AsyncIterator[Scene]:
    async with component_at(xmpp_server, tmp_path) as scene:
        yield scene
        # Servers are shared: leave no roster item behind, if there is one.
        alice = await scene.log_in(resource="tidy")
        item = f"<item jid='{JID}' subscription='remove'/>"
        alice.send(f"<iq type='set' id='tidy'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
        await alice.expect(lambda one: one.get("id") == "tidy")
        await alice.close()


@asynccontextmanager
async def component_at(server: XmppServer, path: Path) -> AsyncIterator[Scene]:
    clock = SystemClock()
    key = path / "key"
    box = SecretBox.load(key) if key.exists() else SecretBox.create(key)
    bridge = RegisteringBridge(LoopbackSettings())
    settings = ComponentSettings(
        "loop",
        "Loopback",
        JID,
        SPARE.secret,
        server.host,
        server.component_port,
        backoff=BackoffPolicy(first=0.05),
        access=AccessPolicy(admins=frozenset({BOB.jid}), contact=(f"xmpp:{BOB.jid}",)),
    )
    async with opened(f"sqlite:///{path}/test.db", clock=clock) as database:
        stores = Stores.of(database, box, clock)
        pacer = Pacer(PacingPolicy(spacing=0), clock)
        component = Component(settings, bridge, Services(clock, random.Random(5), "1.0"), stores, pacer)
        running = asyncio.create_task(component.run())
        try:
            await eventually(lambda: component.link.status.state is LinkState.UP)
            yield Scene(server, component, bridge)
        finally:
            await component.close("The scene is over.")
            await asyncio.wait_for(running, 10)


async def chat(client: XmppClient, text: str, lang: str = "") -> str:
    attribute = f" xml:lang='{lang}'" if lang else ""
    client.send(f"<message to='{JID}' type='chat'{attribute}><body>{text}</body></message>")
    answer = await client.expect(
        lambda one: one.tag == f"{C}message" and one.get("from") == JID and one.find(f"{C}body") is not None
    )
    return answer.findtext(f"{C}body") or ""


async def query(client: XmppClient, namespace: str, content: str = "", type: str = "get") -> Element:
    answer: Element = await client.iq(JID, f"<query xmlns='{namespace}'>{content}</query>", type=type)
    return answer


async def register(client: XmppClient) -> None:
    await query(client, REGISTER, "<username>carol</username><password>lorac</password>", "set")


async def test_the_gateway_says_what_it_is_and_whom_to_turn_to(scene: Scene) -> None:
    alice = await scene.log_in()
    info = await query(alice, INFO)
    identities = {(one.get("category"), one.get("type")) for one in info.iter(f"{{{INFO}}}identity")}
    features = {one.get("var") for one in info.iter(f"{{{INFO}}}feature")}
    assert {("gateway", "loopback"), ("account", "registered")} <= identities
    assert {REGISTER, "jabber:iq:gateway", "jabber:iq:search", COMMANDS, "vcard-temp"} <= features
    assert f"xmpp:{BOB.jid}" in "".join(info.itertext())
    card = await alice.iq(JID, "<vCard xmlns='vcard-temp'/>")
    assert "Loopback" in "".join(card.itertext())
    await alice.close()


async def test_from_registering_to_unregistering_as_a_roster_sees_it(scene: Scene) -> None:
    alice = await scene.log_in()
    await register(alice)
    await alice.expect(presence(JID, type="subscribe"))
    alice.send(f"<presence to='{JID}' type='subscribed'/><presence to='{JID}' type='subscribe'/>")
    await alice.expect(presence(JID, type="available"))
    assert "alice" in scene.bridge.people
    await query(alice, REGISTER, "<remove/>", "set")
    await alice.expect(presence(JID, type="unavailable"))

    async def subscribed_no_more() -> bool:
        roster = await alice.iq(alice.bare, "<query xmlns='jabber:iq:roster'/>")
        states = {one.get("jid"): one.get("subscription") for one in roster.iter("{jabber:iq:roster}item")}
        return states.get(JID, "none") == "none"

    await eventually(subscribed_no_more)
    await eventually(lambda: not scene.bridge.people)
    await alice.close()


async def test_whoever_prefers_so_is_logged_in_and_out_by_presence(scene: Scene) -> None:
    alice = await scene.log_in()
    await register(alice)
    await alice.expect(presence(JID, type="subscribe"))
    alice.send(f"<presence to='{JID}' type='subscribed'/>")
    assert "Stay logged in" in await chat(alice, "preferences")
    assert await chat(alice, "no") == "Saved."
    await eventually(lambda: "alice" in scene.bridge.people)
    await alice.close()
    await eventually(lambda: not scene.bridge.people)
    alice = await scene.log_in()
    await eventually(lambda: "alice" in scene.bridge.people)
    await query(alice, REGISTER, "<remove/>", "set")
    await alice.close()


async def test_after_a_restart_the_server_is_asked_who_is_there(scene: Scene, tmp_path: Path) -> None:
    alice = await scene.log_in()
    await register(alice)
    await alice.expect(presence(JID, type="subscribe"))
    alice.send(f"<presence to='{JID}' type='subscribed'/>")
    await chat(alice, "preferences")
    await chat(alice, "no")
    await scene.component.close("Restart.")
    async with component_at(scene.server, tmp_path) as again:
        await eventually(lambda: "alice" in again.bridge.people)  # by the answer to the probe
        await query(alice, REGISTER, "<remove/>", "set")
        await alice.close()


async def test_taking_the_gateway_out_of_the_roster_unregisters(scene: Scene) -> None:
    alice = await scene.log_in()
    await register(alice)
    await alice.expect(presence(JID, type="subscribe"))
    alice.send(f"<presence to='{JID}' type='subscribed'/><presence to='{JID}' type='subscribe'/>")
    await alice.expect(presence(JID, type="available"))
    await alice.iq(
        alice.bare,
        f"<query xmlns='jabber:iq:roster'><item jid='{JID}' subscription='remove'/></query>",
        type="set",
    )
    registrations = scene.component.doors.registrations
    assert registrations is not None
    await eventually(lambda: registrations.of(alice.bare) is None)
    await eventually(lambda: not scene.bridge.people)
    await alice.close()


async def test_the_bot_answers_the_device_that_wrote_in_the_language_of_its_stream(scene: Scene) -> None:
    alice, phone = await scene.log_in(), await scene.log_in(resource="phone")
    assert "This is Loopback." in await chat(alice, "help")
    assert "Ping ausführen" in await chat(phone, "hilfe", lang="de")
    assert await chat(phone, "ping") == "Pong"
    await alice.settle(JID)
    assert not alice.inbox.waiting(lambda one: one.findtext(f"{C}body") == "Pong")
    for client in (alice, phone):
        await client.close()


async def test_a_registration_in_the_chat_from_the_first_word_to_the_last(scene: Scene) -> None:
    alice = await scene.log_in()
    for text, expected in (
        ("register", "User name"),
        ("carol", "stays in the history"),
        ("wrong", "Say that I am away"),
        ("no", "That did not work"),
        ("keep", "Password"),
        ("lorac", "Say that I am away"),
        ("done", "You are registered"),
    ):
        assert expected in await chat(alice, text)
    await eventually(lambda: "alice" in scene.bridge.people)
    assert "Unregister?" in await chat(alice, "unregister")
    assert "not registered any more" in await chat(alice, "yes")
    await eventually(lambda: not scene.bridge.people)
    await alice.close()


async def test_the_prompt_and_the_search_give_addresses(scene: Scene) -> None:
    alice = await scene.log_in()
    found = await query(alice, "jabber:iq:gateway", "<prompt>loop:Dora</prompt>", "set")
    assert f"dora@{JID}" in list(found.itertext())
    found = await query(alice, "jabber:iq:search", "<nick>dora</nick>", "set")
    assert [one.get("jid") for one in found.iter("{jabber:iq:search}item")] == [f"dora@{JID}"]
    await alice.close()
