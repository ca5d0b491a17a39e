"""CTCP, formatting codes, and splitting what people say."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol import ctcp
from bridges.irc.protocol.ctcp import Ctcp
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Injection
from bridges.irc.protocol.split import LEAST_ROOM, pieces, room_for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x01ACTION waves\x01", Ctcp("ACTION", "waves")),
        ("\x01ACTION waves", Ctcp("ACTION", "waves")),  # without closing delimiter
        ("\x01action  waves \x01", Ctcp("ACTION", " waves ")),
        ("\x01VERSION\x01", Ctcp("VERSION", "")),
        ("\x01PING 123 456\x01", Ctcp("PING", "123 456")),
        ("\x01ACTION a\x10nb\x01", Ctcp("ACTION", "a\x10nb")),  # no low-level dequoting
        ("\x01ACTION a\x01 rest", Ctcp("ACTION", "a")),
        ("\x01\x01", None),
        ("\x01", None),
        ("\x01 x\x01", None),
        ("plain \x01ACTION x\x01", None),
        ("", None),
    ],
)
def test_ctcp_is_told_from_text(text: str, expected: Ctcp | None) -> None:
    assert ctcp.parse(text) == expected


def test_ctcp_is_built() -> None:
    assert ctcp.build("ACTION", "waves") == "\x01ACTION waves\x01"
    assert ctcp.build("VERSION") == "\x01VERSION\x01"


@pytest.mark.parametrize(
    ("command", "argument"), [("ACTION", "a\x01b"), ("A B", ""), ("", "x"), ("X", "a\nb")]
)
def test_ctcp_that_would_end_early_is_refused(command: str, argument: str) -> None:
    with pytest.raises(Injection):
        ctcp.build(command, argument)


@given(st.from_regex("[A-Z]{1,8}", fullmatch=True), st.text(st.characters(exclude_characters="\0\1\r\n")))
def test_built_ctcp_is_read_back(command: str, argument: str) -> None:
    assert ctcp.parse(ctcp.build(command, argument)) == Ctcp(command, argument)


@given(st.text())
def test_reading_ctcp_never_raises(text: str) -> None:
    ctcp.parse(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain", "plain"),
        ("\x02b\x02 \x1di\x1d \x1fu\x1f \x1es\x1e \x11m\x11 \x16r\x16\x0f", "b i u s m r"),
        ("\x034red\x03", "red"),
        ("\x0304,12red\x03", "red"),
        ("\x03041 apple", "1 apple"),
        ("\x034,x", ",x"),
        ("\x03,5x", ",5x"),
        ("\x034,123", "3"),
        ("\x0399,99x", "x"),
        ("\x03٣x", "٣x"),  # only ASCII digits are digits
        ("\x04ff00AAx", "x"),
        ("\x04ff00aa,00ff00x", "x"),
        ("\x04ff00", "ff00"),
        ("tab\tand\u200djoiner\xa0", "tab\tand\u200djoiner\xa0"),
        ("", ""),
    ],
)
def test_formatting_codes_leave_plain_text(text: str, plain: str) -> None:
    assert strip(text) == plain


@given(st.text(alphabet="\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f0123,abé\n"))
def test_no_formatting_code_is_left(text: str) -> None:
    assert not set(strip(text)) & set("\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")


def test_line_breaks_part_lines_and_empty_ones_are_left_out() -> None:
    assert pieces("a\r\nb\n\nc\rd\n", limit_bytes=100) == ["a", "b", "c", "d"]
    assert pieces("", limit_bytes=100) == []
    assert pieces("\n\n", limit_bytes=100) == []
    assert pieces("a\x0bb\u2028c\u2029d\x85e", limit_bytes=100) == ["a\x0bb", "c", "d\x85e"]


def test_a_long_line_is_cut_behind_spaces() -> None:
    assert pieces("one two three", limit_bytes=8) == ["one two ", "three"]
    assert pieces("one two three", limit_bytes=7) == ["one ", "two ", "three"]
    assert pieces("abcdefghij", limit_bytes=4) == ["abcd", "efgh", "ij"]


CLUSTERS = {
    "combining mark": "e\u0301\u0327",
    "family": "👩\u200d👩\u200d👧",
    "skin tone": "👍🏽",
    "variation selector": "❤\ufe0f",
    "keycap": "1\ufe0f\u20e3",
    "flag": "🇫🇷",
    "region flag": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "hangul": "\u1112\u1161\u11ab",
    "devanagari": "कि",
}


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS.keys())
@pytest.mark.parametrize("before", range(12))
def test_what_people_take_for_one_character_is_not_cut(cluster: str, before: int) -> None:
    limit = 32
    text = "x" * before + cluster * 20
    found = pieces(text, limit_bytes=limit)
    assert "".join(found) == text
    assert all(len(piece.encode()) <= limit for piece in found)
    for piece in found:
        assert piece.lstrip("x").replace(cluster, "") == ""


@given(
    st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\u200d\u0301🇫🇷👍🏽"))),
    st.integers(4, 40),
)
def test_pieces_fit_are_not_empty_and_lose_nothing(text: str, limit: int) -> None:
    found = pieces(text, limit_bytes=limit)
    assert all(0 < len(piece.encode()) <= limit for piece in found)
    assert not any(set(piece) & set("\r\n\u2028\u2029") for piece in found)
    # Formatting codes are for the eye: what the pieces say is the text.
    assert strip("".join(found)) == strip("".join(re.split("[\r\n\u2028\u2029]", text)))


def test_a_cluster_larger_than_a_line_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 100
    found = pieces(text, limit_bytes=20)
    assert "".join(found) == text
    assert unicodedata.category(found[1][0]) == "Mn"


def test_the_room_is_what_a_relayed_line_has_left() -> None:
    mask, target = "nick!user@host", "#channel"
    room = room_for(mask, target)
    assert len(f":{mask} PRIVMSG {target} :\r\n".encode()) + room + 10 == 512
    assert room_for(mask, target, linelen=1024) == room + 512
    assert room_for(mask, target, command="NOTICE") == room + 1
    assert room_for("né!user@host", target) == room + 1
    assert room_for(None, target) < room
    assert room_for(mask, "#" * 2000) == LEAST_ROOM
