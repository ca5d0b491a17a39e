"""What InspIRCd's tags make possible: messages that are only shown once the network has them, errors that find the stanza
which failed, and replies, reactions and typing between people on XMPP who only share an IRC channel. What no packaged
server has yet, messages taken back and messages of several lines, is played on the scripted one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import aiohttp
import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, error_condition, error_text, line, message
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ircd import Ircd, IrcdSettings
from gateway.playground.ircd.history import CHATHISTORY
from gateway.playground.ircd.modern import CAPABILITIES
from gateway.playground.process import free_ports
from tests.scenario.stage import Company, Door, Play, Scene, Stage, chatter, meet
from tests.waiting import DEADLINE, eventually

SID = "{urn:xmpp:sid:0}stanza-id"
REPLY = "{urn:xmpp:reply:0}reply"
REACTIONS = "{urn:xmpp:reactions:0}reactions"
BODY = "{jabber:client}body"
MARKUP = "{urn:xmpp:markup:0}markup/{urn:xmpp:markup:0}span"
RETRACT = "{urn:xmpp:message-retract:1}retract"
DISCO = "http://jabber.org/protocol/disco#info"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd) -> AsyncIterator[Stage]:
    place = directory / "stage"
    place.mkdir()
    (modern,) = free_ports(1)
    doors = {"inspircd": Door(inspircd.host, inspircd.port), "modern": Door("127.0.0.1", modern)}
    running = await Stage.start(place, "prosody", Play(doors))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, "inspircd")


@pytest.fixture
async def modern_scene(stage: Stage) -> AsyncIterator[Scene]:
    settings = IrcdSettings()
    capabilities = {**settings.capabilities, **CAPABILITIES}
    server = Ircd(replace(settings, capabilities=capabilities))
    await server.start(port=stage.play.networks["modern"].port)
    company = Company(stage)
    yield await meet(company, "modern")
    await company.goodbye()
    await server.stop()


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
    scene.alice.leave(scene.room, scene.nick)
    await scene.carol.expect(line("PART", scene.channel, sender=scene.nick))
    scene.alice.inbox.clear()
    await scene.alice.join(scene.room, scene.nick, history=None)
    await scene.carol.expect(line("JOIN", scene.channel, sender=scene.nick))
    await scene.settle()
    shown = [one for one in chatter(scene.alice) if one.findtext("{jabber:client}body") == "before the fall"]
    assert len(shown) == 1  # by the archive; the channel's own is known by its id
    assert shown[0].find("{urn:xmpp:delay}delay") is not None


async def test_what_was_said_while_the_connection_was_lost_is_shown_once_and_as_old(stage: Stage) -> None:
    settings = IrcdSettings()
    capabilities = {**settings.capabilities, "batch": "", CHATHISTORY: ""}
    server = Ircd(replace(settings, capabilities=capabilities, isupport=("CHATHISTORY=50",)))
    await server.start(port=stage.play.networks["modern"].port)
    company = Company(stage)
    scene = await meet(company, "modern")
    await scene.talk("before")
    server.drop_connections()
    other = await company.irc("modern")
    await other.join(scene.channel)
    other.say(scene.channel, "meanwhile")
    await other.expect(line("JOIN", scene.channel, sender=scene.nick), within=DEADLINE)
    missed = await scene.alice.expect(message(scene.from_occupant(other.nick), "meanwhile"), within=DEADLINE)
    assert missed.find("{urn:xmpp:delay}delay") is not None
    other.say(scene.channel, "and now")
    await scene.alice.expect(message(scene.from_occupant(other.nick), "and now"), within=DEADLINE)
    bodies = [one.findtext(BODY) or "" for one in chatter(scene.alice)]
    assert not [text for text in bodies if "before" in text or text == "meanwhile"]
    await company.goodbye()
    await server.stop()


def taken_back(client: XmppClient, id_: str) -> Element | None:
    """The retraction of a message, in a message from an occupant or from the room."""
    for one in client.inbox.waiting(lambda one: one.find(RETRACT) is not None):
        found = one.find(RETRACT)
        if found is not None and found.get("id") == id_:
            return one
    return None


async def test_messages_are_taken_back_by_their_author_and_by_operators_only(modern_scene: Scene) -> None:
    scene = modern_scene
    bob, nick = await second(scene)
    known = await features(bob, scene.room)
    assert {"urn:xmpp:message-retract:1", "urn:xmpp:message-moderate:1"} <= known
    ids = []
    for words in ("oops", "and this"):
        sent = bob.say(scene.room, words, type="groupchat")
        ids.append(
            id_in_room(await bob.expect(message(scene.from_occupant(nick), words, id=sent)), scene.room)
        )
        await scene.alice.expect(message(scene.from_occupant(nick), words))

    def retract(client: XmppClient, id_: str) -> str:
        sent = client.new_id()
        client.send(
            f"<message to={quoteattr(scene.room)} type='groupchat' id='{sent}'>"
            f"<retract xmlns='urn:xmpp:message-retract:1' id={quoteattr(id_)}/></message>"
        )
        return sent

    retract(bob, ids[0])
    await eventually(lambda: taken_back(scene.alice, ids[0]), "the retraction, at alice's")
    await eventually(lambda: taken_back(bob, ids[0]), "the retraction, at bob's")
    seen = taken_back(scene.alice, ids[0])
    assert seen is not None
    assert seen.get("from") == scene.from_occupant(nick)
    moderate = (
        f"<moderate xmlns='urn:xmpp:message-moderate:1' id={quoteattr(ids[1])}>"
        "<retract xmlns='urn:xmpp:message-retract:1'/><reason>spam</reason></moderate>"
    )
    refused = await scene.alice.iq(scene.room, moderate, type="set")
    assert error_condition(refused) == "forbidden"
    scene.carol.send(f"MODE {scene.channel} +o {scene.nick}")
    await scene.carol.expect(line("MODE", scene.channel, "+o"))
    done = await scene.alice.iq(scene.room, moderate, type="set")
    assert done.get("type") == "result"
    await eventually(lambda: taken_back(bob, ids[1]), "the moderation, at bob's")
    seen = taken_back(bob, ids[1])
    assert seen is not None
    assert seen.get("from") == scene.room


async def test_a_message_of_several_lines_stays_one_from_client_to_client(modern_scene: Scene) -> None:
    scene = modern_scene
    bob, _ = await second(scene)
    text = "a poem\n\n" + "of long lines " * 40 + "\nand short ones"
    sent = scene.alice.say(scene.room, text, type="groupchat")
    seen = await scene.alice.expect(message(scene.from_occupant(scene.nick), text, id=sent))
    heard = await bob.expect(message(scene.from_occupant(scene.nick), text))
    assert id_in_room(seen, scene.room) == id_in_room(heard, scene.room) != ""
    await scene.carol.expect(line("PRIVMSG", scene.channel, "and short ones", sender=scene.nick))
    private = bob.say(scene.stage.contact(scene.nick, "modern"), "dear alice,\nbye")
    await scene.alice.expect(
        lambda one: one.findtext("{jabber:client}body") == "dear alice,\nbye", "bob's letter"
    )
    await scene.settle()
    assert not bob.inbox.waiting(message(type="error", id=private))


async def test_bold_words_are_bold_on_both_sides(scene: Scene) -> None:
    alice, carol = scene.alice, scene.carol
    id_ = alice.say(scene.room, "so *bold* a word, not *!*@host", type="groupchat")
    await carol.expect(
        line("PRIVMSG", scene.channel, "so \x02bold\x02 a word, not *!*@host", sender=scene.nick)
    )
    own = await alice.expect(message(scene.from_occupant(scene.nick), id=id_))
    assert own.findtext(BODY) == "so *bold* a word, not *!*@host"
    carol.say(scene.channel, "as \x02bold\x02 as \x0304red\x03")
    heard = await alice.expect(message(scene.from_occupant(carol.nick)))
    body = heard.findtext(BODY) or ""
    assert body == "as *bold* as red"
    span = heard.find(MARKUP)
    assert span is not None
    assert body[int(span.get("start") or 0) : int(span.get("end") or 0)] == "bold"


async def test_thirty_lines_are_a_link_for_the_channel_and_thirty_lines_for_their_author(
    scene: Scene,
) -> None:
    text = "\n".join(f"line {number}" for number in range(1, 31))
    id_ = scene.alice.say(scene.room, text, type="groupchat")
    said = await scene.carol.expect(line("PRIVMSG", scene.channel, sender=scene.nick), within=DEADLINE)
    first, _, link = said.params[-1].partition(" … 30 lines: ")
    assert first == "line 1"
    async with aiohttp.ClientSession() as web, web.get(link) as answer:
        assert await answer.text() == text
    own = await scene.alice.expect(message(scene.from_occupant(scene.nick), id=id_))
    assert own.findtext(BODY) == text
