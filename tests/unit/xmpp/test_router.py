"""gateway/xmpp/router.py: which handler gets a stanza, and that every request has exactly one answer."""

import asyncio
from xml.etree.ElementTree import Comment, Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.router import AlreadyAnsweredError, Reply, Router
from gateway.xmpp.stanza import Stanza
from tests.unit.xmpp.support import ANY_TEXT, ManualClock, Wire, error_of, parse, request

PING = "<ping xmlns='urn:xmpp:ping'/>"


class Bench:
    def __init__(self, **limits: float) -> None:
        self.clock = ManualClock()
        self.wire = Wire()
        self.router = Router(self.wire.send, self.clock, **limits)
        self.seen: list[str] = []

    def note(self, name: str):
        def handler(stanza: Stanza) -> None:
            self.seen.append(name)

        return handler

    def dispatch(self, text: str) -> None:
        self.router.dispatch(parse(text))


@pytest.fixture
def bench():
    return Bench()


def addressed(kind: str, rest: str = "", content: str = "") -> str:
    return f"<{kind} from='alice@example.org/phone' to='room@gw' id='m1'{rest}>{content}</{kind}>"


# Messages and presence


def test_the_namespace_of_a_child_decides_before_the_type_alone(bench):
    bench.router.on("presence", "http://jabber.org/protocol/muc", "available", bench.note("join"))
    bench.router.on("presence", "", "available", bench.note("available"))
    bench.router.on("presence", "*", "*", bench.note("other"))
    bench.dispatch(addressed("presence", "", "<show>away</show><x xmlns='http://jabber.org/protocol/muc'/>"))
    bench.dispatch(addressed("presence", "", "<c xmlns='http://jabber.org/protocol/caps'/>"))
    bench.dispatch(
        addressed("presence", " type='unavailable'", "<x xmlns='http://jabber.org/protocol/muc'/>")
    )
    assert bench.seen == ["join", "available", "other"]
    assert bench.wire.sent == []


def test_the_first_child_that_somebody_wants_decides(bench):
    bench.router.on("message", "urn:b", "normal", bench.note("b"))
    bench.router.on("message", "urn:c", "normal", bench.note("c"))
    bench.dispatch(addressed("message", "", "<a xmlns='urn:a'/><c xmlns='urn:c'/><b xmlns='urn:b'/>"))
    assert bench.seen == ["c"]


def test_a_message_nobody_handles_is_answered_and_a_headline_or_a_presence_is_not(bench):
    bench.dispatch(addressed("message", "", "<body>hello</body>"))
    assert error_of(bench.wire.one()) == ("cancel", "service-unavailable")
    bench.dispatch(addressed("message", " type='headline'", "<body>hello</body>"))
    bench.dispatch(addressed("message", " type='error'"))
    bench.dispatch(addressed("presence"))
    assert bench.wire.sent == []


def test_a_refusal_of_a_handler_becomes_an_error(bench):
    def refuse(stanza: Stanza) -> None:
        raise RefusedError(Refused(Condition.ITEM_NOT_FOUND, "No such room."), payload="<x xmlns='urn:x'/>")

    bench.router.on("message", "", "normal", refuse)
    bench.router.on("message", "", "error", refuse)
    bench.dispatch(addressed("message", " type='error'", "<body>hello</body>"))
    assert bench.wire.sent == []
    bench.dispatch(addressed("message", "", "<body>hello</body>"))
    answer = bench.wire.one()
    assert answer[0].tag == "{urn:x}x"
    assert error_of(answer) == ("cancel", "item-not-found")


def test_a_handler_that_fails_disturbs_nothing_else(bench):
    def fail(stanza: Stanza) -> None:
        raise ZeroDivisionError

    bench.router.on("message", "", "normal", fail)
    bench.router.on("presence", "", "available", bench.note("presence"))
    bench.dispatch(addressed("message"))
    bench.dispatch(addressed("presence"))
    assert error_of(bench.wire.one()) == ("cancel", "internal-server-error")
    assert bench.seen == ["presence"]


