"""From the network to the user: once, in order, whatever the link and the user's server do."""

import asyncio

import pytest

from gateway.bridge import Capabilities, NotKept
from gateway.delivery.courier import SpoolLimits
from gateway.delivery.service import DeliveryPolicy
from gateway.model import DeliveryState, Message
from gateway.xmpp.stanza import COMPONENT
from tests.unit.delivery.world import ALICE, CAROLS, World, living

BODY = f"{{{COMPONENT}}}body"
DELAY = "{urn:xmpp:delay}delay"
READING = Capabilities("sms", "SMS gateway", read_marks=True)


def texts(world: World) -> list[str]:
    return [each.findtext(BODY) or "" for each in world.server.messages()]


async def test_a_message_comes_from_the_contact_and_asks_for_a_receipt(world):
    async with living(world) as gateway:
        gateway.hear("hello", "f-1")
        await gateway.rest()
        (message,) = world.server.messages()
        assert (message.get("from"), message.get("to"), message.get("id")) == (CAROLS, ALICE, "f-1")
        assert message.find("{urn:xmpp:receipts}request") is not None
        assert message.find("{urn:xmpp:chat-markers:0}markable") is None, "nobody could be told"
        assert message.find(DELAY) is None


async def test_what_the_network_says_twice_is_shown_once(world):
    async with living(world) as gateway:
        gateway.hear("hello", "f-1")
        gateway.hear("hello", "f-1")
        await gateway.rest()
        gateway.hear("hello", "f-1")
        await gateway.rest(3)
        assert texts(world) == ["hello"]
    async with living(world) as gateway:
        gateway.hear("hello", "f-1")
        await gateway.rest()
        assert texts(world) == ["hello"]


async def test_without_an_id_the_networks_own_time_tells_a_replay(world):
    async with living(world) as gateway:
        gateway.hear("ok", time=world.clock.now() - 5)
        gateway.hear("ok", time=world.clock.now() - 5)
        await gateway.rest()
        assert texts(world) == ["ok"]


async def test_people_may_say_the_same_twice(world):
    async with living(world) as gateway:
        gateway.hear("no")
        gateway.hear("no")
        await gateway.rest()
        assert texts(world) == ["no", "no"]
        assert len({each.get("id") for each in world.server.messages()}) == 2


async def test_while_the_link_is_down_messages_wait_and_go_out_in_order_with_their_time(world):
    async with living(world, link=False) as gateway:
        for number in range(20):
            gateway.hear(f"line {number}")
        await gateway.rest(10)
        assert texts(world) == []
        gateway.raise_link()
        gateway.hear("fresh")
        await gateway.rest()
        assert texts(world) == [*(f"line {number}" for number in range(20)), "fresh"]
        assert all(each.find(DELAY) is not None for each in world.server.messages()[:20])
        assert world.server.messages()[-1].find(DELAY) is None


async def test_what_was_not_confirmed_when_the_link_died_is_sent_again_with_the_same_id(world):
    async with living(world) as gateway:
        gateway.hear("on the wire")
        await gateway.rest()
        world.server.pongs = False
        gateway.lose_link()
        gateway.hear("later")
        gateway.raise_link()
        await gateway.rest()
        assert texts(world) == ["on the wire", "on the wire", "later"]
        first, again, _ = world.server.messages()
        assert first.get("id") == again.get("id")
        assert again.find(DELAY) is not None


async def test_after_the_barrier_a_message_is_not_sent_again(world):
    async with living(world) as gateway:
        gateway.hear("hello")
        await gateway.rest(3)
        gateway.lose_link()
        gateway.raise_link()
        await gateway.rest(3)
        assert texts(world) == ["hello"]
    async with living(world) as gateway:
        await gateway.rest(3)
        assert texts(world) == ["hello"]


async def test_one_barrier_serves_many_messages_and_none_is_sent_in_silence(world):
    async with living(world) as gateway:
        for number in range(500):
            gateway.hear(f"line {number}")
        await gateway.rest(4)
        asked = len([each for each in world.crossings if each == "before a stanza"]) - 500
        assert asked == 2
        await gateway.rest(60)
        assert len([each for each in world.crossings if each == "before a stanza"]) - 500 == 2


async def test_a_row_is_finished_and_empty_once_nothing_can_come_back(world):
    async with living(world) as gateway:
        gateway.hear("secret")
        await gateway.rest(90)
    (row,) = await world.rows()
    assert (row.state, row.active, row.body) == (DeliveryState.ACCEPTED, False, "")


