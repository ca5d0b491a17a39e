"""What InspIRCd's tags make possible: messages that are only shown once the network has them, errors that find the stanza
which failed, and replies, reactions and typing between people on XMPP who only share an IRC channel."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, error_condition, error_text, line, message, presence
from gateway.playground.inspircd import InspIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, chatter, eventually, meet

SID = "{urn:xmpp:sid:0}stanza-id"
REPLY = "{urn:xmpp:reply:0}reply"
REACTIONS = "{urn:xmpp:reactions:0}reactions"
DISCO = "http://jabber.org/protocol/disco#info"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd) -> AsyncIterator[Stage]:
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", Play({"inspircd": Door(inspircd.host, inspircd.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, "inspircd")


async def second(scene: Scene) -> tuple[XmppClient, str]:
    """bob, on XMPP too, in the same channel over a session of his own; and his nick."""
    nick = scene.stage.new("Bob")
    bob = await scene.company.user("bob")
    await bob.join(scene.room, nick)
    await scene.carol.expect(line("JOIN", scene.channel, sender=nick))
    await scene.settle()
    scene.alice.inbox.clear()
    bob.inbox.clear()
    return bob, nick


def id_in_room(stanza: Element, room: str) -> str:
    return next((each.get("id") or "" for each in stanza.iterfind(SID) if each.get("by") == room), "")


async def features(client: XmppClient, jid: str) -> set[str]:
    result = await client.iq(jid, f"<query xmlns='{DISCO}'/>")
    return {each.get("var") or "" for each in result.iter(f"{{{DISCO}}}feature")}


async def test_a_message_has_the_networks_id_for_everybody_in_the_room(scene: Scene) -> None:
    bob, _ = await second(scene)
    sent = scene.alice.say(scene.room, "hello", type="groupchat")
    seen = await scene.alice.expect(message(scene.from_occupant(scene.nick), "hello", id=sent))
    heard = await bob.expect(message(scene.from_occupant(scene.nick), "hello"))
    assert id_in_room(seen, scene.room) == id_in_room(heard, scene.room) != ""
    sent = scene.alice.say(scene.room, "one\ntwo", type="groupchat")
    await scene.alice.expect(message(scene.from_occupant(scene.nick), "one\ntwo", id=sent))
    await scene.settle()
    assert chatter(scene.alice) == []


async def test_a_refused_message_is_an_error_to_its_own_stanza_and_is_not_shown(scene: Scene) -> None:
    carol, alice = scene.carol, scene.alice
    carol.send(f"MODE {scene.channel} +m")
    await carol.expect(line("MODE", scene.channel, "+m"))
    refused = [alice.say(scene.room, "same words", type="groupchat") for _ in range(2)]
    for id_ in refused:
        error = await alice.expect(message(type="error", id=id_))
        assert error_condition(error) == "forbidden"
        assert scene.channel in error_text(error)
    carol.send(f"MODE {scene.channel} -m+b *!*@*")
    await carol.expect(line("MODE", scene.channel, "-m+b"))
    banned = alice.say(scene.room, "banned", type="groupchat")
    assert error_condition(await alice.expect(message(type="error", id=banned))) == "forbidden"
    carol.send(f"MODE {scene.channel} -b *!*@*")
    await carol.expect(line("MODE", scene.channel, "-b"))
    taken = alice.say(scene.room, "again", type="groupchat")
    await alice.expect(message(scene.from_occupant(scene.nick), "again", id=taken))
    topic = alice.new_id()  # InspIRCd's channels are +nt from the start
    alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='{topic}'><subject>no</subject></message>"
    )
    assert error_condition(await alice.expect(message(type="error", id=topic))) == "forbidden"
    await scene.settle()
    assert not carol.inbox.waiting(lambda one: one.command == "PRIVMSG" and one.params[1] != "again")


async def test_a_private_message_to_nobody_is_an_error_to_that_message(scene: Scene) -> None:
    alice, stage = scene.alice, scene.stage
    nobody, carol = stage.contact("nobodyatall", "inspircd"), stage.contact(scene.carol.nick, "inspircd")
    lost, found = alice.say(nobody, "are you there?"), alice.say(carol, "and you?")
    error = await alice.expect(message(type="error", id=lost))
    assert error_condition(error) == "item-not-found"
    await scene.carol.expect(line("PRIVMSG", scene.carol.nick, "and you?", sender=scene.nick))
    scene.carol.say(scene.nick, "yes")
    await alice.expect(message(carol, "yes"))
    assert not alice.inbox.waiting(message(type="error", id=found))


async def test_replies_go_from_client_to_client_through_the_channel(scene: Scene) -> None:
    bob, nick = await second(scene)
    scene.alice.say(scene.room, "shall we bake a cake? 🍰", type="groupchat")
    asked = await bob.expect(message(scene.from_occupant(scene.nick), "shall we bake a cake? 🍰"))
    id_ = id_in_room(asked, scene.room)
    quote = f"> {scene.nick}: shall we bake a cake? 🍰\n"
    sent = bob.new_id()
    bob.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='{sent}'><body>{quote.replace('>', '&gt;')}yes</body>"
        f"<reply xmlns='urn:xmpp:reply:0' id={quoteattr(id_)} to={quoteattr(scene.from_occupant(scene.nick))}/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
        f"<body start='0' end='{len(quote)}'/></fallback></message>"
    )
    await scene.carol.expect(line("PRIVMSG", scene.channel, "yes", sender=nick))
    answered = await scene.alice.expect(message(scene.from_occupant(nick), f"{quote}yes"))
    reply = answered.find(REPLY)
    assert reply is not None
    assert reply.get("id") == id_
    own = await bob.expect(message(scene.from_occupant(nick), id=sent))
    assert id_in_room(own, scene.room) == id_in_room(answered, scene.room)


async def test_reactions_and_typing_go_from_client_to_client(scene: Scene) -> None:
    bob, nick = await second(scene)
    assert {"urn:xmpp:reactions:0", "urn:xmpp:reply:0"} <= await features(scene.alice, scene.room)
    assert "urn:xmpp:message-retract:1" not in await features(scene.alice, scene.room)
    scene.alice.say(scene.room, "cake is ready", type="groupchat")
    said = await bob.expect(message(scene.from_occupant(scene.nick), "cake is ready"))
    id_ = id_in_room(said, scene.room)
    bob.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='r1'>"
        f"<reactions xmlns='urn:xmpp:reactions:0' id={quoteattr(id_)}><reaction>🍰</reaction><reaction>👍</reaction>"
        "</reactions></message>"
    )

    def felt(*emojis: str) -> bool:
        for one in scene.alice.inbox.waiting(lambda one: one.find(REACTIONS) is not None):
            found = one.find(REACTIONS)
            assert found is not None
            if found.get("id") == id_ and [each.text for each in found] == list(emojis):
                return True
        return False

    await eventually(lambda: felt("🍰", "👍"), "both reactions")
    bob.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='r2'>"
        f"<reactions xmlns='urn:xmpp:reactions:0' id={quoteattr(id_)}><reaction>👍</reaction></reactions></message>"
    )
    await eventually(lambda: felt("👍"), "one reaction less")
    bob.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='t1'>"
        "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    await scene.alice.expect(
        lambda one: (
            one.get("from") == scene.from_occupant(nick)
            and one.find("{http://jabber.org/protocol/chatstates}composing") is not None
        ),
        "bob typing",
    )
    await scene.settle()
    assert not scene.carol.inbox.waiting(
        lambda one: one.command != "PRIVMSG"
    )  # who knows no tags sees none of it


async def test_what_a_channel_repeats_to_those_who_come_back_is_shown_once(scene: Scene) -> None:
    scene.carol.send(f"MODE {scene.channel} +H 10:1h")
    await scene.carol.expect(line("MODE", scene.channel, "+H"))
    scene.carol.say(scene.channel, "before the fall")
    await scene.alice.expect(message(scene.from_occupant(scene.carol.nick), "before the fall"))
    scene.alice.send(
        f"<message to={quoteattr(scene.stage.server('inspircd'))} type='chat'><body>QUIT :back soon</body></message>"
    )
    await scene.carol.expect(line("QUIT", sender=scene.nick))
    await scene.alice.expect(presence(scene.from_occupant(scene.nick), type="unavailable"))
    await asyncio.gather(
        scene.alice.join(scene.room, scene.nick), scene.carol.expect(line("JOIN", scene.channel))
    )
    await scene.settle()
    shown = [one for one in chatter(scene.alice) if one.findtext("{jabber:client}body") == "before the fall"]
    assert len(shown) == 1  # out of the room's own history
    assert shown[0].find("{urn:xmpp:delay}delay") is not None
