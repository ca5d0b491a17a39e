"""Who comes into channels and who is who in them, on real servers: Prosody and InspIRCd."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import IrcClient, error_condition, error_text, line, message, presence
from gateway.playground.inspircd import InspIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, join_presence, meet
from tests.waiting import DEADLINE

NET = "net"
USER = "{http://jabber.org/protocol/muc#user}"
HAT = "{urn:xmpp:hats:0}hats/{urn:xmpp:hats:0}hat"
OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd) -> AsyncIterator[Stage]:
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", Play({NET: Door(inspircd.host, inspircd.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, NET)


def is_invitation(stanza: Element) -> bool:
    return stanza.find(f"{USER}x/{USER}invite") is not None


def invite(scene: Scene, whom: str, id_: str) -> None:
    scene.alice.send(
        f"<message to={quoteattr(scene.room)} id='{id_}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<invite to={quoteattr(whom)}><reason>tea</reason></invite></x></message>"
    )


async def op(scene: Scene, whom: str) -> None:
    scene.carol.send(f"MODE {scene.channel} +o {whom}")
    await scene.alice.expect(presence(scene.from_occupant(whom), type="available"), within=DEADLINE)


async def test_invitations_go_both_ways_and_a_failure_is_the_stanzas(scene: Scene, company: Company) -> None:
    alice, carol = scene.alice, scene.carol
    dave = await company.irc(NET, "dave")
    invite(scene, dave.nick, "i0")
    refused = await alice.expect(message(type="error", id="i0"), within=DEADLINE)
    assert error_condition(refused) == "forbidden"
    await op(scene, scene.nick)
    invite(scene, dave.nick, "i1")
    await dave.expect(line("INVITE", dave.nick, scene.channel, sender=scene.nick))
    invite(scene, scene.stage.contact(carol.nick, NET), "i2")
    refused = await alice.expect(message(type="error", id="i2"), within=DEADLINE)
    assert error_condition(refused) == "conflict"
    assert carol.nick in error_text(refused)
    channel = scene.stage.new("#party")
    await carol.join(channel)
    carol.send(f"INVITE {scene.nick} {channel}")
    got = await alice.expect(is_invitation, "an invitation", within=DEADLINE)
    assert got.get("from") == scene.stage.room(channel, NET)
    inner = got.find(f"{USER}x/{USER}invite")
    assert inner is not None
    assert inner.get("from") == f"{scene.stage.room(channel, NET)}/{carol.nick}"


async def test_a_closed_channel_says_how_to_knock_and_who_knocks_can_be_let_in(
    scene: Scene, company: Company
) -> None:
    alice, stage = scene.alice, scene.stage
    await op(scene, scene.nick)
    scene.carol.send(f"MODE {scene.channel} +i")
    await scene.settle()
    eve = await company.user("eve")
    nick = stage.new("Eve")
    eve.send(join_presence(scene.room, nick))
    refused = await eve.expect(presence(type="error"), within=DEADLINE)
    assert error_condition(refused) == "registration-required"
    assert f"KNOCK {scene.channel}" in error_text(refused)
    dave = await company.irc(NET, "dave")
    dave.send(f"KNOCK {scene.channel} :please")
    asked = await alice.expect(
        lambda one: one.find("{jabber:x:data}x") is not None, "the form of a knock", within=DEADLINE
    )
    assert dave.nick in (asked.findtext("{jabber:client}body") or "")
    alice.send(
        f"<message to={quoteattr(scene.room)} id='k1'><x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
        f"<field var='muc#roomnick'><value>{dave.nick}</value></field>"
        "<field var='muc#request_allow'><value>1</value></field></x></message>"
    )
    await dave.expect(line("INVITE", dave.nick, scene.channel, sender=scene.nick))
    await dave.join(scene.channel)
    await alice.expect(presence(scene.from_occupant(dave.nick), type="available"), within=DEADLINE)


async def oper(company: Company) -> IrcClient:
    boss = await company.irc(NET, "boss")
    boss.send("OPER oper oper")
    await boss.expect(line("381"))
    return boss


async def test_being_put_into_a_channel_is_an_invitation(scene: Scene, company: Company) -> None:
    boss = await oper(company)
    channel = scene.stage.new("#forced")
    await boss.join(channel)
    boss.send(f"SAJOIN {scene.nick} {channel}")
    got = await scene.alice.expect(is_invitation, "an invitation", within=DEADLINE)
    room = scene.stage.room(channel, NET)
    assert got.get("from") == room
    await scene.alice.join(room, scene.nick, within=DEADLINE)
    boss.say(channel, "welcome")
    await scene.alice.expect(message(f"{room}/{boss.nick}", "welcome"), within=DEADLINE)


async def test_a_kick_after_a_ban_is_a_ban(scene: Scene) -> None:
    scene.carol.send(f"MODE {scene.channel} +b {scene.nick}!*@*")
    scene.carol.send(f"KICK {scene.channel} {scene.nick} :enough")
    out = await scene.alice.expect(presence(type="unavailable", status=(110, 301)), within=DEADLINE)
    item = out.find(f"{USER}x/{USER}item")
    assert item is not None
    assert item.get("role") == "none"
    actor = item.find(f"{USER}actor")
    assert actor is not None
    assert actor.get("nick") == scene.carol.nick


async def test_occupants_have_ids_and_hats(scene: Scene, company: Company) -> None:
    dave = await company.irc(NET, "dave")
    await dave.join(scene.channel)
    here = await scene.alice.expect(
        presence(scene.from_occupant(dave.nick), type="available"), within=DEADLINE
    )
    assert here.find(HAT) is None
    id_ = here.find(OCCUPANT_ID)
    assert id_ is not None
    dave.say(scene.channel, "it is me")
    said = await scene.alice.expect(message(scene.from_occupant(dave.nick), "it is me"), within=DEADLINE)
    marked = said.find(OCCUPANT_ID)
    assert marked is not None
    assert marked.get("id") == id_.get("id")
    scene.carol.send(f"MODE {scene.channel} +hv {dave.nick} {dave.nick}")
    there = await scene.alice.expect(
        presence(scene.from_occupant(dave.nick), type="available"), within=DEADLINE
    )
    assert [hat.get("title") for hat in there.findall(HAT)] == ["Half-operator", "Voice"]


async def test_a_private_conversation_stays_where_it_was_begun(scene: Scene) -> None:
    alice, carol = scene.alice, scene.carol
    occupant, person = scene.from_occupant(carol.nick), scene.stage.contact(carol.nick, NET)
    alice.say(occupant, "psst")
    await carol.expect(line("PRIVMSG", carol.nick, "psst", sender=scene.nick))
    carol.say(scene.nick, "yes?")
    got = await alice.expect(message(body="yes?", type="chat"), within=DEADLINE)
    assert got.get("from") == occupant
    assert got.find(f"{USER}x") is not None
    alice.say(person, "over here")
    await carol.expect(line("PRIVMSG", carol.nick, "over here", sender=scene.nick))
    carol.say(scene.nick, "there you are")
    got = await alice.expect(message(body="there you are", type="chat"), within=DEADLINE)
    assert (got.get("from") or "").partition("/")[0] == person


async def test_a_topic_that_is_too_long_is_refused_in_full(scene: Scene) -> None:
    scene.carol.send(f"MODE {scene.channel} -t")
    await scene.settle()
    scene.alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='t1'><subject>{'long ' * 100}</subject></message>"
    )
    refused = await scene.alice.expect(message(type="error", id="t1"), within=DEADLINE)
    assert error_condition(refused) == "not-acceptable"
    assert "307 bytes" in error_text(refused)
    scene.carol.send(f"TOPIC {scene.channel}")
    await scene.carol.expect(line("331"))
