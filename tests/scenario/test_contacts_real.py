"""Contacts on real servers, with and without privileges: rosters, presence, pictures, what the server does of its own."""

import asyncio
import base64
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.model import Availability, Contact
from gateway.playground.clients import XmppClient, message, presence
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component as Peer
from gateway.playground.peers import User
from gateway.playground.prosody import Prosody
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from gateway.xmpp.component import Component, ComponentSettings
from gateway.xmpp.link import LinkState
from gateway.xmpp.privilege import Right
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.waiting import eventually

JID = "gw.localhost"
CAROL = f"carol@{JID}"
THERE = f"{CAROL}/gateway"
ROSTER = "jabber:iq:roster"
C = "{jabber:client}"

Server = Prosody | Ejabberd


@dataclass
class Scene:
    server: Server
    component: Component
    bridge: LoopbackBridge
    privileged: bool
    users: dict[str, User]

    async def log_in(self, name: str, resource: str = "desk") -> XmppClient:
        user = self.users[name]
        return await XmppClient.connect(
            self.server.host, self.server.c2s_port, user.jid, user.password, resource, priority=0
        )


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[(cls, privileged) for cls in (Prosody, Ejabberd) for privileged in (True, False)],
    ids=lambda each: f"{each[0].name}-{'with' if each[1] else 'without'}",
)
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Server, bool]]:
    """One for all tests; each has users of its own. With it whether it grants privileges."""
    cls, privileged = request.param
    place = tmp_path_factory.mktemp("xmpp")
    running = await cls.start(place, components=[Peer(JID, "s3cret")], privileges=privileged)
    try:
        yield running, privileged
    finally:
        await running.stop()


_numbers = itertools.count(1)


@pytest.fixture
async def scene(server: tuple[Server, bool], tmp_path: Path) -> AsyncIterator[Scene]:
    running, privileged = server
    number = next(_numbers)
    users = {name: User(f"{name}{number}", "pw") for name in ("alice", "bob")}
    for each in users.values():
        await running.add_user(each)
    async with component_at(running, tmp_path) as (component, bridge):
        yield Scene(running, component, bridge, privileged, users)


@asynccontextmanager
async def component_at(server: Server, path: Path) -> AsyncIterator[tuple[Component, LoopbackBridge]]:
    clock = SystemClock()
    key = path / "key"
    box = SecretBox.load(key) if key.exists() else SecretBox.create(key)
    bridge = LoopbackBridge(LoopbackSettings())
    bridge.friends = (Contact("carol", "Carol Smith", listed=True), Contact("dave", "Dave", listed=True))
    settings = ComponentSettings(
        "loop",
        "Loopback",
        JID,
        "s3cret",
        server.host,
        server.component_port,
        backoff=BackoffPolicy(first=0.05),
    )
    async with opened(f"sqlite:///{path}/test.db", clock=clock) as database:
        pacer = Pacer(PacingPolicy(spacing=0), clock)
        stores = Stores.of(database, box, clock)
        component = Component(settings, bridge, Services(clock, random.Random(5), "1.0"), stores, pacer)
        running = asyncio.create_task(component.run())
        try:
            await eventually(lambda: component.link.status.state is LinkState.UP)
            yield component, bridge
        finally:
            await component.close("over")
            await asyncio.wait_for(running, 10)


async def roster(client: XmppClient) -> dict[str, Element]:
    answer = await client.iq(client.bare, f"<query xmlns='{ROSTER}'/>")
    return {each.get("jid", ""): each for each in answer.iter(f"{{{ROSTER}}}item")}


async def online(scene: Scene, name: str = "alice") -> XmppClient:
    client = await scene.log_in(name)
    await client.iq(client.bare, f"<query xmlns='{ROSTER}'/>")  # who asked is pushed changes
    await client.join(f"#room@{JID}", name)
    return client


async def add(client: XmppClient, contact: str = CAROL) -> None:
    client.send(f"<presence to='{contact}' type='subscribe'/>")
    await client.expect(presence(contact, type="subscribed"))
    asked = await client.expect(presence(contact, type="subscribe"))
    assert asked is not None
    client.send(f"<presence to='{contact}' type='subscribed'/>")


async def test_a_contact_is_added_seen_and_removed(scene: Scene) -> None:
    alice = await online(scene)
    await add(alice)
    bob = await scene.log_in("bob")
    await bob.join(f"#other@{JID}", "carol")
    here = await alice.expect(presence(THERE, type="available"))
    assert here.find("{vcard-temp:x:update}x") is not None
    scene.bridge.people["carol"].shows(Availability.DO_NOT_DISTURB, "in a meeting")
    busy = await alice.expect(presence(THERE, type="available"))
    assert (busy.findtext(f"{C}show"), busy.findtext(f"{C}status")) == ("dnd", "in a meeting")
    phone = await scene.log_in("alice", "phone")  # the server probes for it
    again = await phone.expect(presence(THERE, type="available"))
    assert again.findtext(f"{C}show") == "dnd"
    await phone.close()
    await bob.close()
    assert (await roster(alice))[CAROL].get("subscription") == "both"
    await alice.iq(
        alice.bare, f"<query xmlns='{ROSTER}'><item jid='{CAROL}' subscription='remove'/></query>", type="set"
    )
    await eventually(lambda: scene.component.people.subscriptions.of(alice.bare, "carol").empty)
    assert CAROL not in await roster(alice)
    await alice.settle(JID)
    assert not alice.inbox.waiting(presence(CAROL, type="subscribe"))
    await alice.close()


