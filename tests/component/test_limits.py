"""Too much of everything, from the wire: floods of users and of networks, and bridges that relay into each other."""

import asyncio
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import pytest

from gateway.clock import SystemClock
from gateway.doors.access import AccessPolicy
from gateway.limits import LimitPolicy
from gateway.loops import Loops
from gateway.model import Message
from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, C, Stage, Wanted, condition, kind, staged
from tests.fakes.xmpp_server import FakeXmppServer

OTHER = "second.localhost"


@pytest.fixture
async def server():
    async with FakeXmppServer(domains={JID: "s3cret", OTHER: "s3cret"}) as server:
        yield server


def say(who: str, text: str, id_: str, to: str = ROOM, type_: str = "groupchat") -> str:
    return f"<message type='{type_}' id={quoteattr(id_)} from='{who}' to='{to}'><body>{text}</body></message>"


def bodies(stanzas: list[Element], to: str) -> list[str]:
    return [
        each.findtext(f"{C}body") or ""
        for each in stanzas
        if each.get("to") == to and each.get("type") != "error"
    ]


def text_for(to: str, body: str) -> Wanted:
    return lambda each: each.get("to") == to and each.findtext(f"{C}body") == body


def texts(stanzas: list[Element], to: str) -> list[str]:
    """The texts of the errors that somebody got."""
    return [
        "".join(each.itertext()) for each in stanzas if each.get("to") == to and each.get("type") == "error"
    ]


async def test_of_a_thousand_messages_the_rest_is_refused_with_a_time_to_wait_and_a_neighbour_talks_on(
    tmp_path, server
):
    usage = LimitPolicy(messages_per_minute=60, messages_burst=100, errors_per_minute=30)
    async with staged(tmp_path, server=server, usage=usage) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await stage.silence()
        stage.send("".join(say(ALICE, f"text {number}", f"m{number}") for number in range(1000)))
        stage.send(say(BOB, "I am still here", "b1"))
        seen = await stage.silence()
        reflected = [
            each for each in seen if each.get("to") == ALICE and (each.get("id") or "").startswith("m")
        ]
        errors = [each for each in reflected if each.get("type") == "error"]
        assert 100 <= len(reflected) - len(errors) <= 103
        assert 30 <= len(errors) <= 33
        assert {condition(each) for each in errors} == {"resource-constraint"}
        assert all("Please wait" in text for text in texts(errors, ALICE))
        assert {each.find(f"{C}error").get("type") for each in errors} == {"wait"}
        assert "I am still here" in bodies(seen, ALICE)
        assert not texts(seen, BOB)
        together = await stage.link.expect(kind("message", type="error", id="m999"))
        assert "before it that were not answered" in "".join(together.itertext())


async def test_joins_of_a_whole_lot_of_bookmarks_are_no_flood(stage):
    rooms = [f"#room{number}@{JID}" for number in range(150)]
    stage.send(
        "".join(f"<presence from='{ALICE}' to='{room}/alice' id='j'>{MUC}</presence>" for room in rooms)
    )
    for room in rooms:
        await stage.expect("presence", from_=f"{room}/alice", to=ALICE)
    assert not texts(await stage.silence(), ALICE)


async def test_joins_beyond_the_limit_are_refused_as_joins_are(tmp_path, server):
    async with staged(tmp_path, server=server, usage=LimitPolicy(joins_burst=2)) as stage:
        for number in range(3):
            stage.send(
                f"<presence from='{ALICE}' to='#r{number}@{JID}/alice' id='j{number}'>{MUC}</presence>"
            )
        error = await stage.expect("presence", type="error")
        assert (error.get("from"), error.get("id"), condition(error)) == (
            f"#r2@{JID}/alice",
            "j2",
            "resource-constraint",
        )
        assert error.find("{http://jabber.org/protocol/muc}x") is not None


async def test_a_spammer_reaches_few_and_those_who_answer_are_not_counted(tmp_path, server):
    async with staged(tmp_path, server=server, usage=LimitPolicy(new_contacts_per_hour=5)) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        stage.send(say(BOB, "hello", "b1", f"alice@{JID}", "chat"))
        await stage.link.expect(kind("message", type="chat", to="alice@localhost"))
        await stage.silence()
        for number in range(20):
            stage.send(say(ALICE, "buy this", f"s{number}", f"nick{number}@{JID}", "chat"))
        stage.send(say(ALICE, "hello yourself", "a1", f"bob@{JID}", "chat"))
        seen = await stage.silence()
        refused = [text for text in texts(seen, ALICE) if "new people" in text]
        assert len(refused) == 15
        await stage.link.expect(text_for("bob@localhost", "hello yourself"))


async def test_nobody_outside_can_bury_a_user(tmp_path, server):
    usage = LimitPolicy(
        foreign_messages_per_minute=600,
        foreign_messages_burst=10,
        foreign_messages_held=20,
        messages_burst=500,
    )
    async with staged(tmp_path, server=server, usage=usage) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await stage.silence()
        stage.send(
            "".join(say(BOB, f"spam {number}", f"s{number}", f"alice@{JID}", "chat") for number in range(200))
        )
        notice = await stage.link.expect(kind("message", from_=f"loop@{JID}", to=ALICE))
        assert (notice.findtext(f"{C}body") or "").startswith("bob is writing very fast")
        spam = [text for text in bodies(await stage.silence(), "alice@localhost") if text.startswith("spam")]
        assert len(spam) <= 20
        last = await stage.link.expect(
            lambda each: each.get("to") == "alice@localhost" and each.findtext(f"{C}body") == "spam 29"
        )
        assert last.get("from") == f"bob@{JID}"


