"""What every bridge has to keep, as tests: subclass ``BridgeContract``, give it a ``harness``, and run pytest.

The tests drive a session through ``gateway.bridge`` only, and a peer on the foreign network through the harness. What a
bridge says it cannot do (``Capabilities``) is not asked of it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, cast

import pytest

from gateway.bridge import (
    Account,
    BadAddress,
    Bridge,
    Expressive,
    Governs,
    Moderates,
    Reacts,
    Retracts,
    Session,
    Types,
    Watching,
)
from gateway.model import (
    Address,
    AddressKind,
    Affiliation,
    Availability,
    ChatState,
    Enrichment,
    Exit,
    Field,
    Mention,
    MessageKind,
    Reply,
    Span,
    StandingChange,
    Style,
)
from gateway.testing.recorder import RecordingAnswer, RecordingSink, RecordingTicket


class Peer(Protocol):
    """Somebody else on the foreign network. Every call returns when the network has taken it."""

    nick: str

    async def join(self, room: str) -> None: ...

    async def leave(self, room: str) -> None: ...

    async def say(self, room: str, text: str) -> None: ...

    async def tell(self, nick: str, text: str) -> None: ...

    async def heard(self, text: str) -> None:
        """Returns once ``text`` has reached this peer, in a room or in private."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A bridge with a network behind it: ``account`` can log in there, anybody can join ``room``, ``peer`` is there."""

    bridge: Bridge
    account: Account
    room: str
    peer: Peer


@asynccontextmanager
async def session_of(harness: Harness) -> AsyncIterator[tuple[Session, RecordingSink]]:
    """A session that is logged in; closed at the end."""
    sink = RecordingSink()
    session = harness.bridge.session(harness.account, sink)
    running = asyncio.create_task(session.run())
    try:
        await sink.wait("online")
        yield session, sink
    finally:
        session.close("the test is over")
        await asyncio.wait_for(running, 10)


async def joined(session: Session, sink: RecordingSink, harness: Harness) -> str:
    """Enter the harness' room; its key."""
    key = session.fold(harness.room)
    session.join(harness.room, harness.account.nick, "")
    await sink.wait("room_joined", lambda room, *_: room == key)
    return key


