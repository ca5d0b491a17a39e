"""What a message centre brings, and the cases at which other libraries fail (research on them, table 4a): a test each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.smpp.bodies import Message
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.pdu import Pdu, decode, encode
from bridges.sms.smpp.reading import number, read
from bridges.sms.smpp.tlv import Tag
from bridges.sms.text import udh
from bridges.sms.text.decoding import decode as decoded
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Lamp, Nature, Report, Stage

RECEIPT = "id:0a1b sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hi"


def came(message: Message, alphabet: Alphabet = Alphabet.GSM, command: int = Command.DELIVER_SM) -> Inbound:
    """Over the wire, and read."""
    read_ = read(decode(encode(Pdu(command, 0, 1, message))).body, "here", alphabet)
    assert isinstance(read_, Inbound)
    return read_


def reported(message: Message, *, by_text: bool = False) -> Report:
    read_ = read(decode(encode(Pdu(Command.DELIVER_SM, 0, 1, message))).body, "here", by_text=by_text)
    assert isinstance(read_, Report)
    return read_


def text_of(*pieces: Inbound) -> str:
    first = pieces[0]
    return decoded(b"".join(each.data for each in pieces), first.alphabet, first.locking, first.single)


def mo(text: bytes, coding: int = 0, *elements: bytes, **others: object) -> Message:
    """A message of a phone."""
    body = Message(
        source_ton=1,
        source_npi=1,
        source="15551110000",
        destination_ton=1,
        destination="15550001111",
        data_coding=coding,
    )
    body = body._replace(short_message=udh.write(*elements) + text, esm_class=0x40 if elements else 0)
    return body._replace(**others)


def test_a_plain_message() -> None:
    assert came(mo(b"Hello")) == Inbound(
        "here", "+15551110000", "+15550001111", data=b"Hello", alphabet=Alphabet.GSM
    )


@pytest.mark.parametrize(
    ("ton", "written", "party"),
    [
        *(
            (1, "15551110000", "+15551110000"),
            (1, "+15551110000", "+15551110000"),
            (1, "0015551110000", "+15551110000"),
        ),
        *((0, "15551110000", "15551110000"), (2, "05551110000", "05551110000"), (3, "46645", "46645")),
        *((5, "MyBank", "MyBank"), (1, "MyBank", "MyBank"), (7, "123", "123"), (1, "²³", "²³"), (0, "", "")),
        (1, "", ""),
    ],
)
def test_senders_are_brought_to_one_form_where_their_type_says_how(
    ton: int, written: str, party: str
) -> None:
    assert number(ton, written) == party
    assert came(mo(b"x", source_ton=ton, source=written)).sender == party


# -- table 4a: inbound -------------------------------------------------------------------------------------------------


def test_references_of_8_bits_out_of_order() -> None:
    second = came(mo(b"two", 0, udh.concatenated(7, 2, 2)))
    first = came(mo(b"one", 0, udh.concatenated(7, 2, 1)))
    assert (first.concatenation, second.concatenation) == (Concatenation("7", 2, 1), Concatenation("7", 2, 2))
    assert text_of(first, second) == "onetwo"


def test_references_of_16_bits() -> None:
    piece = came(mo(b"one", 0, udh.concatenated(7, 2, 1, width=16)))
    assert piece.concatenation == Concatenation("7", 2, 1, width=16)
    assert piece.data == b"one"


def test_twelve_segments_are_in_order_of_their_numbers() -> None:
    pieces = [
        came(mo(b"%d," % n, 0, udh.concatenated(9, 12, n))) for n in (12, 1, 10, 2, 11, 3, 4, 9, 8, 5, 7, 6)
    ]
    pieces.sort(key=lambda each: each.concatenation.number if each.concatenation else 0)
    assert text_of(*pieces) == "1,2,3,4,5,6,7,8,9,10,11,12,"


def test_one_reference_of_two_senders_stays_two() -> None:
    ours = [
        came(mo(b"x", 0, udh.concatenated(7, 2, 1), source=source))
        for source in ("15551110000", "15552220000")
    ]
    assert {(each.sender, each.concatenation) for each in ours} == {
        ("+15551110000", Concatenation("7", 2, 1)),
        ("+15552220000", Concatenation("7", 2, 1)),
    }


def test_a_surrogate_pair_over_two_segments() -> None:
    octets = "a😀b".encode("utf-16-be")
    pieces = [
        came(mo(octets[:4], 8, udh.concatenated(7, 2, 1))),
        came(mo(octets[4:], 8, udh.concatenated(7, 2, 2))),
    ]
    assert text_of(*pieces) == "a😀b"


def test_an_escape_parted_from_its_character() -> None:
    pieces = [came(mo(b"5\x1b", 0, udh.concatenated(7, 2, 1))), came(mo(b"e!", 0, udh.concatenated(7, 2, 2)))]
    assert text_of(*pieces) == "5€!"


def test_a_header_with_ports() -> None:
    piece = came(mo(b"\1\2", 4, bytes.fromhex("0504158a0000")))
    assert (piece.port, piece.nature, piece.data) == (5514, Nature.BINARY, b"\1\2")


def test_a_header_with_ports_and_a_concatenation() -> None:
    piece = came(mo(b"\1\2", 4, bytes.fromhex("05040b8423f0"), udh.concatenated(3, 2, 1)))
    assert (piece.port, piece.concatenation) == (2948, Concatenation("3", 2, 1))


def test_a_header_with_national_languages() -> None:
    piece = came(mo(b"\x1b\x53\x04", 0, *udh.shifts(1, 1)))
    assert (piece.locking, piece.single, text_of(piece)) == (1, 1, "Ş€")


@pytest.mark.parametrize(
    ("coding", "octets", "nature", "text"),
    [
        (0xF0, b"Code\x11", Nature.FLASH, "Code_"),
        (0x10, b"Code", Nature.FLASH, "Code"),
        (0x18, "Ω😀".encode("utf-16-be"), Nature.FLASH, "Ω😀"),
        (0x04, b"\0\1\2", Nature.BINARY, ""),
        (0x00, b"caf\xe9", Nature.MESSAGE, "café"),
        (0x00, b"", Nature.MESSAGE, ""),
        (0x08, b"", Nature.MESSAGE, ""),
        (0x55, b"text", Nature.MESSAGE, ""),
        (0x9A, b"text", Nature.MESSAGE, "text"),
    ],
)
def test_odd_codings_are_messages(coding: int, octets: bytes, nature: Nature, text: str) -> None:
    piece = came(mo(octets, coding))
    if coding == 0x55:  # 8 bit data, class 1
        assert piece.nature is Nature.BINARY
    else:
        assert piece.nature is nature
    assert text_of(piece) == text


def test_a_tlv_of_the_provider_with_any_octets_and_a_type_of_number_of_7() -> None:
    piece = came(mo(b"Hi", tlvs=((0x1402, b"caf\xc3\xa9\xff"),), source_ton=7))
    assert text_of(piece) == "Hi"


def test_data_sm_is_a_message() -> None:
    body = Message(source_ton=1, source="15551110000", destination="123", data_coding=8)
    body = body._replace(tlvs=((Tag.MESSAGE_PAYLOAD, "Grüße".encode("utf-16-be")),))
    assert text_of(came(body, command=Command.DATA_SM)) == "Grüße"


@pytest.mark.parametrize("stamp", ["2611211200", "261121120000", "20261121120000", "", "yesterday"])
@pytest.mark.parametrize("error", ["000", "0A1", "27", "", "none"])
def test_receipts_with_dates_and_errors_of_any_form(stamp: str, error: str) -> None:
    text = f"id:0a1b sub:001 dlvrd:001 submit date:{stamp} done date:{stamp} stat:DELIVRD err:{error} text:"
    report = reported(mo(text.encode(), esm_class=4))
    assert (report.id, report.stage, report.recipient) == ("0a1b", Stage.DELIVERED, "+15551110000")


def test_a_receipt_of_parameters_only() -> None:
    tlvs = (
        (Tag.RECEIPTED_MESSAGE_ID, b"0A1B\0"),
        (Tag.MESSAGE_STATE, b"\5"),
        (Tag.NETWORK_ERROR_CODE, b"\3\0\1"),
    )
    report = reported(mo(b"", esm_class=4, tlvs=tlvs))
    assert (report.id, report.stage, report.code) == ("0A1B", Stage.FAILED, "UNDELIV 3:1")
    assert report.why is not None


def test_an_intermediate_notification_is_never_a_message() -> None:
    report = reported(mo(RECEIPT.replace("DELIVRD", "ENROUTE").encode(), esm_class=0x20))
    assert (report.id, report.stage) == ("0a1b", Stage.BUFFERED)
    assert reported(mo(b"stat:UNDELIV id:1", esm_class=0x20)).stage is Stage.BUFFERED
    assert reported(mo(b"something else", esm_class=0x20)).stage is Stage.BUFFERED


# -- receipts ------------------------------------------------------------------------------------------------------------


def test_the_id_of_a_receipt_is_as_it_came() -> None:
    for identifier in ("00042", "0A1b", "4cf8b9c4-7e2d", "a_b@c"):
        report = reported(mo(f"id:{identifier} stat:DELIVRD err:000".encode(), esm_class=4))
        assert report.id == identifier


def test_a_receipt_in_ucs2() -> None:
    assert reported(mo(RECEIPT.encode("utf-16-be"), 8, esm_class=4)).id == "0a1b"


def test_receipts_without_a_mark_are_known_by_their_text_only_where_that_is_wanted() -> None:
    body = mo(RECEIPT.encode())
    assert isinstance(read(body, "here"), Inbound)
    assert reported(body, by_text=True).id == "0a1b"
    assert isinstance(read(mo(b"id: 5, stat: fine"), "here", by_text=True), Inbound)


def test_receipts_without_a_mark_are_known_by_their_parameter() -> None:
    assert reported(mo(b"", tlvs=((Tag.RECEIPTED_MESSAGE_ID, b"1"), (Tag.MESSAGE_STATE, b"\2")))).id == "1"


def test_a_text_that_is_marked_as_a_receipt_by_mistake_is_not_lost() -> None:
    assert text_of(came(mo(b"Are you there?", esm_class=4))) == "Are you there?"


def test_a_receipt_that_says_nothing_is_no_message() -> None:
    assert reported(mo(b"", esm_class=4)) == Report("here", Stage.BUFFERED, recipient="+15551110000")


def test_a_state_that_nobody_knows_is_not_final() -> None:
    report = reported(mo(b"id:1 stat:HALFWAY err:5", esm_class=4))
    assert (report.stage, report.code) == (Stage.BUFFERED, "HALFWAY 5")


# -- other kinds of messages ---------------------------------------------------------------------------------------------


def test_pieces_by_parameters() -> None:
    sar = ((Tag.SAR_MSG_REF_NUM, b"\1\0"), (Tag.SAR_TOTAL_SEGMENTS, b"\3"), (Tag.SAR_SEGMENT_SEQNUM, b"\2"))
    assert came(mo(b"x", tlvs=sar)).concatenation == Concatenation("256", 3, 2, width=16)
    for broken in ((sar[0], sar[1]), (sar[0], sar[2]), sar[1:], (*sar[:2], (Tag.SAR_SEGMENT_SEQNUM, b"\4"))):
        assert came(mo(b"x", tlvs=broken)).concatenation is None


@pytest.mark.parametrize("width", [8, 16])
def test_a_header_of_a_piece_is_known_where_the_mark_was_forgotten(width: int) -> None:
    header = udh.write(udh.concatenated(7, 2, 1, width=width))
    piece = came(mo(header + b"text"))
    assert (piece.concatenation, piece.data) == (Concatenation("7", 2, 1, width=width), b"text")
    for other in (b"\x05\x00\x03\x07\x00\x01x", b"\x05\x00\x03\x07\x01\x01x", b"\x05\x00\x03", header[:-1]):
        assert came(mo(other)).data == other


def test_a_long_text_in_one_pdu() -> None:
    text = "Grüße " * 500
    assert text_of(came(mo(b"", 8, tlvs=((Tag.MESSAGE_PAYLOAD, text.encode("utf-16-be")),)))) == text


def test_a_header_in_a_payload_is_read() -> None:
    payload = udh.write(udh.concatenated(5, 2, 1)) + b"text"
    piece = came(mo(b"", esm_class=0x40, tlvs=((Tag.MESSAGE_PAYLOAD, payload),)))
    assert (piece.concatenation, piece.data) == (Concatenation("5", 2, 1), b"text")


@pytest.mark.parametrize(
    ("body", "lamp"),
    [
        (mo(b"", 0xC8), Lamp("voicemail", True)),
        (mo(b"", 0xC0), Lamp("voicemail", False)),
        (mo(b"2 new", 0, bytes.fromhex("01020002")), Lamp("voicemail", True, 2)),
        (
            mo(b"", tlvs=((Tag.MS_MSG_WAIT_FACILITIES, b"\x82"), (Tag.NUMBER_OF_MESSAGES, b"\3"))),
            Lamp("email", True, 3),
        ),
        (mo(b"", tlvs=((Tag.MS_MSG_WAIT_FACILITIES, b"\0"),)), Lamp("voicemail", False)),
    ],
)
def test_message_waiting_lamps(body: Message, lamp: Lamp) -> None:
    piece = came(body)
    assert (piece.nature, piece.lamp) == (Nature.WAITING, lamp)


def test_a_port_by_parameter() -> None:
    assert came(mo(b"\1", 4, tlvs=((Tag.DESTINATION_PORT, b"\x0b\x84"),))).port == 2948


@pytest.mark.parametrize("alphabet", [Alphabet.GSM, Alphabet.LATIN1, Alphabet.ASCII])
def test_data_coding_0_is_the_alphabet_of_the_route(alphabet: Alphabet) -> None:
    assert came(mo(b"x"), alphabet).alphabet is alphabet
    assert came(mo(b"x", 0xF0), alphabet).alphabet is alphabet
    assert came(mo(b"x", 3), alphabet).alphabet is Alphabet.LATIN1


octet = st.integers(0, 255)
string = st.text(st.characters(max_codepoint=255), max_size=20)
optional = st.lists(
    st.tuples(st.sampled_from(list(Tag)) | st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=6
)


@given(
    st.builds(
        Message,
        source_ton=octet,
        source=string,
        destination_ton=octet,
        destination=string,
        esm_class=octet,
        data_coding=octet,
        short_message=st.binary(max_size=255),
        tlvs=optional.map(tuple),
    ),
    st.booleans(),
)
def test_every_message_means_something(message: Message, by_text: bool) -> None:
    found = read(message, "here", by_text=by_text)
    if isinstance(found, Inbound):
        assert (found.lamp is not None) >= (found.nature is Nature.WAITING)
        text_of(found)
    else:
        assert (found.why is not None) == (found.stage is Stage.FAILED)
