"""The subscription state machine: every state with every event, and what it promises whatever comes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.subscriptions import NONE, Act, Asked, Event, Subscription, next_state, stored

STATES = [
    Subscription(from_, to, asked)
    for from_, to, asked in itertools.product((False, True), (False, True), Asked)
    if not (to and asked is not Asked.NOTHING)
]
PEER = [Event.SUBSCRIBE, Event.SUBSCRIBED, Event.UNSUBSCRIBE, Event.UNSUBSCRIBED]


def after(*events: Event, start: Subscription = NONE) -> Subscription:
    for event in events:
        start, _ = next_state(start, event)
    return start


def test_a_first_request_is_approved_shown_and_asked_back() -> None:
    now, acts = next_state(NONE, Event.SUBSCRIBE)
    assert now == Subscription(from_=True, asked=Asked.WAITING)
    assert acts == (Act.SUBSCRIBED, Act.SHOW, Act.SUBSCRIBE)


def test_an_approval_completes_it() -> None:
    assert after(Event.SUBSCRIBE, Event.SUBSCRIBED) == Subscription(from_=True, to=True)


def test_approval_that_nobody_asked_for_changes_nothing() -> None:
    assert next_state(NONE, Event.SUBSCRIBED) == (NONE, ())


@pytest.mark.parametrize("order", list(itertools.permutations([Event.UNSUBSCRIBE, Event.UNSUBSCRIBED])))
def test_removing_from_a_roster_leaves_nothing_in_either_order(order: tuple[Event, Event]) -> None:
    assert after(*order, start=Subscription(True, True)).empty


def test_a_refusal_is_remembered_through_removal() -> None:
    now = after(Event.SUBSCRIBE, Event.UNSUBSCRIBED, Event.UNSUBSCRIBE)
    assert now == Subscription(asked=Asked.REFUSED)
    assert Act.SUBSCRIBE not in next_state(now, Event.SUBSCRIBE)[1]


def test_a_user_who_registers_is_asked_again_in_spite_of_a_refusal() -> None:
    assert next_state(Subscription(asked=Asked.REFUSED), Event.ASK)[1] == (Act.SUBSCRIBE,)


def test_who_is_seen_or_was_asked_already_is_not_asked() -> None:
    for now in (Subscription(True, True), Subscription(asked=Asked.WAITING)):
        assert next_state(now, Event.ASK) == (now, ())


def test_going_takes_everything_back() -> None:
    for state in STATES:
        now, acts = next_state(state, Event.END)
        assert now.empty
        assert acts == (() if state.empty else (Act.HIDE, Act.UNSUBSCRIBE, Act.UNSUBSCRIBED))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", list(Event))
def test_saying_it_again_changes_nothing(state: Subscription, event: Event) -> None:
    once, _ = next_state(state, event)
    twice, acts = next_state(once, event)
    assert twice == once
    assert Act.SUBSCRIBE not in acts


@pytest.mark.parametrize("state", STATES)
def test_what_is_stored_comes_back(state: Subscription) -> None:
    assert stored(state.state, state.asked.value) == state


def test_a_database_of_another_version_is_read() -> None:
    assert stored(NONE.state, "in out") == NONE


@given(st.lists(st.sampled_from(PEER), max_size=40))
def test_whatever_comes_nobody_is_approved_unasked_nor_asked_twice(events: list[Event]) -> None:
    now = NONE
    asked = 0
    for event in events:
        now, acts = next_state(now, event)
        assert now in STATES
        assert (Act.SUBSCRIBED in acts) == (event is Event.SUBSCRIBE)
        assert event is Event.UNSUBSCRIBE or Act.UNSUBSCRIBED not in acts
        if event is Event.UNSUBSCRIBE:
            asked = 0
        elif event is Event.UNSUBSCRIBED and now.asked is Asked.NOTHING:
            asked = 0  # what was approved once was taken back
        asked += acts.count(Act.SUBSCRIBE)
        assert asked <= 1
