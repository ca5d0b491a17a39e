"""Cutting texts: sizes, nothing taken apart, nothing lost; and what is told of it before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.text.clusters import may_cut
from bridges.sms.text.counting import count, explained, plain
from bridges.sms.text.decoding import decode
from bridges.sms.text.gsm import septets
from bridges.sms.text.segments import Joining, capacity, segments
from bridges.sms.traffic import Alphabet

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("alphabet", "shifts", "alone", "width_8", "width_16"),
    [
        (Alphabet.GSM, 0, 160, 153, 152),
        (Alphabet.LATIN1, 0, 140, 134, 133),
        (Alphabet.UCS2, 0, 70, 67, 66),
        (Alphabet.GSM, 1, 155, 149, 148),
        (Alphabet.GSM, 2, 152, 146, 145),
    ],
)
def test_sizes_of_a_segment(alphabet: Alphabet, shifts: int, alone: int, width_8: int, width_16: int) -> None:
    assert capacity(alphabet, shifts=shifts) == alone
    assert capacity(alphabet, shifts=shifts, joining=Joining.WIDTH_8) == width_8
    assert capacity(alphabet, shifts=shifts, joining=Joining.WIDTH_16) == width_16


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_how_many_segments_a_text_takes(text: str, number: int) -> None:
    assert len(segments(text).data) == number


def test_an_escape_stays_with_its_character() -> None:
    # The euro sign would lie on septets 153 and 154.
    first, second = segments("a" * 152 + "€" + "b" * 20).data
    assert (len(first), second[:2]) == (152, b"\x1be")


def test_a_surrogate_pair_is_not_parted() -> None:
    first, second = segments("я" * 66 + "😀" + "я" * 20).data
    assert (len(first), second[:4]) == (132, "😀".encode("utf-16-be"))


@pytest.mark.parametrize(
    "cluster",
    [FAMILY, "e\u0301", "🇩🇪", "👍🏽", "नि", "각", "\U0001f3f4\U000e0067\U000e007f", "1\ufe0f\u20e3"],
)
def test_what_people_see_as_one_character_is_not_parted(cluster: str) -> None:
    for before in range(55, 70):
        cut = segments("я" * before + cluster * 3 + "я" * 30)
        for piece in cut.data:
            assert piece.decode("utf-16-be").count(cluster) * len(cluster) == len(
                piece.decode("utf-16-be").replace("я", "")
            )


def test_a_character_larger_than_a_segment_is_parted_all_the_same() -> None:
    text = "я" + "\u0301" * 200
    cut = segments(text)
    assert len(cut.data) == 3
    assert decode(b"".join(cut.data), Alphabet.UCS2) == text


def test_flags_are_parted_between_two_and_two() -> None:
    text = "🇩🇪🇫🇷"
    assert [may_cut(text, index) for index in range(5)] == [True, False, True, False, True]
    assert not may_cut("a\r\n", 2)


@given(st.text(), st.sampled_from(list(Joining)), st.sampled_from([(), (1,), (2, 3), (4, 6, 13)]))
def test_segments_fit_and_rejoin(text: str, joining: Joining, national: tuple[int, ...]) -> None:
    text = text * 9
    cut = segments(text, national=national, joining=joining)
    shifts = (cut.locking > 0) + (cut.single > 0)
    width = 2 if cut.alphabet is Alphabet.UCS2 else 1
    most = capacity(cut.alphabet, shifts=shifts, joining=joining if len(cut.data) > 1 else None)
    assert all(len(piece) <= most * width for piece in cut.data)
    assert sum(map(len, cut.data)) == cut.units * width
    assert cut.room == most - len(cut.data[-1]) // width
    whole = b"".join(cut.data)
    if cut.alphabet is Alphabet.GSM:
        table = septets(cut.locking, cut.single)
        # Each alone, too: nothing is parted.
        assert "".join(map(table.decode, cut.data)) == table.decode(whole) == text
    else:
        assert "".join(piece.decode("utf-16-be") for piece in cut.data) == text


@given(st.text(st.characters(max_codepoint=255)), st.sampled_from([Alphabet.LATIN1, Alphabet.ASCII]))
def test_networks_with_other_alphabets(text: str, alphabet: Alphabet) -> None:
    cut = segments(text, alphabet)
    try:
        octets = text.encode(alphabet.value)
    except UnicodeEncodeError:
        assert cut.alphabet is Alphabet.UCS2
    else:
        assert (cut.alphabet, b"".join(cut.data)) == (alphabet, octets)
        assert all(len(piece) <= 140 for piece in cut.data)


def test_national_tables_are_used_where_they_are_permitted_and_help() -> None:
    assert segments("ş" * 100).alphabet is Alphabet.UCS2
    turkish = segments("ş" * 100, national=(1,))
    assert (turkish.alphabet, turkish.locking, turkish.single, len(turkish.data)) == (Alphabet.GSM, 1, 0, 1)
    assert segments("plain", national=(1, 6)).locking == 0
    one_letter = segments("a" * 100 + "ş", national=(1,))
    assert (one_letter.locking + one_letter.single, one_letter.units) == (1, 101)


def test_255_segments_can_be_made() -> None:
    assert len(segments("a" * 153 * 255).data) == 255


def test_a_count_says_what_costs() -> None:
    counted = count("Hello 😀 “world” " * 6)
    assert (counted.alphabet, counted.segments, counted.forced) == (Alphabet.UCS2, 2, ("😀", "“", "”"))
    assert explained(counted) == "2 SMS, because of 😀 “ ”"
    assert explained(count("Hello")) == "1 SMS"
    assert explained(count("Hi 😀")) == "1 SMS, with 😀"


def test_a_count_says_what_would_help() -> None:
    counted = count("It’s “fine”… " * 8)
    assert (counted.segments, counted.plain) == (2, 1)
    assert explained(counted) == "2 SMS, because of ’ “ ” …; 1 with plain punctuation"
    assert count("a\u0301" * 100).forced == ("\u0301",)
    assert "combining acute accent" in explained(count("a\u0301" * 100))


def test_what_nobody_sees_is_named_only_where_it_is_alone() -> None:
    assert explained(count(FAMILY)) == "1 SMS, with 👨 👩 👧"
    assert explained(count("❤\ufe0f")) == "1 SMS, with ❤"
    assert explained(count("a\u2060b")) == "1 SMS, with word joiner"


def test_many_characters_are_not_all_named() -> None:
    assert explained(count("абвгдежз" * 20)) == "3 SMS, because of а б в г д and 3 more"


def test_a_count_for_other_alphabets_names_what_they_lack() -> None:
    assert count("äß", Alphabet.ASCII).forced == ("ä", "ß")
    assert count("äß", Alphabet.LATIN1).forced == ()


def test_plain_text_is_what_it_was_but_for_typography() -> None:
    assert plain("“a”\u00a0–\u00a0b… ё 😀") == '"a" - b... ё 😀'
    assert plain("plain text\n") == "plain text\n"


@given(st.text())
def test_counts_agree_with_segments(text: str) -> None:
    counted, cut = count(text), segments(text)
    assert (counted.segments, counted.units, counted.room) == (len(cut.data), cut.units, cut.room)
    assert counted.plain <= counted.segments
    assert bool(counted.forced) == (cut.alphabet is Alphabet.UCS2)
    assert explained(counted)
