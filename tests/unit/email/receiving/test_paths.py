"""Paths in commands, read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.receiving import paths


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("<a@b.example>", "a@b.example", ""),
        ("<a@b.example> SIZE=12 BODY=8BITMIME", "a@b.example", "SIZE=12 BODY=8BITMIME"),
        ("<>", "<>", ""),
        ("<> SIZE=1", "<>", "SIZE=1"),
        (" <a@b.example>", "a@b.example", ""),
        ("a@b.example", "a@b.example", ""),
        ("<postmaster>", "postmaster", ""),
        ("<@relay.example,@other.example:a@b.example>", "a@b.example", ""),
        ("<пётр@почта.рф> SMTPUTF8", "пётр@почта.рф", "SMTPUTF8"),
        ('<"a b"@c.example>', '"a b"@c.example', ""),
        ('<"a>b"@c.example>', '"a>b"@c.example', ""),
    ],
)
def test_a_path_is_an_address_and_its_parameters(argument: str, address: str, parameters: str) -> None:
    assert paths.read(argument) == (address, parameters)


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "<",
        "<a@b",
        "a@b>",
        "<a@b><c@d>",
        "<a@b>c@d",
        "<a@b> \r\nRCPT TO:<c@d>",
        "<a\r\n@b>",
        "<a@b\0>",
        "<a @b>",
        "<@b.example>",
        "<a@>",
        "<a\udcff@b.example>",
        f"<{'a' * 250}@b.example>",
        "(comment) a@b",
        "<<a@b>>",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_path(argument: str) -> None:
    assert paths.read(argument) is None


@given(st.text(max_size=300))
def test_no_line_break_comes_through(argument: str) -> None:
    found = paths.read(argument)
    if found is not None:
        assert not set(found[0]) & set("\r\n\0>") or '"' in found[0]
        assert "\n" not in found[0]


def test_the_null_path_is_nobody() -> None:
    assert paths.sender(paths.NULL) == ""
    assert paths.sender("a@b.example") == "a@b.example"
