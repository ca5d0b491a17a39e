"""The session, with octets of a scripted peer and a time of its own."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.sms.smpp.commands import LAST_SEQUENCE, Command
from bridges.sms.smpp.events import Answered, BindRefused, Bound, Brought, Ended, Event, Odd, Unanswered
from bridges.sms.smpp.pdu import (
    Alert,
    Bare,
    Bind,
    BindReply,
    Body,
    Framer,
    Message,
    Outbind,
    Pdu,
    Reply,
    decode,
    encode,
)
from bridges.sms.smpp.session import NEVER, NOT_NOW, Mode, Session, State, Timing
from bridges.sms.smpp.tlv import Tag

TIMING = Timing(bind=10, response=20, silence=30, enquire=5, unbind=2)
BIND = Bind("me", "secret")
HI = Message(source="15550001", destination="15550002", short_message=b"hi")


@dataclass
class Talk:
    """A session and what it wrote."""

    session: Session
    written: list[Pdu] = field(default_factory=list)
    framer: Framer = field(default_factory=Framer)

    def says(self) -> list[Pdu]:
        """What it has to say now."""
        said = [decode(frame) for frame in self.framer.feed(self.session.take())]
        self.written += said
        return said

    def hears(
        self, command: int, sequence: int, body: Body | None = None, status: int = 0, at: float = 0.0
    ) -> list[Event]:
        return list(self.session.receive(encode(Pdu(command, status, sequence, body or Bare())), at))


def opened(mode: Mode = Mode.TRANSCEIVER) -> Talk:
    return Talk(Session(BIND, mode, TIMING, 0.0))


def bound(mode: Mode = Mode.TRANSCEIVER) -> Talk:
    talk = opened(mode)
    (request,) = talk.says()
    (event,) = talk.hears(request.command | 0x80000000, request.sequence, BindReply("SMSC"))
    assert event == Bound("SMSC", 0)
    return talk


# -- login -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "command"),
    [
        (Mode.TRANSMITTER, Command.BIND_TRANSMITTER),
        (Mode.RECEIVER, Command.BIND_RECEIVER),
        (Mode.TRANSCEIVER, Command.BIND_TRANSCEIVER),
    ],
)
def test_it_logs_in_first(mode: Mode, command: Command) -> None:
    (request,) = opened(mode).says()
    assert (request.command, request.status, request.body) == (command, 0, BIND)


def test_the_peers_version_is_known_from_its_answer() -> None:
    talk = opened()
    talk.says()
    reply = BindReply("SMSC", ((Tag.SC_INTERFACE_VERSION, b"\x50"),))
    assert talk.hears(Command.BIND_TRANSCEIVER_RESP, 1, reply) == [Bound("SMSC", 0x50)]


def test_a_login_refused_with_a_header_alone_keeps_its_status() -> None:
    talk = opened()
    talk.says()
    header = bytes.fromhex("00000010 80000009 0000000e 00000001")
    assert list(talk.session.receive(header, 0.0)) == [BindRefused(0x0E)]
    assert talk.session.state is State.CLOSED


def test_a_login_refused_with_a_status_of_the_provider_keeps_it() -> None:
    talk = opened()
    talk.says()
    assert talk.hears(Command.BIND_TRANSCEIVER_RESP, 1, BindReply(), 0x4AB) == [BindRefused(0x4AB)]


def test_a_login_refused_by_a_nack_is_refused() -> None:
    talk = opened()
    talk.says()
    assert talk.hears(Command.GENERIC_NACK, 1, status=0x03) == [BindRefused(0x03)]


def test_a_login_that_is_not_answered_ends_the_session() -> None:
    talk = opened()
    assert talk.session.deadline == 10
    assert list(talk.session.passed(9.9)) == []
    (event,) = talk.session.passed(10.0)
    assert isinstance(event, Ended)
    assert event.kind == "bind"


def test_what_comes_in_one_piece_with_the_answer_to_the_login_is_heard() -> None:
    talk = opened()
    talk.says()
    answer = encode(Pdu(Command.BIND_TRANSCEIVER_RESP, 0, 1, BindReply("SMSC")))
    first = encode(Pdu(Command.DELIVER_SM, 0, 7, HI))
    second = encode(Pdu(Command.ENQUIRE_LINK, 0, 8, Bare()))
    events = list(talk.session.receive(answer + first + second, 0.0))
    assert events == [Bound("SMSC", 0), Brought(Command.DELIVER_SM, 7, HI)]
    assert [each.command for each in talk.says()] == [Command.ENQUIRE_LINK_RESP]


def test_a_message_before_the_answer_to_the_login_stays_with_the_peer() -> None:
    talk = opened()
    talk.says()
    assert talk.hears(Command.DELIVER_SM, 7, HI) == []
    (answer,) = talk.says()
    assert (answer.command, answer.status, answer.sequence) == (Command.DELIVER_SM_RESP, NOT_NOW, 7)


# -- our messages ----------------------------------------------------------------------------------------------------


def test_answers_are_known_by_their_numbers_in_any_order() -> None:
    talk = bound()
    for token in ("a", "b", "c"):
        talk.session.submit(HI, token, 0.0)
    numbers = {token: each.sequence for token, each in zip("abc", talk.says(), strict=True)}
    assert talk.session.open == 3
    for token in ("c", "a", "b"):
        (event,) = talk.hears(Command.SUBMIT_SM_RESP, numbers[token], Reply(f"id-{token}"))
        assert event == Answered(token, 0, f"id-{token}")
    assert talk.session.open == 0


@pytest.mark.parametrize("status", [0x01, 0x58, 0x401, 0xFFFFFFFF])
def test_any_status_is_carried(status: int) -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    (request,) = talk.says()
    assert talk.hears(Command.SUBMIT_SM_RESP, request.sequence, status=status) == [Answered("a", status, "")]


def test_a_nack_is_an_answer() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    (request,) = talk.says()
    assert talk.hears(Command.GENERIC_NACK, request.sequence, status=0x03) == [
        Answered("a", 3, "", nacked=True)
    ]


def test_the_state_of_congestion_is_read() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    (request,) = talk.says()
    reply = Reply("1", ((Tag.CONGESTION_STATE, b"\x5f"),))
    assert talk.hears(Command.SUBMIT_SM_RESP, request.sequence, reply) == [Answered("a", 0, "1", 95)]


def test_an_answer_after_its_deadline_is_late() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    (request,) = talk.says()
    assert talk.session.deadline == 20
    assert list(talk.session.passed(20.0)) == [Unanswered("a")]
    assert talk.session.open == 0
    assert talk.hears(Command.SUBMIT_SM_RESP, request.sequence, Reply("1"), at=21) == [
        Answered("a", 0, "1", late=True)
    ]
    (again,) = talk.hears(Command.SUBMIT_SM_RESP, request.sequence, Reply("1"), at=22)
    assert isinstance(again, Odd)


def test_nobody_knows_what_became_of_messages_without_an_answer_when_the_connection_ends() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    talk.session.submit(HI, "b", 0.0)
    assert talk.session.lost() == ["a", "b"]
    assert talk.session.deadline == float("inf")


def test_numbers_begin_again_after_the_last_and_pass_over_those_that_wait() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    (first,) = talk.says()
    talk.session._sequence = LAST_SEQUENCE - 1
    talk.session.submit(HI, "b", 0.0)
    talk.session.submit(HI, "c", 0.0)
    talk.session.submit(HI, "d", 0.0)
    numbers = [each.sequence for each in talk.says()]
    assert numbers == [LAST_SEQUENCE, 1, first.sequence + 1]


# -- messages to us --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [Command.DELIVER_SM, Command.DATA_SM])
def test_a_message_is_answered_when_we_say_so(command: Command) -> None:
    talk = bound()
    (brought,) = talk.hears(command, 77, Message(source="1", destination="2"))
    assert isinstance(brought, Brought)
    assert talk.says() == []
    talk.session.answer(brought, NOT_NOW)
    (answer,) = talk.says()
    assert (answer.command, answer.status, answer.sequence) == (command | 0x80000000, NOT_NOW, 77)


def test_the_peer_is_told_that_we_are_there_while_a_message_waits() -> None:
    talk = bound()
    talk.hears(Command.DELIVER_SM, 77, HI)
    talk.hears(Command.ENQUIRE_LINK, 78)
    assert [(each.command, each.sequence) for each in talk.says()] == [(Command.ENQUIRE_LINK_RESP, 78)]


def test_a_message_that_cannot_be_read_is_refused_as_a_message() -> None:
    talk = bound()
    octets = bytes.fromhex("00000012 00000005 00000000 00000009 4142")
    (event,) = talk.session.receive(octets, 0.0)
    assert isinstance(event, Odd)
    (answer,) = talk.says()
    assert (answer.command, answer.status, answer.sequence) == (Command.DELIVER_SM_RESP, NEVER, 9)


def test_an_answer_after_the_end_is_not_written() -> None:
    talk = bound()
    (brought,) = talk.hears(Command.DELIVER_SM, 77, HI)
    assert isinstance(brought, Brought)
    talk.session.lost()
    talk.session.answer(brought, 0)
    assert talk.says() == []


# -- what should not come --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [0x00000042, 0x00000111, 0x7FFFFFFF, 0x00000000])
def test_an_unknown_request_is_nacked(command: int) -> None:
    talk = bound()
    talk.hears(command, 5)
    (answer,) = talk.says()
    assert (answer.command, answer.status, answer.sequence) == (Command.GENERIC_NACK, 0x03, 5)


@pytest.mark.parametrize("command", [0x80000042, 0x80000009, 0x80000004, 0x80000000, 0xFFFFFFFF])
def test_a_response_that_nobody_waits_for_is_not_answered(command: int) -> None:
    talk = bound()
    (event,) = talk.hears(command, 5)
    assert isinstance(event, Odd)
    assert talk.says() == []


def test_a_request_for_a_message_centre_is_answered_with_its_own_response() -> None:
    talk = bound()
    talk.hears(Command.SUBMIT_SM, 5, HI)
    (answer,) = talk.says()
    assert (answer.command, answer.status) == (Command.SUBMIT_SM_RESP, 0x04)


def test_an_outbind_is_ignored() -> None:
    talk = bound()
    (event,) = talk.hears(Command.OUTBIND, 5, Outbind("them", "pw"))
    assert isinstance(event, Odd)
    assert talk.says() == []
    assert talk.session.state is State.BOUND


def test_an_alert_has_no_answer() -> None:
    talk = bound()
    assert talk.hears(Command.ALERT_NOTIFICATION, 5, Alert(source="15550002", esme="15550001")) == []
    assert talk.says() == []


@pytest.mark.parametrize("length", [0, 15, 70 * 1024 + 1, 0xFFFFFFFF])
def test_a_length_that_no_pdu_has_ends_the_session(length: int) -> None:
    talk = bound()
    octets = length.to_bytes(4, "big") + bytes.fromhex("00000005 00000000 00000009")
    (event,) = talk.session.receive(octets, 0.0)
    assert isinstance(event, Ended)
    assert event.kind == "broken"
    (answer,) = talk.says()
    assert (answer.command, answer.status) == (Command.GENERIC_NACK, 0x02)


def test_the_peer_ends_the_session() -> None:
    talk = bound()
    talk.session.submit(HI, "a", 0.0)
    talk.says()
    (event,) = talk.hears(Command.UNBIND, 5)
    assert isinstance(event, Ended)
    assert [each.command for each in talk.says()] == [Command.UNBIND_RESP]
    assert talk.session.lost() == ["a"]


def test_we_end_the_session() -> None:
    talk = bound()
    talk.session.unbind(5.0)
    (request,) = talk.says()
    assert request.command == Command.UNBIND
    assert talk.session.deadline == 7.0
    assert not talk.session.transmits
    assert talk.hears(Command.UNBIND_RESP, request.sequence) == [Ended("unbound", "")]


def test_a_peer_that_does_not_say_goodbye_is_left() -> None:
    talk = bound()
    talk.session.unbind(5.0)
    assert list(talk.session.passed(7.0)) == [Ended("unbound", "")]


# -- whether it is there ---------------------------------------------------------------------------------------------


def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    talk = bound()
    assert talk.session.deadline == 30
    assert list(talk.session.passed(30.0)) == []
    assert [each.command for each in talk.says()] == [Command.ENQUIRE_LINK]
    assert talk.session.deadline == 35
    (event,) = talk.session.passed(35.0)
    assert isinstance(event, Ended)
    assert event.kind == "dead"


def test_whatever_a_peer_says_proves_that_it_is_there() -> None:
    talk = bound()
    list(talk.session.passed(30.0))
    talk.hears(Command.ENQUIRE_LINK, 9, at=34.0)
    assert list(talk.session.passed(35.0)) == []
    assert talk.session.deadline == 64.0


def test_half_a_pdu_proves_nothing() -> None:
    talk = bound()
    list(talk.session.passed(30.0))
    list(talk.session.receive(b"\0\0\0\x10\x80", 34.0))
    assert len(list(talk.session.passed(35.0))) == 1


# -- whatever comes --------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_octets_of_any_kind_raise_nothing(pieces: list[bytes]) -> None:
    talk = bound()
    for piece in pieces:
        list(talk.session.receive(piece, 1.0))
    talk.session.take()


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*Command, 0x42, 0x80000042]),
            st.integers(0, 0xFFFFFFFF),
            st.integers(0, 6) | st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=40),
        ),
        max_size=10,
    )
)
def test_pdus_of_any_kind_raise_nothing_and_every_message_is_answered_once(
    pdus: list[tuple[int, int, int, bytes]],
) -> None:
    talk = bound()
    tokens = {"a", "b"}
    for token in tokens:
        talk.session.submit(HI, token, 0.0)
    seen: list[object] = []
    for command, status, sequence, body in pdus:
        octets = (
            b"".join(each.to_bytes(4, "big") for each in (16 + len(body), command, status, sequence)) + body
        )
        for event in talk.session.receive(octets, 1.0):
            if isinstance(event, Answered | Unanswered):
                seen.append(event.token)
    seen += talk.session.lost()
    assert sorted(map(str, seen)) == sorted(tokens)
