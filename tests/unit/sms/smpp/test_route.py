"""The route over wires in memory, with a clock of the test's."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.dialling import Endpoint
from bridges.sms.smpp.pdu import Message, Pdu
from bridges.sms.smpp.route import Centre
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.traffic import (
    Accepted,
    Away,
    Coverage,
    Failing,
    NotTaken,
    Outcome,
    Rejected,
    Stage,
    Submission,
    Unfit,
    Unknown,
)
from gateway.model import Condition
from tests.unit.clock import ManualClock, settle
from tests.unit.sms.smpp import peer
from tests.unit.sms.smpp.intake import Kept
from tests.unit.sms.smpp.peer import Wire
from tests.waiting import eventually

RECEIPT = Message(
    source="15550002",
    source_ton=1,
    source_npi=1,
    destination="15550001",
    esm_class=4,
    short_message=b"id:1a sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:x",
)


def text(words: str = "hi", reference: str = "r1", to: str = "+15550002") -> Submission:
    return Submission(reference, "+15550001", (to,), words, concatenation=7)


def incoming(words: bytes = b"hi", source: str = "15550003") -> Message:
    return Message(
        source=source,
        source_ton=1,
        source_npi=1,
        destination="15550001",
        destination_ton=1,
        short_message=words,
    )


@dataclass
class Rig:
    smsc: peer.Centre = field(default_factory=peer.Centre)
    clock: ManualClock = field(default_factory=ManualClock)
    intake: Kept = field(default_factory=Kept)
    route: Centre = field(init=False)
    sending: list["asyncio.Task[Outcome]"] = field(default_factory=list)

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[None]:
        wanted = {"kind": "smpp", "host": "127.0.0.1", "system_id": "me", "password": "pw", **settings}
        self.route = Centre(
            "test", SmppRoute(**wanted), self.clock, random.Random(1), connector=self.smsc.connect
        )
        task = asyncio.create_task(self.route.run(self.intake))
        await settle()
        try:
            yield
        finally:
            for each in self.sending:
                each.cancel()
            task.cancel()
            await settle()
            await self.clock.advance(3.0)
            await asyncio.gather(task, *self.sending, return_exceptions=True)

    def send(self, submission: Submission, piece: int = 0) -> "asyncio.Task[Outcome]":
        async def sending() -> Outcome:
            async with self.route.turn() as turn:
                return await turn.send(submission, piece)

        self.sending.append(asyncio.create_task(sending()))
        return self.sending[-1]

    def answered(self, *commands: int) -> list[Pdu]:
        """Our answers."""
        return self.smsc.wire.of(*(commands or (Command.DELIVER_SM_RESP,)))


@pytest.fixture
def rig() -> Rig:
    return Rig()


# -- out -------------------------------------------------------------------------------------------------------------


async def test_a_message_is_accepted_under_the_id_as_it_came(rig: Rig) -> None:
    async with rig.running():
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        rig.smsc.wire.answers(pdu, "00AbC ")
        assert await sending == Accepted("00AbC ")


async def test_numbers_and_receipts_are_asked_for_as_most_want_them(rig: Rig) -> None:
    async with rig.running():
        rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        body = pdu.body
        assert isinstance(body, Message)
        assert (body.source_ton, body.source_npi, body.source) == (1, 1, "15550001")
        assert (body.destination_ton, body.destination_npi, body.destination) == (1, 1, "15550002")
        assert body.registered_delivery == 1


async def test_each_piece_has_an_outcome_of_its_own(rig: Rig) -> None:
    long = text("x" * 400)
    async with rig.running():
        assert rig.route.pieces(long) == 3
        outcomes = []
        for piece in range(3):
            sending = rig.send(long, piece)
            pdus = await rig.smsc.submitted(piece + 1)
            rig.smsc.wire.answers(pdus[-1], f"id{piece}")
            outcomes.append(await sending)
        assert outcomes == [Accepted("id0"), Accepted("id1"), Accepted("id2")]
        heads = [pdu.body.short_message[:6] for pdu in pdus if isinstance(pdu.body, Message)]
        assert heads == [bytes([5, 0, 3, 7, 3, number]) for number in (1, 2, 3)]


async def test_what_can_never_be_sent_is_said_before(rig: Rig) -> None:
    async with rig.running(most_segments=2):
        with pytest.raises(Unfit):
            rig.route.pieces(text("x" * 1000))


@pytest.mark.parametrize(
    ("status", "failing", "condition", "operator"),
    [
        (0x0B, Failing.MESSAGE, Condition.ITEM_NOT_FOUND, False),
        (0x0A, Failing.ROUTE, Condition.INTERNAL_SERVER_ERROR, True),
        (0x08, Failing.PASSING, Condition.SERVICE_UNAVAILABLE, False),
        (0x401, Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, False),
    ],
)
async def test_a_refusal_is_definite(
    rig: Rig, status: int, failing: Failing, condition: Condition, operator: bool
) -> None:
    async with rig.running():
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        rig.smsc.wire.answers(pdu, status=status)
        outcome = await sending
        assert isinstance(outcome, Rejected)
        assert (outcome.failing, outcome.why.condition, outcome.operator) == (failing, condition, operator)


async def test_a_message_without_an_answer_when_the_connection_ends_is_unknown(rig: Rig) -> None:
    async with rig.running():
        sending = rig.send(text())
        await rig.smsc.submitted()
        rig.smsc.wire.breaks()
        outcome = await sending
        assert isinstance(outcome, Unknown)
        assert "before the answer came" in outcome.text


async def test_a_message_that_was_never_written_is_not_unknown(rig: Rig) -> None:
    async with rig.running():
        async with rig.route.turn() as turn:
            rig.smsc.wire.breaks()
            outcome = await turn.send(text(), 0)
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.PASSING
        assert not rig.smsc.wire.of(Command.SUBMIT_SM)


async def test_a_nack_without_an_error_says_nothing(rig: Rig) -> None:
    async with rig.running():
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        rig.smsc.wire.says(Command.GENERIC_NACK, pdu.sequence)
        assert isinstance(await sending, Unknown)


async def test_an_answer_after_its_deadline_is_news(rig: Rig) -> None:
    async with rig.running(response_timeout=5, enquire_interval=60):
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        await rig.clock.advance(5.0)
        assert isinstance(await sending, Unknown)
        rig.smsc.wire.answers(pdu, "1a")
        await settle()
        (report,) = rig.intake.reports
        assert (report.stage, report.id, report.reference, report.recipient) == (
            Stage.BUFFERED,
            "1a",
            "r1",
            "+15550002",
        )


async def test_a_refusal_after_its_deadline_is_news_too(rig: Rig) -> None:
    async with rig.running(response_timeout=5, enquire_interval=60):
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        await rig.clock.advance(5.0)
        await sending
        rig.smsc.wire.answers(pdu, status=0x0B)
        await settle()
        (report,) = rig.intake.reports
        assert (report.stage, report.reference) == (Stage.FAILED, "r1")
        assert report.why is not None


@pytest.mark.parametrize("status", [0x58, 0x14])
async def test_a_throttled_message_is_sent_again_before_others(rig: Rig, status: int) -> None:
    async with rig.running(window=1):
        first, second = rig.send(text("one", "r1")), rig.send(text("two", "r2"))
        (pdu,) = await rig.smsc.submitted()
        rig.smsc.wire.answers(pdu, status=status)
        await settle()
        assert not first.done()
        await rig.clock.advance(1.0)
        (_, again) = await rig.smsc.submitted(2)
        assert isinstance(again.body, Message)
        assert again.body.short_message == b"one"
        rig.smsc.wire.answers(again, "1")
        assert await first == Accepted("1")
        pdus = await rig.smsc.submitted(3)
        rig.smsc.wire.answers(pdus[-1], "2")
        assert await second == Accepted("2")


async def test_pauses_grow_and_after_a_minute_it_is_no_for_now(rig: Rig) -> None:
    async with rig.running(enquire_interval=600):
        sending = rig.send(text())
        begun = rig.clock.monotonic()
        times = []
        while not sending.done():
            pdus = await rig.smsc.submitted(len(times) + 1)
            times.append(rig.clock.monotonic() - begun)
            rig.smsc.wire.answers(pdus[-1], status=0x58)
            await settle()
            await rig.clock.advance(rig.clock.pending[0])
        assert times == [0, 1, 3, 7, 15, 31]
        outcome = await sending
        assert isinstance(outcome, Rejected)
        assert (outcome.failing, outcome.code, outcome.later) == (Failing.PASSING, "ESME_RTHROTTLED", 32)


async def test_who_gives_up_while_waiting_for_an_answer_leaves_the_window_in_order(rig: Rig) -> None:
    async with rig.running(window=1):
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        sending.cancel()
        await settle()
        second = rig.send(text("two", "r2"))
        await settle()
        assert len(rig.smsc.wire.of(Command.SUBMIT_SM)) == 1
        rig.smsc.wire.answers(pdu, "1")
        pdus = await rig.smsc.submitted(2)
        rig.smsc.wire.answers(pdus[-1], "2")
        assert await second == Accepted("2")


async def test_a_turn_that_is_not_used_is_given_back(rig: Rig) -> None:
    async with rig.running(window=1):
        async with rig.route.turn():
            pass
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        rig.smsc.wire.answers(pdu, "1")
        assert await sending == Accepted("1")


async def test_answers_out_of_order_reach_their_messages(rig: Rig) -> None:
    async with rig.running():
        sendings = [rig.send(text(f"text {number}", f"r{number}")) for number in range(5)]
        pdus = await rig.smsc.submitted(5)
        for pdu in reversed(pdus):
            assert isinstance(pdu.body, Message)
            rig.smsc.wire.answers(pdu, pdu.body.short_message.decode())
        outcomes = [await each for each in sendings]
        assert outcomes == [Accepted(f"text {number}") for number in range(5)]


async def test_a_receiver_says_that_it_does_not_send(rig: Rig) -> None:
    async with rig.running(bind="rx"):
        sending = rig.send(text())
        await rig.clock.advance(6.0)
        with pytest.raises(Away):
            await sending


# -- in --------------------------------------------------------------------------------------------------------------


async def test_a_message_is_answered_only_after_it_is_kept(rig: Rig) -> None:
    async with rig.running():
        rig.intake.gate.clear()
        sequence = rig.smsc.wire.brings(incoming())
        rig.smsc.wire.says(Command.ENQUIRE_LINK, 5)
        await settle()
        assert rig.answered() == []
        assert len(rig.answered(Command.ENQUIRE_LINK_RESP)) == 1
        rig.intake.gate.set()
        await settle()
        (answer,) = rig.answered()
        assert (answer.sequence, answer.status) == (sequence, 0)
        (message,) = rig.intake.messages
        assert (message.sender, message.recipient, message.data) == ("+15550003", "+15550001", b"hi")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotTaken("the disk is full"), 0x64),
        (NotTaken("no such number here", never=True), 0x66),
        (RuntimeError("a mistake of ours"), 0x64),
    ],
)
async def test_what_cannot_be_kept_stays_with_the_network(rig: Rig, error: Exception, status: int) -> None:
    async with rig.running():
        rig.intake.refusals.append(error)
        rig.smsc.wire.brings(incoming())
        rig.smsc.wire.brings(incoming(b"next"))
        await settle()
        assert [each.status for each in rig.answered()] == [status, 0]


async def test_messages_of_one_sender_are_kept_in_order_and_others_do_not_wait(rig: Rig) -> None:
    async with rig.running():
        rig.intake.gate.clear()
        for words, source in ((b"one", "1555"), (b"two", "1555"), (b"other", "1666")):
            rig.smsc.wire.brings(incoming(words, source))
        await settle()
        assert rig.intake.waiting == 2
        rig.intake.gate.set()
        await settle()
        mine = [each.data for each in rig.intake.messages if each.sender.endswith("1555")]
        assert mine == [b"one", b"two"]


async def test_a_flood_is_bounded_and_what_is_too_much_stays_with_the_network(rig: Rig) -> None:
    async with rig.running():
        rig.intake.gate.clear()
        for number in range(1500):
            rig.smsc.wire.brings(incoming(source=f"1555{number:04}"))
        await settle()
        assert rig.intake.waiting <= 100
        assert {each.status for each in rig.answered()} == {0x64}
        assert len(rig.answered()) == 400
        rig.intake.gate.set()
        for _ in range(20):
            await settle()
        assert len(rig.answered()) == 1500
        assert len(rig.intake.messages) == 1100


async def test_a_receipt_before_the_answer_and_on_another_connection_is_told(rig: Rig) -> None:
    async with rig.running(bind="tx+rx"):
        transmitter, receiver = sorted(rig.smsc.wires, key=lambda wire: not wire.of(Command.BIND_TRANSMITTER))
        sending = rig.send(text())
        (pdu,) = await rig.smsc.submitted()
        receiver.brings(RECEIPT)
        await settle()
        (report,) = rig.intake.reports
        assert (report.stage, report.id, report.recipient) == (Stage.DELIVERED, "1a", "+15550002")
        transmitter.answers(pdu, "1a")
        assert await sending == Accepted("1a")


async def test_a_connection_that_ends_while_a_message_is_kept_harms_nobody(rig: Rig) -> None:
    async with rig.running():
        rig.intake.gate.clear()
        rig.smsc.wire.brings(incoming())
        await settle()
        rig.smsc.wire.breaks()
        rig.intake.gate.set()
        await settle()
        assert len(rig.intake.messages) == 1
        await rig.clock.advance(1.0)
        assert rig.route.seen().connected


# -- the rest --------------------------------------------------------------------------------------------------------


async def test_nothing_is_left_when_it_ends(rig: Rig) -> None:
    before = asyncio.all_tasks()
    async with rig.running(bind="tx+rx", binds=2):
        rig.send(text())
        rig.intake.gate.clear()
        rig.smsc.wire.brings(incoming())
        await rig.smsc.submitted()
    assert asyncio.all_tasks() == before
    assert not rig.clock.pending


async def test_the_operator_is_told_of_a_wrong_password(rig: Rig) -> None:
    def refuse(wire: Wire) -> None:
        wire.octets(bytes.fromhex("00000010 80000009 0000000e 00000001"))

    rig.smsc.on_login = refuse
    async with rig.running():
        (told,) = rig.intake.troubles
        assert told.startswith("test: 127.0.0.1:2775: the password is wrong")
        with pytest.raises(Away, match="password"):
            async with rig.route.turn():
                pass
        assert not rig.route.seen().connected
        assert "password" in rig.route.seen().detail


async def test_it_says_what_it_sees(rig: Rig) -> None:
    async with rig.running(binds=2, coverage="network"):
        seen = rig.route.seen()
        assert seen.connected
        assert seen.detail == "2 of 2 connections"
        assert rig.route.ways.coverage is Coverage.NETWORK
        assert rig.route.media_headers("https://example.org/x") is None


async def test_a_trial_logs_in_and_out(rig: Rig) -> None:
    async with rig.running():
        trying = asyncio.create_task(rig.route.trial())
        await settle()
        (request,) = rig.smsc.wire.of(Command.UNBIND)
        rig.smsc.wire.says(Command.UNBIND_RESP, request.sequence)
        assert await trying == []


async def test_a_certificate_that_is_not_there_is_said(rig: Rig) -> None:
    async with rig.running():
        settings = SmppRoute(
            kind="smpp", host="smsc.example", system_id="me", password="pw", ca_file="/nonexistent/ca.pem"
        )
        route = Centre("other", settings, rig.clock, random.Random(1), connector=rig.smsc.connect)
        (found,) = await route.trial()
        assert "correct the path" in found


@pytest.mark.parametrize(
    ("host", "tls", "secure", "port"),
    [
        ("127.0.0.1", None, False, 2775),
        ("::1", None, False, 2775),
        ("localhost", None, False, 2775),
        ("smsc.example", None, True, 3550),
        ("smsc.example", False, False, 2775),
        ("127.0.0.1", True, True, 3550),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_clear_unless_somebody_says_so(
    host: str, tls: bool | None, secure: bool, port: int
) -> None:
    settings = SmppRoute(kind="smpp", host=host, system_id="me", password="pw", tls=tls)
    assert (settings.secure, settings.port_used) == (secure, port)


async def test_tls_is_asked_for_by_name(rig: Rig) -> None:
    seen: list[Endpoint] = rig.smsc.endpoints
    async with rig.running(host="smsc.example", server_name="other.example"):
        await eventually(lambda: seen)
        assert seen[0].context is not None
        assert seen[0].context.check_hostname
        assert seen[0].server_name == "other.example"