async def test_what_is_held_back_when_the_gateway_stops_is_there_after_the_next_start(tmp_path, server):
    usage = LimitPolicy(foreign_messages_per_minute=1, foreign_messages_burst=2)
    async with staged(tmp_path, server=server, usage=usage) as stage:
        await stage.join()
        for number in range(5):
            stage.bridge.people["alice"].sink.direct(Message("bob", f"text {number}"))
        await stage.component.close("Bye.")
        seen = bodies(stage.link.received, "alice@localhost")
    async with staged(tmp_path, server=server) as stage:
        for number in range(len(seen), 5):
            await stage.link.expect(text_for("alice@localhost", f"text {number}"))


@pytest.mark.parametrize("type_", ["error", "headline"])
async def test_automatic_messages_are_not_answered(stage, type_):
    for to in (JID, f"nobody@{JID}", f"loop@{JID}", ROOM):
        stage.send(say(ALICE, "automatic", "x", to, type_))
    assert await stage.silence() == []


async def test_text_of_a_server_is_not_answered_by_the_bot(stage):
    stage.send(say("localhost", "The server restarts in five minutes.", "x", JID, "chat"))
    assert await stage.silence() == []


async def test_what_comes_from_a_sibling_goes_no_further(tmp_path, server):
    async with staged(tmp_path, server=server, siblings=frozenset({OTHER})) as stage:
        stage.send(f"<presence from='carol@{OTHER}' to='{ROOM}/carol' id='j'>{MUC}</presence>")
        stage.send(say(f"carol@{OTHER}", "hello", "x", f"alice@{JID}", "chat"))
        assert await stage.silence() == []


class Relay:
    """A bot that sits in a room of each of two components and says in the one what it hears in the other."""

    def __init__(self, name: str, *stages: Stage) -> None:
        self.jid = f"{name}@localhost/bot"
        self.name = name
        self.stages = stages
        self.said = 0

    def __call__(self, stanza: Element) -> None:
        """One stanza for it."""
        nick = (stanza.get("from") or "").rpartition("/")[2]
        body = stanza.findtext(f"{C}body")
        if stanza.get("type") != "groupchat" or not body or nick == self.name:
            return
        heard_in = (stanza.get("from") or "").partition("/")[0].partition("@")[2]
        there = self.stages[0] if heard_in == self.stages[1].component.jid else self.stages[1]
        self.said += 1
        there.send(say(self.jid, body, f"{self.name}{self.said}", f"#room@{there.component.jid}"))


async def relaying(stages: tuple[Stage, Stage], relays: list[Relay], until: asyncio.Event) -> None:
    """Give relays what is theirs, until it has been silent for a while."""
    seen = [0, 0]
    quiet = 0
    while quiet < 20:
        quiet += 1
        for index, stage in enumerate(stages):
            received = stage.link.received
            while seen[index] < len(received):
                stanza = received[seen[index]]
                seen[index] += 1
                for relay in relays:
                    if stanza.get("to") == relay.jid:
                        quiet = 0
                        relay(stanza)
        await asyncio.sleep(0.01)
    until.set()


async def test_two_relays_between_two_components_are_cut_and_everybody_is_told_once(tmp_path, server):
    loops = Loops(SystemClock())
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    access = AccessPolicy(admins=frozenset({"op@localhost"}))
    async with (
        staged(tmp_path / "a", server=server, loops=loops, access=access) as one,
        staged(tmp_path / "b", server=server, loops=loops, access=access, name="second", jid=OTHER) as two,
    ):
        relays = [Relay("relay", one, two), Relay("bridge", one, two)]
        for stage in (one, two):
            for relay in relays:
                await stage.join(relay.jid, f"#room@{stage.component.jid}", relay.name)
        await one.join()
        for stage in (one, two):
            await stage.silence()
        one.send(say(ALICE, "Good morning to everybody in here!", "a1"))
        over = asyncio.Event()
        await asyncio.wait_for(relaying((one, two), relays, over), 20)
        assert sum(relay.said for relay in relays) < 60, "it came to an end"
        seen = [*one.link.received, *two.link.received]
        for relay in relays:
            notices = [text for text in bodies(seen, relay.jid.partition("/")[0]) if "cut the loop" in text]
            assert len(notices) <= 2, "once for each room at most"
        told = [
            text for text in bodies(seen, "op@localhost") if text.startswith("Cut a loop between bridges: ")
        ]
        assert 1 <= len(told) <= 4
        assert any("two bridges or bots" in text for relay in relays for text in texts(seen, relay.jid))
        one.link.received.clear()
        two.link.received.clear()
        one.send(say(ALICE, "And now for something else entirely.", "a2"))
        before = sum(relay.said for relay in relays)
        await asyncio.wait_for(relaying((one, two), relays, over), 20)
        assert sum(relay.said for relay in relays) - before < 20, "the next is cut sooner"
        assert not bodies(one.link.received + two.link.received, "op@localhost")


async def test_people_who_all_say_lol_are_left_alone(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        people = [f"user{number}@localhost/x" for number in range(6)]
        for number, who in enumerate(people):
            await stage.join(who, nick=f"user{number}")
        await stage.silence()
        for turn in range(10):
            for who in people:
                stage.send(say(who, "lol", f"{who}{turn}"))
        seen = await stage.silence()
        assert not [each for each in seen if each.get("type") == "error"]
        assert len(bodies(seen, people[0])) == 60
