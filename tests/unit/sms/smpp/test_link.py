"""One connection over a wire in memory, and a clock of the test's."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field

import pytest

from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.dialling import Endpoint
from bridges.sms.smpp.events import Answered, Brought
from bridges.sms.smpp.link import Failed, Link, NotWritten, Silence, Token
from bridges.sms.smpp.pdu import Bind, Message
from bridges.sms.smpp.session import Mode, Timing
from tests.unit.clock import ManualClock, settle
from tests.unit.sms.smpp.peer import Centre, Wire

TIMING = Timing(bind=10, response=20, silence=30, enquire=5, unbind=2)
HI = Message(source="15550001", destination="15550002", short_message=b"hi")


@dataclass
class Listening:
    messages: list[Brought] = field(default_factory=list)
    changes: int = 0
    belated: list[tuple[object, Answered]] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def brought(self, link: Link, brought: Brought) -> None:
        self.messages.append(brought)

    def changed(self, link: Link) -> None:
        self.changes += 1

    def answered(self, token: Token, answer: Answered) -> None:
        self.answers.append(answer)

    def late(self, token: Token, answer: Answered) -> None:
        self.belated.append((token.context, answer))


@dataclass
class Rig:
    centre: Centre = field(default_factory=Centre)
    clock: ManualClock = field(default_factory=ManualClock)
    listening: Listening = field(default_factory=Listening)

    async def open(self, mode: Mode = Mode.TRANSCEIVER, window: int = 3) -> Link:
        return await Link.open(
            Endpoint("smsc.example", 2775),
            Bind("me", "pw"),
            mode,
            name="test/1",
            timing=TIMING,
            window=window,
            listener=self.listening,
            clock=self.clock,
            connector=self.centre.connect,
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_an_answer_reaches_whoever_wrote_the_message(rig: Rig) -> None:
    link = await rig.open()
    first, second = link.submit(HI, "a"), link.submit(HI, "b")
    pdus = rig.centre.wire.of(Command.SUBMIT_SM)
    rig.centre.wire.answers(pdus[1], "two")
    rig.centre.wire.answers(pdus[0], "one")
    answers = await first.answer, await second.answer
    assert [each.message_id for each in answers if isinstance(each, Answered)] == ["one", "two"]


async def test_room_is_the_window_without_what_waits_and_what_is_reserved(rig: Rig) -> None:
    link = await rig.open(window=3)
    assert link.room == 3
    link.reserve()
    link.submit(HI, None)
    assert link.room == 1
    link.release()
    rig.centre.wire.answers(rig.centre.wire.of(Command.SUBMIT_SM)[0])
    assert link.room == 3
    assert rig.listening.changes > 0


async def test_a_receiver_has_no_room(rig: Rig) -> None:
    link = await rig.open(Mode.RECEIVER)
    assert link.room == 0
    with pytest.raises(NotWritten):
        link.submit(HI, None)


async def test_there_is_no_room_while_the_peer_does_not_read(rig: Rig) -> None:
    link = await rig.open()
    link.pause_writing()
    assert link.room == 0
    link.resume_writing()
    assert link.room == 3


async def test_a_peer_that_reads_nothing_at_all_is_left(rig: Rig) -> None:
    link = await rig.open()
    rig.centre.wire.unread = 2 * 1024 * 1024
    link.submit(HI, None)
    assert "does not read" in await link.closed


async def test_messages_without_an_answer_are_unknown_when_the_connection_breaks(rig: Rig) -> None:
    link = await rig.open()
    token = link.submit(HI, None)
    rig.centre.wire.breaks(ConnectionResetError("reset by peer"))
    answer = await token.answer
    assert isinstance(answer, Silence)
    assert "reset by peer" in answer.text
    with pytest.raises(NotWritten):
        link.submit(HI, None)


async def test_a_message_that_is_not_answered_in_time_is_unknown_and_its_room_free(rig: Rig) -> None:
    link = await rig.open(window=1)
    token = link.submit(HI, "a")
    await rig.clock.advance(20.0)
    assert isinstance(await token.answer, Silence)
    assert link.room == 1
    rig.centre.wire.answers(rig.centre.wire.of(Command.SUBMIT_SM)[0], "1")
    ((token_seen, answer),) = rig.listening.belated
    assert (token_seen, answer.message_id) == ("a", "1")


async def test_a_silent_peer_is_asked_and_left(rig: Rig) -> None:
    link = await rig.open()
    await rig.clock.advance(30.0)
    assert rig.centre.wire.of(Command.ENQUIRE_LINK)
    await rig.clock.advance(5.0)
    await settle()
    assert "not said a word" in await link.closed
    assert not rig.clock.pending


async def test_a_peer_that_answers_is_kept(rig: Rig) -> None:
    link = await rig.open()
    for round_ in range(1, 5):
        await rig.clock.advance(30.0)
        asked = rig.centre.wire.of(Command.ENQUIRE_LINK)
        assert len(asked) == round_
        rig.centre.wire.says(Command.ENQUIRE_LINK_RESP, asked[-1].sequence)
    assert not link.closed.done()


async def test_it_says_goodbye(rig: Rig) -> None:
    link = await rig.open()
    closing = asyncio.create_task(link.close())
    await settle()
    (request,) = rig.centre.wire.of(Command.UNBIND)
    rig.centre.wire.says(Command.UNBIND_RESP, request.sequence)
    await closing
    assert await link.closed == ""
    await link.close()


async def test_a_peer_that_does_not_say_goodbye_is_left(rig: Rig) -> None:
    link = await rig.open()
    closing = asyncio.create_task(link.close())
    await rig.clock.advance(2.0)
    await closing
    assert not rig.clock.pending


async def test_a_peer_that_ends_the_session_is_answered(rig: Rig) -> None:
    link = await rig.open()
    rig.centre.wire.says(Command.UNBIND, 5)
    assert "ended the session" in await link.closed
    assert rig.centre.wire.of(Command.UNBIND_RESP)


async def test_octets_that_are_no_smpp_end_the_connection(rig: Rig) -> None:
    link = await rig.open()
    rig.centre.wire.octets(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "no SMPP" in await link.closed


async def test_a_session_that_the_peer_has_forgotten_is_ended(rig: Rig) -> None:
    link = await rig.open()
    token = link.submit(HI, None)
    rig.centre.wire.answers(rig.centre.wire.of(Command.SUBMIT_SM)[0], status=0x04)
    answer = await token.answer
    assert isinstance(answer, Answered)
    assert answer.status == 0x04
    assert link.room == 0
    (request,) = rig.centre.wire.of(Command.UNBIND)
    rig.centre.wire.says(Command.UNBIND_RESP, request.sequence)
    assert await link.closed == ""


async def test_a_session_in_which_nothing_is_answered_is_ended(rig: Rig) -> None:
    link = await rig.open(window=20)
    for _ in range(9):
        link.submit(HI, None)
    await rig.clock.advance(20.0)
    assert link.room == 20
    link.submit(HI, None)
    await rig.clock.advance(10.0)
    (asked,) = rig.centre.wire.of(Command.ENQUIRE_LINK)
    rig.centre.wire.says(Command.ENQUIRE_LINK_RESP, asked.sequence)
    await rig.clock.advance(10.0)
    assert rig.centre.wire.of(Command.UNBIND)
    await rig.clock.advance(2.0)
    assert link.closed.done()


# -- the way in ------------------------------------------------------------------------------------------------------


async def test_a_refused_login_is_told_with_its_status(rig: Rig) -> None:
    def refuse(wire: Wire) -> None:
        wire.octets(bytes.fromhex("00000010 80000009 0000000e 00000001"))

    rig.centre.on_login = refuse
    with pytest.raises(Failed) as caught:
        await rig.open()
    assert caught.value.status == 0x0E
    await settle()
    assert rig.centre.wire.closing


async def test_a_login_that_is_not_answered_fails(rig: Rig) -> None:
    rig.centre.on_login = None
    opening = asyncio.create_task(rig.open())
    await rig.clock.advance(10.0)
    with pytest.raises(Failed, match="login in time"):
        await opening
    assert rig.centre.wire.closing
    assert not rig.clock.pending


async def test_a_connection_that_ends_before_the_login_is_answered_fails(rig: Rig) -> None:
    rig.centre.on_login = Wire.breaks
    with pytest.raises(Failed, match="closed the connection before the login"):
        await rig.open()


async def test_who_gives_up_during_the_login_leaves_no_connection(rig: Rig) -> None:
    rig.centre.on_login = None
    opening = asyncio.create_task(rig.open())
    await settle()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await settle()
    assert rig.centre.wire.closing
    assert not rig.clock.pending


@pytest.mark.parametrize(
    ("error", "words", "lasting"),
    [
        (
            ConnectionRefusedError(111, "Connection refused"),
            "cannot be reached: nothing listens there",
            False,
        ),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known .*; correct host", False),
        (OSError(113, "No route to host"), "cannot be reached: No route to host", False),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "not to be trusted", True),
        (TimeoutError(), "did not answer in time", False),
    ],
)
async def test_why_there_is_no_connection_is_said(
    rig: Rig, error: Exception, words: str, lasting: bool
) -> None:
    rig.centre.refusals.append(error)
    with pytest.raises(Failed, match=words) as caught:
        await rig.open()
    assert caught.value.lasting is lasting


async def test_a_connection_that_is_ending_has_no_room(rig: Rig) -> None:
    link = await rig.open()
    rig.centre.wire.closing = True  # and asyncio has not said so yet
    assert link.room == 0
    assert not link.transmits