def test_a_place_in_the_table_is_given_once(bench):
    bench.router.on("message", "", "chat", bench.note("one"))
    with pytest.raises(ValueError, match="handler"):
        bench.router.on("message", "", "chat", bench.note("two"))


# What no sane server sends


@pytest.mark.parametrize(
    "text",
    [
        "<message/>",
        "<message from='a@b'/>",
        "<message to='gw'/>",
        "<iq type='get' id='1' to='gw'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq/>",
        "<handshake from='a@b' to='gw'/>",
        "<message from='a@b' to='gw' type='error'><body/></message>",
        "<iq from='a@b' to='gw' type='result' id='x'/>",
        "<iq from='a@b' to='gw' type='error' id='x'/>",
        "<iq from='a@b' to='gw' type='error'/>",
    ],
)
def test_what_cannot_be_answered_is_dropped_without_a_word(bench, text):
    bench.dispatch(text)
    assert bench.wire.sent == []


def test_elements_that_are_no_elements_are_survived(bench):
    bench.router.dispatch(Comment("not a stanza"))
    message = Element("message", {"from": "a@b", "to": "gw"})
    message.append(Comment("no child"))
    bench.router.dispatch(message)
    SubElement(message, "")
    bench.router.dispatch(message)
    bench.router.on("presence", "", "available", bench.note("presence"))
    bench.dispatch(addressed("presence"))
    assert bench.seen == ["presence"]


@given(st.sampled_from(["message", "presence", "iq"]), ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_dispatch_is_total_and_whatever_it_answers_is_well_formed(kind, type_, id_, from_, to, tag):
    bench = Bench()
    element = Element(kind, {"type": type_, "id": id_, "from": from_, "to": to})
    SubElement(element, tag)
    bench.router.dispatch(element)
    for answer in bench.wire.take():
        assert answer.get("type") == "error"


# Requests


def answer_to(bench: Bench, element: Element) -> Element:
    bench.router.dispatch(element)
    return bench.wire.one()


def test_a_request_is_answered_from_the_address_it_went_to(bench):
    bench.router.on("iq", "urn:xmpp:ping", "get", lambda stanza, reply: reply.result())
    answer = answer_to(bench, request(PING, id="<1>".replace("<", "&lt;"), to="#c%irc.net@gw/N"))
    assert answer.attrib == {
        "type": "result",
        "id": "<1>",
        "from": "#c%irc.net@gw/N",
        "to": "alice@example.org/phone",
    }


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("<iq type='get' id='1' from='a@b' to='gw'/>", "bad-request"),
        (f"<iq type='get' from='a@b' to='gw'>{PING}</iq>", "bad-request"),
        (f"<iq type='get' id='1' from='a@b' to='gw'>{PING}{PING}</iq>", "bad-request"),
        (f"<iq id='1' from='a@b' to='gw'>{PING}</iq>", "bad-request"),
        (f"<iq type='ask' id='1' from='a@b' to='gw'>{PING}</iq>", "bad-request"),
        (f"<iq type='set' id='1' from='a@b' to='gw'>{PING}</iq>", "service-unavailable"),
        ("<iq type='get' id='1' from='a@b' to='gw'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        ("<iq type='get' id='1' from='a@b' to='gw'><x xmlns=''/></iq>", "service-unavailable"),
    ],
)
def test_a_request_that_is_wrong_or_unknown_is_answered_so(bench, text, condition):
    bench.router.on("iq", "urn:xmpp:ping", "get", lambda stanza, reply: reply.result())
    bench.dispatch(text)
    assert error_of(bench.wire.one())[1] == condition


def test_fallbacks_for_requests_go_from_the_type_to_anything(bench):
    def named(name: str):
        return lambda stanza, reply: reply.result(f"<{name}/>")

    bench.router.on("iq", "", "get", named("any-get"))
    bench.router.on("iq", "*", "*", named("any"))
    assert answer_to(bench, request(PING))[0].tag.endswith("any-get")
    assert answer_to(bench, request(PING, type="set"))[0].tag.endswith("any")


