"""What people do in a chat, through the gateway, between real servers: Prosody with InspIRCd, ejabberd with ngIRCd."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, error_condition, error_text, item, line, message, presence
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, about, chatter, join_presence, meet
from tests.waiting import eventually

ADMIN = "http://jabber.org/protocol/muc#admin"
PING = "<ping xmlns='urn:xmpp:ping'/>"


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[("prosody", "inspircd"), ("ejabberd", "ngircd")],
    ids="-".join,
)
async def stage(
    request: pytest.FixtureRequest, directory: Path, inspircd: InspIRCd, ngircd: NgIRCd
) -> AsyncIterator[Stage]:
    xmpp, irc = request.param
    server = inspircd if irc == "inspircd" else ngircd
    place = directory / f"stage-{xmpp}"
    place.mkdir()
    running = await Stage.start(place, xmpp, Play({irc: Door(server.host, server.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
def network(stage: Stage) -> str:
    return next(iter(stage.play.networks))


@pytest.fixture
async def scene(company: Company, network: str) -> Scene:
    return await meet(company, network)


async def rename(client: XmppClient, room: str, nick: str) -> None:
    client.send(f"<presence to={quoteattr(f'{room}/{nick}')}/>")


async def test_a_join_shows_occupants_then_self_then_the_subject_and_says_nothing(
    company: Company, network: str
) -> None:
    stage = company.stage
    channel, nick = stage.new("#room"), stage.new("Alice")
    room = stage.room(channel, network)
    carol = await company.irc(network)
    await carol.join(channel)
    carol.send(f"TOPIC {channel} :Tea at five")
    await carol.settle()
    alice = await company.user()
    alice.send(join_presence(room, nick))
    await alice.iq(stage.server(network), PING)
    await eventually(lambda: alice.inbox.waiting(message(type="groupchat")), "the subject")
    occupant, own, subject = alice.inbox.waiting(lambda one: (one.get("from") or "").startswith(room))
    assert presence(f"{room}/{carol.nick}", type="available")(occupant)
    found = item(occupant)
    assert found is not None
    assert found.get("role") == "moderator"
    assert presence(f"{room}/{nick}", type="available", status=(110,))(own)
    assert message(type="groupchat", subject="Tea at five")(subject)
    assert not chatter(alice)


async def test_words_and_actions_go_both_ways(scene: Scene) -> None:
    alice, carol = scene.alice, scene.carol
    await scene.talk("Grüße & <b>küsse</b> 🙂 ]]> %20 \\20")
    alice.say(scene.room, "/me waves", type="groupchat")
    await carol.expect(line("PRIVMSG", scene.channel, "\x01ACTION waves\x01", sender=scene.nick))
    await alice.expect(message(scene.from_occupant(scene.nick), "/me waves", type="groupchat"))
    carol.say(scene.channel, "\x01ACTION waves back\x01")
    await alice.expect(message(scene.from_occupant(carol.nick), "/me waves back", type="groupchat"))


async def test_lines_of_one_message_arrive_in_order(scene: Scene) -> None:
    scene.alice.say(scene.room, "one\ntwo\n\nthree", type="groupchat")
    for words in ("one", "two", "three"):
        await scene.carol.inbox.take_next(line("PRIVMSG", scene.channel, words))


async def test_private_messages_go_both_ways(scene: Scene) -> None:
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    contact = stage.contact(carol.nick, scene.network)
    alice.say(contact, "only for you")
    await carol.expect(line("PRIVMSG", carol.nick, "only for you", sender=scene.nick))
    carol.say(scene.nick, "and for you")
    got = await alice.expect(message(body="and for you", type="chat"))
    assert (got.get("from") or "").partition("/")[0] == contact
    alice.say(scene.from_occupant(carol.nick), "to the occupant")
    await carol.expect(line("PRIVMSG", carol.nick, "to the occupant", sender=scene.nick))


async def test_a_private_message_to_nobody_is_an_error_in_the_servers_words(scene: Scene) -> None:
    nobody = scene.stage.contact("nobody-at-all", scene.network)
    id_ = scene.alice.say(nobody, "hello?")
    # The line was gone when the network refused it, so it is the network that says so.
    told = await scene.alice.expect(
        lambda one: "No such nick" in "".join(one.itertext()), "the server's refusal"
    )
    if told.get("type") == "error":
        assert told.get("id") == id_
        assert error_condition(told) == "item-not-found"


async def test_nick_changes_go_both_ways(scene: Scene) -> None:
    alice, carol, old = scene.alice, scene.carol, scene.nick
    new, before = scene.stage.new("Alicia"), carol.nick
    await rename(alice, scene.room, new)
    await carol.expect(line("NICK", new, sender=old))
    gone = await alice.expect(presence(scene.from_occupant(old), type="unavailable", status=(110, 303)))
    found = item(gone)
    assert found is not None
    assert found.get("nick") == new
    await alice.expect(presence(scene.from_occupant(new), type="available", status=(110,)))
    later = scene.stage.new("caroline")
    carol.send(f"NICK {later}")
    await alice.expect(presence(scene.from_occupant(before), type="unavailable", status=(303,)))
    await alice.expect(presence(scene.from_occupant(later), type="available"))


async def test_a_nick_that_is_taken_is_a_conflict_and_nothing_changes(scene: Scene) -> None:
    await rename(scene.alice, scene.room, scene.carol.nick)
    refused = await scene.alice.expect(presence(type="error"))
    assert error_condition(refused) == "conflict"
    assert scene.carol.nick in error_text(refused)
    await scene.talk("still here")


async def test_topics_go_both_ways(scene: Scene) -> None:
    alice, carol = scene.alice, scene.carol
    carol.send(f"MODE {scene.channel} -t")
    alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='s'><subject>Tea &amp; cake</subject></message>"
    )
    await carol.expect(line("TOPIC", scene.channel, "Tea & cake", sender=scene.nick))
    await alice.expect(message(scene.from_occupant(scene.nick), type="groupchat", subject="Tea & cake"))
    carol.send(f"TOPIC {scene.channel} :Coffee")
    await alice.expect(message(scene.from_occupant(carol.nick), type="groupchat", subject="Coffee"))


async def test_a_topic_that_is_not_allowed_is_forbidden(scene: Scene) -> None:
    scene.carol.send(f"MODE {scene.channel} +t")
    await scene.carol.settle()
    scene.alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='s9'><subject>no</subject></message>"
    )
    refused = await scene.alice.expect(message(type="error", id="s9"))
    assert error_condition(refused) == "forbidden"


async def test_kicks_go_both_ways(scene: Scene, company: Company) -> None:
    alice, carol, room = scene.alice, scene.carol, scene.room
    carol.send(f"MODE {scene.channel} +o {scene.nick}")
    await alice.expect(presence(scene.from_occupant(scene.nick), status=(110,)))
    dave = await company.irc(scene.network, "dave")
    await dave.join(scene.channel)
    await alice.expect(presence(scene.from_occupant(dave.nick), type="available"))
    kick = (
        f"<query xmlns='{ADMIN}'><item nick='{dave.nick}' role='none'><reason>enough</reason></item></query>"
    )
    answer = await alice.iq(room, kick, type="set")
    assert answer.get("type") == "result"
    await dave.expect(line("KICK", scene.channel, dave.nick, "enough", sender=scene.nick))
    await alice.expect(presence(scene.from_occupant(dave.nick), type="unavailable", status=(307,)))
    carol.send(f"KICK {scene.channel} {scene.nick} :bed time")
    out = await alice.expect(presence(scene.from_occupant(scene.nick), type="unavailable", status=(110, 307)))
    assert "bed time" in "".join(out.itertext())
    id_ = alice.say(room, "am I still in?", type="groupchat")
    refused = await alice.expect(message(type="error", id=id_))
    assert error_condition(refused) == "not-acceptable"


async def test_coming_and_going_is_shown(scene: Scene, company: Company) -> None:
    dave = await company.irc(scene.network, "dave")
    await dave.join(scene.channel)
    await scene.alice.expect(presence(scene.from_occupant(dave.nick), type="available"))
    dave.send(f"PART {scene.channel} :see you")
    left = await scene.alice.expect(presence(scene.from_occupant(dave.nick), type="unavailable"))
    assert "see you" in "".join(left.itertext())
    await dave.join(scene.channel)
    await scene.alice.expect(presence(scene.from_occupant(dave.nick), type="available"))
    await dave.close("good night")
    await scene.alice.expect(presence(scene.from_occupant(dave.nick), type="unavailable"))


async def test_two_devices_of_one_user_share_one_nick_and_hear_the_same(
    scene: Scene, company: Company
) -> None:
    alice, carol, room = scene.alice, scene.carol, scene.room
    phone = await company.device(alice.bare, "phone")
    await phone.join(room, scene.nick)
    await phone.expect(presence(scene.from_occupant(carol.nick), type="available"))
    phone.say(room, "from my phone", type="groupchat")
    await carol.expect(line("PRIVMSG", scene.channel, "from my phone", sender=scene.nick))
    for device in (alice, phone):
        await device.expect(message(scene.from_occupant(scene.nick), "from my phone", type="groupchat"))
    carol.say(scene.channel, "hello both")
    for device in (alice, phone):
        await device.expect(message(scene.from_occupant(carol.nick), "hello both", type="groupchat"))
    phone.leave(room, scene.nick)
    await phone.expect(presence(scene.from_occupant(scene.nick), type="unavailable", status=(110,)))
    await scene.talk("one device is left")
    assert not carol.inbox.waiting(line("JOIN", scene.channel))
    assert not carol.inbox.waiting(line("PART", scene.channel))
    alice.leave(room, scene.nick, "good night")
    await carol.expect(
        lambda one: one.command in {"PART", "QUIT"} and one.sender == scene.nick, "alice to be gone"
    )


async def test_two_users_are_two_people_on_irc_and_see_each_other(scene: Scene, company: Company) -> None:
    bob, nick = await company.user("bob"), scene.stage.new("Bob")
    await bob.join(scene.room, nick)
    await bob.expect(presence(scene.from_occupant(scene.nick), type="available"))
    await scene.alice.expect(presence(scene.from_occupant(nick), type="available"))
    id_ = bob.say(scene.room, "hello alice", type="groupchat")
    await bob.expect(message(scene.from_occupant(nick), "hello alice", id=id_))
    await scene.alice.expect(message(scene.from_occupant(nick), "hello alice"))
    await scene.carol.expect(line("PRIVMSG", scene.channel, "hello alice", sender=nick))
    await scene.talk("three of us")
    for nick_, words in (
        (scene.nick, "three of us, says alice"),
        (scene.carol.nick, "three of us, says carol"),
    ):
        await bob.expect(message(scene.from_occupant(nick_), words))
    assert not chatter(bob)


async def test_self_ping_tells_whether_one_is_in(scene: Scene) -> None:
    alice, room = scene.alice, scene.room
    assert (await alice.iq(scene.from_occupant(scene.nick), PING)).get("type") == "result"
    alice.leave(room, scene.nick)
    await alice.expect(presence(scene.from_occupant(scene.nick), type="unavailable", status=(110,)))
    answer = await alice.iq(scene.from_occupant(scene.nick), PING)
    assert error_condition(answer) == "not-acceptable"


async def test_who_joins_late_gets_what_was_said_as_history(scene: Scene, company: Company) -> None:
    await scene.talk("earlier")
    phone = await company.device(scene.alice.bare, "phone")
    await phone.join(scene.room, scene.nick, history=None)
    for nick in (scene.nick, scene.carol.nick):
        old = await phone.expect(message(scene.from_occupant(nick), type="groupchat"))
        assert old.find("{urn:xmpp:delay}delay") is not None


# Refused joins


async def closed_channel(company: Company, network: str, *modes: str) -> tuple[XmppClient, str, str]:
    """alice, the nick she will have, and the room of a channel that carol has closed to her."""
    stage = company.stage
    channel, nick = stage.new("#closed"), stage.new("Alice")
    carol = await company.irc(network)
    await carol.join(channel)
    for mode in modes:
        carol.send(f"MODE {channel} {mode.format(nick=nick)}")
    await carol.settle()
    return await company.user(), nick, stage.room(channel, network)


async def test_a_channel_with_a_key_refuses_and_then_lets_in(company: Company, network: str) -> None:
    alice, nick, room = await closed_channel(company, network, "+k sesame")
    for password in ("", "wrong"):
        refused = await alice.try_join(room, nick, password=password)
        assert error_condition(refused) == "not-authorized"
        assert "Cannot join channel" in error_text(refused)
    await alice.join(room, nick, password="sesame")
    assert not chatter(alice)


@pytest.mark.parametrize(
    ("mode", "condition"),
    [
        ("+b {nick}!*@*", "forbidden"),
        ("+i", "registration-required"),
        ("+l 1", "service-unavailable"),
    ],
)
async def test_a_refused_join_is_one_presence_error_with_the_servers_words(
    company: Company, network: str, mode: str, condition: str
) -> None:
    alice, nick, room = await closed_channel(company, network, mode)
    refused = await alice.try_join(room, nick)
    assert error_condition(refused) == condition
    assert "Cannot join channel" in error_text(refused)
    await alice.iq(company.stage.server(network), PING)
    assert not alice.inbox.waiting(presence(type="error"))
    assert not chatter(alice)
    id_ = alice.say(room, "hello?", type="groupchat")
    assert error_condition(await alice.expect(message(type="error", id=id_))) == "not-acceptable"


async def test_strangers_odd_bytes_arrive_as_text(scene: Scene) -> None:
    """Latin-1, control characters, formatting codes and half of a character: something readable, and the room goes on."""
    writer = scene.carol._writer
    for odd in (
        b"caf\xe9",
        b"\x02bold\x02 \x0304,05red\x0f",
        b"\x01\x7f\x1b[31m",
        b"\xf0\x9f\x99",
        b"\xff\xfe",
    ):
        writer.write(b"PRIVMSG %s :>%s<\r\n" % (scene.channel.encode(), odd))
        got = await scene.alice.expect(
            lambda one: (one.findtext("{jabber:client}body") or "").startswith(">"), "the odd line"
        )
        assert (got.findtext("{jabber:client}body") or "").endswith("<")
    await scene.talk("after the noise")


async def test_a_line_to_the_server_is_answered_by_the_server(scene: Scene) -> None:
    server = scene.stage.server(scene.network)
    scene.alice.say(server, f"WHOIS {scene.carol.nick}")
    await scene.alice.expect(
        lambda one: one.get("from") == server and scene.carol.nick in "".join(one.itertext()), "whois"
    )
    assert not scene.carol.inbox.waiting(about("WHOIS"))
