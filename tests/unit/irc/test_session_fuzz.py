"""A hostile or broken server may say anything at any time: nothing escapes from the session, and it stays bounded."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridges.irc.protocol.line import Malformed
from gateway.bridge import SessionEnded
from gateway.model import Address, AddressKind, ChatState, Enrichment, MessageKind, Reply
from tests.fakes.clock import settle
from tests.unit.irc.scripted import Receipt, Scene

COMMANDS = """
    JOIN PART KICK QUIT NICK MODE TOPIC PRIVMSG NOTICE PING PONG ERROR KILL INVITE CHGHOST CAP AUTHENTICATE BATCH AWAY
    BATCH TAGMSG REDACT FAIL WARN NOTE ACK
    001 002 005 221 251 301 311 324 329 331 332 333 353 366 372 375 376 396 401 403 404 405 421 422 432 433 436 437 438
    441 442 447 461 464 465 470 471 473 474 475 477 482 489 512 520 696 707 900 901 902 903 904 905 906 907 908 999
"""
WORDS = st.one_of(
    st.sampled_from(
        [
            "Nick",
            "nick",
            "Bob",
            "#foo",
            "#FOO",
            "#bar",
            "#foo,#bar",
            "@#foo",
            "*",
            "=",
            "+ov-b",
            "+o",
            "LS",
            "ACK",
            "NAK",
            "NEW",
            "DEL",
            "sasl",
            "CASEMAPPING=ascii",
            "PREFIX=",
            "PREFIX=(o)@",
            "CHANTYPES=",
            "LINELEN=1",
            "STATUSMSG=@#",
            "NICKLEN=1",
            "TOPICLEN=0",
            "1700000000",
            "@Nick +Bob Eve!e@h",
            "\x01ACTION x\x01",
            "\x01PING\x01",
            "\x01",
            "[#foo] x",
            "+b",
            "-b",
            "+c",
            "-c",
            "draft/multiline",
            "labeled-response",
            "chathistory",
            "CLIENTTAGDENY=*",
            "m1",
            "labeled-response echo-message",
            "REDACT",
        ]
    ),
    st.text(max_size=12),
)
SOURCES = st.sampled_from(
    [
        "",
        ":Nick!n@h ",
        ":Bob!b@h ",
        ":Eve!e@h ",
        ":irc.example ",
        ": ",
        ":!@ ",
        ":@ ",
        "@time=x;msgid= :Bob!b@h ",
        "@label=1 :irc.example ",
        "@label=2;msgid=m1 :Nick!n@h ",
        "@label=3;batch=b :irc.example ",
        "@batch=b;msgid=m2 :Bob!b@h ",
        "@batch=b :Nick!n@h ",
        "@batch=c;draft/multiline-concat :Bob!b@h ",
        "@+reply=m1;+draft/react=👍;msgid=t1 :Bob!b@h ",
        "@+reply=m1;+draft/unreact=👍 :Nick!n@h ",
        "@+typing=active :Bob!b@h ",
    ]
)
LINES = st.one_of(
    st.builds(
        lambda source, command, middles, last: (
            f"{source}{command} {' '.join(middles)}{' :' if last else ''}{last}"
        ),
        SOURCES,
        st.sampled_from(COMMANDS.split()),
        st.lists(WORDS, max_size=4),
        WORDS,
    ),
    st.text(max_size=30),
)
_WISHES = "join leave say tell rename topic kick raw wait close reply react retract moderate type"
WISHES = st.sampled_from(_WISHES.split())
ROOM = Address(AddressKind.ROOM, "irc.example", "#foo")
PERSON = Address(AddressKind.CONTACT, "irc.example", "Bob")


def wish(scene: Scene, what: str, text: str) -> list[Receipt]:
    session, receipt = scene.session, Receipt()
    match what:
        case "join":
            session.join("#foo", "Nick", text)
            return []
        case "leave":
            session.leave("#foo", text)
            return []
        case "say":
            session.say("#foo", text, MessageKind.CHAT, receipt)
        case "tell":
            session.tell("Bob", text, MessageKind.ACTION, receipt)
        case "rename":
            session.rename(text, receipt)
        case "topic":
            session.set_topic("#foo", text, receipt)
        case "kick":
            session.kick("#foo", "Bob", text, receipt)
        case "reply":
            session.express(ROOM, text, MessageKind.CHAT, Enrichment(Reply("m1")), receipt)
        case "react":
            session.react(ROOM, "m1", tuple(text.split()), receipt)
        case "retract":
            session.retract(PERSON, text, receipt)
        case "moderate":
            session.moderate("#foo", "m1", text, receipt)
        case "type":
            session.type(ROOM, ChatState.COMPOSING)
            return []
        case "raw":
            session.instruct(text, receipt)
        case "close":
            session.close(text)
            return []
        case _:
            return []
    return [receipt]


async def play(steps: list[tuple[str, str]], *, logged_in: bool, caps: str = "") -> None:
    scene = Scene({"server_messages": "all"}, {"sasl_password": "secret"} if not logged_in else {})
    if logged_in:
        await (await scene.login(caps=caps)).in_room()
    else:
        await scene.start()
    receipts: list[Receipt] = []
    for what, text in steps:
        assert scene.running is not None
        if what == "line":
            try:
                scene.server.says(text)
            except Malformed:
                continue
        elif what == "wait":
            await scene.clock.advance(len(text))
        else:
            receipts += wish(scene, what, text)
        await settle(2)
        if scene.running.done():
            break
    await scene.clock.advance(400)
    assert scene.running is not None
    scene.session.close("")
    await scene.clock.advance(3)
    (ended,) = await asyncio.gather(scene.running, return_exceptions=True)
    assert ended is None or (isinstance(ended, SessionEnded) and ended.refused.text)
    assert all(receipt.outcome for receipt in receipts)
    assert scene.clock.waiting == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("line"), LINES),
        st.tuples(st.just("line"), LINES),
        st.tuples(WISHES, st.text(max_size=20)),
    ),
    max_size=25,
)
RELAXED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(STEPS)
def test_nothing_a_server_says_escapes_from_a_session_or_leaves_a_ticket_open(
    steps: list[tuple[str, str]],
) -> None:
    asyncio.run(play(steps, logged_in=True))


@RELAXED
@given(STEPS, st.sampled_from(["labeled-response echo-message draft/message-redaction", "echo-message"]))
def test_nothing_a_server_says_of_labels_batches_and_tags_does_either(
    steps: list[tuple[str, str]], caps: str
) -> None:
    asyncio.run(play(steps, logged_in=True, caps=f"{caps} draft/multiline=max-bytes=1000"))


@RELAXED
@given(STEPS)
def test_nothing_a_server_says_during_the_login_hangs_it(steps: list[tuple[str, str]]) -> None:
    asyncio.run(play(steps, logged_in=False))
