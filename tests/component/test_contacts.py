"""Contacts as a client sees them: subscriptions, presence, names, pictures, and what the server's privileges add."""

import asyncio
import base64
from dataclasses import replace
from hashlib import sha1
from xml.etree.ElementTree import Element

import pytest

from gateway.model import Availability, Contact, Picture
from tests.component.stage import ALICE, BOB, JID, C, kind, staged
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.loopback.labelled import LabelledBridge
from tests.loopback.oneway import OneWayBridge
from tests.waiting import eventually

USER = "alice@localhost"
CAROL = f"carol@{JID}"
THERE = f"{CAROL}/gateway"  # where availability is shown from
VCARD = "{vcard-temp}"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = "{http://jabber.org/protocol/pubsub#event}"
METADATA = "urn:xmpp:avatar:metadata"
UPDATE = "{vcard-temp:x:update}"
ROSTER = "{jabber:iq:roster}"
ROSTERX = "{http://jabber.org/protocol/rosterx}"
GRANT = (
    "<message from='localhost' to='loop.localhost'><privilege xmlns='urn:xmpp:privilege:2'>"
    "<perm access='roster' type='both'/><perm access='message' type='outgoing'/></privilege></message>"
)


def types(stanzas: list[Element]) -> list[str]:
    return [each.get("type", "available") for each in stanzas if each.tag == f"{C}presence"]


async def carol_is_there(stage, nick="carol", room="#elsewhere"):
    """carol comes onto the network (as another user of the gateway) and says so to whoever watches."""
    await stage.join(BOB, f"{room}@{JID}", nick)
    return stage.bridge.people[nick]


async def add(stage, contact=CAROL, who=USER):
    """Add a contact, take all the answers off the wire, and approve of being seen."""
    stage.send(f"<presence type='subscribe' id='add' from='{who}' to='{contact}'/>")
    await stage.expect("presence", type="subscribed", from_=contact)
    await stage.expect("presence", type="subscribe", from_=contact)
    stage.send(f"<presence type='subscribed' from='{who}' to='{contact}'/>")
    return await stage.silence()


async def ask(stage, payload, to=CAROL, who=ALICE):
    stage.send(f"<iq type='get' id='ask' from='{who}' to='{to}'>{payload}</iq>")
    return await stage.expect("iq", id="ask")


async def test_adding_a_contact_is_approved_and_answered_with_one_request_between_bare_addresses(stage):
    stage.send(f"<presence type='subscribe' id='add' from='{USER}' to='{CAROL}'/>")
    await stage.silence()
    stage.send(f"<presence type='subscribe' id='again' from='{USER}' to='{CAROL}'/>")
    approved = await stage.expect("presence", type="subscribed")
    assert (approved.get("from"), approved.get("to"), approved.get("id")) == (CAROL, USER, "again")
    assert "subscribe" not in types(await stage.silence())


async def test_a_repeated_request_is_approved_again_but_never_asked_back(stage):
    await add(stage)
    for _ in range(3):
        stage.send(f"<presence type='subscribe' from='{USER}' to='{CAROL}'/>")
    assert types(await stage.silence()) == ["subscribed"] * 3


async def test_an_address_that_nobody_can_have_is_turned_down(stage):
    stage.send(f"<presence type='subscribe' id='add' from='{USER}' to='no\\20body@{JID}'/>")
    assert (await stage.expect("presence", id="add")).get("type") == "unsubscribed"
    stage.send(f"<presence type='probe' from='{USER}' to='no\\20body@{JID}'/>")
    assert types(await stage.silence()) == ["unsubscribed"]


