"""Numbers as people write them, and as networks do."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms import addresses
from bridges.sms.addresses import Place, label, party, read, sender, wire
from gateway.bridge import BadAddress
from gateway.model import GATEWAY, AddressKind

US, DE, GB, MX = Place("US"), Place("DE"), Place("GB"), Place("MX")


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("+15551234567", US, "+15551234567"),  # possible, though nobody's
        ("(212) 555-0100", US, "+12125550100"),
        ("212.555.0100", US, "+12125550100"),
        ("tel:+1-212-555-0100", DE, "+12125550100"),
        ("sms:+12125550100", DE, "+12125550100"),
        ("tel:+1-212-555-0100;ext=5", DE, "+12125550100"),
        ("0171 1234567", DE, "+491711234567"),
        ("07911 123456", GB, "+447911123456"),
        ("+44 (0)20 7946 0018", US, "+442079460018"),
        ("+49 171 1234567", US, "+491711234567"),
        ("+5215512345678", MX, "+525512345678"),
        ("\uff0b\uff11\uff12\uff11\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff10", US, "+12125550100"),
        ("\u202a+12125550100\u202c", US, "+12125550100"),
        ("+1\u2011212\u2011555\u20110100", DE, "+12125550100"),
        ("\u0660\u0661\u0667\u0661\u0661\u0662\u0663\u0664\u0665\u0666\u0667", DE, "+491711234567"),
        ("46645", US, "46645;phone-context=+1"),
        ("212555", US, "212555;phone-context=+1"),  # six digits may be one
        ("46645;phone-context=+49", US, "46645;phone-context=+49"),
        ("anonymous", US, "anonymous"),
        ("mybank;sender=alpha", US, "mybank;sender=alpha"),
        ("+12125550101,+12125550100", US, "+12125550100,+12125550101"),
        ("(212) 555-0101, +12125550100", US, "+12125550100,+12125550101"),
    ],
)
def test_every_way_to_write_somebody_has_one_form(text: str, place: Place, expected: str) -> None:
    assert party(text, place) == expected


@pytest.mark.parametrize("text", ["911", "112", "9-1-1", "110;phone-context=+49", " 112 "])
def test_emergency_numbers_are_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(BadAddress, match="call it from a telephone"):
        party(text, DE)


@pytest.mark.parametrize("text", ["110;phone-context=+49", "000;phone-context=+61", "112;phone-context=+999"])
def test_emergency_numbers_of_other_countries_are_refused_too(text: str) -> None:
    with pytest.raises(BadAddress, match="call it from a telephone"):
        party(text, US)


_NONE = (
    "alice",
    "+",
    "+0123456789",
    "+1",
    "+1234567890123456",
    "12",
    "",
    "a" * 400,
    "MyBank;sender=alpha",
    "+12125550100,anonymous",
    ",".join(f"+1212555{each:04}" for each in range(30)),
    "+999123456789",
    "\0",
)


@pytest.mark.parametrize("text", _NONE)
def test_what_is_no_number_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadAddress, match=r"\.$"):
        party(text, US)


def test_the_gateway_and_groups_have_addresses_too() -> None:
    assert read("", US) == GATEWAY
    assert read("group-abcd1234", US).kind is AddressKind.ROOM
    assert read("+15551234567", US).kind is AddressKind.CONTACT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+15551234567", "+15551234567"),
        ("15551234567", "+15551234567"),
        ("5551234567", "+15551234567"),  # VoIP.ms has ten digits
        ("491711234567", "+491711234567"),
        ("46645", "46645;phone-context=+1"),
        ("12", "012;phone-context=+1"),
        ("MyBank", "mybank;sender=alpha"),
        ("Caf\u00e9 24", "caf\u00e9 24;sender=alpha"),
        ("a;b,c", "abc;sender=alpha"),
        ("", "anonymous"),
        ("Restricted", "anonymous"),
        ("+", "+;sender=alpha"),
        ("\0\x07", "anonymous"),
        ("99999999999999999", "99999999999999999;sender=alpha"),
        ("\u2603", "\u2603;sender=alpha"),
    ],
)
def test_senders_of_every_kind_become_parties(text: str, expected: str) -> None:
    assert sender(text, US) == expected


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("491711234567", DE, "+491711234567"),  # as long as a number of Germany can be
        ("01711234567", DE, "+491711234567"),
        ("1711234567", DE, "+491711234567"),
        ("15112345678", DE, "+4915112345678"),
        ("33612345678", DE, "+33612345678"),
        ("436641234567", DE, "+436641234567"),
        ("12125550100", DE, "+12125550100"),
        ("00436641234567", DE, "+436641234567"),
        ("07911123456", GB, "+447911123456"),
        ("7911123456", GB, "+447911123456"),
        ("447911123456", GB, "+447911123456"),
        ("447911123456", DE, "+447911123456"),
        ("447911123456", US, "+447911123456"),
        ("2125551234", US, "+12125551234"),
        ("12125551234", US, "+12125551234"),
        ("0049171123456", US, "+49171123456"),
        ("5512345678", MX, "+525512345678"),
        ("5215512345678", MX, "+525512345678"),
    ],
)
def test_digits_without_a_plus_are_the_number_that_somebody_has(
    text: str, place: Place, expected: str
) -> None:
    assert sender(text, place) == expected


def test_two_digits_that_are_an_emergency_number_somewhere_are_a_name() -> None:
    assert sender("60", MX) == "60;sender=alpha"  # 060 in Mexico


@given(
    st.text(max_size=60) | st.from_regex(r"\+?[0-9]{1,18}", fullmatch=True),
    st.sampled_from([US, DE, GB, MX]),
)
def test_a_sender_always_is_an_address_that_servers_leave_alone(text: str, place: Place) -> None:
    name = sender(text, place)
    assert read(name, place).name == name
    assert unicodedata.normalize("NFKC", name).casefold() == name
    assert addresses.label(name)


@given(st.text(max_size=60) | st.from_regex(r"[+0-9 ()/.,;-]{1,30}"), st.sampled_from([US, DE, GB]))
def test_whatever_is_read_is_read_again_as_the_same(text: str, place: Place) -> None:
    try:
        name = party(text, place)
    except BadAddress:
        return
    assert party(name, place) == name
    assert read(name, US).name == name


def test_names_and_withheld_numbers_cannot_be_answered() -> None:
    assert wire("+15551234567") == "+15551234567"
    assert wire("46645;phone-context=+1") == "46645"
    for name in ("mybank;sender=alpha", "anonymous"):
        assert not addresses.answerable(name)
        with pytest.raises(BadAddress, match="cannot be answered"):
            wire(name)


def test_people_are_shown_what_they_know() -> None:
    assert label("+15551234567") == "+1 555-123-4567"
    assert label("46645;phone-context=+1") == "46645"
    assert label("mybank;sender=alpha") == "mybank"
    assert label("+12125550100,+12125550101") == "+1 212-555-0100, +1 212-555-0101"