def test_results_and_errors_go_to_whoever_asked_for_them_and_get_no_answer(bench):
    bench.router.on("iq", "", "result", bench.note("result"))
    bench.router.on("iq", "", "error", bench.note("error"))
    bench.router.dispatch(request("", type="result"))
    bench.router.dispatch(request("<error/>", type="error"))
    assert bench.seen == ["result", "error"]
    assert bench.wire.sent == []


def test_a_second_answer_is_a_bug_and_is_not_sent(bench):
    def answer_twice(stanza: Stanza, reply: Reply) -> None:
        reply.result()
        with pytest.raises(AlreadyAnsweredError):
            reply.result()
        reply.error(Refused(Condition.CONFLICT))

    bench.router.on("iq", "urn:xmpp:ping", "get", answer_twice)
    assert answer_to(bench, request(PING)).get("type") == "result"


def test_a_handler_that_fails_after_its_answer_sends_no_other(bench):
    def answer_and(failure: Exception):
        def handler(stanza: Stanza, reply: Reply) -> None:
            reply.result()
            raise failure

        return handler

    bench.router.on("iq", "urn:a", "get", answer_and(ZeroDivisionError()))
    bench.router.on("iq", "urn:b", "get", answer_and(RefusedError(Refused(Condition.CONFLICT))))
    assert answer_to(bench, request("<a xmlns='urn:a'/>")).get("type") == "result"
    assert answer_to(bench, request("<b xmlns='urn:b'/>")).get("type") == "result"


def test_refusals_and_failures_of_a_handler_are_the_answer(bench):
    def raising(failure: Exception):
        def handler(stanza: Stanza, reply: Reply) -> None:
            raise failure

        return handler

    refusal = RefusedError(
        Refused(Condition.FORBIDDEN, "Only for operators."),
        detail="<d xmlns='urn:d'/>",
        payload="<p xmlns='urn:p'/>",
    )
    bench.router.on("iq", "urn:a", "get", raising(refusal))
    bench.router.on("iq", "urn:b", "get", raising(KeyError("x")))
    answer = answer_to(bench, request("<a xmlns='urn:a'/>"))
    assert error_of(answer) == ("auth", "forbidden")
    assert answer[0].tag == "{urn:p}p"
    assert answer[1][-1].tag == "{urn:d}d"
    assert error_of(answer_to(bench, request("<b xmlns='urn:b'/>"))) == ("cancel", "internal-server-error")


async def test_awaitable_handlers_answer_when_they_are_done(bench):
    gate = asyncio.Event()

    async def work(stanza: Stanza, reply: Reply) -> None:
        await gate.wait()
        reply.result("<done/>")

    bench.router.on("iq", "urn:xmpp:ping", "get", work)
    bench.router.dispatch(request(PING))
    await asyncio.sleep(0)
    assert bench.wire.sent == []
    gate.set()
    await settle()
    assert bench.wire.one()[0].tag.endswith("done")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def fails(stanza: Stanza, reply: Reply) -> None:
    raise KeyError("x")


async def refuses(stanza: Stanza, reply: Reply) -> None:
    raise RefusedError(Refused(Condition.CONFLICT))


async def forgets(stanza: Stanza, reply: Reply) -> None:
    pass


async def is_cancelled(stanza: Stanza, reply: Reply) -> None:
    raise asyncio.CancelledError


async def answers_and_fails(stanza: Stanza, reply: Reply) -> None:
    reply.error(Refused(Condition.GONE))
    raise KeyError("x")


@pytest.mark.parametrize(
    ("handler", "condition"),
    [
        (fails, "internal-server-error"),
        (refuses, "conflict"),
        (forgets, "internal-server-error"),
        (is_cancelled, "internal-server-error"),
        (answers_and_fails, "gone"),
    ],
)
async def test_an_awaitable_handler_that_ends_badly_is_answered_once_all_the_same(bench, handler, condition):
    bench.router.on("iq", "urn:xmpp:ping", "get", handler)
    bench.router.dispatch(request(PING))
    await settle()
    assert error_of(bench.wire.one())[1] == condition


