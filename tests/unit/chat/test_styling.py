import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.chat.styling import read, write
from gateway.model import Span, Style

#: A line that opens or closes a block, in quotes too.
_FENCE_LINE = re.compile(r"^[> ]*```.*$", re.MULTILINE)
S, E, K, C, B, Q = Style.STRONG, Style.EMPHASIS, Style.STRUCK, Style.CODE, Style.CODE_BLOCK, Style.QUOTE


def styled(text):
    """The text without marks, and the styled parts of it."""
    plain, spans, _ = read(text)
    return plain, [(span.style, plain[span.start : span.end]) for span in spans]


@pytest.mark.parametrize(
    ("text", "plain", "parts"),
    [
        ("plain span", "plain span", []),
        ("*strong span*", "strong span", [(S, "strong span")]),
        ("plain _emphasis_ plain", "plain emphasis plain", [(E, "emphasis")]),
        ("`pre` plain *strong*", "pre plain strong", [(C, "pre"), (S, "strong")]),
        ("*strong*plain*", "strongplain*", [(S, "strong")]),
        ("* plain *strong*", "* plain strong", [(S, "strong")]),
        ("everyone ~dis~likes cake", "everyone dislikes cake", [(K, "dis")]),
        ("This is `*monospace*`", "This is *monospace*", [(C, "*monospace*")]),
        ("*`both`*", "both", [(S, "both"), (C, "both")]),
        ("*_a_ b*", "a b", [(S, "a b"), (E, "a")]),
        ("> quoted *words*\nmine", "quoted words\nmine", [(Q, "quoted words"), (S, "words")]),
        (">> deep\n> less\nmine", "deep\nless\nmine", [(Q, "deep\nless"), (Q, "deep")]),
        ("```py\nx = *1*\n```\nafter", "x = *1*\nafter", [(B, "x = *1*")]),
        ("```\nunclosed", "unclosed", [(B, "unclosed")]),
        ("> ```\n> code\n> ```\n> more", "code\nmore", [(Q, "code\nmore"), (B, "code")]),
    ],
)
def test_marks_become_styles(text, plain, parts):
    got, found = styled(text)
    assert got == plain
    assert sorted(found) == sorted(parts)


@pytest.mark.parametrize(
    "text",
    [
        "not strong*",
        "*not strong",
        "*not \n strong*",
        "*not *strong",
        "**",
        "***",
        "****",
        "2 * 3 * 4",
        "a_b_c",
        "```",
    ],
)
def test_what_is_no_mark_stays_as_it_is(text):
    assert styled(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "akick #c add *!*@host.example",
        "*args, **kwargs",
        "rm *.o,*.a and *.h",
        "a *bold*er claim",
        ">:( not amused",
        "> quoted",
        "```ls -l```",
        "```unclosed\ncode",
        "*!*",
        "__init__ and _start_address",
        "~/a ~/b",
        "http://example.org/*_x_*",
    ],
)
def test_where_an_asterisk_is_an_asterisk_nothing_is_lost(text):
    assert read(text, wary=True)[:2] == (text, ())


@pytest.mark.parametrize(
    ("text", "plain", "parts"),
    [
        ("*so*, _well_.", "so, well.", [(S, "so"), (E, "well")]),
        ("(see *that*)", "(see that)", [(S, "that")]),
        ("*`both`*!", "both!", [(S, "both"), (C, "both")]),
        ("> a *bold* quote\nmine", "> a bold quote\nmine", [(S, "bold")]),
        ("see:\n```py\nx = *1*\n```\nafter", "see:\nx = *1*\nafter", [(B, "x = *1*")]),
    ],
)
def test_marks_beyond_doubt_are_styles_everywhere(text, plain, parts):
    got, spans, _ = read(text, wary=True)
    assert got == plain
    assert sorted((span.style, got[span.start : span.end]) for span in spans) == sorted(parts)


@given(st.text(alphabet="ab *_~`>\n👍", max_size=80))
@example("```a\n")
@example("```a\nb")
@example("> ```a\n>\n")
@example("_`_``a")
def test_reading_never_fails_and_loses_nothing_but_marks(text):
    plain, spans, moved = read(text)
    # What stands behind a fence names a language: it may go with it.
    fences = {at for found in _FENCE_LINE.finditer(text) for at in range(*found.span())}
    said = {at: char for at, char in enumerate(text) if char in "ab👍" and at not in fences}
    rest = iter(text)
    assert all(char in rest for char in plain)  # in the same order
    assert all(0 <= span.start < span.end <= len(plain) for span in spans)
    assert all(plain[moved(at)] == char for at, char in said.items())


def test_a_block_with_nothing_in_it_stays_as_it_was_written():
    assert styled("```a\n") == ("```a\n", [])
    assert styled("```a\n\n```") == ("```a\n\n```", [])


def test_a_long_line_of_marks_is_read_in_time():
    styled("*a " * 100_000)
    styled("> " * 5_000 + "x")
    styled("*_~`" * 50_000)


spans = st.lists(
    st.builds(Span, st.integers(-2, 45), st.integers(-2, 45), st.sampled_from(list(Style))), max_size=5
)


@given(st.text(alphabet="ab \n👍", max_size=40), spans)
def test_writing_never_fails_and_loses_nothing(text, wanted):
    written, shown, moved = write(text, wanted)
    assert [c for c in written if c in "ab👍"] == [c for c in text if c in "ab👍"]
    assert all(0 <= span.start < span.end <= len(written) for span in shown)
    assert all(written[moved(at)] == char for at, char in enumerate(text))


@pytest.mark.parametrize(
    ("text", "wanted", "written"),
    [
        ("so bold", [Span(3, 7, S)], "so *bold*"),
        ("unbreakable", [Span(2, 7, S)], "unbreakable"),
        ("a b c", [Span(0, 5, S), Span(2, 3, E)], "*a _b_ c*"),
        ("a b", [Span(0, 3, S), Span(0, 3, E)], "*_a b_*"),
        ("one\ntwo\nthree", [Span(0, 7, Q)], "> one\n> two\nthree"),
        ("run\nls -l\nnow", [Span(4, 9, B)], "run\n```\nls -l\n```\nnow"),
    ],
)
def test_styles_become_marks_where_there_are_some(text, wanted, written):
    assert write(text, wanted)[0] == written


def test_written_spans_lie_on_the_words_not_on_the_marks():
    written, shown, _ = write("so bold", [Span(3, 7, S)])
    assert [written[span.start : span.end] for span in shown] == ["bold"]
