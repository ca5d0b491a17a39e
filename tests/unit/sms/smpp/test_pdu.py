"""PDUs: every body there and back, and everything that is none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.smpp import tlv
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.pdu import (
    LONGEST,
    Alert,
    Bare,
    Bind,
    BindReply,
    Body,
    Foreign,
    Framer,
    Malformed,
    Message,
    Outbind,
    Pdu,
    Reply,
    Unframed,
    Unwritable,
    decode,
    encode,
)
from bridges.sms.smpp.tlv import Tag
from bridges.sms.smpp.unpacking import READERS

RINVMSGLEN, RINVCMDLEN, RINVPARLEN = 0x01, 0x02, 0xC2

octet = st.integers(0, 255)
word = st.integers(0, 0xFFFFFFFF)
string = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=30)
tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=4).map(tuple)
addresses = (octet, octet, string)

messages = st.builds(
    Message,
    *(string, *addresses, *addresses),
    *(octet, octet, octet, string, string),
    *(octet, octet, octet, octet, st.binary(max_size=255), tlvs),
)
datas = st.builds(
    lambda kind, source, destination, three, optional: Message(
        kind,
        *source,
        *destination,
        three[0],
        registered_delivery=three[1],
        data_coding=three[2],
        tlvs=optional,
    ),
    string,
    st.tuples(*addresses),
    st.tuples(*addresses),
    st.tuples(octet, octet, octet),
    tlvs,
)
binds = st.builds(Bind, string, string, string, octet, octet, octet, string)
BODIES: dict[int, st.SearchStrategy[Body]] = {
    Command.SUBMIT_SM: messages,
    Command.DELIVER_SM: messages,
    Command.DATA_SM: datas,
    Command.SUBMIT_SM_RESP: st.builds(Reply, string, tlvs),
    Command.DELIVER_SM_RESP: st.builds(Reply, string, tlvs),
    Command.DATA_SM_RESP: st.builds(Reply, string, tlvs),
    Command.BIND_TRANSCEIVER: binds,
    Command.BIND_TRANSCEIVER_RESP: st.builds(BindReply, string, tlvs),
    Command.OUTBIND: st.builds(Outbind, string, string),
    Command.ALERT_NOTIFICATION: st.builds(Alert, *addresses, *addresses, tlvs),
    Command.ENQUIRE_LINK: st.builds(Bare, tlvs),
    Command.ENQUIRE_LINK_RESP: st.builds(Bare, tlvs),
    Command.GENERIC_NACK: st.builds(Bare, tlvs),
    Command.QUERY_SM: st.builds(Foreign, st.binary(max_size=50)),
    0x00010203: st.builds(Foreign, st.binary(max_size=50)),
}
SUBMIT = Message(
    source_ton=1,
    source_npi=1,
    source="15551234567",
    destination_ton=1,
    destination_npi=1,
    destination="4915550000001",
    registered_delivery=1,
    short_message=b"Hello",
    tlvs=((Tag.USER_MESSAGE_REFERENCE, b"\0\1"), (0x1402, b"\xff\xfe")),
)


def frame(command: int, body: bytes, status: int = 0, sequence: int = 7) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def outcome(octets: bytes) -> Pdu | Malformed:
    try:
        return decode(octets)
    except Malformed as error:
        return error


@pytest.mark.parametrize("command", BODIES)
@given(data=st.data(), status=word, sequence=word)
def test_what_is_written_is_read(command: int, data: st.DataObject, status: int, sequence: int) -> None:
    pdu = Pdu(command, status, sequence, data.draw(BODIES[command]))
    octets = encode(pdu)
    assert decode(octets) == pdu
    assert list(Framer().feed(octets)) == [octets]


@pytest.mark.parametrize("command", [*READERS, 0x00010203, 0x80010203])
@given(body=st.binary(max_size=200))
def test_whatever_comes_is_read_or_malformed(command: int, body: bytes) -> None:
    read = outcome(frame(command, body))
    if isinstance(read, Malformed):
        assert (read.command, read.sequence) == (command, 7)
        assert read.status in (RINVMSGLEN, RINVCMDLEN, RINVPARLEN)
    else:
        assert read[:3] == (command, 0, 7)


@given(st.binary(max_size=64))
def test_octets_that_are_no_frame_are_malformed(octets: bytes) -> None:
    if len(octets) < 16 or int.from_bytes(octets[:4], "big") != len(octets):
        with pytest.raises(Malformed) as caught:
            decode(octets)
        assert caught.value.status == RINVCMDLEN


@pytest.mark.parametrize("command", [Command.SUBMIT_SM, Command.DELIVER_SM])
def test_a_message_cut_anywhere_is_malformed_or_has_all_its_text(command: int) -> None:
    whole = encode(Pdu(command, 0, 1, SUBMIT))
    for end in range(16, len(whole)):
        try:
            pdu = decode(frame(command, whole[16:end]))
        except Malformed:
            continue
        assert pdu.body.short_message == b"Hello"
        assert pdu.body.tlvs in (SUBMIT.tlvs[:0], SUBMIT.tlvs[:1])


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (Command.DATA_SM, Message(source="1", destination="2", tlvs=((Tag.MESSAGE_PAYLOAD, b"text"),))),
        (Command.BIND_TRANSCEIVER, Bind("system", "secret")),
        (Command.OUTBIND, Outbind("system", "secret")),
        (Command.ALERT_NOTIFICATION, Alert(1, 1, "1", 1, 1, "2")),
    ],
)
def test_other_bodies_cut_anywhere_are_read_or_malformed(command: int, body: Body) -> None:
    whole = encode(Pdu(command, 0, 1, body))
    for end in range(16, len(whole)):
        read = outcome(frame(command, whole[16:end]))
        assert isinstance(read, Pdu) or read.status in (RINVCMDLEN, RINVPARLEN)


@pytest.mark.parametrize(
    "command",
    [Command.BIND_TRANSCEIVER_RESP, Command.SUBMIT_SM_RESP, Command.DATA_SM_RESP, Command.GENERIC_NACK],
)
def test_a_refusal_of_a_bare_header_keeps_its_status(command: int) -> None:
    pdu = decode(frame(command, b"", status=0x0D))
    assert pdu.status == 0x0D


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b"", Reply()),
        (b"\0", Reply()),
        (b"id\0", Reply("id")),
        (b"id", Reply("id")),  # without its NUL
        (b"id\0\0", Reply("id")),  # and with one too many
        (b"id\0\x04\x28\0\x01\x63", Reply("id", ((Tag.CONGESTION_STATE, b"c"),))),
        (b"id\0\x04\x28\0\x09\x63", Reply("id")),  # a parameter that is cut short
        (b"f" * 300 + b"\0", Reply("f" * 300)),
    ],
)
def test_answers_are_read_however_they_end(body: bytes, reply: Reply) -> None:
    assert decode(frame(Command.SUBMIT_SM_RESP, body)).body == reply


def test_a_status_of_the_provider_is_carried() -> None:
    assert decode(frame(Command.SUBMIT_SM_RESP, b"\0", status=0x401)).status == 0x401


def message(optional: bytes, length: int | None = None, text: bytes = b"abc") -> bytes:
    fields = b"\0\x07\x09source\0\x05\0dest\0" + bytes(3) + b"\0\0" + bytes(4)
    return fields + bytes([len(text) if length is None else length]) + text + optional


def test_unknown_parameters_types_and_plans_are_carried() -> None:
    pdu = decode(frame(Command.DELIVER_SM, message(b"\x14\x02\0\x04caf\xe9\x3f\xff\0\0")))
    assert pdu.body.source_ton == 7
    assert pdu.body.source_npi == 9
    assert pdu.body.tlvs == ((0x1402, b"caf\xe9"), (0x3FFF, b""))


@pytest.mark.parametrize("padding", [b"\0", b"\0\0", b"\0\0\0", b"\x04"])
def test_octets_too_few_for_a_parameter_are_passed_over(padding: bytes) -> None:
    assert decode(frame(Command.DELIVER_SM, message(padding))).body.tlvs == ()


@pytest.mark.parametrize("optional", [b"\x02\x04\0\x03ab", b"\x02\x04\xff\xffab", b"\x14\x02\0\x01"])
def test_a_parameter_cut_short_does_not_cost_the_message(optional: bytes) -> None:
    pdu = decode(frame(Command.DELIVER_SM, message(b"\x02\x0a\0\x02\0\1" + optional)))
    assert pdu.body.short_message == b"abc"
    assert pdu.body.tlvs == ((Tag.SOURCE_PORT, b"\0\1"),)


def test_a_text_cut_short_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        decode(frame(Command.DELIVER_SM, message(b"\x04\x24\0\x05text", text=b"")))
    assert caught.value.status == RINVPARLEN
    with pytest.raises(Malformed) as caught:
        decode(frame(Command.DELIVER_SM, message(b"", length=4)))
    assert (caught.value.status, caught.value.command, caught.value.sequence) == (
        RINVMSGLEN,
        Command.DELIVER_SM,
        7,
    )


def test_a_body_without_its_fields_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        decode(frame(Command.DELIVER_SM, b""))
    assert caught.value.status == RINVCMDLEN


@pytest.mark.parametrize(
    "pdu",
    [
        Pdu(Command.SUBMIT_SM, 0, 1, Message(source="1\x002")),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(source="1😀")),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(short_message=bytes(256))),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(data_coding=256)),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(esm_class=-1)),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(tlvs=((1, bytes(65536)),))),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(tlvs=((1, bytes(60000)), (2, bytes(60000))))),
        Pdu(Command.SUBMIT_SM, 0, 1, Message(tlvs=((65536, b""),))),
        Pdu(Command.DATA_SM, 0, 1, Message(short_message=b"text")),
        Pdu(Command.BIND_RECEIVER, 0, 1, Bind("a\0b")),
        Pdu(Command.SUBMIT_SM_RESP, 0, 1, Reply("a\0b")),
        Pdu(Command.ENQUIRE_LINK, 0, 1 << 32, Bare()),
        Pdu(Command.ENQUIRE_LINK, -1, 1, Bare()),
    ],
)
def test_what_does_not_fit_is_not_written(pdu: Pdu) -> None:
    with pytest.raises(Unwritable) as caught:
        encode(pdu)
    assert "1" not in str(caught.value) or "octet" in str(caught.value) or "Latin-1" in str(caught.value)


def test_the_longest_text_fits() -> None:
    pdu = Pdu(Command.DATA_SM, 0, 1, Message(tlvs=((Tag.MESSAGE_PAYLOAD, bytes(65535)),)))
    octets = encode(pdu)
    assert len(octets) < LONGEST
    assert decode(octets) == pdu


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Pdu(1, 0, 1, Bind("system", "secret"))) + repr(Outbind("system", "secret"))


# -- framing -----------------------------------------------------------------------------------------------------------


@given(st.lists(messages, max_size=4), st.lists(st.integers(1, 50), max_size=40))
def test_a_stream_may_come_in_any_pieces(bodies: list[Message], sizes: list[int]) -> None:
    octets = [encode(Pdu(Command.DELIVER_SM, 0, number, body)) for number, body in enumerate(bodies)]
    stream = b"".join(octets)
    framer = Framer()
    found = []
    for size in sizes:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    found += framer.feed(stream)
    assert found == octets
    assert framer.held == 0


def test_two_pdus_in_one_segment_are_two() -> None:
    octets = frame(Command.BIND_TRANSCEIVER_RESP, b"smsc\0") + frame(Command.ENQUIRE_LINK, b"")
    assert [decode(each).command for each in Framer().feed(octets)] == [
        Command.BIND_TRANSCEIVER_RESP,
        Command.ENQUIRE_LINK,
    ]


@pytest.mark.parametrize("length", [0, 1, 15, LONGEST + 1, 1 << 31, 0xFFFFFFFF])
def test_a_length_that_no_pdu_has_ends_the_stream_after_what_came_before(length: int) -> None:
    good = frame(Command.ENQUIRE_LINK, b"")
    framer = Framer()
    found = []
    with pytest.raises(Unframed) as caught:
        found += list(framer.feed(good)) + list(framer.feed(struct.pack(">I", length)))
    assert caught.value.length == length
    assert caught.value.sequence == 0
    with pytest.raises(Unframed):
        list(framer.feed(good))


def test_pdus_before_a_bad_length_are_given_out_first() -> None:
    good = frame(Command.ENQUIRE_LINK, b"")
    frames = Framer().feed(good + struct.pack(">IIII", 15, 5, 0, 99))
    assert next(frames) == good
    with pytest.raises(Unframed) as caught:
        next(frames)
    assert caught.value.sequence == 99


def test_lengths_are_judged_before_anything_is_kept() -> None:
    assert list(Framer().feed(struct.pack(">I", LONGEST))) == []
    octets = struct.pack(">IIII", LONGEST, 0xABC, 0, 1) + bytes(LONGEST - 16)
    assert list(Framer().feed(octets)) == [octets]
    assert list(Framer(longest=20).feed(frame(1, bytes(4)))) == [frame(1, bytes(4))]
    with pytest.raises(Unframed):
        list(Framer(longest=20).feed(frame(1, bytes(5))))


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_framing_raises_nothing_else(pieces: list[bytes]) -> None:
    framer = Framer()
    for piece in pieces:
        try:
            for octets in framer.feed(piece):
                assert len(octets) == int.from_bytes(octets[:4], "big")
        except Unframed:
            return
        assert framer.held <= LONGEST


# -- parameters, names ---------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_parameters_are_read_or_cut_short(octets: bytes) -> None:
    try:
        found = tlv.read(octets, 0)
    except tlv.CutShort as error:
        found = error.tlvs
    written = tlv.write(found)
    assert octets.startswith(written)


@pytest.mark.parametrize(
    ("value", "number", "string"),
    [
        (b"", None, ""),
        (b"\0", 0, ""),
        (b"\x01\x02", 258, "\x01\x02"),
        (b"ab\0c", 0x61620063, "ab"),
        (b"12345", None, "12345"),
    ],
)
def test_parameters_as_numbers_and_strings(value: bytes, number: int | None, string: str) -> None:
    found = ((5, value), (5, b"again"))
    assert tlv.number(found, 5) == number
    assert tlv.string(found, 5) == string
    assert tlv.number(found, 6) is tlv.first(found, 6) is None
    assert tlv.string(found, 6) == ""
