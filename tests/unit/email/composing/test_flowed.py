"""format=flowed: what our own decoder puts together is what was written."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.email.composing.cleaning import body
from bridges.email.composing.flowed import encode
from bridges.email.mime.flowed import decode

TEXTS = (st.text(max_size=600) | st.text(st.sampled_from("a >-\nFrom _*ü"), max_size=600)).map(body)
QUOTE = re.compile(r"(?:> ?)*")


def expected(text: str) -> list[tuple[int, str]]:
    """Quote depths, and lines without the spaces at their ends: nobody sees those, and they would mean something."""
    lines = []
    for line in text.split("\n"):
        quote = QUOTE.match(line)
        assert quote is not None
        lines.append((quote.group().count(">"), line[quote.end() :].rstrip(" ")))
    return lines


@settings(deadline=None)
@given(TEXTS)
def test_what_is_decoded_is_what_was_encoded(text: str) -> None:
    assert list(decode(encode(text).removesuffix("\n"))) == expected(text)


@settings(deadline=None)
@given(TEXTS)
def test_no_line_is_taken_for_a_signature_or_an_envelope(text: str) -> None:
    lines = encode(text).split("\n")
    assert not any(line.lstrip(">") in ("-- ", " -- ") or line.startswith("From ") for line in lines)


@settings(deadline=None)
@given(st.text(st.sampled_from("abc >"), max_size=2000).map(body))
def test_lines_are_short_where_there_are_spaces_to_break_at(text: str) -> None:
    for line in encode(text).split("\n"):
        assert len(line) <= 78 or " " not in line.lstrip("> ").rstrip(" ")


def test_a_long_paragraph_is_broken_into_flowed_lines() -> None:
    text = "word " * 40
    lines = encode(text).removesuffix("\n").split("\n")
    assert len(lines) == 3
    assert all(line.endswith(" ") for line in lines[:-1])
    assert not lines[-1].endswith(" ")


def test_what_would_be_read_as_something_else_is_stuffed() -> None:
    assert encode("From here\n  two spaces\n-- \n> quoted\n>> deeper\n>") == (
        " From here\n   two spaces\n--\n> quoted\n>> deeper\n>\n"
    )


def test_a_long_word_behind_dashes_stays_with_them() -> None:
    assert encode(f"-- {'x' * 100}").startswith(f"-- {'x' * 100}")
