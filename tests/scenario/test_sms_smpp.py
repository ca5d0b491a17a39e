"""What other SMPP clients fail at, one test for each case they were tried with: against npm's ``smpp``, which nobody of this
project wrote.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridges.sms.text.gsm import septets
from bridges.sms.traffic import Accepted, Alphabet, Failing, NotTaken, Rejected, Stage
from gateway.model import Condition
from tests.rig.smsc import NodeSmsc
from tests.rig.smsc.steered import heard
from tests.scenario.texting import OURS, THEIRS, Texting, read, sets, texting

GSM = septets(0, 0)


@pytest.fixture
async def smsc(server_directory: Callable[[str], Path]) -> AsyncIterator[NodeSmsc]:
    server = await NodeSmsc.start(server_directory("smsc"))
    yield server
    await server.stop()


@pytest.fixture
async def stage(smsc: NodeSmsc) -> AsyncIterator[Texting]:
    async with texting(smsc.port) as running:
        await smsc.session()
        yield running


def udh(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return bytes([len(body)]) + body


def piece8(reference: int, total: int, number: int) -> bytes:
    return bytes([0, 3, reference, total, number])


def piece16(reference: int, total: int, number: int) -> bytes:
    return bytes([8, 4, *reference.to_bytes(2, "big"), total, number])


# -- out -------------------------------------------------------------------------------------------------------------


async def test_bind_gsm_and_euro(smsc: NodeSmsc, stage: Texting) -> None:
    (outcome,) = await stage.text("50 € @ [home]")
    assert isinstance(outcome, Accepted)
    (pdu,) = await smsc.submitted()
    assert (pdu["short_message"]["message"], pdu["data_coding"]) == ("50 € @ [home]", 0)
    assert (pdu["source_addr"], pdu["source_addr_ton"], pdu["source_addr_npi"]) == ("15559990000", 1, 1)
    assert (pdu["destination_addr"], pdu["dest_addr_ton"], pdu["dest_addr_npi"]) == ("15551110001", 1, 1)


async def test_emoji(smsc: NodeSmsc, stage: Texting) -> None:
    await stage.text("Grüße 😀👍🏽")
    (pdu,) = await smsc.submitted()
    assert (pdu["short_message"]["message"], pdu["data_coding"]) == ("Grüße 😀👍🏽", 8)


async def test_message_payload(smsc: NodeSmsc) -> None:
    words = "Привет 😀 " * 30
    async with texting(smsc.port, long="payload") as stage:
        assert stage.route.pieces(stage.submission(words)) == 1
        (outcome,) = await stage.text(words)
        assert isinstance(outcome, Accepted)
        (pdu,) = await smsc.submitted()
        assert pdu["message_payload"]["message"] == words
        (report,) = await stage.reports()
        assert (report.stage, report.id) == (Stage.DELIVERED, outcome.id)


@pytest.mark.parametrize("way", ["udh", "udh16"])
async def test_udh_unicode(smsc: NodeSmsc, way: str) -> None:
    words = "Привет 😀 " * 30
    async with texting(smsc.port, long=way) as stage:
        outcomes = await stage.text(words)
        assert all(isinstance(each, Accepted) for each in outcomes)
        pdus = await smsc.submitted(len(outcomes))
        assert heard(pdus) == words
        assert {(pdu["data_coding"], pdu["esm_class"]) for pdu in pdus} == {(8, 0x40)}
        reports = await stage.reports(len(outcomes))
        assert {each.id for each in reports} == {each.id for each in outcomes if isinstance(each, Accepted)}


@pytest.mark.parametrize("style", ["std", "dec", "sec", "hexerr", "tlv"])
async def test_dlr(smsc: NodeSmsc, stage: Texting, style: str) -> None:
    await smsc.set(style=style)
    (good,) = await stage.text("hi")
    (report,) = await stage.reports()
    assert isinstance(good, Accepted)
    assert (report.stage, report.recipient) == (Stage.DELIVERED, THEIRS)
    assert report.id == (str(int(good.id, 16)) if style == "dec" else good.id)
    await stage.text("hi", to="+15551110009")
    report = (await stage.reports(2))[1]
    assert report.stage is Stage.FAILED
    assert report.why is not None
    assert report.why.condition is Condition.RECIPIENT_UNAVAILABLE


async def test_outbound_long_via_sar(smsc: NodeSmsc) -> None:
    words = "A long text, " * 30
    async with texting(smsc.port, long="sar") as stage:
        outcomes = await stage.text(words)
        pdus = await smsc.submitted(len(outcomes))
        assert heard(pdus) == words
        assert [pdu["sar_segment_seqnum"] for pdu in pdus] == [1, 2, 3]
        assert {pdu["sar_total_segments"] for pdu in pdus} == {3}
        assert len({pdu["sar_msg_ref_num"] for pdu in pdus}) == 1
        assert {pdu["esm_class"] for pdu in pdus} == {0}


async def test_outbound_long_gsm_with_euro_signs_via_udh(smsc: NodeSmsc, stage: Texting) -> None:
    words = "€" * 200 + "x" * 77
    outcomes = await stage.text(words)
    pdus = await smsc.submitted(len(outcomes))
    assert heard(pdus) == words
    assert {pdu["data_coding"] for pdu in pdus} == {0}
    assert all(not pdu["short_message"]["message"].endswith("\x1b") for pdu in pdus)


async def test_outbound_emoji_at_the_boundary(smsc: NodeSmsc, stage: Texting) -> None:
    words = "я" * 66 + "😀" + "я" * 66 + "😀"
    outcomes = await stage.text(words)
    pdus = await smsc.submitted(len(outcomes))
    assert heard(pdus) == words
    assert all("\ufffd" not in pdu["short_message"]["message"] for pdu in pdus)
    assert len(pdus[0]["short_message"]["message"].encode("utf-16-be")) == 132


async def test_alphanumeric_senders_and_short_codes(smsc: NodeSmsc, stage: Texting) -> None:
    await stage.text("hi", sender="MyBank")
    await stage.text("hi", to="46645")
    named, short = await smsc.submitted(2)
    assert (named["source_addr"], named["source_addr_ton"], named["source_addr_npi"]) == ("MyBank", 5, 0)
    assert (short["destination_addr"], short["dest_addr_ton"], short["dest_addr_npi"]) == ("46645", 3, 0)


async def test_a_reference_of_ten_segments_is_one(smsc: NodeSmsc, stage: Texting) -> None:
    words = "".join(chr(0x61 + number % 26) for number in range(1500))
    outcomes = await stage.text(words)
    assert len(outcomes) == 10
    pdus = await smsc.submitted(10)
    assert heard(pdus) == words
    await stage.reports(10)


# -- in --------------------------------------------------------------------------------------------------------------


async def test_inbound_8_bit_ref_out_of_order(smsc: NodeSmsc, stage: Texting) -> None:
    parts = {1: b"one ", 2: b"two ", 3: b"three"}
    for number in (3, 1, 2):
        octets = udh(piece8(9, 3, number)) + parts[number]
        assert await smsc.deliver(octets, esm_class=0x40) == 0
    (pieces,) = sets(await stage.messages(3)).values()
    assert read(pieces) == "one two three"
    assert (pieces[0].sender, pieces[0].recipient) == (THEIRS, OURS)


async def test_inbound_16_bit_ref(smsc: NodeSmsc, stage: Texting) -> None:
    for number, words in ((1, b"first "), (2, b"second")):
        assert await smsc.deliver(udh(piece16(0x1234, 2, number)) + words, esm_class=0x40) == 0
    found = sets(await stage.messages(2))
    (pieces,) = found.values()
    assert read(pieces) == "first second"
    assert next(iter(found))[2:] == ("4660", 16, 2)


async def test_inbound_12_segments(smsc: NodeSmsc, stage: Texting) -> None:
    for number in (7, 12, 1, 11, 2, 10, 3, 9, 4, 8, 5, 6):
        await smsc.deliver(udh(piece8(1, 12, number)) + b"%d " % number, esm_class=0x40)
    (pieces,) = sets(await stage.messages(12)).values()
    assert read(pieces) == "1 2 3 4 5 6 7 8 9 10 11 12 "


async def test_same_ref_from_two_senders(smsc: NodeSmsc, stage: Texting) -> None:
    for number in (1, 2):
        for sender in ("15551", "15552"):
            words = udh(piece8(5, 2, number)) + f"{sender}:{number} ".encode()
            await smsc.deliver(words, esm_class=0x40, source_addr=sender)
    found = sets(await stage.messages(4))
    assert {key[0]: read(pieces) for key, pieces in found.items()} == {
        "+15551": "15551:1 15551:2 ",
        "+15552": "15552:1 15552:2 ",
    }


async def test_surrogate_split_over_segments(smsc: NodeSmsc, stage: Texting) -> None:
    octets = "ab😀cd".encode("utf-16-be")
    for number, part in ((1, octets[:6]), (2, octets[6:])):
        assert await smsc.deliver(udh(piece8(5, 2, number)) + part, esm_class=0x40, data_coding=8) == 0
    (pieces,) = sets(await stage.messages(2)).values()
    assert read(pieces) == "ab😀cd"


async def test_escape_split_over_segments(smsc: NodeSmsc, stage: Texting) -> None:
    for number, part in ((1, b"5 \x1b"), (2, b"\x65 ok")):
        await smsc.deliver(udh(piece8(5, 2, number)) + part, esm_class=0x40)
    (pieces,) = sets(await stage.messages(2)).values()
    assert read(pieces) == "5 € ok"


async def test_udh_with_ports(smsc: NodeSmsc, stage: Texting) -> None:
    ports = bytes([5, 4, 0x0B, 0x84, 0x23, 0xF0])
    assert await smsc.deliver(udh(ports) + b"hello", esm_class=0x40) == 0
    (message,) = await stage.messages()
    assert (message.port, message.data, message.concatenation) == (0x0B84, b"hello", None)


async def test_udh_with_ports_and_concat(smsc: NodeSmsc, stage: Texting) -> None:
    ports = bytes([5, 4, 0x0B, 0x84, 0x23, 0xF0])
    for number, words in ((1, b"a"), (2, b"b")):
        assert await smsc.deliver(udh(ports, piece8(3, 2, number)) + words, esm_class=0x40) == 0
    (pieces,) = sets(await stage.messages(2)).values()
    assert b"".join(each.data for each in pieces) == b"ab"
    assert {each.port for each in pieces} == {0x0B84}


async def test_udh_with_shift_ie(smsc: NodeSmsc, stage: Texting) -> None:
    turkish = bytes([0x25, 1, 1])
    assert await smsc.deliver(udh(turkish) + septets(1, 0).encode("ığşİ"), esm_class=0x40) == 0
    (message,) = await stage.messages()
    assert read([message]) == "ığşİ"


@pytest.mark.parametrize(
    ("coding", "octets", "alphabet", "words"),
    [
        (0xF0, b"flash", Alphabet.GSM, "flash"),
        (0x10, b"flash", Alphabet.GSM, "flash"),
        (0x18, "Блиц".encode("utf-16-be"), Alphabet.UCS2, "Блиц"),
        (0x04, b"\x00\xff\x80", Alphabet.BINARY, ""),
        (0x00, "café".encode("latin-1"), Alphabet.GSM, "café"),
        (0x03, "café".encode("latin-1"), Alphabet.LATIN1, "café"),
        (0x00, b"", Alphabet.GSM, ""),
        (0xC8, b"", Alphabet.GSM, ""),
        (0x8A, b"what", Alphabet.GSM, "what"),
    ],
    ids=["0xF0", "0x10", "0x18", "0x04", "latin-1-under-0", "latin-1", "empty", "voicemail", "unknown"],
)
async def test_data_codings(
    smsc: NodeSmsc, stage: Texting, coding: int, octets: bytes, alphabet: Alphabet, words: str
) -> None:
    assert await smsc.deliver(octets, data_coding=coding) == 0
    (message,) = await stage.messages()
    assert (message.alphabet, message.data, read([message])) == (alphabet, octets, words)


async def test_vendor_tlv_with_non_ascii_and_unknown_ton(smsc: NodeSmsc, stage: Texting) -> None:
    status = await smsc.deliver(
        "hi", vendor_1402="Größe".encode(), source_addr_ton=7, source_addr="15551110001"
    )
    assert status == 0
    (message,) = await stage.messages()
    assert read([message]) == "hi"


async def test_data_sm(smsc: NodeSmsc, stage: Texting) -> None:
    answer = await smsc.control.ask(
        "send",
        session=await smsc.session(),
        command="data_sm",
        fields={
            "source_addr": "15551110001",
            "source_addr_ton": 1,
            "destination_addr": "15559990000",
            "dest_addr_ton": 1,
            "message_payload": "by data",
        },
    )
    assert answer == {"command": "data_sm_resp", "status": 0}
    (message,) = await stage.messages()
    assert (message.sender, read([message])) == (THEIRS, "by data")


async def test_inbound_message_payload(smsc: NodeSmsc, stage: Texting) -> None:
    assert await smsc.deliver(b"", message_payload=b"x" * 1000) == 0
    (message,) = await stage.messages()
    assert read([message]) == "x" * 1000


async def test_inbound_sar(smsc: NodeSmsc, stage: Texting) -> None:
    for number, words in ((2, "world"), (1, "hello ")):
        await smsc.deliver(words, sar_msg_ref_num=77, sar_total_segments=2, sar_segment_seqnum=number)
    (pieces,) = sets(await stage.messages(2)).values()
    assert read(pieces) == "hello world"


# -- receipts --------------------------------------------------------------------------------------------------------


async def test_receipt_with_tlvs_only(smsc: NodeSmsc, stage: Texting) -> None:
    assert await smsc.deliver(b"", esm_class=4, receipted_message_id="1A2b", message_state=5) == 0
    (report,) = await stage.reports()
    assert (report.id, report.stage, report.recipient) == ("1A2b", Stage.FAILED, THEIRS)


async def test_intermediate_notification(smsc: NodeSmsc, stage: Texting) -> None:
    words = "id:7 sub:001 dlvrd:000 submit date:2611211200 done date:2611211201 stat:ENROUTE err:000 text:"
    assert await smsc.deliver(words, esm_class=0x20) == 0
    (report,) = await stage.reports()
    assert report.stage is Stage.BUFFERED
    assert not stage.intake.messages


@pytest.mark.parametrize(
    "words",
    [
        "id:7 stat:DELIVRD",
        "STAT:DELIVRD ID:7 DONE DATE:2611211201",
        "id:7 sub:xxx dlvrd:-1 submit date:nonsense done date:99999999999999999 stat:DELIVRD err:\xff text:",
        "id:7 sub:001 dlvrd:001 submit date:261121120059 done date:261121120059 stat:DELIVRD err:0A1 text:id:8 stat:UNDELIV",
    ],
)
async def test_malformed_receipts(smsc: NodeSmsc, stage: Texting, words: str) -> None:
    assert await smsc.deliver(words.encode("latin-1"), esm_class=4) == 0
    (report,) = await stage.reports()
    assert (report.id, report.stage) == ("7", Stage.DELIVERED)


async def test_receipts_without_a_mark(smsc: NodeSmsc) -> None:
    words = "id:7 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:"
    async with texting(smsc.port, receipts="text") as stage:
        assert await smsc.deliver(words, esm_class=0) == 0
        assert await smsc.deliver("id:card stat:e of mind", esm_class=0) == 0
        (report,) = await stage.reports()
        (message,) = await stage.messages()
        assert (report.id, read([message])) == ("7", "id:card stat:e of mind")


async def test_a_receipt_before_the_answer(smsc: NodeSmsc, stage: Texting) -> None:
    await smsc.set(receipt_after=-1)
    (outcome,) = await stage.text("hi")
    (report,) = await stage.reports()
    assert isinstance(outcome, Accepted)
    assert report.id == outcome.id


# -- what the network is told ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotTaken("the disk is full"), 0x64), (NotTaken("nobody has this number", never=True), 0x66)],
)
async def test_the_app_can_refuse(smsc: NodeSmsc, stage: Texting, error: NotTaken, status: int) -> None:
    stage.intake.refusals.append(error)
    assert await smsc.deliver("hi") == status
    assert await smsc.deliver("hi again") == 0


async def test_response_with_a_status_of_the_provider(smsc: NodeSmsc, stage: Texting) -> None:
    await smsc.set(refuse=[0x401])
    (outcome,) = await stage.text("hi")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "0x00000401"
    (outcome,) = await stage.text("hi")
    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize(
    ("status", "failing"), [(0x0B, Failing.MESSAGE), (0x0A, Failing.ROUTE), (0x08, Failing.PASSING)]
)
async def test_definite_refusals(smsc: NodeSmsc, stage: Texting, status: int, failing: Failing) -> None:
    await smsc.set(refuse=[status])
    (outcome,) = await stage.text("hi")
    assert isinstance(outcome, Rejected)
    assert outcome.failing is failing
