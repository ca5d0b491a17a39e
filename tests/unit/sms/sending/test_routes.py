"""Which route is asked, and when another one may be: only after a definite refusal, never with part of it elsewhere."""

import pytest

from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Failing, Unknown
from gateway.model import Condition, DeliveryState, ErrorType, Refused
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.sending.office import Office, Routes, rejected


@pytest.fixture
def two(office: Office) -> Office:
    """With routes a and b, of which each gives ten characters to a piece."""
    office.routes = Routes(FakeRoute("a", each=10), FakeRoute("b", each=10))
    return office


@pytest.mark.parametrize("failing", [Failing.ROUTE, Failing.PASSING])
async def test_another_route_is_asked_at_once_after_a_definite_refusal(two: Office, failing: Failing) -> None:
    two.a.steps.append(rejected(failing))
    async with two.open():
        id = await two.send("hello")
        await two.until(id, MessageState.SENT)
        known = await two.known(id)
    assert (len(two.a.written), len(two.b.written)) == (1, 1)
    assert [(route, tries) for _, route, tries in known.pieces] == [("b", 2)]
    assert two.a.written[0].submission == two.b.written[0].submission


async def test_another_route_is_asked_where_the_first_cannot_be_used(two: Office) -> None:
    two.a.away = "no connection"
    async with two.open():
        await two.until(await two.send(), MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (0, 1)


async def test_another_route_is_asked_where_the_first_can_never_send_it(two: Office) -> None:
    two.a.unfit = Refused(Condition.NOT_ACCEPTABLE, "too long")
    async with two.open():
        await two.until(await two.send(), MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (0, 1)


async def test_what_no_route_can_ever_send_fails_with_its_reason(two: Office) -> None:
    two.a.unfit = two.b.unfit = Refused(Condition.NOT_ACCEPTABLE, "too long")
    async with two.open():
        await two.send()
        told = await two.told.until(1)
    assert told.state is DeliveryState.FAILED
    assert told.why == Refused(Condition.NOT_ACCEPTABLE, "too long")


async def test_a_message_that_is_refused_itself_fails_at_once_and_goes_nowhere_else(two: Office) -> None:
    two.a.steps.append(rejected(Failing.MESSAGE, text="no such number"))
    async with two.open():
        id = await two.send()
        told = await two.told.until(1)
    assert (told.id, told.state) == (id, DeliveryState.FAILED)
    assert told.why == Refused(Condition.ITEM_NOT_FOUND, "no such number")
    assert not two.b.written


async def test_when_all_routes_refuse_the_most_telling_reason_is_told(two: Office) -> None:
    two.a.steps.append(rejected(Failing.ROUTE, Condition.FORBIDDEN, text="not to this country"))
    two.b.steps.append(
        rejected(Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, text="wrong password", operator=True)
    )
    async with two.open():
        await two.send()
        told = await two.told.until(1)
    assert told.why is not None
    assert told.why.text == "not to this country"
    assert two.troubles == [("b", "wrong password")]


async def test_an_unknown_outcome_is_never_tried_elsewhere(two: Office) -> None:
    two.a.steps.append(Unknown("connection lost"))
    async with two.open():
        id = await two.send()
        await two.until(id, MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (1, 0)


async def test_a_message_whose_first_piece_was_taken_stays_on_its_route(two: Office) -> None:
    two.a.steps.extend([lambda s, n: two.a.accept(), rejected(Failing.PASSING)])
    async with two.open():
        id = await two.send("a text of two pieces")
        await two.delayed()
        assert two.a.texts == [("a text of two pieces", 0), ("a text of two pieces", 1)]
        await two.clock.advance(10)
        await two.until(id, MessageState.SENT)
    assert [piece for _, piece in two.a.texts] == [0, 1, 1]
    assert not two.b.written


async def test_a_later_piece_refused_by_its_route_for_good_fails_the_message(two: Office) -> None:
    two.a.steps.extend([lambda s, n: two.a.accept(), rejected(Failing.ROUTE, text="blocked")])
    async with two.open():
        await two.send("a text of two pieces")
        told = await two.told.until(1)
    assert (told.state, told.why and told.why.text) == (DeliveryState.FAILED, "blocked")
    assert not two.b.written


async def test_pieces_after_one_of_unknown_outcome_go_on_by_the_same_route(two: Office) -> None:
    two.a.steps.append(Unknown("connection lost"))
    async with two.open():
        id = await two.send("a text of two pieces")
        await two.until(id, MessageState.SENT)
    assert [piece for _, piece in two.a.texts] == [0, 1]
    assert not two.b.written


async def test_a_passing_refusal_is_tried_again_and_never_before_its_time(office: Office) -> None:
    office.a.steps.append(rejected(Failing.PASSING, later=100.0))
    async with office.open():
        id = await office.send()
        await office.delayed()
        await office.clock.advance(99)
        assert len(office.a.written) == 1
        await office.clock.advance(2)
        await office.until(id, MessageState.SENT)
    assert len(office.a.written) == 2


async def test_a_message_that_nobody_takes_in_its_time_fails_with_the_last_reason(office: Office) -> None:
    office.a.steps.extend([rejected(Failing.PASSING, text="throttled")] * 3)
    async with office.open():
        await office.send(expires=office.clock.now() + 30)
        for attempts in (1, 2):
            await office.a.until(attempts)
            await office.delayed()
            await office.clock.advance(20)
        told = await office.told.until(1)
    assert told.state is DeliveryState.FAILED
    assert told.why is not None
    assert (told.why.condition, told.why.error_type) == (Condition.REMOTE_SERVER_TIMEOUT, ErrorType.WAIT)
    assert "throttled" in told.why.text
    assert not told.why.uncertain
    assert len(office.a.written) == 2


async def test_a_message_waits_while_no_route_can_be_used(two: Office) -> None:
    two.a.away = two.b.away = "no connection"
    async with two.open():
        id = await two.send()
        await two.delayed()
        two.b.away = ""
        await two.clock.advance(3)
        await two.until(id, MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (0, 1)


async def test_who_has_refused_for_good_is_not_asked_again_even_after_a_restart(two: Office) -> None:
    two.a.steps.append(rejected(Failing.ROUTE))
    two.b.steps.append(rejected(Failing.PASSING))
    async with two.open():
        id = await two.send()
        await two.delayed()
    async with two.open():
        await two.delayed()
        await two.clock.advance(10)
        await two.until(id, MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (1, 2)


async def test_a_route_that_takes_the_same_twice_for_one_is_asked_again_itself(two: Office) -> None:
    two.a.idempotent = True
    two.a.steps.append(Unknown("timeout"))
    async with two.open():
        id = await two.send()
        await two.delayed()
        await two.clock.advance(10)
        await two.until(id, MessageState.SENT)
    first, second = two.a.written
    assert first.submission == second.submission
    assert not two.b.written
    assert not two.told.news


async def test_what_may_have_been_taken_is_not_refused_by_a_later_attempt(two: Office) -> None:
    two.a.idempotent = True
    two.a.steps.extend([Unknown("timeout"), rejected(Failing.PASSING), rejected(Failing.PASSING)])
    async with two.open():
        await two.send(expires=two.clock.now() + 20)
        for attempts in (1, 2):
            await two.a.until(attempts)
            await two.delayed()
            await two.clock.advance(12)
        told = await two.told.until(1)
    assert told.state is DeliveryState.UNKNOWN
    assert not two.b.written


async def test_a_mistake_of_a_route_leaves_the_outcome_unknown(two: Office) -> None:
    two.a.steps.append(ZeroDivisionError("oh"))
    async with two.open():
        await two.until(await two.send(), MessageState.SENT)
    assert (len(two.a.written), len(two.b.written)) == (1, 0)


async def test_without_any_route_the_sender_is_told_whom_to_ask(office: Office) -> None:
    office.routes = Routes()
    async with office.open():
        await office.send()
        told = await office.told.until(1)
    assert told.why is not None
    assert told.why.condition is Condition.SERVICE_UNAVAILABLE
    assert "operator" in told.why.text


async def test_whom_nobody_may_text_fails_with_the_chooser_s_reason(office: Office) -> None:
    office.routes.unfit = Refused(Condition.FORBIDDEN, "not there")
    async with office.open():
        await office.send()
        assert (await office.told.until(1)).why == office.routes.unfit
    assert not office.a.written


async def test_a_mistake_in_choosing_delays_and_loses_nothing(office: Office) -> None:
    office.routes.fault = ZeroDivisionError("oh")
    async with office.open():
        id = await office.send()
        await office.delayed()
        office.routes.fault = None
        await office.clock.advance(61)
        await office.until(id, MessageState.SENT)


async def test_the_rest_of_a_message_fails_when_its_route_is_no_more(two: Office) -> None:
    two.a.steps.extend([lambda s, n: two.a.accept(), rejected(Failing.PASSING)])
    async with two.open():
        await two.send("a text of two pieces")
        await two.delayed()
    two.routes.routes.pop(0)
    async with two.open():
        await two.delayed()
        await two.clock.advance(10)
        told = await two.told.until(1)
    assert (told.state, two.routes.routes[0].written) == (DeliveryState.FAILED, [])


async def test_the_rest_of_a_message_fails_when_it_would_be_divided_otherwise(two: Office) -> None:
    two.a.steps.extend([lambda s, n: two.a.accept(), rejected(Failing.PASSING)])
    async with two.open():
        await two.send("a text of two pieces")
        await two.delayed()
        two.a.each = 5
        await two.clock.advance(10)
        told = await two.told.until(1)
    assert told.state is DeliveryState.FAILED
    assert [piece for _, piece in two.a.texts] == [0, 1]