async def test_a_receipt_of_the_client_is_delivered_and_a_marker_read(world):
    async with living(world, READING) as gateway:
        gateway.hear("hello", "f-1")
        await gateway.rest()
        assert world.server.messages()[0].find("{urn:xmpp:chat-markers:0}markable") is not None
        gateway.client_says("<received xmlns='urn:xmpp:receipts' id='f-1'/>")
        gateway.client_says("<displayed xmlns='urn:xmpp:chat-markers:0' id='f-1'/>")
        gateway.client_says("<displayed xmlns='urn:xmpp:chat-markers:0' id='f-1'/>")
        await gateway.rest(2)
        assert world.network.read == [("carol", "f-1")]
    (row,) = await world.rows()
    assert row.state is DeliveryState.READ


async def test_a_marker_for_what_an_earlier_process_sent_is_passed_on(world):
    async with living(world, READING) as gateway:
        gateway.hear("hello", "f-1")
        await gateway.rest(90)
    async with living(world, READING) as gateway:
        gateway.client_says("<displayed xmlns='urn:xmpp:chat-markers:0' id='f-1'/>")
        gateway.client_says("<displayed xmlns='urn:xmpp:chat-markers:0' id='nonsense'/>")
        await gateway.rest(2)
        assert world.network.read == [("carol", "f-1")]


async def test_read_marks_wait_for_the_session_and_only_the_newest_goes_out(world):
    async with living(world, READING) as gateway:
        for number in range(3):
            gateway.hear("hello", f"f-{number}")
        await gateway.rest()
        gateway.go_offline()
        for number in (0, 2, 1):
            gateway.client_says(f"<displayed xmlns='urn:xmpp:chat-markers:0' id='f-{number}'/>")
        await gateway.rest(2)
        assert world.network.read == []
        gateway.come_online()
        assert world.network.read == [("carol", "f-2")]
        gateway.come_online()
        assert world.network.read == [("carol", "f-2")]


async def test_nobody_else_can_mark_a_users_messages(world):
    async with living(world, READING) as gateway:
        gateway.hear("hello", "f-1")
        await gateway.rest()
        gateway.client_says(
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='f-1'/>", sender="mallory@localhost/x"
        )
        await gateway.rest(2)
        assert world.network.read == []


@pytest.mark.parametrize(
    "condition", ["service-unavailable", "recipient-unavailable", "remote-server-timeout"]
)
async def test_what_the_server_sends_back_waits_until_the_user_is_there(world, condition):
    async with living(world) as gateway:
        world.server.bounce = condition
        gateway.hear("one")
        gateway.hear("two")
        await gateway.rest(5)
        gateway.hear("three")
        await gateway.rest(5)
        assert texts(world) == []
        world.server.bounce = ""
        gateway.deliveries.reachable(ALICE)
        await gateway.rest(5)
        assert texts(world) == ["one", "two", "three"]


async def test_without_a_word_of_presence_one_message_tries_now_and_then(world):
    async with living(world) as gateway:
        world.server.bounce = "service-unavailable"
        for number in range(5):
            gateway.hear(f"line {number}")
        await gateway.rest(5)
        written = world.crossings.count("before a stanza")
        await gateway.rest(100)  # one try, and its barriers
        assert world.crossings.count("before a stanza") - written <= 5
        world.server.bounce = ""
        await gateway.rest(400)
        assert texts(world) == [f"line {number}" for number in range(5)]


async def test_a_spool_outlives_the_gateway(world):
    async with living(world) as gateway:
        world.server.bounce = "service-unavailable"
        gateway.hear("one")
        gateway.hear("two")
        await gateway.rest(5)
    world.server.bounce = ""
    async with living(world) as gateway:
        await gateway.rest(5)
        assert texts(world) == ["one", "two"]


async def test_a_server_that_refuses_for_good_is_not_asked_again(world):
    async with living(world) as gateway:
        world.server.bounce = "forbidden"
        gateway.hear("one")
        await gateway.rest(5)
        world.server.bounce = ""
        gateway.deliveries.reachable(ALICE)
        await gateway.rest(200)
        assert texts(world) == []
    (row,) = await world.rows()
    assert (row.state, row.active, row.condition) == (DeliveryState.FAILED, False, "forbidden")