class BridgeContract:
    """Subclasses provide the fixture ``harness``."""

    def test_the_gateways_own_address_is_the_empty_text(self, harness: Harness) -> None:
        address = harness.bridge.address("")
        assert address.kind in (AddressKind.GATEWAY, AddressKind.NETWORK)
        assert harness.bridge.text(address) == ""

    def test_addresses_are_read_back_as_they_were_written(self, harness: Harness) -> None:
        network = harness.account.network
        for kind, name in ((AddressKind.ROOM, harness.room), (AddressKind.CONTACT, harness.peer.nick)):
            text = harness.bridge.text(Address(kind, network, name))
            back = harness.bridge.address(text)
            assert (back.kind, back.network) == (kind, network)
            assert harness.bridge.fold(back.name) == harness.bridge.fold(name)
            assert harness.bridge.text(back) == text

    def test_text_that_is_no_address_is_refused_with_a_sentence(self, harness: Harness) -> None:
        with pytest.raises(BadAddress) as caught:
            harness.bridge.address("a\r\nb\x00%c d")
        assert len(str(caught.value)) > 10

    def test_the_fields_of_a_network_can_be_left_as_they_are(self, harness: Harness) -> None:
        fields = harness.bridge.fields(harness.account.network)
        assert len({field.name for field in fields}) == len(fields)
        harness.bridge.check({field.name: field.default for field in fields})

    async def test_folding_is_stable(self, harness: Harness) -> None:
        async with session_of(harness) as (session, _):
            key = session.fold(harness.room)
            assert session.fold(key) == key

    async def test_close_ends_a_session_that_never_ran_far(self, harness: Harness) -> None:
        session = harness.bridge.session(harness.account, RecordingSink())
        running = asyncio.create_task(session.run())
        await asyncio.sleep(0)
        session.close("changed my mind")
        await asyncio.wait_for(running, 10)

    async def test_closing_twice_is_harmless(self, harness: Harness) -> None:
        async with session_of(harness) as (session, _):
            session.close("once")
            session.close("twice")

    async def test_online_comes_before_anything_about_rooms(self, harness: Harness) -> None:
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            names = [call.name for call in sink.calls]
            assert names.index("online") < names.index("room_joined")

    async def test_joining_shows_the_room_with_ourselves_in_it(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            _, nick, occupants, _ = sink.named("room_joined")[-1].arguments
            nicks = [occupant.nick for occupant in occupants]
            assert nick in nicks
            assert harness.peer.nick in nicks
            assert len(set(nicks)) == len(nicks)
            assert key == session.fold(harness.room)

    async def test_a_room_message_reaches_the_others_and_its_ticket_once(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            ticket = RecordingTicket()
            session.say(harness.room, "good morning, all", MessageKind.CHAT, ticket)
            assert (await ticket.outcome()).name == "done"
            await harness.peer.heard("good morning, all")
            # Our own words come back through the ticket, not through the sink.
            own = [
                call for call in sink.named("room_message") if call.arguments[1].text == "good morning, all"
            ]
            assert not own
            assert key

    async def test_several_lines_are_one_message_with_one_ticket(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            ticket = RecordingTicket()
            session.say(harness.room, "first line\nsecond line", MessageKind.CHAT, ticket)
            assert (await ticket.outcome()).name == "done"
            await harness.peer.heard("first line")
            await harness.peer.heard("second line")

    async def test_what_others_say_arrives_in_order(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            for number in range(5):
                await harness.peer.say(harness.room, f"line {number}")
            await sink.wait("room_message", lambda _, message: message.text == "line 4")
            said = [call.arguments for call in sink.named("room_message")]
            assert [message.text for _, message in said] == [f"line {number}" for number in range(5)]
            assert {room for room, _ in said} == {key}
            assert {message.sender for _, message in said} == {harness.peer.nick}

    async def test_text_that_cannot_be_carried_is_refused_whole(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            ticket = RecordingTicket()
            session.say(harness.room, "x\x00y", MessageKind.CHAT, ticket)
            call = await ticket.outcome()
            assert call.name == "refused"
            assert call.arguments[0].text

    async def test_private_messages_go_both_ways(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.direct_messages:
            return
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            ticket = RecordingTicket()
            session.tell(harness.peer.nick, "a word in your ear", MessageKind.CHAT, ticket)
            assert (await ticket.outcome()).name == "done"
            await harness.peer.heard("a word in your ear")
            nick = sink.named("room_joined")[-1].arguments[1]
            await harness.peer.tell(nick, "and one in yours")
            call = await sink.wait("direct", lambda message: message.text == "and one in yours")
            assert call.arguments[0].sender == harness.peer.nick

    async def test_coming_and_going_of_others_is_told(self, harness: Harness) -> None:
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            await harness.peer.join(harness.room)
            await sink.wait(
                "arrived", lambda room, occupant: (room, occupant.nick) == (key, harness.peer.nick)
            )
            await harness.peer.leave(harness.room)
            call = await sink.wait(
                "departed", lambda rooms, nick, _: key in rooms and nick == harness.peer.nick
            )
            assert call.arguments[2].exit is Exit.LEFT

    async def test_rooms_that_were_left_are_silent(self, harness: Harness) -> None:
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            session.leave(harness.room, "bye")
            await harness.peer.say(harness.room, "are you still there?")
            # Coming back is what tells us that everything before it has arrived.
            sink.calls.clear()
            await joined(session, sink, harness)
            assert not [call for call in sink.named("room_message") if call.arguments[0] == key]

    async def test_a_new_nick_is_told_to_the_rooms(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.nick_change:
            return
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            old = sink.named("room_joined")[-1].arguments[1]
            ticket = RecordingTicket()
            session.rename("Somebody", ticket)
            assert (await ticket.outcome()).name == "done"
            await sink.wait("renamed", lambda rooms, was, now: (rooms, was, now) == ([key], old, "Somebody"))
            await sink.wait("own_nick", lambda nick: nick == "Somebody")

    async def test_a_topic_comes_back_from_the_network(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.topic:
            return
        async with session_of(harness) as (session, sink):
            key = await joined(session, sink, harness)
            ticket = RecordingTicket()
            session.set_topic(harness.room, "today: everything", ticket)
            assert (await ticket.outcome()).name == "done"
            await sink.wait("topic", lambda room, topic: (room, topic.text) == (key, "today: everything"))

    async def test_whoever_is_watched_is_told_of_at_once(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.contact_presence:
            return
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            watching = cast("Watching", session)
            watching.watch(harness.peer.nick)
            call = await sink.wait("contact_presence", lambda name, *_: name == harness.peer.nick)
            assert isinstance(call.arguments[1], Availability)
            watching.unwatch(harness.peer.nick)
            watching.unwatch("nobody-was-watched-under-this-name")

    async def test_a_message_that_is_more_than_its_text_reaches_the_others(self, harness: Harness) -> None:
        can = harness.bridge.capabilities
        if not (can.replies or can.corrections or can.threads or can.subjects or can.styling or can.mentions):
            return
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            ticket = RecordingTicket()
            enrichment = Enrichment(
                Reply("no-such-message", harness.peer.nick, "what?") if can.replies else None,
                thread="thread" if can.threads else "",
                subject="subject" if can.subjects else "",
                spans=(Span(0, 2, Style.STRONG),) if can.styling else (),
                mentions=(Mention(3, 7, harness.peer.nick),) if can.mentions else (),
            )
            room = Address(AddressKind.ROOM, harness.account.network, harness.room)
            expressive = cast("Expressive", session)
            expressive.express(room, "so bold a message", MessageKind.CHAT, enrichment, ticket)
            assert (await ticket.outcome()).name == "done"
            await harness.peer.heard("bold a message")

    async def test_whatever_is_asked_about_an_unknown_message_has_one_outcome(self, harness: Harness) -> None:
        can = harness.bridge.capabilities
        if not (can.reactions or can.retractions or can.moderation or can.typing):
            return
        await harness.peer.join(harness.room)
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            room = Address(AddressKind.ROOM, harness.account.network, harness.room)
            tickets = [RecordingTicket() for _ in range(3)]
            if can.reactions:
                cast("Reacts", session).react(room, "no-such-message", ("👍",), tickets[0])
                await tickets[0].outcome()
            if can.retractions:
                cast("Retracts", session).retract(room, "no-such-message", tickets[1])
                await tickets[1].outcome()
            if can.moderation:
                cast("Moderates", session).moderate(harness.room, "no-such-message", "", tickets[2])
                await tickets[2].outcome()
            if can.typing:
                cast("Types", session).type(room, ChatState.COMPOSING)
                cast("Types", session).type(room, ChatState.ACTIVE)

    async def test_whoever_governs_a_room_is_answered_once(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.governing:
            return
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            governing = cast("Governs", session)
            lists = governing.room_lists(harness.room)
            assert sum(each.outcasts for each in lists) <= 1
            for each in lists:
                entries = RecordingAnswer()
                governing.entries(harness.room, each.name, entries)
                await entries.outcome()
            shown = RecordingAnswer()
            governing.room_settings(harness.room, shown)
            assert (await shown.outcome()).name == "told"
            fields: Sequence[Field] = shown.calls[0].arguments[0]
            ticket = RecordingTicket()
            same = {field.name: field.default for field in fields}
            governing.configure(harness.room, same, ticket)
            assert (await ticket.outcome()).name == "done", "what is so already is no change"

    async def test_nobody_who_is_not_there_is_given_a_standing(self, harness: Harness) -> None:
        if not harness.bridge.capabilities.governing:
            return
        async with session_of(harness) as (session, sink):
            await joined(session, sink, harness)
            ticket = RecordingTicket()
            wish = StandingChange("nobody-of-that-name", affiliation=Affiliation.ADMIN)
            cast("Governs", session).govern(harness.room, [wish], ticket)
            outcome = await ticket.outcome()
            assert outcome.name == "refused"
            assert outcome.arguments[0].text
