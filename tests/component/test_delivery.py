"""The delivery ledger in a whole component: what a client and a server see of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.model import Condition, DeliveryState, Message, MessageKind, Refused
from gateway.xmpp.link import LinkState
from tests.component.stage import ALICE, BOB, JID, ROOM, C, condition, kind, staged
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.loopback.forwarding import ForwardingBridge
from tests.waiting import eventually

OWNER = "alice@localhost"
REQUEST = "<request xmlns='urn:xmpp:receipts'/>"
DELAY = "{urn:xmpp:delay}delay"
SID = "{urn:xmpp:sid:0}stanza-id"


@pytest.fixture
async def bridge():
    return ForwardingBridge()


@pytest.fixture
async def forwarding(tmp_path, server, bridge):
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        yield stage


async def again(stage):
    """The server's side of the link dies, and the gateway comes back."""
    stage.link.kill()
    stage.link = await stage.server.link()
    return stage.link


async def answer_pings(stage):
    """The client answers whatever asks for it, as long as the test lasts."""
    while True:
        ping = await stage.link.expect(
            lambda each: each.tag == f"{C}iq" and each.get("to") == ALICE and each.get("type") == "get"
        )
        stage.send(f"<iq type='result' id='{ping.get('id')}' from='{ALICE}' to='{ping.get('from')}'/>")


async def noticed(stage):
    """The gateway knows that its link is gone."""
    await eventually(lambda: stage.component.link.status.state is not LinkState.UP)


async def confirmed(stage):
    """All that was written so far is safe with the server: two barriers, in real time."""
    barrier = stage.component.deliveries.barrier
    epoch = barrier.stamp()
    await eventually(lambda: barrier.confirmed >= epoch)


def bodies(stanzas, to=OWNER):
    return [
        each.findtext(f"{C}body")
        for each in stanzas
        if each.get("to", "").startswith(to) and each.find(f"{C}body") is not None
    ]


async def test_a_receipt_comes_with_the_networks_report_and_a_marker_with_the_reading(forwarding, bridge):
    await forwarding.join()
    forwarding.send(
        f"<message type='chat' id='m1' from='{ALICE}' to='carol@{JID}'><body>hi</body>{REQUEST}"
        "<markable xmlns='urn:xmpp:chat-markers:0'/></message>"
    )
    await eventually(lambda: bridge.sent)
    assert await forwarding.silence() == []
    bridge.report("hi", DeliveryState.DELIVERED)
    receipt = await forwarding.expect("message", to=OWNER)
    assert receipt.find("{urn:xmpp:receipts}received").get("id") == "m1"
    assert receipt.get("from") == f"carol@{JID}"
    bridge.report("hi", DeliveryState.READ)
    marker = await forwarding.expect("message", to=OWNER)
    assert marker.find("{urn:xmpp:chat-markers:0}displayed").get("id") == "m1"


async def test_what_was_received_as_far_as_anybody_knew_can_come_back_once(forwarding, bridge):
    await forwarding.join()
    forwarding.send(
        f"<message type='chat' id='m1' from='{ALICE}' to='carol@{JID}'><body>hi</body>{REQUEST}</message>"
    )
    await eventually(lambda: bridge.sent)
    bridge.report("hi", DeliveryState.DELIVERED)
    assert (await forwarding.expect("message", to=OWNER)).find("{urn:xmpp:receipts}received") is not None
    for _ in range(2):
        bridge.report("hi", DeliveryState.FAILED, Refused(Condition.ITEM_NOT_FOUND, "No such user here."))
    error = await forwarding.expect("message", type="error")
    assert (error.get("id"), error.get("to"), condition(error)) == ("m1", ALICE, "item-not-found")
    assert [each for each in await forwarding.silence() if each.get("type") == "error"] == []


