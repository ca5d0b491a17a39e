"""From the user to the network: one outcome for every message, on evidence, whatever happens in between."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.bridge import Capabilities
from gateway.delivery.outbound import OutboundPolicy
from gateway.delivery.service import DeliveryPolicy
from gateway.model import Condition, DeliveryState, Refused
from gateway.xmpp.stanza import COMPONENT
from tests.unit.delivery.world import ALICE, CAROLS, FORWARDING, PHONE, PLAIN, REPEATING, World, living

REQUEST = "<request xmlns='urn:xmpp:receipts'/>"
MARKABLE = "<markable xmlns='urn:xmpp:chat-markers:0'/>"
TEXT = "{urn:ietf:params:xml:ns:xmpp-stanzas}text"
ACCEPTING = Capabilities("sms", "SMS gateway", acceptance_only=True)
AWAY = Refused(Condition.REMOTE_SERVER_TIMEOUT, "The network is busy.")
NOBODY = Refused(Condition.ITEM_NOT_FOUND, "There is no carol.")
#: Long enough that the client may be gone.
LATER = 120


def said(world: World) -> list[str]:
    return [text for _, text in world.network.taken]


async def test_a_message_is_written_down_before_the_network_gets_it(world):
    async with living(world) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest()
        assert said(world) == ["hello"]
        order = world.crossings
        assert order.index("after a commit") < order.index("before the network is called")


async def test_accepted_is_not_delivered(world):
    async with living(world) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        await gateway.rest(10)
        assert world.server.received == []
    (row,) = await world.rows()
    assert (row.state, row.active, row.body) == (DeliveryState.ACCEPTED, False, "")


@pytest.mark.parametrize(("allowed", "receipts"), [(False, []), (True, ["m1"])])
async def test_acceptance_is_delivery_only_where_the_operator_says_so(world, allowed, receipts):
    policy = DeliveryPolicy(outbound=OutboundPolicy(acceptance_is_delivery=allowed))
    async with living(world, ACCEPTING, policy) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        await gateway.rest(5)
        assert world.server.receipts() == receipts


async def test_a_report_becomes_a_receipt_and_a_reading_a_marker(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1", extra=REQUEST + MARKABLE)
        await gateway.rest(1)
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(1)
        assert world.server.receipts() == ["m1"]
        (receipt,) = world.server.received
        assert (receipt.get("from"), receipt.get("to")) == (CAROLS, ALICE)
        gateway.report("f0", DeliveryState.READ)
        gateway.report("f0", DeliveryState.DELIVERED)
        gateway.report("f0", DeliveryState.FAILED, NOBODY)
        await gateway.rest(5)
        assert (world.server.receipts(), world.server.markers()) == (["m1"], ["m1"])
        assert world.server.errors() == []


async def test_what_was_taken_back_in_time_is_no_news_to_anybody(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1", extra=REQUEST + MARKABLE)
        await gateway.rest(1)
        gateway.withdraw("f0")
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(5)
        assert world.server.received == []
    (row,) = await world.rows()
    assert (row.state, row.active, row.body) == (DeliveryState.FAILED, False, "")


async def test_who_asked_for_nothing_gets_nothing(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(1)
        gateway.report("f0", DeliveryState.READ)
        await gateway.rest(5)
        assert world.server.received == []


async def test_a_message_in_parts_is_delivered_when_the_last_part_is(world):
    world.network.parts = 3
    async with living(world, FORWARDING) as gateway:
        gateway.write("a long one", "m1", extra=REQUEST)
        await gateway.rest(1)
        gateway.report("f2", DeliveryState.DELIVERED)
        gateway.report("f0", DeliveryState.DELIVERED)
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(1)
        assert world.server.receipts() == []
    async with living(world, FORWARDING) as gateway:
        gateway.report("f1", DeliveryState.DELIVERED)
        await gateway.rest(5)
        assert world.server.receipts() == ["m1"]


async def test_a_refusal_is_one_error_with_the_id_and_the_networks_words(world):
    world.network.refusal = NOBODY
    async with living(world) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(5)
        (error,) = world.server.errors("m1")
        assert (error.get("from"), error.get("to")) == (CAROLS, PHONE)
        assert error.find(f"{{{COMPONENT}}}error/{TEXT}").text == "There is no carol."
    async with living(world) as gateway:
        await gateway.rest(5)
        assert len(world.server.errors("m1")) == 1


async def test_a_report_of_failure_days_later_still_reaches_the_client(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(3)
    await world.clock.advance(2 * 86_400)
    async with living(world, FORWARDING) as gateway:
        gateway.report("f0", DeliveryState.FAILED, NOBODY)
        gateway.report("f0", DeliveryState.FAILED, NOBODY)
        await gateway.rest(5)
        assert len(world.server.errors("m1")) == 1


async def test_if_the_client_is_gone_by_then_the_user_reads_it_as_a_message(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(LATER)
        world.server.gone = True
        gateway.report("f0", DeliveryState.FAILED, NOBODY)
        await gateway.rest(5)
        assert world.server.errors() == []
        (word,) = world.server.messages()
        assert word.get("to") == ALICE
        assert "to carol" in word.findtext(f"{{{COMPONENT}}}body")
        assert "There is no carol." in word.findtext(f"{{{COMPONENT}}}body")


async def test_without_a_link_the_error_waits_for_it(world):
    world.network.answers = False
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(1)
        gateway.lose_link()
        world.network.tickets[0].refused(NOBODY)
        await gateway.rest(LATER)
        gateway.raise_link()
        await gateway.rest(5)
        assert len(world.server.errors("m1")) == 1


async def test_an_unknown_foreign_id_is_nobodys_news(world):
    async with living(world, FORWARDING) as gateway:
        gateway.report("never seen", DeliveryState.DELIVERED)
        await gateway.rest(2)
        assert world.server.received == []


async def test_a_network_that_cannot_wait_refuses_at_once_when_it_is_away(world):
    async with living(world) as gateway:
        gateway.go_offline()
        gateway.write("hello", "m1")
        await gateway.rest(2)
        assert [each.condition for each in gateway.refusals] == [Condition.RECIPIENT_UNAVAILABLE]
        assert "The network is away." in gateway.refusals[0].text
    assert await world.rows() == []


async def test_messages_wait_for_a_network_that_forwards_and_keep_their_order(world):
    async with living(world, FORWARDING) as gateway:
        gateway.go_offline()
        for number in range(10):
            gateway.write(f"line {number}", f"m{number}")
        await gateway.rest(3)
        assert said(world) == []
        assert gateway.refusals == []
        assert len(gateway.notes) == 1, "the user is told once"
        gateway.come_online()
        gateway.write("fresh", "m10")
        await gateway.rest(3)
        assert said(world) == [*(f"line {number}" for number in range(10)), "fresh"]


async def test_waiting_messages_survive_a_restart(world):
    async with living(world, FORWARDING) as gateway:
        gateway.go_offline()
        gateway.write("hello", "m1")
        await gateway.rest(1)
    async with living(world, FORWARDING) as gateway:
        await gateway.rest(1)
        gateway.come_online()
        await gateway.rest(3)
        assert said(world) == ["hello"]


async def test_a_refusal_for_now_is_tried_again_later(world):
    world.network.refusal = AWAY
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(5)
        gateway.write("second", "m2")
        await gateway.rest(5)
        world.network.refusal = None
        await gateway.rest(60)
        assert said(world) == ["hello", "second"]
        assert world.server.errors() == []


async def test_what_could_not_be_sent_in_time_fails_with_the_last_reason(world):
    world.network.refusal = AWAY
    policy = DeliveryPolicy(outbound=OutboundPolicy(age=3600))
    async with living(world, FORWARDING, policy) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(3700)
        (error,) = world.server.errors("m1")
        assert "The network is busy." in error.find(f"{{{COMPONENT}}}error/{TEXT}").text


async def test_a_user_can_only_have_so_many_waiting(world):
    policy = DeliveryPolicy(outbound=OutboundPolicy(waiting=3))
    async with living(world, FORWARDING, policy) as gateway:
        gateway.go_offline()
        for number in range(5):
            gateway.write("hello", f"m{number}")
        await gateway.rest(2)
        assert [each.condition for each in gateway.refusals] == [Condition.RESOURCE_CONSTRAINT] * 2
        gateway.come_online()
        await gateway.rest(2)
        gateway.write("room again", "m9")
        await gateway.rest(2)
        assert len(said(world)) == 4


async def test_with_a_full_disk_nothing_is_sent_and_the_user_is_told(world):
    async with living(world) as gateway:
        gateway.store.full = True
        gateway.write("hello", "m1")
        await gateway.rest(2)
        assert said(world) == []
        (error,) = world.server.errors("m1")
        assert "could not store your message" in error.find(f"{{{COMPONENT}}}error/{TEXT}").text
        gateway.store.full = False
        gateway.write("hello", "m2")
        await gateway.rest(2)
        assert said(world) == ["hello"]


async def test_with_a_database_locked_by_another_program_nothing_is_sent_and_the_user_is_told(world):
    async with living(world) as gateway:
        with closing(sqlite3.connect(world.url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            gateway.write("hello", "m1")
            gateway.hear("still heard")
            await gateway.rest(2)
        assert said(world) == []
        assert len(world.server.errors("m1")) == 1
        assert len(world.server.messages()) == 1
        gateway.write("hello", "m2")
        await gateway.rest(2)
        assert said(world) == ["hello"]


async def test_a_disk_that_fills_up_later_loses_no_outcome(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        await gateway.rest(1)
        gateway.store.full = True
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(3)
        assert world.server.receipts() == ["m1"]
        gateway.store.full = False
        await gateway.rest(10)
    (row,) = await world.rows()
    assert (row.state, row.active) == (DeliveryState.DELIVERED, False)


@pytest.mark.parametrize("capabilities", [PLAIN, FORWARDING])
async def test_an_attempt_without_an_outcome_is_unknown_after_a_restart(world, capabilities):
    world.network.answers = False
    async with living(world, capabilities) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(1)
        gateway.dead = True
    async with living(world, capabilities) as gateway:
        await gateway.rest(5)
        (error,) = world.server.errors("m1")
        assert "may or may not have arrived" in error.find(f"{{{COMPONENT}}}error/{TEXT}").text
        assert said(world) == ["hello"], "nobody tries again what may have arrived"


async def test_an_attempt_without_an_outcome_is_repeated_where_that_is_seen(world):
    world.network.answers = False
    async with living(world, REPEATING) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(1)
        gateway.dead = True
    world.network.answers = True
    async with living(world, REPEATING) as gateway:
        gateway.come_online()
        await gateway.rest(5)
        assert len({reference for reference, _ in world.network.taken}) == 1
        assert len(world.network.taken) == 2
        assert world.server.errors() == []


async def test_what_was_unknown_can_become_known_and_is_no_second_error(world):
    async with living(world, FORWARDING) as gateway:
        gateway.write("one", "m1", extra=REQUEST)
        gateway.write("two", "m2")
        await gateway.rest(2)
        for number in (0, 1):
            gateway.report(f"f{number}", DeliveryState.UNKNOWN)
        await gateway.rest(2)
        gateway.report("f0", DeliveryState.DELIVERED)
        gateway.report("f1", DeliveryState.FAILED, NOBODY)
        await gateway.rest(5)
        assert world.server.receipts() == ["m1"]


async def test_a_session_that_fails_is_an_error_of_that_message_only(world):
    async with living(world) as gateway:
        gateway.account.session.tell = None
        gateway.write("hello", "m1")
        await gateway.rest(3)
        assert len(world.server.errors("m1")) == 1


async def test_nobodys_message_waits_for_a_stranger(world):
    async with living(world, FORWARDING) as gateway:
        gateway.account = None
        gateway.write("hello", "m1")
        await gateway.rest(1)
        assert [each.condition for each in gateway.refusals] == [Condition.RECIPIENT_UNAVAILABLE]


# -- networks that say nothing ----------------------------------------------------------------------------------

SILENCE = DeliveryPolicy(outbound=OutboundPolicy(report_age=2 * 86_400.0))


async def test_a_message_that_is_never_reported_on_is_told_as_unknown_once(world):
    async with living(world, FORWARDING, SILENCE) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        gateway.write("another", "m2", extra=REQUEST)
        await gateway.rest(3)
        gateway.report("f1", DeliveryState.DELIVERED)
        await gateway.rest(3)
        assert world.server.errors() == []
    await world.clock.advance(2 * 86_400)
    for _ in range(2):
        async with living(world, FORWARDING, SILENCE) as gateway:
            await gateway.rest(700)
            (error,) = world.server.errors()
            assert error.get("id") == "m1"
            assert "within 2 days" in error.find(f"{{{COMPONENT}}}error/{TEXT}").text


async def test_a_report_after_that_is_a_receipt_all_the_same(world):
    async with living(world, FORWARDING, SILENCE) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        await gateway.rest(3)
        await gateway.rest(2 * 86_400 + 700)
        for _ in range(20):  # a commit of the sweep takes what it takes on a loaded machine
            if world.server.errors("m1"):
                break
            await gateway.rest(60)
        assert len(world.server.errors("m1")) == 1
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(5)
        assert world.server.receipts() == ["m1"]


async def test_where_silence_is_consent_nobody_is_told_of_it(world):
    async with living(world, replace(FORWARDING, silence_is_consent=True), SILENCE) as gateway:
        gateway.write("hello", "m1", extra=REQUEST)
        await gateway.rest(3 * 86_400)
        assert world.server.errors() == []
        gateway.report("f0", DeliveryState.DELIVERED)
        await gateway.rest(5)
        assert world.server.receipts() == ["m1"]


async def test_without_reports_accepted_is_the_end(world):
    async with living(world, PLAIN, SILENCE) as gateway:
        gateway.write("hello", "m1")
        await gateway.rest(3 * 86_400)
    assert world.server.received == []
