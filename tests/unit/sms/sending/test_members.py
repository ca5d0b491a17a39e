"""Groups of which every member has a request of their own: each has its own outcome and report, nobody is written to twice,
and the message is what became of all of them."""

import pytest

from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Failing, Stage, Unknown
from gateway.model import Condition, DeliveryState
from tests.fakes.sms_route import FakeRoute, Silence
from tests.unit.sms.sending.office import OTHERS, THEIRS, Office, Routes, rejected

THIRD = "+15559990000"
GROUP = (THEIRS, OTHERS, THIRD)


@pytest.fixture
def members(office: Office) -> Office:
    """With a route that writes to members one by one, and one that has one request for all."""
    office.routes = Routes(FakeRoute("a", apart=True), FakeRoute("b"))
    return office


async def test_every_member_is_written_to_once_and_the_group_has_it_when_all_of_them_have(
    members: Office,
) -> None:
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        assert [each.piece for each in members.a.written] == [0, 1, 2]
        for written in members.a.written:
            assert (await members.known(id)).state is MessageState.SENT
            await members.report(written, Stage.DELIVERED)
        assert (await members.told.until(1)).state is DeliveryState.DELIVERED
    assert not members.b.written


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_reports_find_their_member_by_our_reference_and_the_phone_alone(
    members: Office, order: tuple[int, ...]
) -> None:
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        for n in order:
            for _ in range(2):
                assert (await members.known(id)).state is MessageState.SENT
                await members.report(
                    members.a.written[n], Stage.BUFFERED, id=f"else-{n}", reference=id, recipient=GROUP[n][1:]
                )
            await members.report(
                members.a.written[n], Stage.DELIVERED, id=f"else-{n}", reference=id, recipient=GROUP[n][1:]
            )
        assert (await members.told.until(1)).state is DeliveryState.DELIVERED


async def test_a_member_that_is_refused_costs_the_others_nothing_and_is_named(members: Office) -> None:
    members.a.steps.extend([lambda s, n: members.a.accept(), rejected(Failing.MESSAGE, text="no number")])
    async with members.open():
        await members.send(recipients=GROUP)
        told = await members.told.until(1)
    assert [each.piece for each in members.a.written] == [0, 1, 2]
    assert told.state is DeliveryState.FAILED
    assert told.why is not None
    assert told.why.text == f"{OTHERS}: no number"
    assert not members.b.written


async def test_the_rest_follows_the_route_that_a_refusal_of_the_first_came_from(members: Office) -> None:
    members.a.steps.extend([rejected(Failing.MESSAGE, text="no number"), rejected(Failing.PASSING)])
    async with members.open():
        await members.send(recipients=GROUP)
        await members.delayed()
        assert not members.told.news
        await members.clock.advance(10)
        told = await members.told.until(1)
    assert [each.piece for each in members.a.written] == [0, 1, 1, 2]
    assert told.why is not None
    assert told.why.text == f"{THEIRS}: no number"
    assert not members.b.written


async def test_who_has_it_does_not_get_it_again_when_the_next_member_has_to_wait(members: Office) -> None:
    members.a.steps.extend([lambda s, n: members.a.accept(), rejected(Failing.PASSING)])
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.delayed()
    async with members.open():
        await members.clock.advance(10)
        await members.until(id, MessageState.SENT)
    assert [each.piece for each in members.a.written] == [0, 1, 1, 2]
    assert not members.b.written


async def test_a_route_that_takes_no_more_fails_the_message_for_all_who_are_left(members: Office) -> None:
    members.a.steps.extend(
        [lambda s, n: members.a.accept(), rejected(Failing.ROUTE, Condition.FORBIDDEN, text="no credit")]
    )
    async with members.open():
        await members.send(recipients=GROUP)
        told = await members.told.until(1)
    assert told.why is not None
    assert (told.state, told.why.text) == (DeliveryState.FAILED, f"{OTHERS}, {THIRD}: no credit")
    assert [each.piece for each in members.a.written] == [0, 1]
    assert not members.b.written


async def test_a_first_member_that_the_route_does_not_take_lets_another_route_have_the_group(
    members: Office,
) -> None:
    members.a.steps.append(rejected(Failing.ROUTE))
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        (written,) = members.b.written
        for each in GROUP:
            await members.report(written, Stage.DELIVERED, recipient=each)
        assert (await members.told.until(1)).state is DeliveryState.DELIVERED
    assert len(members.a.written) == 1


async def test_an_unknown_outcome_is_that_member_s_alone_and_is_never_tried_again(members: Office) -> None:
    members.a.steps.extend([lambda s, n: members.a.accept(), Unknown("connection lost")])
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        for n in (0, 2):
            await members.report(members.a.written[n], Stage.DELIVERED)
        told = await members.in_time()
    assert told.state is DeliveryState.UNKNOWN
    assert told.why is not None
    assert told.why.text.startswith(f"{OTHERS}: connection lost.")
    assert [each.piece for each in members.a.written] == [0, 1, 2]


async def test_a_report_from_a_member_clears_up_the_doubt_about_that_one(members: Office) -> None:
    members.a.steps.extend([Unknown("connection lost"), Unknown("connection lost")])
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        for written in reversed(members.a.written):
            await members.report(written, Stage.DELIVERED)
        assert (await members.told.until(1)).state is DeliveryState.DELIVERED


async def test_who_was_being_written_to_at_the_end_is_in_doubt_and_the_rest_still_gets_it(
    members: Office,
) -> None:
    members.a.steps.extend([lambda s, n: members.a.accept(), Silence()])
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.a.until(2)
    async with members.open():
        await members.until(id, MessageState.SENT)
        for n in (0, 2):
            await members.report(members.a.written[n], Stage.DELIVERED)
        told = await members.in_time()
    assert [each.piece for each in members.a.written] == [0, 1, 2]
    assert told.state is DeliveryState.UNKNOWN
    assert told.why is not None
    assert told.why.text.startswith(OTHERS)


async def test_a_member_that_does_not_get_it_after_all_is_named(members: Office) -> None:
    async with members.open():
        id = await members.send(recipients=GROUP)
        await members.until(id, MessageState.SENT)
        await members.report(members.a.written[1], Stage.FAILED)
        told = await members.told.until(1)
    assert told.why is not None
    assert told.why.text.startswith(f"{OTHERS}: ")
