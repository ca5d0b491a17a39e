"""Formatting codes into spans, spans into codes, and codes over several lines."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridges.irc.protocol.formatting import build, in_force, parse, strip
from bridges.irc.protocol.split import pieces
from gateway.model import Span, Style

S, E, K, C, B, Q = Style.STRONG, Style.EMPHASIS, Style.STRUCK, Style.CODE, Style.CODE_BLOCK, Style.QUOTE
CODED = st.text(alphabet="\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f0159,afé 👍\n", max_size=60)


def styled(text: str) -> tuple[str, list[tuple[Style, str]]]:
    plain, spans = parse(text)
    return plain, [(span.style, plain[span.start : span.end]) for span in spans]


@pytest.mark.parametrize(
    ("text", "plain", "parts"),
    [
        ("so \x02bold\x02 here", "so bold here", [(S, "bold")]),
        ("\x1dit\x1d \x1est\x1e \x11co\x11", "it st co", [(E, "it"), (K, "st"), (C, "co")]),
        ("\x02a \x1db\x1d c", "a b c", [(S, "a b c"), (E, "b")]),
        ("\x02a\x1db\x02c\x1d", "abc", [(S, "ab"), (E, "b"), (E, "c")]),
        ("\x02 padded \x0fplain", " padded plain", [(S, "padded")]),
        ("\x0304,12\x02red\x03 bold", "red bold", [(S, "red bold")]),
        ("\x02one\nplain", "one\nplain", [(S, "one")]),  # the end of a line ends all styles
        ("\x02\x02", "", []),
        ("\x02  ", "  ", []),
        ("\x03", "", []),
        ("\x0399,99x", "x", []),
        ("\x04ff", "ff", []),
        ("\x16\x1f\x04ff0000,00ff00x\x04", "x", []),
        ("tab\there", "tab\there", []),
    ],
)
def test_codes_become_styles(text: str, plain: str, parts: list[tuple[Style, str]]) -> None:
    assert styled(text) == (plain, parts)


def test_of_pictures_made_of_codes_only_the_text_is_kept() -> None:
    assert parse("\x02a\x02b" * 5000) == ("ab" * 5000, ())


@given(CODED)
def test_reading_codes_never_fails_and_leaves_none(text: str) -> None:
    plain, spans = parse(text)
    assert plain == strip(text)
    assert all(0 <= span.start < span.end <= len(plain) for span in spans)
    for one in spans:  # they nest or lie apart
        for other in spans:
            assert not one.start < other.start < one.end < other.end


@pytest.mark.parametrize(
    ("text", "spans", "coded"),
    [
        ("so bold", [Span(3, 7, S)], "so \x02bold\x02"),
        ("a b c", [Span(0, 5, S), Span(2, 3, E)], "\x02a \x1db\x1d c\x02"),
        ("abc", [Span(0, 2, S), Span(1, 3, S)], "\x02abc\x02"),
        ("one\n\ntwo", [Span(0, 8, B)], "\x11one\x11\n\n\x11two\x11"),
        ("one\ntwo\nmine", [Span(0, 7, Q), Span(4, 7, S)], "> one\n> \x02two\x02\nmine"),
        ("a\nb", [Span(0, 3, Q), Span(2, 3, Q)], "> a\n> > b"),
        ("text", [Span(-3, 99, K), Span(3, 3, S), Span(9, 12, S)], "\x1etext\x1e"),
    ],
)
def test_styles_become_codes_that_every_line_closes(text: str, spans: list[Span], coded: str) -> None:
    assert build(text, spans) == coded


STYLED = st.lists(
    st.builds(Span, st.integers(-2, 45), st.integers(-2, 45), st.sampled_from([S, E, K, C])), max_size=6
)


@given(st.text(alphabet="ab 👍\n0,", max_size=40), STYLED)
def test_what_is_written_is_read_back(text: str, spans: list[Span]) -> None:
    plain, found = parse(build(text, spans))
    assert plain == text

    def looks(given: list[Span] | tuple[Span, ...]) -> list[set[Style]]:
        return [{s.style for s in given if s.start <= at < s.end} for at in range(len(text))]

    for char, wanted, got in zip(text, looks(spans), looks(found), strict=True):
        assert char.isspace() or wanted == got


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("plain", ""),
        ("\x02bold", "\x02"),
        ("\x02bold\x02", ""),
        ("\x02\x1dboth\x0f", ""),
        ("\x034red", "\x0304"),
        ("\x034,5red", "\x0304,05"),
        ("\x034,5red\x037seven", "\x0307,05"),
        ("\x04ff0000x", "\x04ff0000"),
        ("\x034red\x03", ""),
        ("\x034,5red\x04ff0000", "\x04ff0000"),
    ],
)
def test_what_goes_on_in_the_next_line_is_known(text: str, codes: str) -> None:
    assert in_force(text) == codes


def test_a_piece_opens_again_what_the_one_before_it_closed() -> None:
    assert pieces("\x02hello wide world of bold\x02 and more words", limit_bytes=25) == [
        "\x02hello wide world of \x0f",
        "\x02bold\x02 and more words",
    ]
    assert pieces("\x0304colours of things ,5 are fun", limit_bytes=23) == [
        "\x0304colours of things \x0f",
        "\x0304\x02\x02,5 are fun",
    ]


@given(CODED.map(lambda text: text.replace("\n", "")), st.integers(4, 40))
@example("\x0399,99" * 20 + "x" * 40, 20)
@example("👍" * 10 + "\x02", 4)
def test_pieces_of_formatted_text_fit_and_say_the_same(text: str, limit: int) -> None:
    found = pieces(text, limit_bytes=limit)
    assert all(len(piece.encode()) <= limit for piece in found)
    assert strip("".join(found)) == strip(text)


@given(st.text(alphabet="ab 👍é", min_size=1, max_size=200), STYLED)
def test_pieces_of_formatted_text_look_as_the_whole(text: str, spans: list[Span]) -> None:
    found = pieces(build(text, spans), limit_bytes=40)
    plain, joined = "", []
    for piece in found:
        part, looks = parse(piece)
        joined += [Span(s.start + len(plain), s.end + len(plain), s.style) for s in looks]
        plain += part
    assert plain == text
    for at, char in enumerate(text):
        if not char.isspace():
            wanted = {s.style for s in spans if s.start <= at < s.end}
            assert {s.style for s in joined if s.start <= at < s.end} == wanted