async def test_the_picture_of_a_contact_is_found_by_card_and_by_node(scene: Scene) -> None:
    alice = await online(scene)
    card = await alice.iq(CAROL, "<vCard xmlns='vcard-temp'/>")
    data = base64.b64decode(next(card.iter("{vcard-temp}BINVAL")).text or "")
    node = "urn:xmpp:avatar:data"
    found = await alice.iq(
        CAROL, f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>"
    )
    assert base64.b64decode(next(found.iter(f"{{{node}}}data")).text or "") == data
    await alice.close()


async def test_adding_brings_name_and_picture_as_events(scene: Scene) -> None:
    alice = await online(scene)
    await add(alice)
    for node in ("http://jabber.org/protocol/nick", "urn:xmpp:avatar:metadata"):
        await alice.expect(
            lambda one, node=node: (
                one.tag == f"{C}message"
                and any(
                    items.get("node") == node
                    for items in one.iter("{http://jabber.org/protocol/pubsub#event}items")
                )
            )
        )
    await alice.close()


async def test_the_rights_are_learnt_and_told(scene: Scene) -> None:
    alice = await online(scene)
    rights = scene.component.people.privileges.granted("localhost")
    assert (rights is not None and bool(rights.described())) == scene.privileged
    command = "<command xmlns='http://jabber.org/protocol/commands' node='privileges' action='execute'/>"
    told = "".join((await alice.iq(JID, command, type="set")).itertext())
    assert ("roster: get and set" in told) == scene.privileged
    await alice.close()


async def test_a_name_is_given_where_the_server_lets_us(scene: Scene) -> None:
    alice = await online(scene)

    async def named() -> bool:
        return (await roster(alice))[CAROL].get("name") == "Carol Smith"

    with capture_logs() as logs:
        await add(alice)
        if scene.privileged and isinstance(scene.server, Prosody):
            await eventually(named)
            assert (await roster(alice))[CAROL].get("subscription") == "both"
        elif scene.privileged:  # ejabberd 23.01 grants it, and fails
            await eventually(lambda: "roster names not given" in {each["event"] for each in logs})
            assert (await roster(alice))[CAROL].get("name") is None
    await alice.close()


async def test_what_was_sent_elsewhere_arrives_once_on_every_device(scene: Scene) -> None:
    alice = await online(scene)
    phone = await scene.log_in("alice", "phone")
    for device in (alice, phone):
        await device.iq(device.bare, "<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    scene.bridge.people["alice"].wrote_elsewhere("carol", "from my other client")
    carbons = scene.privileged and isinstance(scene.server, Prosody)
    for device in (alice, phone):
        if carbons:
            sent = await device.expect(lambda one: one.find("{urn:xmpp:carbons:2}sent") is not None)
            inner = next(each for each in sent.iter(f"{C}message") if each is not sent)
            assert inner.findtext(f"{C}body") == "from my other client"
        else:
            await device.expect(message(CAROL, "[You wrote elsewhere] from my other client"))
    await alice.settle(JID)
    assert not alice.inbox.waiting(message(CAROL))
    assert not [one for one in alice.inbox.waiting(lambda one: True) if one.get("type") == "error"]
    assert scene.component.people.privileges.resting("localhost") == {}
    await phone.close()
    await alice.close()


async def test_contacts_are_taken_over_at_the_users_word_only(scene: Scene) -> None:
    alice = await online(scene)
    assert await roster(alice) == {}
    node = "node='import-contacts'"
    commands = "http://jabber.org/protocol/commands"
    asked = await alice.iq(JID, f"<command xmlns='{commands}' {node} action='execute'/>", type="set")
    session = next(asked.iter(f"{{{commands}}}command")).get("sessionid")
    form = f"<x xmlns='jabber:x:data' type='submit'><field var='contacts'><value>{CAROL}</value></field></x>"
    done = await alice.iq(
        JID,
        f"<command xmlns='{commands}' {node} sessionid='{session}' action='complete'>{form}</command>",
        type="set",
    )
    assert next(done.iter(f"{{{commands}}}command")).get("status") == "completed"
    written = scene.privileged and isinstance(scene.server, Prosody)
    if written:
        item = (await roster(alice))[CAROL]
        assert (item.get("name"), item.get("subscription")) == ("Carol Smith", "both")
    else:
        got = await alice.expect(lambda one: one.find("{http://jabber.org/protocol/rosterx}x") is not None)
        assert [each.get("jid") for each in got.iter("{http://jabber.org/protocol/rosterx}item")] == [CAROL]
        assert await roster(alice) == {}
    await alice.close()


async def test_a_refusal_survives_a_restart_and_nobody_is_asked_again(scene: Scene) -> None:
    alice = await online(scene)
    alice.send(f"<presence to='{CAROL}' type='subscribe'/>")
    await alice.expect(presence(CAROL, type="subscribe"))
    alice.send(f"<presence to='{CAROL}' type='unsubscribed'/>")
    await eventually(lambda: scene.component.people.subscriptions.of(alice.bare, "carol").asked == "refused")
    await alice.close()
    again = await scene.log_in("alice")
    again.send(f"<presence to='{CAROL}' type='subscribe'/>")
    await again.settle(JID)
    assert not again.inbox.waiting(presence(CAROL, type="subscribe"))
    await again.close()


async def test_presence_of_privileged_users_reaches_us_and_costs_nothing(scene: Scene) -> None:
    alice = await online(scene)
    for show in ("away", "dnd", "xa"):
        alice.send(f"<presence><show>{show}</show></presence>")
    await alice.settle(JID)
    assert not [one for one in alice.inbox.waiting(lambda one: True) if one.get("type") == "error"]
    await alice.close()
    if scene.privileged:
        assert scene.component.people.privileges.may("localhost", Right.ROSTER_GET)