async def test_what_takes_too_long_is_answered_and_cancelled(bench):
    ended = []

    async def hang(stanza: Stanza, reply: Reply) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(stanza.id)
            reply.result()

    bench.router.on("iq", "urn:xmpp:ping", "get", hang)
    bench.router.dispatch(request(PING, id="one"))
    await settle()
    bench.clock.advance(20)
    bench.router.dispatch(request(PING, id="two"))
    await settle()
    bench.clock.advance(11)
    await settle()
    answer = bench.wire.one()
    assert (answer.get("id"), *error_of(answer)) == ("one", "wait", "remote-server-timeout")
    assert ended == ["one"]
    bench.clock.advance(20)
    await settle()
    assert bench.wire.one().get("id") == "two"
    assert bench.clock.armed == []


def test_an_answer_may_be_kept_for_later_within_the_deadline(bench):
    kept: list[Reply] = []
    bench.router.on("iq", "urn:xmpp:ping", "get", lambda stanza, reply: kept.append(reply))
    bench.router.dispatch(request(PING, id="in time"))
    bench.router.dispatch(request(PING, id="late"))
    kept[0].result()
    assert bench.wire.one().get("id") == "in time"
    bench.clock.advance(31)
    assert error_of(bench.wire.one())[1] == "remote-server-timeout"
    kept[1].result()
    assert bench.wire.sent == []
    assert kept[1].expired


def test_requests_under_way_are_bounded_by_sender_and_in_all():
    bench = Bench(per_sender=2, total=3)
    kept: list[Reply] = []
    bench.router.on("iq", "urn:xmpp:ping", "get", lambda stanza, reply: kept.append(reply))
    for sender in ("a@x/1", "a@x/2", "a@x/3", "b@x/1", "c@x/1"):
        bench.router.dispatch(request(PING, sender=sender))
    assert [(answer.get("to"), error_of(answer)[1]) for answer in bench.wire.take()] == [
        ("a@x/3", "resource-constraint"),
        ("c@x/1", "resource-constraint"),
    ]
    for reply in kept:
        reply.result()
    bench.wire.take()
    bench.router.dispatch(request(PING, sender="a@x/3"))
    assert len(kept) == 4


async def test_a_flood_of_one_sender_leaves_room_for_others():
    bench = Bench()
    gate = asyncio.Event()

    async def work(stanza: Stanza, reply: Reply) -> None:
        await gate.wait()
        reply.result()

    bench.router.on("iq", "urn:xmpp:ping", "get", work)
    for number in range(1000):
        bench.router.dispatch(request(PING, id=f"f{number}", sender="flood@x/1"))
    bench.router.dispatch(request(PING, id="other", sender="quiet@x/1"))
    assert len(bench.wire.take()) == 950
    assert len(bench.clock.armed) == 1
    gate.set()
    await settle()
    answers = bench.wire.take()
    assert len(answers) == 51
    assert answers[-1].get("id") == "other"
    bench.router.dispatch(request(PING, sender="flood@x/1"))
    await settle()
    assert bench.wire.one().get("type") == "result"


async def test_closing_answers_what_is_under_way_and_ends_its_tasks(bench):
    kept: list[Reply] = []
    ended = []

    async def hang(stanza: Stanza, reply: Reply) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(stanza.id)

    bench.router.on("iq", "urn:a", "get", hang)
    bench.router.on("iq", "urn:b", "get", lambda stanza, reply: kept.append(reply))
    bench.router.dispatch(request("<a xmlns='urn:a'/>", id="a"))
    bench.router.dispatch(request("<b xmlns='urn:b'/>", id="b"))
    await settle()
    await bench.router.close()
    assert ended == ["a"]
    assert [error_of(answer) for answer in bench.wire.take()] == [("wait", "service-unavailable")] * 2
    assert bench.clock.armed == []


def test_answers_to_a_lost_link_are_no_failure(bench):
    bench.wire.up = False
    bench.router.on("iq", "urn:xmpp:ping", "get", lambda stanza, reply: reply.result())
    bench.router.dispatch(request(PING))
    bench.router.dispatch(request("<x xmlns='urn:x'/>"))
    assert bench.clock.armed == []