async def test_a_refusal_is_remembered_over_restarts_and_removal(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        stage.send(f"<presence type='subscribe' from='{USER}' to='{CAROL}'/>")
        stage.send(f"<presence type='unsubscribed' from='{USER}' to='{CAROL}'/>")
        stage.send(f"<presence type='unsubscribe' from='{USER}' to='{CAROL}'/>")
        await stage.silence()
    async with staged(tmp_path, server=server) as stage:
        stage.send(f"<presence type='subscribe' from='{USER}' to='{CAROL}'/>")
        assert "subscribe" not in types(await stage.silence())


async def test_removing_a_contact_takes_everything_back(stage):
    await add(stage)
    stage.send(f"<presence type='unsubscribe' id='rm' from='{USER}' to='{CAROL}'/>")
    stage.send(f"<presence type='unsubscribed' from='{USER}' to='{CAROL}'/>")
    assert types(await stage.silence()) == ["unavailable", "unsubscribed", "unsubscribe"]
    stage.send(f"<presence type='probe' from='{USER}' to='{CAROL}'/>")
    assert types(await stage.silence()) == ["unsubscribed"]


async def test_a_contact_is_seen_coming_changing_and_going_with_one_stanza_each(stage):
    await stage.join()
    await add(stage)
    carol = await carol_is_there(stage)
    here = await stage.expect("presence", from_=THERE, to=USER)
    assert here.get("type") is None
    assert here.find("{http://jabber.org/protocol/caps}c") is not None
    carol.shows(Availability.AWAY, "at lunch")
    carol.shows(Availability.AWAY, "at lunch")
    away = [each for each in await stage.silence() if each.get("from") == THERE]
    assert [(each.findtext(f"{C}show"), each.findtext(f"{C}status")) for each in away] == [
        ("away", "at lunch")
    ]
    carol.close("")
    gone = await stage.expect("presence", from_=THERE)
    assert gone.get("type") == "unavailable"


async def test_only_those_who_are_in_the_roster_are_watched(stage):
    await stage.join()
    session = stage.bridge.people["alice"]
    assert session.watched == set()
    await add(stage)
    assert session.watched == {"carol"}
    stage.send(f"<presence type='unsubscribe' from='{USER}' to='{CAROL}'/>")
    await stage.silence()
    assert session.watched == set()


async def test_contacts_added_before_the_session_are_watched_when_it_begins(stage):
    await add(stage)
    await carol_is_there(stage)
    await stage.join()
    assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") is None


async def test_when_the_session_is_lost_its_contacts_are_gone(stage):
    await stage.join()
    await add(stage)
    await carol_is_there(stage)
    await stage.expect("presence", from_=THERE, to=USER)
    stage.bridge.people["alice"].lose("cable cut")
    assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") == "unavailable"


async def test_a_probe_is_answered_with_what_is_so_now(stage):
    await stage.join()
    await add(stage)
    stage.send(f"<presence type='probe' from='{ALICE}' to='{CAROL}'/>")
    assert types(await stage.silence()) == ["unavailable"]
    await carol_is_there(stage)
    await stage.silence()
    stage.send(f"<presence type='probe' from='{ALICE}' to='{CAROL}'/>")
    assert types(await stage.silence()) == ["available"]


async def test_a_users_presence_told_to_five_hundred_contacts_costs_nothing_inside(stage, monkeypatch):
    dispatched = []
    monkeypatch.setattr(stage.component, "_heard", dispatched.append)
    for number in range(500):
        stage.send(f"<presence from='{ALICE}' to='friend{number}@{JID}'><show>away</show></presence>")
    stage.send(f"<presence from='{ALICE}' to='{JID}'><show>away</show></presence>")
    await eventually(lambda: dispatched)
    assert [each.get("to") for each in dispatched] == [JID]


async def test_after_an_outage_only_those_who_are_there_are_shown_again(stage, server):
    await stage.join()
    await add(stage)
    await add(stage, f"dave@{JID}")
    await carol_is_there(stage)
    await stage.expect("presence", from_=THERE, to=USER)
    stage.link.kill()
    stage.link = await asyncio.wait_for(server.accepted.get(), 10)
    assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") is None
    assert not [each for each in await stage.silence() if each.get("from") == f"dave@{JID}"]


async def test_a_shutdown_says_that_contacts_are_gone(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        await add(stage)
        await carol_is_there(stage)
        await stage.expect("presence", from_=THERE, to=USER)
        link = stage.link
    await link.expect(kind("presence", from_=THERE, type="unavailable"))


async def test_after_a_kill_contacts_that_are_gone_are_said_to_be_gone(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await add(stage)
    async with staged(tmp_path, server=server) as stage:
        assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") == "unavailable"


async def test_a_network_without_presence_is_silent_about_its_contacts(tmp_path, server):
    bridge = LoopbackBridge(LoopbackSettings())
    bridge.capabilities = replace(bridge.capabilities, contact_presence=False)
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await add(stage)
        await stage.join()
        stage.send(f"<presence type='probe' from='{USER}' to='{CAROL}'/>")
        assert types(await stage.silence()) == ["unavailable"]
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        assert not [each for each in await stage.silence() if each.get("from") == CAROL]


# -- names and pictures ----------------------------------------------------------------------------------------


async def test_a_contact_without_a_picture_has_one_drawn_and_the_same_everywhere(stage):
    card = await ask(stage, "<vCard xmlns='vcard-temp'/>")
    data = base64.b64decode(card.findtext(f"{VCARD}vCard/{VCARD}PHOTO/{VCARD}BINVAL"))
    assert data.startswith(b"\x89PNG")
    assert len(data) < 4096
    name = sha1(data).hexdigest()
    node = await ask(stage, f"<pubsub xmlns='{PUBSUB}'><items node='{METADATA}'/></pubsub>")
    info = next(node.iter(f"{{{METADATA}}}info"))
    assert (info.get("id"), info.get("bytes"), info.get("type")) == (name, str(len(data)), "image/png")
    wanted = (
        f"<pubsub xmlns='{PUBSUB}'><items node='urn:xmpp:avatar:data'><item id='{name}'/></items></pubsub>"
    )
    found = await ask(stage, wanted)
    assert base64.b64decode(next(found.iter("{urn:xmpp:avatar:data}data")).text) == data
    stale = await ask(stage, wanted.replace(name, "0" * 40))
    assert stale.get("type") == "error"


async def test_a_contact_of_the_network_is_shown_with_its_name_and_picture(stage):
    stage.bridge.friends = (
        Contact("carol", "Carol <Smith>", Picture(b"GIF89a...", "image/gif"), "Hi & bye"),
    )
    await stage.join()
    card = await ask(stage, "<vCard xmlns='vcard-temp'/>")
    assert card.findtext(f"{VCARD}vCard/{VCARD}FN") == "Carol <Smith>"
    assert card.findtext(f"{VCARD}vCard/{VCARD}DESC") == "Hi & bye"
    assert card.findtext(f"{VCARD}vCard/{VCARD}PHOTO/{VCARD}TYPE") == "image/gif"
    modern = "{urn:ietf:params:xml:ns:vcard-4.0}"
    card = await ask(stage, "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>")
    assert card.findtext(f"{modern}vcard/{modern}fn/{modern}text") == "Carol <Smith>"


async def test_names_and_pictures_are_there_right_after_a_restart(tmp_path, server):
    friends = (Contact("carol", "Carol Smith", Picture(b"picture")),)
    async with staged(tmp_path, server=server) as stage:
        stage.bridge.friends = friends
        await stage.join()
        await stage.silence()
    async with staged(tmp_path, server=server) as stage:
        card = await ask(stage, "<vCard xmlns='vcard-temp'/>")
        assert card.findtext(f"{VCARD}vCard/{VCARD}FN") == "Carol Smith"
        assert base64.b64decode(card.findtext(f"{VCARD}vCard/{VCARD}PHOTO/{VCARD}BINVAL")) == b"picture"


async def test_whoever_adds_a_contact_is_told_its_name_and_picture_and_of_changes_once(stage):
    stage.bridge.friends = (Contact("carol", "Carol"),)
    await stage.join()
    told = [each for each in await add(stage) if each.tag == f"{C}message"]
    assert [each.find(f"{EVENT}event/{EVENT}items").get("node") for each in told] == [
        "http://jabber.org/protocol/nick",
        METADATA,
    ]
    assert {(each.get("type"), each.get("from"), each.get("to")) for each in told} == {
        ("headline", CAROL, USER)
    }
    session = stage.bridge.people["alice"]
    session.sink.contact(Contact("carol", "Carol"))
    assert [each for each in await stage.silence() if each.tag == f"{C}message"] == []
    session.sink.contact(Contact("carol", "Caroline"))
    assert len([each for each in await stage.silence() if each.tag == f"{C}message"]) == 2


async def test_presence_carries_the_hash_of_the_picture_and_changes_with_it(stage):
    await stage.join()
    await add(stage)
    await carol_is_there(stage)
    here = await stage.expect("presence", from_=THERE, to=USER)
    card = await ask(stage, "<vCard xmlns='vcard-temp'/>")
    data = base64.b64decode(card.findtext(f"{VCARD}vCard/{VCARD}PHOTO/{VCARD}BINVAL"))
    assert here.findtext(f"{UPDATE}x/{UPDATE}photo") == sha1(data).hexdigest()
    stage.bridge.people["alice"].sink.contact(Contact("carol", picture=Picture(b"new")))
    again = await stage.expect("presence", from_=THERE, to=USER)
    assert again.findtext(f"{UPDATE}x/{UPDATE}photo") == sha1(b"new").hexdigest()


async def test_occupants_have_a_picture_and_absentees_have_none(stage):
    await stage.join()
    assert (await ask(stage, "<vCard xmlns='vcard-temp'/>", f"#room@{JID}/alice")).get("type") == "result"
    assert (await ask(stage, "<vCard xmlns='vcard-temp'/>", f"#room@{JID}/nobody")).get("type") == "error"
    assert (await ask(stage, "<vCard xmlns='vcard-temp'/>", f"#room@{JID}/alice", BOB)).get("type") == "error"
    assert (await ask(stage, "<vCard xmlns='vcard-temp'/>", f"b\\20d@{JID}")).get("type") == "error"


async def test_all_contacts_share_one_capability_hash_that_can_be_asked_for(stage):
    await stage.join()
    await add(stage)
    await carol_is_there(stage)
    caps = (await stage.expect("presence", from_=THERE, to=USER)).find("{http://jabber.org/protocol/caps}c")
    node = f"{caps.get('node')}#{caps.get('ver')}"
    query = f"<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>"
    for contact in (CAROL, f"dave@{JID}"):
        assert (await ask(stage, query, contact)).get("type") == "result"


# -- privileges ------------------------------------------------------------------------------------------------


async def granted(stage, advertisement=GRANT):
    stage.send(advertisement)
    await stage.silence()


async def test_what_was_sent_elsewhere_appears_as_ones_own_where_the_server_copies_it(stage):
    await stage.join()
    await granted(stage)
    stage.bridge.people["alice"].wrote_elsewhere("carol", "from my <other> client")
    outer = await stage.expect("message", to="localhost")
    inner = next(outer.iter("{jabber:client}message"))
    assert (inner.get("from"), inner.get("to"), inner.get("type")) == (USER, CAROL, "chat")
    assert inner.findtext("{jabber:client}body") == "from my <other> client"
    # The server routes it to its addressee, which is us: it must not go to the network once more.
    stage.send(
        f"<message from='{USER}' to='{CAROL}' type='chat' id='{inner.get('id')}'><body>x</body></message>"
    )
    assert await stage.silence() == []


async def test_what_was_sent_elsewhere_is_marked_where_the_server_does_not_help(stage):
    await stage.join()
    stage.bridge.people["alice"].wrote_elsewhere("carol", "hello")
    shown = await stage.expect("message", from_=CAROL, to=USER)
    assert shown.findtext(f"{C}body") == "[You wrote elsewhere] hello"


async def test_what_was_sent_elsewhere_is_marked_when_the_server_refuses(stage):
    await stage.join()
    await granted(stage)
    stage.bridge.people["alice"].wrote_elsewhere("carol", "hello")
    outer = await stage.expect("message", to="localhost")
    stage.send(
        f"<message type='error' id='{outer.get('id')}' from='localhost' to='{JID}'><error type='auth'>"
        "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    assert (await stage.expect("message", from_=CAROL)).findtext(f"{C}body") == "[You wrote elsewhere] hello"


async def test_ejabberd_of_version_one_is_not_trusted_with_copies(stage):
    await stage.join()
    await granted(stage, GRANT.replace("privilege:2", "privilege:1"))
    stage.bridge.people["alice"].wrote_elsewhere("carol", "hello")
    assert (await stage.expect("message", from_=CAROL)).get("to") == USER


@pytest.mark.parametrize(
    "sender", ["mallory@localhost/x", "mallory@localhost", "localhost/x", "elsewhere.example"]
)
async def test_privileges_count_only_from_the_users_own_server(stage, sender):
    await stage.join()
    await granted(stage, GRANT.replace("from='localhost'", f"from='{sender}'"))
    await stage.silence()
    stage.bridge.people["alice"].wrote_elsewhere("carol", "hello")
    assert (await stage.expect("message", from_=CAROL)).get("to") == USER


async def test_privileges_are_learnt_anew_with_every_link(stage, server):
    await stage.join()
    await granted(stage)
    stage.link.kill()
    stage.link = await asyncio.wait_for(server.accepted.get(), 10)
    await stage.silence()
    stage.bridge.people["alice"].wrote_elsewhere("carol", "hello")
    assert (await stage.expect("message", from_=CAROL)).get("to") == USER


async def test_an_item_that_the_user_has_not_named_gets_its_name(stage):
    stage.bridge.friends = (Contact("carol", "Carol Smith"), Contact("dave", "Dave Jones"))
    await stage.join()
    await granted(stage)
    await add(stage)
    await add(stage, f"dave@{JID}")
    asked = await stage.link.expect(kind("iq", type="get", to=USER))
    stage.send(
        f"<iq type='result' id='{asked.get('id')}' from='{USER}' to='{JID}'><query xmlns='jabber:iq:roster'>"
        f"<item jid='{CAROL}' subscription='both'><group>Friends</group></item>"
        f"<item jid='dave@{JID}' name='Davy' subscription='both'/></query></iq>"
    )
    change = await stage.link.expect(kind("iq", type="set", to=USER))
    item = next(change.iter(f"{ROSTER}item"))
    assert (item.get("jid"), item.get("name"), item.get("subscription")) == (CAROL, "Carol Smith", None)
    assert [each.text for each in item] == ["Friends"]
    stage.send(f"<iq type='result' id='{change.get('id')}' from='{USER}' to='{JID}'/>")
    assert [each for each in await stage.silence() if each.tag == f"{C}iq"] == []


async def run(stage, node, form=""):
    stage.send(
        f"<iq type='set' id='run' from='{ALICE}' to='{JID}'><command xmlns='http://jabber.org/protocol/commands' "
        f"node='{node}'{form}</iq>"
    )
    return next((await stage.expect("iq", id="run")).iter("{http://jabber.org/protocol/commands}command"))


def submitted(command, *jids):
    values = "".join(f"<value>{each}</value>" for each in jids)
    return (
        f" sessionid='{command.get('sessionid')}' action='complete'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='contacts'>{values}</field></x></command>"
    )


async def test_an_import_without_privileges_is_one_suggestion(stage):
    stage.bridge.friends = (
        Contact("carol", "Carol", listed=True),
        Contact("dave", listed=True),
        Contact("eve"),
    )
    await stage.join()
    asked = await run(stage, "import-contacts", "/>")
    options = [each.get("label") for each in asked.iter("{jabber:x:data}option")]
    assert options == ["Carol", "dave"]
    done = await run(stage, "import-contacts", submitted(asked, CAROL))
    assert done.get("status") == "completed"
    (suggestion,) = [each for each in await stage.silence() if each.tag == f"{C}message"]
    assert suggestion.get("to") == ALICE
    assert [(each.get("jid"), each.get("name")) for each in suggestion.iter(f"{ROSTERX}item")] == [
        (CAROL, "Carol")
    ]


async def test_an_import_with_privileges_writes_the_roster(stage):
    stage.bridge.friends = (Contact("carol", "Carol", listed=True),)
    await carol_is_there(stage)
    await stage.join()
    await granted(stage)
    asked = await run(stage, "import-contacts", "/>")
    stage.send(
        f"<iq type='set' id='run' from='{ALICE}' to='{JID}'><command xmlns='http://jabber.org/protocol/commands' "
        f"node='import-contacts'{submitted(asked, CAROL)}</iq>"
    )
    change = await stage.link.expect(kind("iq", type="set", to=USER))
    stage.send(f"<iq type='result' id='{change.get('id')}' from='{USER}' to='{JID}'/>")
    read = await stage.link.expect(kind("iq", type="get", to=USER))
    stage.send(
        f"<iq type='result' id='{read.get('id')}' from='{USER}' to='{JID}'><query xmlns='jabber:iq:roster'>"
        f"<item jid='{CAROL}' name='Carol' subscription='both'/></query></iq>"
    )
    assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") is None
    stage.send(f"<presence type='probe' from='{USER}' to='{CAROL}'/>")
    assert (await stage.expect("presence", from_=THERE, to=USER)).get("type") is None


async def test_the_rights_can_be_looked_at(stage):
    none = await run(stage, "privileges", "/>")
    assert "nothing beyond" in "".join(none.itertext())
    await granted(stage)
    some = await run(stage, "privileges", "/>")
    assert "roster: get and set" in "".join(some.itertext())


async def test_who_cannot_be_written_to_says_so(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=OneWayBridge(LoopbackSettings())) as stage:
        await stage.join()
        info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        told = {}
        for contact in (f"announcer@{JID}", CAROL):
            answer = await ask(stage, info, to=contact)
            told[contact] = {each.get("var") for each in answer.iter() if each.get("var")}
        assert told[f"announcer@{JID}"] - told[CAROL] == {"urn:xmpp:noreply:0"}


async def test_people_and_rooms_are_called_as_the_bridge_says(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=LabelledBridge(LoopbackSettings())) as stage:
        await stage.join()
        info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        room = await ask(stage, info, to=f"#room@{JID}")
        identities = room.iter("{http://jabber.org/protocol/disco#info}identity")
        assert {each.get("name") for each in identities} == {f"The room #room of {USER}"}
        for name, shown in ((CAROL, f"The person carol of {USER}"), (f"plain@{JID}", "plain")):
            card = await ask(stage, "<vCard xmlns='vcard-temp'/>", to=name)
            assert card.findtext(f"{VCARD}vCard/{VCARD}FN") == shown