async def test_a_message_waits_while_the_network_is_away(forwarding, bridge):
    await forwarding.join()
    session = forwarding.component.accounts.find(OWNER, "loop").session
    bridge.busy = Refused(Condition.REMOTE_SERVER_TIMEOUT, "Come back later.")
    forwarding.send(f"<message type='chat' id='m1' from='{ALICE}' to='carol@{JID}'><body>hi</body></message>")
    assert await forwarding.silence() == []
    bridge.busy = None
    session.lose("The cable was cut")
    await eventually(lambda: bridge.sent)
    assert bridge.texts == ["hi"]


async def test_private_messages_said_without_a_link_arrive_once_and_in_order(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        account = stage.component.accounts.find(OWNER, "loop")
        await stage.silence()
        account.session.sink.direct(Message("carol", "on the way", foreign_id="c1"))
        await stage.expect("message", type="chat", to=OWNER)
        await server.stop()
        for number in range(10):
            account.session.sink.direct(Message("carol", f"line {number}", foreign_id=f"d{number}"))
        await stage.component.deliveries.flush()
        await noticed(stage)
        await server.listen()
        stage.link = await stage.server.link()
        first = await stage.expect("message", type="chat", to=OWNER)
        assert (first.get("id"), first.findtext(f"{C}body")) == ("c1", "on the way"), "the same id as before"
        for number in range(10):
            said = await stage.expect("message", type="chat", to=OWNER)
            assert (said.get("id"), said.findtext(f"{C}body")) == (f"d{number}", f"line {number}")
            assert said.find(DELAY) is not None


async def test_a_server_without_offline_storage_gets_it_when_the_user_is_there(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        account = stage.component.accounts.find(OWNER, "loop")
        account.session.sink.direct(Message("carol", "psst", foreign_id="c1"))
        message = await stage.expect("message", type="chat", to=OWNER)
        stage.send(
            f"<message type='error' from='{OWNER}' to='{message.get('from')}' id='c1'><error type='cancel'>"
            "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
        assert bodies(await stage.silence()) == []
        stage.send(f"<presence from='{OWNER}/laptop' to='{JID}'/>")
        message = await stage.expect("message", type="chat", to=OWNER)
        assert (message.get("id"), message.findtext(f"{C}body")) == ("c1", "psst")
        assert message.find(DELAY) is not None


async def test_what_a_polite_end_delivered_is_not_sent_again_by_the_next_start(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        account = stage.component.accounts.find(OWNER, "loop")
        account.session.sink.direct(Message("carol", "psst", foreign_id="c1"))
        await stage.expect("message", type="chat", to=OWNER)
    async with staged(tmp_path, server=server) as stage:
        assert bodies(await stage.silence()) == []


async def test_a_durable_room_message_is_reflected_once_the_network_has_it(forwarding, bridge):
    await forwarding.join()
    forwarding.send(
        f"<message type='groupchat' id='g1' from='{ALICE}' to='{ROOM}'><body>hello room</body></message>"
    )
    reflected = await forwarding.expect("message", to=ALICE, type="groupchat")
    assert (reflected.get("id"), reflected.findtext(f"{C}body")) == ("g1", "hello room")
    assert reflected.find(SID) is not None


@asynccontextmanager
async def pings_answered(stage):
    answering = asyncio.create_task(answer_pings(stage))
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def said_in_room(stage):
    return [
        each
        for each in stage.link.received
        if each.get("type") == "groupchat" and each.get("to") == ALICE and each.find(f"{C}body") is not None
    ]


async def test_room_messages_in_flight_or_said_without_a_link_are_shown_once_after_it(tmp_path, server):
    bridge = LoopbackBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        bob = bridge.people["bob"]
        for number in range(5):
            bob.say("#room", f"line {number}", MessageKind.CHAT, _Ignore())
        await stage.link.expect(
            lambda each: each.findtext(f"{C}body") == "line 4" and each.get("to") == ALICE
        )
        await server.stop()
        for number in range(5, 10):
            bob.say("#room", f"line {number}", MessageKind.CHAT, _Ignore())
        await noticed(stage)
        await server.listen()
        stage.link = await stage.server.link()
        async with pings_answered(stage):
            await stage.link.expect(
                lambda each: kind("message", to=ALICE)(each) and each.findtext(f"{C}body") == "line 9"
            )
            bob.say("#room", "live", MessageKind.CHAT, _Ignore())
            await stage.link.expect(
                lambda each: kind("message", to=ALICE)(each) and each.findtext(f"{C}body") == "live"
            )
        shown = [each.findtext(f"{C}body") for each in said_in_room(stage)]
        assert shown == [f"line {number}" for number in range(9)], "each once, in order"
        assert all(each.find(DELAY) is not None for each in said_in_room(stage))


async def test_after_a_restart_a_client_is_shown_only_what_it_may_have_missed(tmp_path, server):
    bridge = LoopbackBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await stage.join()
        sink = bridge.people["alice"].sink
        old = stage.component.host.now() - 3600
        for number in range(5):
            sink.room_message("#room", Message("carol", f"old {number}", foreign_id=f"o{number}", time=old))
        await stage.link.expect(lambda each: each.findtext(f"{C}body") == "old 4")
        await stage.silence()
        await confirmed(stage)
    async with staged(tmp_path, server=server, bridge=LoopbackBridge(LoopbackSettings())) as stage:
        async with pings_answered(stage):
            await stage.link.expect(lambda each: each.find(f"{C}subject") is not None)
        assert [each.findtext(f"{C}body") for each in said_in_room(stage)] == []


class _Ignore:
    reference = ""

    def done(self, foreign_ids=()):
        """Nobody asks."""

    def refused(self, why):
        raise AssertionError(why)


async def test_a_failure_is_one_error_even_if_the_link_dies_under_it(forwarding, bridge):
    await forwarding.join()
    bridge.busy = Refused(Condition.ITEM_NOT_FOUND, "There is no carol.")
    forwarding.send(f"<message type='chat' id='m1' from='{ALICE}' to='carol@{JID}'><body>hi</body></message>")
    first = await forwarding.expect("message", type="error")
    assert (first.get("id"), condition(first)) == ("m1", "item-not-found")
    await again(forwarding)
    repeated = await forwarding.expect("message", type="error")
    assert list(repeated.itertext()) == list(first.itertext()), "the same word, for the first may be lost"
    await confirmed(forwarding)
    await again(forwarding)
    assert [each for each in await forwarding.silence() if each.get("type") == "error"] == []


async def test_a_correction_that_waits_is_said_when_the_gateway_ends(tmp_path, server):
    bridge = ForwardingBridge()
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await stage.join()
        stage.send(
            f"<message type='chat' id='m1' from='{ALICE}' to='bob@{JID}'><body>meet me at teh pub</body></message>"
        )
        await stage.silence()
        correct = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"
        stage.send(
            f"<message type='chat' id='m2' from='{ALICE}' to='bob@{JID}'><body>meet me at the pub</body>{correct}</message>"
        )
        await stage.silence()
        await stage.component.deliveries.flush()
        rows = await stage.component.stores.deliveries.active("loopback")
        assert [row.body for row in rows] == ["* meet me at the pub"]
        assert bridge.texts == ["meet me at teh pub"]
    assert bridge.texts == ["meet me at teh pub", "*the"]


async def test_a_strangers_first_message_says_who_it_is_and_no_other_does(stage):
    await stage.join()
    sink = stage.bridge.people["alice"].sink
    nicks = []
    for text in ("hello", "again"):
        sink.direct(Message("bob", text))
        found = await stage.link.expect(
            lambda each: kind("message", to=OWNER)(each) and each.find(f"{C}body") is not None
        )
        nicks.append(found.findtext("{http://jabber.org/protocol/nick}nick"))
    assert nicks == ["bob", None]


async def test_a_contact_that_the_user_sees_introduces_itself_no_more(stage):
    await stage.join()
    stage.send(f"<presence type='subscribe' from='{OWNER}' to='bob@{JID}'/>")
    await stage.silence()
    stage.bridge.people["alice"].sink.direct(Message("bob", "hello"))
    found = await stage.link.expect(
        lambda each: kind("message", to=OWNER)(each) and each.find(f"{C}body") is not None
    )
    assert found.find("{http://jabber.org/protocol/nick}nick") is None
