import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat import degrade


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("I like tea", "I like tea", ""),
        ("I like tea", "I  like tea ", ""),
        ("see you at teh pub tonight", "see you at the pub tonight", "*the"),
        ("it is on teh big tabel", "it is on the big table", "*the big table"),
        ("I like tea a lot", "I really like tea a lot", "*really like"),
        ("I like tea a lot", "I like tea a lot indeed", "*lot indeed"),
        ("I really like tea", "I like tea", "* I like tea"),
        ("helo", "hello", "* hello"),
        ("yes", "no", "* no"),
        ("one\ntwo", "one\nthree four five", "* one\nthree four five"),
        ("a b c d e f g h", "a x y z v f g h", "* a x y z v f g h"),
        ("", "now there is something", "* now there is something"),
    ],
)
def test_a_correction_says_the_changed_words_if_they_are_few(before, after, line):
    assert degrade.correction(before, after) == line


@given(st.text(), st.text())
def test_a_correction_is_never_silent_about_a_change(before, after):
    line = degrade.correction(before, after)
    assert (line == "") == (before.split() == after.split())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("short", "> <bob> short"),
        ("two\nlines", "> <bob> two lines"),
        ("> older\nnewer", "> <bob> newer"),
        ("word " * 40, "> <bob> " + ("word " * 16).rstrip() + "…"),
        ("x" * 200, "> <bob> " + "x" * 79 + "…"),
    ],
)
def test_a_quote_is_one_short_line(text, line):
    assert degrade.quote("bob", text) == line


def test_a_cut_does_not_split_a_family():
    family = "👨‍👩‍👧"
    assert degrade.shortened("ab" + family, 4) == "ab…"


@given(st.text(), st.integers(2, 100))
def test_shortened_is_one_line_within_its_limit(text, limit):
    short = degrade.shortened(text, limit)
    assert len(short) <= limit
    assert "\n" not in short


@pytest.mark.parametrize(
    ("text", "lead"),
    [("yes", "bob: "), ("bob: yes", ""), ("Bob, yes", ""), ("@bob yes", ""), ("bobby is here", "bob: ")],
)
def test_nobody_is_addressed_twice(text, lead):
    assert degrade.addressed("bob", text) == lead


def test_a_reaction_in_words_says_to_what():
    assert degrade.reaction("bob", "shall we?", ("👍",)) == "bob: 👍 (“shall we?”)"
    assert degrade.reaction("", "", ("👍",)) == "👍"
