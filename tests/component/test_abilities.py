"""What a connection can do now, where that differs from what its bridge says; and outcomes and repetitions that only some
networks tell of."""

import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.model import Condition, Message, Refused, Retraction
from tests.component.stage import ALICE, BOB, JID, ROOM, C, condition, staged
from tests.loopback.expressing import EVERYTHING, ExpressiveBridge

RETRACT = "{urn:xmpp:message-retract:1}retract"
SID, DELAY = "{urn:xmpp:sid:0}stanza-id", "{urn:xmpp:delay}delay"
LOST = Refused(Condition.REMOTE_SERVER_TIMEOUT, "It may or may not have arrived.", uncertain=True)


@pytest.fixture
def on(tmp_path, server):
    @asynccontextmanager
    async def on(**can):
        async with staged(tmp_path, server=server, bridge=ExpressiveBridge(**can)) as stage:
            await stage.join()
            await stage.join(BOB, nick="bob")
            await stage.silence()
            yield stage

    return on


async def features(stage, who, to):
    query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    stage.send(f"<iq type='get' id='d' from='{who}' to='{to}'>{query}</iq>")
    return {each.get("var") for each in (await stage.expect("iq", id="d")).iter() if each.get("var")}


async def reacted(stage, sid):
    """Alice reacts; None if the network has it, else the error's condition."""
    reactions = f"<reactions xmlns='urn:xmpp:reactions:0' id='{sid}'><reaction>👍</reaction></reactions>"
    stage.send(f"<message type='groupchat' id='r' from='{ALICE}' to='{ROOM}'>{reactions}</message>")
    answer = await stage.expect("message", to=ALICE, id="r")
    return condition(answer) if answer.get("type") == "error" else None


async def test_what_the_users_connection_cannot_do_is_neither_announced_nor_asked_of_it(on):
    async with on(**EVERYTHING) as stage:
        sink = stage.bridge.people["alice"].sink
        sink.room_message("#room", Message("bob", "hello", foreign_id="n1"))
        sid = (await stage.expect("message", to=ALICE)).find(SID).get("id")
        assert await reacted(stage, sid) is None
        sink.abilities(replace(stage.bridge.capabilities, reactions=False, moderation=False))
        for to in (ROOM, f"bob@{JID}"):
            assert "urn:xmpp:reactions:0" not in await features(stage, ALICE, to)
            assert "urn:xmpp:reply:0" in await features(stage, ALICE, to)
        assert "urn:xmpp:reactions:0" in await features(stage, BOB, ROOM)
        assert await reacted(stage, sid) == "not-acceptable"
        retract = "<retract xmlns='urn:xmpp:message-retract:1'/>"
        moderate = f"<moderate xmlns='urn:xmpp:message-moderate:1' id='{sid}'>{retract}</moderate>"
        stage.send(f"<iq type='set' id='m' from='{ALICE}' to='{ROOM}'>{moderate}</iq>")
        assert condition(await stage.expect("iq", id="m")) == "feature-not-implemented"


async def test_a_message_taken_back_by_somebody_else_was_moderated(on):
    async with on(**EVERYTHING) as stage:
        sink = stage.bridge.people["alice"].sink
        sink.room_message("#room", Message("bob", "spam", foreign_id="n1"))
        await stage.expect("message", to=ALICE)
        sink.retracted("#room", Retraction("carl", "n1", reason="no spam"))
        seen = await stage.expect("message", to=ALICE)
        assert seen.get("from") == ROOM
        assert "no spam" in "".join(seen.find(RETRACT).itertext())


async def test_what_the_network_repeats_is_shown_as_old(on):
    async with on() as stage:
        sink = stage.bridge.people["alice"].sink
        now = time.time()
        sink.room_message("#room", Message("bob", "again", foreign_id="n1", time=now, replayed=True))
        assert (await stage.expect("message", to=ALICE)).find(DELAY) is not None
        sink.room_message("#room", Message("bob", "again", foreign_id="n1", time=now))
        sink.room_message("#room", Message("bob", "new", foreign_id="n2", time=now))
        seen = await stage.expect("message", to=ALICE)
        assert (seen.findtext(f"{C}body"), seen.find(DELAY)) == ("new", None)


async def test_an_outcome_that_nobody_knows_is_told_as_such_and_not_tried_again(on):
    async with on(store_and_forward=True) as stage:
        asked = []

        def tell(contact, text, kind, ticket):
            asked.append(text)
            ticket.refused(LOST)

        stage.bridge.people["alice"].tell = tell
        stage.send(f"<message type='chat' id='p' from='{ALICE}' to='bob@{JID}'><body>hello</body></message>")
        error = await stage.expect("message", to=ALICE, type="error")
        assert condition(error) == "remote-server-timeout"
        assert LOST.text in "".join(error.itertext())
        await stage.silence()
        assert asked == ["hello"]
