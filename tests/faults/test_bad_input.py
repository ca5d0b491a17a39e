"""What no client should send: each piece gets one clear answer, nothing of it reaches the IRC server, nobody else notices.

The IRC server is the playground's scripted one, because it shows every line that arrives.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import IrcClient, Line, error_condition, error_text, message, presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.faults.looking import NET
from tests.scenario.stage import Company, Door, Play, Scene, Stage, chatter, join_presence
from tests.waiting import DEADLINE, eventually

SLOW = "slow"
PING = "<ping xmlns='urn:xmpp:ping'/>"
KIB = 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    slow = {"throttle_rate": "0.5", "throttle_burst": "5"}
    play = Play({NET: Door("127.0.0.1", port), SLOW: Door("127.0.0.1", port, slow)})
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(scene: Scene) -> AsyncIterator[Scene]:
    """alice may do what she likes; at the end she can talk as before."""
    yield scene
    await scene.talk("after all that")


@pytest.mark.parametrize(
    "local",
    [
        r"abc\4",
        r"#abc\4%net",
        r"\x",
        r"\xff%net",
        r"#\xc3\x28%net",
        "%net",
        "%",
        "%%%",
        "#",
        "#%",
        "#room",
        "#room%",
        "#room%no..host",
        "#room%-",
        r"#a\20b%net",
        "#a,#b%net",
        r"nick\20name%net",
        "nick!user%net",
        "*%net",
        "#" + "x" * 900 + "%net",
        "x" * 1000,
    ],
)
async def test_a_malformed_address_is_answered_once_for_everything_sent_to_it(
    scene: Scene, local: str
) -> None:
    alice = scene.alice
    to = quoteattr(f"{local}@{scene.stage.play.jid('irc')}")
    alice.send(f"<message to={to} type='chat' id='m'><body>anybody?</body></message>")
    assert error_condition(await alice.expect(message(id="m"))) is not None
    alice.send(f"<message to={to} type='groupchat' id='g'><body>anybody?</body></message>")
    assert error_condition(await alice.expect(message(id="g"))) is not None
    for query in (
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "vcard-temp",
    ):
        await alice.iq(f"{local}@{scene.stage.play.jid('irc')}", f"<query xmlns='{query}'/>")
    alice.send(f"<presence to={to} type='unavailable'/><presence to={to} type='probe'/>")
    alice.send(f"<presence to={to} type='subscribe'/><presence to={to} type='unsubscribe'/>")
    await alice.iq(scene.room, PING)


@pytest.mark.parametrize(
    "nick",
    [
        "two words",
        "a,b",
        "#chan",
        "a@b",
        "🙂",
        "naïve",
        "a\u200bb",
        "x" * 500,
        "*",
        ":colon",
        "bell\u0080",
        "-",
        "a!b",
    ],
)
async def test_an_odd_nick_is_refused_or_shown_but_never_breaks_a_line(
    scene: Scene, company: Company, ircd: Ircd, nick: str
) -> None:
    bob = await company.user("bob")
    room = scene.room
    bob.send(join_presence(room, nick))
    got = await bob.expect(
        lambda one: (
            presence()(one) and (one.get("type") == "error" or one.find(".//*[@code='110']") is not None)
        ),
        "to be let in or refused",
        within=DEADLINE,
    )
    if got.get("type") == "error":
        assert error_condition(got) in {"not-acceptable", "jid-malformed", "conflict"}
        assert error_text(got) or error_condition(got) == "jid-malformed"  # the server's own has no text
    allowed = {"CAP", "NICK", "USER", "JOIN", "PART", "QUIT", "PING", "PONG", "PRIVMSG", "MODE", "WHO"}
    assert {one.command for one in ircd.received.waiting()} <= allowed


@pytest.mark.parametrize("end", ["&#13;&#10;", "&#13;"])
async def test_nothing_can_be_smuggled_behind_the_end_of_a_line(scene: Scene, ircd: Ircd, end: str) -> None:
    alice, room = scene.alice, scene.room
    contact = scene.stage.contact(scene.carol.nick, NET)
    smuggled = f"innocent{end}SMUGGLED :x"
    to = {
        "room": quoteattr(room),
        "contact": quoteattr(contact),
        "server": quoteattr(scene.stage.server(NET)),
    }
    stanzas = {
        "body": f"<message to={to['room']} type='groupchat' id='body'><body>{smuggled}</body></message>",
        "chat": f"<message to={to['contact']} type='chat' id='chat'><body>{smuggled}</body></message>",
        "raw": f"<message to={to['server']} type='chat' id='raw'><body>PRIVMSG x :{smuggled}</body></message>",
        "act": f"<message to={to['room']} type='groupchat' id='act'><body>/me {smuggled}</body></message>",
    }
    # XML parsers read an unescaped carriage return as a line break (XML 1.0 §2.11), and Prosody does not escape it: of
    # bodies there are two lines, of raw lines two commands, and nothing else.
    for id_, stanza in stanzas.items():
        alice.send(stanza.replace("SMUGGLED", "PING") if id_ == "raw" else stanza)
    # Subjects, reasons and parting words are one line by nature.
    alice.send(f"<message to={to['room']} type='groupchat' id='s'><subject>{smuggled}</subject></message>")
    alice.send(
        f"<iq to={to['room']} type='set' id='k'><query xmlns='http://jabber.org/protocol/muc#admin'>"
        f"<item nick={quoteattr(scene.carol.nick)} role='none'><reason>{smuggled}</reason></item></query></iq>"
    )
    alice.send(
        join_presence(scene.stage.room("#locked", NET), scene.nick, f"<password>a{end}SMUGGLED</password>")
    )
    alice.send(f"<presence to={quoteattr(room + '/' + scene.nick)}><status>{smuggled}</status></presence>")
    other = scene.stage.room(scene.stage.new("#other"), NET)
    await alice.join(other, scene.nick)
    alice.send(
        f"<presence to={quoteattr(other + '/' + scene.nick)} type='unavailable'><status>{smuggled}</status></presence>"
    )
    await scene.settle()
    assert not [one for one in ircd.received.waiting() if one.command == "SMUGGLED"]
    assert not [one for one in ircd.received.waiting() if "\r" in one.raw]

    def said() -> list[str]:
        return [
            one.params[1]
            for one in ircd.received.waiting()
            if one.command == "PRIVMSG" and "SMUGGLED" in one.raw
        ]

    # In no order: the private one is committed to the ledger first, what is said in rooms is not.
    await eventually(lambda: len(said()) == 3, "all that was said")
    assert sorted(said()) == ["\x01ACTION SMUGGLED :x\x01", "SMUGGLED :x", "SMUGGLED :x"]


@pytest.mark.parametrize("password", ["two words", "a,b", "a&#10;b", "x" * 600])
async def test_a_password_that_is_none_reaches_no_other_channel(
    scene: Scene, ircd: Ircd, password: str
) -> None:
    room = scene.stage.room("#keyed", NET)
    scene.alice.send(join_presence(room, scene.nick, f"<password>{password}</password>"))
    got = await scene.alice.expect(
        lambda one: presence()(one) and (one.get("from") or "").startswith(room), "an answer", within=DEADLINE
    )
    assert error_condition(got) == "not-acceptable"
    joins = {one.params[0] for one in ircd.received.waiting() if one.command == "JOIN"}
    assert joins <= {scene.channel, "#keyed"}


async def test_large_stanzas_are_answered_and_cost_nobody_the_link(scene: Scene, company: Company) -> None:
    alice, stage = scene.alice, scene.stage
    words = "word " * (40 * KIB)
    id_ = alice.say(scene.room, words, type="groupchat")
    answer = await alice.expect(message(id=id_), within=DEADLINE)
    assert answer.get("type") in {"groupchat", "error"}
    alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='big'>"
        f"<x xmlns='urn:example:unknown'>{'y' * 200 * KIB}</x></message>"
    )
    big = await alice.iq(scene.room, f"<q xmlns='urn:example:unknown'>{'z' * 200 * KIB}</q>", within=DEADLINE)
    assert error_condition(big) == "service-unavailable"
    attributes = " ".join(f"a{number}='v'" for number in range(15_000))
    odd = await alice.iq(scene.room, f"<q xmlns='urn:example:unknown' {attributes}/>", within=DEADLINE)
    assert error_condition(odd) == "service-unavailable"
    deep = "<d>" * 2000 + "</d>" * 2000
    odd = await alice.iq(scene.room, f"<q xmlns='urn:example:unknown'>{deep}</q>", within=DEADLINE)
    assert error_condition(odd) == "service-unavailable"
    escaped = "&amp;" * (40 * KIB)  # five times as long on the way out as it means
    id_ = alice.say(scene.room, "&" * (30 * KIB), type="groupchat")
    assert len(escaped) < 256 * KIB
    await alice.expect(message(id=id_), within=DEADLINE)
    assert len(list(stage.events("link up"))) == 1


@pytest.mark.parametrize(
    "payload", ["", "<body/>", "<x xmlns='urn:example:x'/>", "<subject/><body/>", "<body xml:lang='de'/>"]
)
@pytest.mark.parametrize("type_", ["groupchat", "chat", "normal", "headline", "nonsense"])
async def test_messages_that_say_nothing_are_no_trouble(
    scene: Scene, ircd: Ircd, type_: str, payload: str
) -> None:
    to = quoteattr(scene.room)
    scene.alice.send(f"<message to={to} type='{type_}' id='n'>{payload}</message>")
    await scene.settle()
    assert not [one for one in ircd.received.waiting() if one.command == "PRIVMSG"]


def answer_as_clients_do(client: IrcClient, one: Line) -> None:
    """CTCP: without an answer, who asked waits for long."""
    asked = one.params[-1] if one.command == "PRIVMSG" else ""
    if asked.startswith("\x01VERSION"):
        client.send(f"NOTICE {one.sender} :\x01VERSION carol's client\x01")
    elif asked.startswith("\x01PING"):
        client.send(f"NOTICE {one.sender} :{asked}")


async def test_a_thousand_requests_at_once_get_a_thousand_answers(scene: Scene) -> None:
    alice, stage = scene.alice, scene.stage
    scene.carol.observe(lambda one: answer_as_clients_do(scene.carol, one))
    targets = [
        stage.play.jid("irc"),
        stage.server(NET),
        scene.room,
        f"{scene.room}/{scene.carol.nick}",
        "nobody%net@irc.localhost",
    ]
    payloads = [
        PING,
        "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        "<query xmlns='http://jabber.org/protocol/disco#items'/>",
        "<query xmlns='jabber:iq:version'/>",
        "<anything xmlns='urn:example:unknown'/>",
    ]
    ids = {f"iq{number}" for number in range(1000)}
    for number in range(1000):
        to, payload = targets[number % 5], payloads[number // 5 % 5]
        alice.send(f"<iq to={quoteattr(to)} type='get' id='iq{number}'>{payload}</iq>")
    await alice.drain()

    def answered() -> list[str]:
        return [one.get("id") or "" for one in alice.inbox.waiting(lambda one: one.get("id") in ids)]

    await scene.talk("in between")
    await eventually(lambda: len(answered()) >= 1000, "a thousand answers")
    assert sorted(answered()) == sorted(ids)


async def test_who_is_not_in_a_room_is_told_so(scene: Scene) -> None:
    stage, alice = scene.stage, scene.alice
    elsewhere = stage.room("#elsewhere", NET)
    for to, type_ in ((elsewhere, "groupchat"), (f"{elsewhere}/x", "chat"), (f"{scene.room}/x", "groupchat")):
        id_ = alice.say(to, "hello?", type=type_)
        assert error_condition(await alice.expect(message(id=id_))) is not None
    id_ = alice.say(stage.contact("x", "other.invalid"), "hello?")
    answer = await alice.expect(message(id=id_))
    assert error_condition(answer) == "recipient-unavailable"
    assert "join" in error_text(answer)


async def test_a_flood_is_bounded_refused_and_holds_up_neither_pong_nor_neighbours(
    scene: Scene, company: Company, ircd: Ircd
) -> None:
    stage = scene.stage
    flooder = await company.user("flooder")
    nick, channel = stage.new("Flooder"), stage.new("#flood")
    room = stage.room(channel, SLOW)
    await flooder.join(room, nick, within=DEADLINE)
    before = stage.resident()
    count = 3000
    ids = [flooder.say(room, f"flood {number}", type="groupchat") for number in range(count)]
    await flooder.drain()
    await scene.talk("meanwhile")
    ircd.inject(nick, b"PING :are-you-there\r\n")
    await ircd.expect("PONG", "are-you-there", nick=nick, within=DEADLINE)
    wanted = set(ids)

    def refused() -> list[str]:
        errors = flooder.inbox.waiting(message(type="error"))
        assert {error_condition(one) for one in errors} <= {"resource-constraint"}
        return [one.get("id") or "" for one in errors if one.get("id") in wanted]

    await eventually(lambda: len(refused()) >= count - 1100, "the refusals")
    assert len(refused()) == len(set(refused()))
    assert stage.resident() - before < 32 * KIB * KIB
    # What was said first goes out first.
    said = [one.params[1] for one in ircd.received.waiting() if one.command == "PRIVMSG" and one.nick == nick]
    assert said
    assert said == [f"flood {number}" for number in range(len(said))]


async def test_a_body_is_data_and_never_markup(scene: Scene) -> None:
    evil = "</body></message><presence/> ]]> <!-- & &lt; '\" \u2028 \ufffd"
    scene.alice.say(scene.room, evil, type="groupchat")
    await scene.alice.expect(message(scene.from_occupant(scene.nick), evil))
    scene.carol.say(scene.channel, evil)
    await scene.alice.expect(message(scene.from_occupant(scene.carol.nick), evil))
    assert not chatter(scene.alice)
    assert escape(evil) != evil