async def test_what_falls_out_of_a_full_spool_is_told(world):
    policy = DeliveryPolicy(spool=SpoolLimits(count=3))
    async with living(world, policy=policy, link=False) as gateway:
        for number in range(5):
            gateway.hear(f"line {number}")
        await gateway.rest(1)
        gateway.raise_link()
        await gateway.rest(20)
        assert texts(world)[:3] == ["line 2", "line 3", "line 4"]
        (word,) = texts(world)[3:]
        assert word.startswith("2 messages from carol could not be kept")
        await gateway.rest(40)
        assert len(texts(world)) == 4, "told once"


async def test_a_burst_for_a_user_who_is_there_falls_out_of_nothing(world):
    async with living(world, policy=DeliveryPolicy(spool=SpoolLimits(count=3))) as gateway:
        for number in range(5):
            gateway.hear(f"line {number}")
        await gateway.rest(20)
        assert texts(world) == [f"line {number}" for number in range(5)]


async def test_the_word_of_what_fell_out_survives_a_restart(world):
    policy = DeliveryPolicy(spool=SpoolLimits(count=1))
    async with living(world, policy=policy, link=False) as gateway:
        gateway.hear("one")
        gateway.hear("two")
        await gateway.rest(1)
    async with living(world) as gateway:
        await gateway.rest(20)
        assert texts(world)[0] == "two"
        assert texts(world)[1].startswith("A message from carol")


async def test_what_has_waited_for_too_long_is_told_and_gone(world):
    policy = DeliveryPolicy(spool=SpoolLimits(age=3600))
    async with living(world, policy=policy, link=False) as gateway:
        gateway.hear("old")
        await gateway.rest(3700)
        gateway.hear("new")
        gateway.raise_link()
        await gateway.rest(20)
        assert texts(world)[0] == "new"
        assert "could not be kept" in texts(world)[1]


async def test_a_network_that_waits_for_the_commit_is_answered_after_it(world):
    async with living(world) as gateway:
        await gateway.hear_committed("hello", "f-1")
        assert [row.foreign_id for row in await world.rows()] == ["f-1"]
        await gateway.hear_committed("hello", "f-1")  # a replay is safe as well
        await gateway.rest()
        assert texts(world) == ["hello"]


async def test_with_a_full_disk_nothing_is_acknowledged_and_the_next_try_is_shown_once(world):
    async with living(world) as gateway:
        gateway.store.full = True
        with pytest.raises(NotKept, match="no room left"):
            await gateway.hear_committed("hello", "f-1")
        await gateway.rest()
        assert texts(world) == []
        gateway.store.full = False
        await gateway.hear_committed("hello", "f-1")
        await gateway.rest()
        assert texts(world) == ["hello"]


async def test_a_network_that_cannot_wait_gets_its_message_through_a_full_disk(world):
    async with living(world) as gateway:
        gateway.store.full = True
        gateway.hear("hello")
        await gateway.rest()
        assert texts(world) == ["hello"]
        assert gateway.deliveries.inbound.counts.unwritten == 1


async def test_what_no_database_can_hold_costs_nobody_else(world):
    async with living(world) as gateway:
        gateway.hear("fine", "f-1")
        gateway.hear("nul \x00 and \ud800", "f\x00\ud8002")
        gateway.hear("fine too", "f-3")
        await gateway.rest()
        assert texts(world) == ["fine", "nul  and ", "fine too"]


async def test_a_name_that_fits_no_address_still_says_something(world):
    async with living(world) as gateway:
        gateway.deliveries.received(gateway.account, Message("two words", "hello"))
        await gateway.rest()
        (message,) = world.server.messages()
        assert message.get("from") == "net@sms.localhost"
        assert message.findtext(BODY) == "two words: hello"


async def test_a_book_in_one_message_is_shortened_not_fatal(world):
    async with living(world) as gateway:
        gateway.hear("&" * 400_000)
        gateway.hear("next")
        await gateway.rest()
        long, short = texts(world)
        assert len(long) < 180_000
        assert long.endswith("too long for XMPP]")
        assert short == "next"


async def test_erasing_a_user_leaves_nothing_that_is_sent_later(world):
    async with living(world, link=False) as gateway:
        gateway.hear("one")
        await gateway.rest(1)
        gateway.deliveries.forget(ALICE)
        gateway.raise_link()
        await gateway.rest(10)
        assert texts(world) == []


async def test_ten_thousand_messages_in_one_go_arrive_once_and_in_order(world):
    async with living(world) as gateway:
        safe = [asyncio.ensure_future(gateway.hear_committed(f"line {n}", f"f-{n}")) for n in range(1000)]
        await asyncio.gather(*safe)
        await gateway.rest(3)
        assert texts(world) == [f"line {n}" for n in range(1000)]
        assert gateway.store.saves < 20, "they share commits"
