"""GSM 03.38: our tables beside those of ``gsmcodecs`` and ``gsm0338``, and what is read from broken septets."""

import codecs

import gsm0338
import gsmcodecs.charmaps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.text.gsm import DEFAULT, NotInAlphabet, septets
from bridges.sms.text.national import ESC, LOCKING, SINGLE, UNDEFINED

LANGUAGES = range(14)
CHARMAPS = gsmcodecs.charmaps.GSMCHARMAPS

# Where gsmcodecs 1.0.0 is not followed. In A.3.4 to A.3.13 it has an apostrophe at 0x2C, by which those languages would have
# no comma at all, and two apostrophes. In A.3.7 (Kannada) it has U+0CAA twice and U+0CA1 never. In A.2.12 (Telugu) the euro
# sign is missing.
COMMA = 0x2C
KANNADA_DDA = (7, 0x24)
TELUGU_EURO = (12, 0x65)


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != 2])
def test_locking_tables_are_those_of_gsmcodecs(language: int) -> None:
    theirs = CHARMAPS[language]["locking"]["decode"]
    ours = LOCKING[language]
    assert len(ours) == 128
    for code in range(128):
        if code == ESC:
            assert ours[code] == "\x1b"
        elif code == COMMA:
            assert ours[code] == ","
        elif (language, code) == KANNADA_DDA:
            assert ours[code] == "\u0ca1"
        else:
            assert ours[code] == (chr(theirs[code]) if code in theirs else UNDEFINED), hex(code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_single_shift_tables_are_those_of_gsmcodecs(language: int) -> None:
    theirs = {
        code: chr(point) for code, point in CHARMAPS[language]["singleShift"]["decode"].items() if code != ESC
    }
    if language == TELUGU_EURO[0]:
        theirs[TELUGU_EURO[1]] = "€"
    assert dict(SINGLE[language]) == theirs


@given(st.text(alphabet=[each for each in LOCKING[0] if each != "\x1b"] + list(SINGLE[0].values())))
def test_the_default_alphabet_writes_as_both_libraries_do(text: str) -> None:
    octets = DEFAULT.encode(text)
    assert octets == codecs.encode(text, "gsm23.038-0-0")
    assert octets == gsm0338.Codec().encode(text)[0]
    assert DEFAULT.decode(octets) == text


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data())
def test_what_a_table_writes_it_reads(language: int, data: st.DataObject) -> None:
    table = septets(language, language)
    letters = [each for each in LOCKING.get(language, LOCKING[0]) if each not in ("\x1b", UNDEFINED)]
    text = data.draw(st.text(alphabet=[*letters, *SINGLE[language].values()]))
    assert table.decode(table.encode(text)) == text
    assert sum(map(table.cost, text)) == len(table.encode(text))


@given(st.binary(), st.integers(0, 255), st.integers(0, 255))
def test_reading_never_fails(data: bytes, locking: int, single: int) -> None:
    text = septets(locking, single).decode(data)
    assert len(text) <= len(data)
    assert "\x1b" not in text


@given(st.text())
def test_writing_fails_only_for_characters_that_are_not_there(text: str) -> None:
    missing = DEFAULT.missing(text)
    if missing:
        with pytest.raises(NotInAlphabet) as caught:
            DEFAULT.encode(text)
        assert caught.value.characters == missing
    else:
        assert DEFAULT.decode(DEFAULT.encode(text)) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1be", "€"),
        (b"\x1b\x0a", "\f"),
        (b"a\x1b", "a "),
        (b"\x1b\x1bea", " ea"),
        (b"\x1b\x1b\x1be", " €"),
        (b"\x1bz", "z"),
        (b"\x1b\x00", "@"),
        (b"\x1b\xe9", "é"),
        (b"\x00\x11\x02", "@_$"),
        (b"\x80\xff", "\ufffdÿ"),
        (b"", ""),
    ],
)
def test_broken_escapes_are_read_as_the_standard_says(octets: bytes, text: str) -> None:
    assert DEFAULT.decode(octets) == text


def test_a_shifted_code_that_a_language_has_not_is_that_of_its_locking_table() -> None:
    assert septets(1, 1).decode(b"\x1b\x04\x1b\x53") == "€Ş"


def test_languages_that_nobody_has_are_the_default_one() -> None:
    assert septets(200, 99) is DEFAULT
    assert septets(2, 0) is DEFAULT


def test_each_missing_character_is_named_once_and_in_order() -> None:
    with pytest.raises(NotInAlphabet) as caught:
        DEFAULT.encode("a😀b„😀")
    assert caught.value.characters == ("😀", "„")
