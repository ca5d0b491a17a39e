"""How texts are submitted: one way for each provider, nothing taken apart, the same at every attempt."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.smpp.bodies import Message
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.pdu import Pdu, decode, encode
from bridges.sms.smpp.reading import read
from bridges.sms.smpp.tlv import Tag, first
from bridges.sms.smpp.writing import Long, Manner, submissions
from bridges.sms.text.decoding import decode as decoded
from bridges.sms.traffic import Alphabet, Inbound, Submission, Unfit
from gateway.model import Attachment, Condition

MINE = Submission("ref", "+15551110000", ("+4915550001111",), "Hello", concatenation=0x1234)


def arrived(bodies: list[Message], alphabet: Alphabet = Alphabet.GSM) -> list[Inbound]:
    """As whoever gets them would read them."""
    found = [
        read(decode(encode(Pdu(Command.SUBMIT_SM, 0, 1, body))).body, "there", alphabet) for body in bodies
    ]
    assert all(isinstance(each, Inbound) for each in found)
    return [each for each in found if isinstance(each, Inbound)]


def text_of(pieces: list[Inbound]) -> str:
    one = pieces[0]
    return decoded(b"".join(each.data for each in pieces), one.alphabet, one.locking, one.single)


def test_files_are_never_left_out_in_silence() -> None:
    with pytest.raises(Unfit) as caught:
        submissions(replace(MINE, media=(Attachment("cat.png", "image/png"),)), Manner())
    assert caught.value.refused.condition is Condition.FEATURE_NOT_IMPLEMENTED


def test_a_short_text() -> None:
    assert submissions(MINE, Manner()) == [
        Message(
            source_ton=1,
            source_npi=1,
            source="15551110000",
            destination_ton=1,
            destination_npi=1,
            destination="4915550001111",
            registered_delivery=1,
            short_message=b"Hello",
        )
    ]


@pytest.mark.parametrize("long", Long)
@pytest.mark.parametrize("text", ["a€" * 200, "Привет 😀 " * 40, "x" * 161, "😀" * 36, "e\u0301" * 50])
def test_a_long_text_arrives_as_it_was(long: Long, text: str) -> None:
    bodies = submissions(replace(MINE, text=text), Manner(long=long))
    pieces = arrived(bodies)
    assert text_of(pieces) == text
    assert all(body.registered_delivery == 1 for body in bodies)
    if long is Long.PAYLOAD:
        assert len(pieces) == 1
        assert (bodies[0].short_message, bodies[0].esm_class) == (b"", 0)
        assert first(bodies[0].tlvs, Tag.MESSAGE_PAYLOAD) == pieces[0].data
        return
    concatenations = [each.concatenation for each in pieces]
    reference = "52" if long is Long.UDH else "4660"
    assert [(each.reference, each.total, each.number) for each in concatenations if each] == [
        (reference, len(pieces), number) for number in range(1, len(pieces) + 1)
    ]
    assert all(len(body.short_message) <= 167 for body in bodies)
    # Never two ways in one message.
    assert all(bool(body.tlvs) == (long is Long.SAR) for body in bodies)
    assert all((body.esm_class == 0x40) == (long is not Long.SAR) for body in bodies)


def test_table_4a_outbound_gsm_with_euro_signs_by_header() -> None:
    pieces = arrived(submissions(replace(MINE, text="5€ " * 100), Manner()))
    assert len(pieces) == 3
    assert all(not each.data.endswith(b"\x1b") for each in pieces)
    assert text_of(pieces) == "5€ " * 100


def test_table_4a_outbound_emoji_at_the_boundary() -> None:
    pieces = arrived(submissions(replace(MINE, text="я" * 66 + "😀" + "я" * 60), Manner()))
    assert [len(each.data) for each in pieces] == [132, 124]
    assert all(each.data.decode("utf-16-be") for each in pieces)


def test_table_4a_outbound_by_parameters() -> None:
    pieces = arrived(submissions(replace(MINE, text="a" * 400), Manner(long=Long.SAR)))
    assert [len(each.data) for each in pieces] == [152, 152, 96]


def test_255_segments_can_be_permitted() -> None:
    pieces = arrived(submissions(replace(MINE, text="a" * 153 * 255), Manner(most=255)))
    assert [each.concatenation.number for each in pieces if each.concatenation] == list(range(1, 256))


@pytest.mark.parametrize("text", ["a" * 1531, "я" * 671, "a" * 1_000_000, "😀" * 100_000])
@pytest.mark.parametrize("long", Long)
def test_too_many_segments_are_refused_with_their_number(text: str, long: Long) -> None:
    with pytest.raises(Unfit) as caught:
        submissions(replace(MINE, text=text), Manner(long=long))
    assert caught.value.refused.condition is Condition.NOT_ACCEPTABLE
    assert "at most 10 are sent" in caught.value.refused.text


def test_the_same_submission_is_written_alike() -> None:
    once = submissions(replace(MINE, text="😀" * 100), Manner())
    assert submissions(replace(MINE, text="😀" * 100), Manner()) == once


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "octets"),
    [
        (Alphabet.GSM, "@_€", 0, b"\x00\x11\x1be"),
        (Alphabet.LATIN1, "@_é", 0, b"@_\xe9"),
        (Alphabet.ASCII, "@_", 0, b"@_"),
        (Alphabet.ASCII, "é", 8, b"\0\xe9"),
        (Alphabet.LATIN1, "€", 8, b"\x20\xac"),
        (Alphabet.GSM, "ş", 8, b"\x01\x5f"),
    ],
)
def test_what_data_coding_0_means_there_decides(
    alphabet: Alphabet, text: str, coding: int, octets: bytes
) -> None:
    (body,) = submissions(replace(MINE, text=text), Manner(alphabet))
    assert (body.data_coding, body.short_message) == (coding, octets)


def test_national_tables_where_they_are_permitted() -> None:
    manner = Manner(national=(1,))
    (body,) = submissions(replace(MINE, text="ş" * 100), manner)
    assert (body.data_coding, body.esm_class, body.short_message[:4]) == (0, 0x40, b"\x03\x25\x01\x01")
    for long in Long:
        pieces = arrived(submissions(replace(MINE, text="ş" * 400), replace(manner, long=long)))
        assert text_of(pieces) == "ş" * 400


@pytest.mark.parametrize(
    ("sender", "source", "ton", "npi"),
    [
        *(
            ("+15551110000", "15551110000", 1, 1),
            ("46645", "46645", 3, 0),
            ("MyBank", "MyBank", 5, 0),
            ("", "", 0, 0),
        ),
        *(("15551110000", "15551110000", 1, 1), ("My Bank 24", "My Bank 24", 5, 0)),
    ],
)
def test_senders(sender: str, source: str, ton: int, npi: int) -> None:
    (body,) = submissions(replace(MINE, sender=sender), Manner())
    assert (body.source, body.source_ton, body.source_npi) == (source, ton, npi)


def test_types_and_plans_as_configured() -> None:
    manner = Manner(
        plus=True, source_ton=0, source_npi=8, destination_ton=2, destination_npi=9, service_type="CMT"
    )
    (body,) = submissions(MINE, manner)
    assert (body.source, body.source_ton, body.source_npi) == ("+15551110000", 0, 8)
    assert (body.destination, body.destination_ton, body.destination_npi) == ("+4915550001111", 2, 9)
    assert body.service_type == "CMT"
    (body,) = submissions(replace(MINE, sender="46645"), Manner(short_code=(6, 1), receipts=False))
    assert (body.source_ton, body.source_npi, body.registered_delivery) == (6, 1, 0)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, ""),
        (0.2, "000000000001000R"),
        (61, "000000000101000R"),
        (93_784, "000001020304000R"),
        (1e9, "000030000000000R"),
    ],
)
def test_how_long_the_network_may_try(seconds: float, written: str) -> None:
    (body,) = submissions(replace(MINE, validity=seconds), Manner())
    assert body.validity == written
    (body,) = submissions(MINE, Manner(validity=seconds))
    assert body.validity == written


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": "A name too long"},
        {"sender": "Bänk"},
        {"sender": "a\0b"},
        {"sender": "1" * 21},
        {"recipients": ("MyBank",)},
        {"recipients": ("+" + "1" * 25,)},
        {"recipients": ("+1", "+2")},
        {"recipients": ()},
    ],
)
def test_what_can_never_be_sent_is_unfit(wrong: dict[str, str]) -> None:
    with pytest.raises(Unfit) as caught:
        submissions(replace(MINE, **wrong), Manner())
    assert caught.value.refused.text.endswith((".", "it"))


manners = st.builds(
    Manner,
    alphabet=st.sampled_from([Alphabet.GSM, Alphabet.LATIN1, Alphabet.ASCII]),
    national=st.sampled_from([(), (1,), (3, 6), (13,)]),
    long=st.sampled_from(list(Long)),
    most=st.just(255),
)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff")
)


@given(texts, manners, st.integers(0, 0xFFFF))
def test_every_text_arrives(text: str, manner: Manner, reference: int) -> None:
    sent = replace(MINE, text=text * 5, concatenation=reference)
    pieces = arrived(submissions(sent, manner), manner.alphabet)
    assert text_of(pieces) == text * 5
