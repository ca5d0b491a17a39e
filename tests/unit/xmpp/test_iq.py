"""gateway/xmpp/iq.py: requests of ours, their answers, their deadlines."""

import asyncio
import tracemalloc

import pytest

from gateway.model import Condition, ErrorType, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.iq import IqTracker, Outcome
from tests.unit.xmpp.support import ManualClock, Wire, parse, stanza

PEER = "alice@example.org/phone"


class Bench:
    def __init__(self, limit: int = 10_000) -> None:
        self.clock = ManualClock()
        self.wire = Wire()
        self.tracker = IqTracker(self.wire.send, self.clock, limit=limit)
        self.outcomes: list[Outcome] = []

    def ask(self, to: str = PEER, timeout: float = 30.0) -> str:
        return self.tracker.request_cb(
            to, "<ping xmlns='urn:xmpp:ping'/>", self.outcomes.append, sender="gw.example", timeout=timeout
        )

    def answer(self, identifier: str, sender: str = PEER, type: str = "result", payload: str = "") -> None:
        self.tracker.accept(
            stanza(f"<iq type='{type}' id='{identifier}' from='{sender}' to='gw.example'>{payload}</iq>")
        )

    def conditions(self) -> list[Condition]:
        return [outcome.condition for outcome in self.outcomes if isinstance(outcome, Refused)]


@pytest.fixture
def bench():
    return Bench()


async def test_a_request_is_sent_and_its_result_returned(bench):
    asking = asyncio.ensure_future(
        bench.tracker.request(PEER, "<q xmlns='urn:q'/>", sender="o'neill@gw.example", type="set")
    )
    await asyncio.sleep(0)
    sent = bench.wire.one()
    assert (sent.get("type"), sent.get("to"), sent.get("from")) == ("set", PEER, "o'neill@gw.example")
    assert sent[0].tag == "{urn:q}q"
    bench.answer(sent.get("id", ""), payload="<q xmlns='urn:q' a='1'/>")
    assert (await asking)[0].get("a") == "1"
    assert len(bench.tracker) == 0


async def test_an_error_of_the_peer_is_raised_with_its_words(bench):
    asking = asyncio.ensure_future(bench.tracker.request(PEER, "<q xmlns='urn:q'/>", sender="gw.example"))
    await asyncio.sleep(0)
    bench.answer(
        bench.wire.one().get("id", ""),
        type="error",
        payload="<error type='wait'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>later</text></error>",
    )
    with pytest.raises(RefusedError) as refusal:
        await asking
    assert refusal.value.refused == Refused(Condition.NOT_ALLOWED, "later", ErrorType.WAIT)


