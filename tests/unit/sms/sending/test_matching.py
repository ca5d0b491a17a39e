"""Which piece a report is about: ids spelt otherwise, and what is learnt of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.sending.matching import (
    Candidate,
    Learnt,
    Rule,
    about,
    bounded,
    decimal,
    hexadecimal,
    party,
    rule,
    spellings,
    stripped,
)

ids = st.text(max_size=80) | st.from_regex(r"[0-9A-Fa-f]{1,64}", fullmatch=True)
numbers = st.integers(min_value=1, max_value=2**64)


@pytest.mark.parametrize(
    ("answered", "reported", "expected"),
    [
        ("1A2B3C00", "1A2B3C00", Rule.RAW),
        ("1A2B3C00", "1a2b3c00", Rule.FOLDED),
        ("0001A2B3", "1a2b3", Rule.STRIPPED),
        ("1a2b3", "0001A2B3", Rule.STRIPPED),
        ("1A2B3C00", "439041024", Rule.DECIMAL),
        ("1a2b3c00", "0439041024", Rule.DECIMAL),
        ("439041024", "1A2B3C00", Rule.HEXADECIMAL),
        ("0", "000", Rule.STRIPPED),
        ("b1946ac9-2b8f-4a01-8a3d-1f0e4e9d7b7a", "B1946AC9-2B8F-4A01-8A3D-1F0E4E9D7B7A", Rule.FOLDED),
        ("1A2B3C00", "1A2B3C01", None),
        ("", "", None),
        (" ", "  ", None),
        ("xyz", "zyx", None),
        ("", "0", None),
    ],
)
def test_ids_are_one_by_the_most_exact_rule(answered: str, reported: str, expected: Rule | None) -> None:
    assert rule(answered, reported) is expected


@given(ids, ids)
def test_any_ids_can_be_compared_and_a_match_is_found_by_its_spellings(answered: str, reported: str) -> None:
    answered, reported = bounded(answered), bounded(reported)
    if rule(answered, reported) is not None:
        index = {stripped(answered), decimal(answered)} - {""}
        assert index & set(spellings(reported))
        assert stripped(reported) in set(spellings(answered))


@given(numbers, st.booleans(), st.integers(min_value=0, max_value=8))
def test_hexadecimal_and_decimal_are_found_both_ways(number: int, upper: bool, zeros: int) -> None:
    inhex = "0" * zeros + (f"{number:X}" if upper else f"{number:x}")
    assert rule(inhex, str(number)) is not None
    assert rule(str(number), inhex) is not None
    assert decimal(inhex) == str(number)
    assert hexadecimal(str(number)) == f"{number:x}"


@given(st.text(max_size=500))
def test_bounded_ids_fit_every_database(id: str) -> None:
    kept = bounded(id)
    assert len(kept) <= 200
    assert "\0" not in kept
    kept.encode()
    assert bounded(kept) == kept


def test_ids_with_halves_of_characters_and_nul_are_kept_without() -> None:
    assert bounded("a\0b\ud800") == "ab?"


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("+15551234567", "15551234567", True),
        ("+15551234567", "5551234567", True),
        ("+15551234567", "001 (555) 123-4567", True),
        ("+525512345678", "+5215512345678", True),
        ("+15551234567", "+15551234568", False),
        ("46645", "46645", True),
        ("46645", "6645", False),
        ("MyBank", "mybank", True),
        ("Bank24", "Shop24", False),
        ("+1555", "", False),
    ],
)
def test_phones_are_the_same_however_they_are_written(ours: str, theirs: str, same: bool) -> None:
    assert (party(ours) == party(theirs)) is same


def piece(name: str, id: str, number: str = "+15551234567", **more: Any) -> Candidate[str]:
    return Candidate(name, id, (party(number),), more.get("open", True), more.get("written", 1.0))


def test_the_recipient_decides_between_pieces_with_one_id() -> None:
    pieces = [piece("one", "7", "+15551111111"), piece("two", "7", "+15552222222")]
    match = about("7", "15552222222", pieces, Learnt())
    assert match is not None
    assert (match.what, match.rule, match.certain) == ("two", Rule.RAW, True)


def test_a_report_about_nobody_known_is_about_nothing() -> None:
    assert about("7", "+15553333333", [piece("one", "7")], Learnt()) is None
    assert about("8", "", [piece("one", "7")], Learnt()) is None


def test_what_was_learnt_decides_between_two_readings_of_an_id() -> None:
    pieces = [piece("in hex", "10"), piece("as it is", "16")]
    assert about("16", "", pieces, Learnt()).what == "as it is"
    assert about("16", "", pieces, Learnt({Rule.DECIMAL: 3})).what == "in hex"
    assert about("16", "", pieces, Learnt({Rule.DECIMAL: 3, Rule.RAW: 9})).what == "as it is"


def test_of_pieces_with_one_id_it_is_the_newest_that_waits_for_news() -> None:
    pieces = [
        piece("done", "7", open=False, written=9.0),
        piece("older", "7", written=1.0),
        piece("newer", "7", written=2.0),
    ]
    match = about("7", "", pieces, Learnt())
    assert match is not None
    assert (match.what, match.certain) == ("newer", False)


def test_what_no_longer_happens_is_forgotten() -> None:
    learnt = Learnt()
    for _ in range(80):
        learnt.learn(Rule.DECIMAL)
    assert not learnt.learn(Rule.DECIMAL)
    for _ in range(50):
        learnt.learn(Rule.RAW)
    assert learnt.preference(Rule.RAW) < learnt.preference(Rule.DECIMAL)


@given(st.lists(st.tuples(ids, ids), max_size=20), ids, st.text(max_size=20))
def test_whatever_comes_a_match_is_one_of_the_candidates(
    known: list[tuple[str, str]], reported: str, recipient: str
) -> None:
    pieces = [Candidate(n, bounded(id), (party(to),), True, 0.0) for n, (id, to) in enumerate(known)]
    match = about(bounded(reported), recipient, pieces, Learnt())
    if match is not None:
        assert rule(pieces[match.what].id, bounded(reported)) is not None
        assert not party(recipient) or party(recipient) in pieces[match.what].parties
