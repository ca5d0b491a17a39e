"""Octets to text: every alphabet, whatever the octets are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.text.decoding import decode
from bridges.sms.text.segments import segments
from bridges.sms.traffic import Alphabet

_XML_CHARACTERS = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff\ufeff"
)


@pytest.mark.parametrize("alphabet", Alphabet)
@given(data=st.binary(max_size=400), locking=st.integers(0, 255), single=st.integers(0, 255))
def test_decoding_never_fails_and_says_nothing_that_xml_cannot_carry(
    alphabet: Alphabet, data: bytes, locking: int, single: int
) -> None:
    text = decode(data, alphabet, locking, single)
    text.encode("utf-8")
    assert all(each in "\n\t" or each >= " " for each in text)
    assert not {"\ufffe", "\uffff", "\x7f", "\x9f"} & set(text)


@given(st.text(_XML_CHARACTERS))
def test_ucs2_is_utf_16(text: str) -> None:
    assert decode(text.encode("utf-16-be"), Alphabet.UCS2) == text


@given(st.text(_XML_CHARACTERS, min_size=1), st.integers(0, 1000))
def test_pieces_that_part_a_surrogate_pair_are_one_text(text: str, at: int) -> None:
    octets = text.encode("utf-16-be")
    cut = at * 2 % len(octets)
    assert decode(octets[:cut] + octets[cut:], Alphabet.UCS2) == text


@given(st.text(_XML_CHARACTERS))
def test_what_is_cut_into_segments_is_read_as_it_was(text: str) -> None:
    cut = segments(text, national=(1, 3, 6, 13))
    assert decode(b"".join(cut.data), cut.alphabet, cut.locking, cut.single) == text.replace("\r", "\n")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\xd8\x3d", "\ufffd"),
        (b"\xde\x00\x00h", "\ufffdh"),
        (b"\x00h\x00", "h"),
        (b"\xfe\xff\x00h", "h"),
        (b"\xff\xfeh\x00i\x00", "hi"),
        (b"\x00h\x00\x00", "h"),
        (b"\x00\x0d\x00\x0a\x00x", "\nx"),
        (b"", ""),
    ],
)
def test_broken_ucs2(octets: bytes, text: str) -> None:
    assert decode(octets, Alphabet.UCS2) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"caf\xe9 f\xfcr 5\x80", "café für 5€"),  # Latin-1 (as Windows has it) under data_coding 0
        (b"50$ @home_\xe9", "50$ @home_é"),
        ("naïve 😀".encode(), "naïve 😀"),  # UTF-8 under data_coding 0
        (b"\x00\x02\xe9", "@$é"),  # septets, and one octet that is none
        (b"a\x1be\r", "a€"),
        (b"line\x0aline\x0d\x0aline", "line\nline\nline"),
        (b"page\x1b\x0apage", "page\npage"),
    ],
)
def test_what_comes_as_septets(octets: bytes, text: str) -> None:
    assert decode(octets, Alphabet.GSM) == text


@pytest.mark.parametrize(
    ("alphabet", "text"),
    [
        (Alphabet.ASCII, "plain"),
        (Alphabet.LATIN1, "Grüße"),
        (Alphabet.CYRILLIC, "Привет"),
        (Alphabet.HEBREW, "שלום"),
        (Alphabet.JAPANESE, "こんにちは"),
        (Alphabet.ISO2022, "こんにちは"),
        (Alphabet.EXTENDED_JAPANESE, "こんにちは"),
        (Alphabet.EUC_KR, "안녕"),
    ],
)
def test_all_other_alphabets(alphabet: Alphabet, text: str) -> None:
    assert decode(text.encode(alphabet.value), alphabet) == text


def test_ascii_with_octets_that_are_none() -> None:
    assert decode("café".encode(), Alphabet.ASCII) == "café"
    assert decode(b"caf\xe9", Alphabet.ASCII) == "café"


def test_binary_has_no_text() -> None:
    assert decode(b"\x01\x02", Alphabet.BINARY) == ""