async def test_a_request_given_up_by_its_asker_is_forgotten(bench):
    asking = asyncio.ensure_future(bench.tracker.request(PEER, "<q xmlns='urn:q'/>", sender="gw.example"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(bench.tracker) == 0


@pytest.mark.parametrize(
    ("asked", "sender"),
    [
        (PEER, PEER),
        (PEER, "alice@example.org"),
        (PEER, "example.org"),
        ("Alice@Example.org/Phone", "alice@example.org/Phone"),
        ("alice@example.org", "alice@example.org"),
        ("alice@example.org", "example.org"),
        ("example.org", "example.org"),
    ],
)
def test_the_one_asked_its_account_and_its_server_may_answer(bench, asked, sender):
    bench.answer(bench.ask(asked), sender)
    assert len(bench.outcomes) == 1


@pytest.mark.parametrize(
    ("asked", "sender"),
    [
        (PEER, "mallory@example.org/phone"),
        (PEER, "alice@example.org/tablet"),
        (PEER, "alice@example.org/Phone"),
        (PEER, "example.org/phone"),
        (PEER, "evil.example"),
        ("alice@example.org", "alice@example.org/phone"),
        ("example.org", "alice@example.org"),
        ("example.org", ""),
    ],
)
def test_nobody_else_may_and_the_right_answer_still_counts(bench, asked, sender):
    identifier = bench.ask(asked)
    bench.answer(identifier, sender)
    bench.answer(identifier, sender, type="error")
    assert bench.outcomes == []
    bench.answer(identifier, asked)
    assert len(bench.outcomes) == 1


def test_an_answer_counts_once_and_an_unknown_one_not_at_all(bench):
    identifier = bench.ask()
    bench.answer("unknown")
    bench.answer("")
    bench.answer(identifier)
    bench.answer(identifier)
    assert len(bench.outcomes) == 1


def test_without_an_answer_a_request_fails_at_its_deadline(bench):
    bench.ask(timeout=10.0)
    bench.ask(timeout=5.0)
    bench.clock.advance(4.9)
    assert bench.outcomes == []
    bench.clock.advance(0.2)
    assert bench.conditions() == [Condition.REMOTE_SERVER_TIMEOUT]
    bench.clock.advance(5)
    assert len(bench.outcomes) == 2
    assert bench.clock.armed == []


def test_a_late_answer_is_ignored(bench):
    identifier = bench.ask()
    bench.clock.advance(31)
    bench.answer(identifier)
    assert bench.conditions() == [Condition.REMOTE_SERVER_TIMEOUT]


def test_a_thousand_pending_requests_have_one_timer_and_answers_in_any_order():
    bench = Bench()
    identifiers = [bench.ask(f"user{number}@example.org", timeout=10 + number % 20) for number in range(1000)]
    assert len(set(identifiers)) == 1000
    assert len(bench.clock.armed) == 1
    for number in reversed(range(0, 1000, 2)):
        bench.answer(identifiers[number], f"user{number}@example.org")
    assert len(bench.tracker) == 500
    bench.clock.advance(60)
    assert len(bench.outcomes) == 1000
    assert len(bench.conditions()) == 500
    assert bench.clock.armed == []


def test_answered_requests_leave_nothing_behind(bench):
    def flood() -> None:
        for _ in range(5000):
            bench.answer(bench.ask())
            bench.outcomes.clear()
            bench.wire.sent.clear()

    flood()
    tracemalloc.start()
    try:
        flood()
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
    assert len(bench.tracker) == 0


def test_more_than_the_limit_are_refused_at_once():
    bench = Bench(limit=3)
    for _ in range(4):
        bench.ask()
    assert bench.conditions() == [Condition.RESOURCE_CONSTRAINT]
    assert len(bench.wire.sent) == 3


def test_what_cannot_be_sent_fails_at_once(bench):
    bench.wire.up = False
    bench.ask()
    assert bench.conditions() == [Condition.REMOTE_SERVER_TIMEOUT]
    assert len(bench.tracker) == 0
    assert bench.clock.armed == []


def test_a_lost_link_fails_everything_and_nothing_asked_later(bench):
    for _ in range(3):
        bench.ask()
    bench.tracker.fail_all("The link to the server was lost.")
    assert (
        bench.outcomes == [Refused(Condition.REMOTE_SERVER_TIMEOUT, "The link to the server was lost.")] * 3
    )
    bench.ask()
    assert len(bench.tracker) == 1
    assert len(bench.clock.armed) == 1


def test_a_request_made_while_the_link_is_lost_is_not_failed_with_the_others(bench):
    def ask_again(outcome: Outcome) -> None:
        bench.ask()

    bench.tracker.request_cb(PEER, "", ask_again, sender="gw.example")
    bench.tracker.fail_all("lost")
    assert len(bench.tracker) == 1
    bench.clock.advance(31)
    assert bench.conditions() == [Condition.REMOTE_SERVER_TIMEOUT]


def test_a_callback_that_fails_harms_no_other(bench):
    def fail(outcome: Outcome) -> None:
        raise ValueError("no use for it")

    bench.tracker.request_cb(PEER, "", fail, sender="gw.example")
    bench.ask()
    bench.clock.advance(31)
    assert len(bench.outcomes) == 1


def test_an_answer_may_come_while_the_request_is_being_sent():
    clock = ManualClock()
    outcomes: list[Outcome] = []

    def send(text: str) -> bool:
        identifier = parse(text).get("id")
        tracker.accept(stanza(f"<iq type='result' id='{identifier}' from='{PEER}' to='gw'/>"))
        return True

    tracker = IqTracker(send, clock)
    tracker.request_cb(PEER, "", outcomes.append, sender="gw")
    clock.advance(60)
    assert len(outcomes) == 1
    assert not isinstance(outcomes[0], Refused)
