"""HTML becomes the text that a person would see, and nothing hostile takes long or loses what is around it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime import html, markup
from bridges.email.mime.letter import Role
from bridges.email.mime.shown import Shown
from gateway.model import Style
from tests.unit.email.mime.mails import PATIENT

_LIMIT = 512 * 1024


def shown(source: str) -> Shown:
    return html.read(source, _LIMIT, 2_000)


def styled(source: str) -> list[tuple[str, str]]:
    found = shown(source)
    return [(found.text[span.start : span.end], span.style.value) for span in found.spans]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("One<br>Two<br><br>Three<br><br><br><br>Four", "One\nTwo\n\nThree\n\nFour"),
        ("<p class=MsoNormal>One</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>Two</p>", "One\n\nTwo"),
        ("a  \n b&nbsp;&nbsp;c", "a b c"),
        ("<pre>a\n  b\n\n\nc</pre>", "a\n  b\n\n\nc"),
        ("<ul><li>one<li>two</ul>", "• one\n• two"),
        ("<ol start=3><li>one<li><p>two</p></ol>", "3. one\n4. two"),
        ("<ul><li>one<ul><li>two</ul><li>three</ul>", "• one\n  • two\n• three"),
        ("<table><tr><th>A<th>B<tr><td>1<td><p>2</p></table>", "A | B\n1 | 2"),
        ("<table><tr><td><table><tr><td>x</table><td><p>a</p><p>b</p></table>", "x\n\na\n\nb"),
        ("<table><tr><td>only</table>", "only"),
        ("<table><tr><td><div><p>A</p></div><td>B<tr><td>1<td></table>", "A | B\n1"),
        ("<table><tr><td>A<p>B</p><td>C<tr><td>D<td>E</table>", "A\n\nB\n\nC\nD\nE"),
        (f"<table><tr><td>A<td>B<tr><td>C<td>{'long ' * 40}</table>", f"A\nB\nC\n{'long ' * 40}".rstrip()),
        ("<table><tr><td><img src=x><td>A<tr><td><img src=x><td>B</table>", "A\nB"),
        ("a &lt;b&gt; &amp; &#x1F600; &nosuchentity;", "a <b> & 😀 &nosuchentity;"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<h1>Title</h1>Text", "Title\n\nText"),
        ("a<hr>b", "a\n\nb"),
        ("<p>end", "end"),
        ("", ""),
        ("<html><head><title>t</title></head><body>x</body></html>", "x"),
        ("<textarea>typed</textarea><input type=submit value=Send>", "typed Send"),
    ],
)
def test_layout(source: str, text: str) -> None:
    assert shown(source).text == text


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">no</div>',
        '<div style="DISPLAY : NONE !important">no</div>',
        "<div hidden>no</div>",
        '<span style="visibility: hidden">no</span>',
        '<span style="font-size:0px">no</span>',
        '<span style="font-size:1px;line-height:1px">no</span>',
        '<span style="mso-hide:all">no</span>',
        '<div style="max-height:0px;overflow:hidden">no</div>',
        '<span style="opacity:0">no</span>',
        "<style>no</style>",
        "<script>no()</script>",
        "<!-- no -->",
        "<!--[if mso]>no<![endif]-->",
        '<img src="https://t.example.com/p" width="1" height="1" alt="no">',
        '<img src="x" style="width:1px;height:1px" alt="no">',
        '<img src="cid:1" alt="image001.png">',
        "<template>no</template>",
        "<svg><text>no</text></svg>",
    ],
)
def test_what_is_hidden_is_not_shown(hidden: str) -> None:
    assert shown(f"<p>yes</p>{hidden}").text == "yes"


def test_text_in_a_layout_of_size_nothing_is_shown_where_it_has_a_size() -> None:
    assert (
        shown('<div style="font-size:0px;padding:1px"> . <div style="font-size:14px">yes</div></div>').text
        == "yes"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('<a href="https://x.example/">here</a>', "here <https://x.example/>"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        (
            '<a href="https://evil.example/">https://bank.example</a>',
            "https://bank.example <https://evil.example/>",
        ),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="mailto:a@b.example?subject=x">write</a>', "write <a@b.example>"),
        (
            '<a href="https://x.example/">one</a> <a href="https://x.example/">two</a>',
            "one <https://x.example/> two",
        ),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="data:text/html,x">x</a>', "x"),
        ('<a href="#top">x</a>', "x"),
        ('<a href="https://x.example/a b">x</a>', "x <https://x.example/a%20b>"),
        ('<a href="https://x.example/\u202egnp">x</a>', "x <https://x.example/gnp>"),
        ('<a href="https://x.example/"><img alt="Go" src=y></a>', "[Go] <https://x.example/>"),
        ('<a name="x">x</a>', "x"),
    ],
)
def test_links_are_shown_once_and_never_hide_where_they_lead(source: str, text: str) -> None:
    assert shown(source).text == text


def test_styles_are_spans_within_their_lines() -> None:
    assert styled("<b>a<br>b</b> <i>c <b>d</b></i> <s>e</s> <code>f</code>") == [
        ("a", "strong"),
        ("b", "strong"),
        ("c d", "emphasis"),
        ("d", "strong"),
        ("e", "struck"),
        ("f", "code"),
    ]


def test_quotes_are_spans_of_whole_lines_and_nest() -> None:
    found = shown("<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d")
    assert found.text == "a\nb\nc\nd"
    assert [(found.text[span.start : span.end], span.style) for span in found.spans] == [
        ("a\nb\nc", Style.QUOTE),
        ("c", Style.QUOTE),
    ]


@pytest.mark.parametrize(
    ("source", "role"),
    [
        ('<div class="gmail_quote">On Monday Bob wrote: old</div>', Role.QUOTE),
        ('<div class="gmail_quote">---------- Forwarded message --------- old</div>', Role.FORWARD),
        ('<div class="x_gmail_quote">old</div>', Role.QUOTE),
        ('<blockquote type="cite">old</blockquote>', Role.QUOTE),
        ('<div class="moz-forward-container">old</div>', Role.FORWARD),
        ('<div class="moz-signature">old</div>', Role.SIGNATURE),
        ('<div id="divRplyFwdMsg">From</div>old', Role.QUOTE),
        ('<div id="appendonsend"></div><div>old</div>', Role.QUOTE),
    ],
)
def test_structure_tells_what_a_part_is(source: str, role: Role) -> None:
    found = shown(f"<div>new</div>{source}")
    assert [mark.role for mark in found.marks] == [role]
    assert found.text[found.marks[0].end - 3 : found.marks[0].end] == "old"
    assert "new" not in found.text[found.marks[0].start :]


HOSTILE = {
    "a tag of 80,000 attributes": "<a " + " ".join(f"a{n}=b" for n in range(80_000)) + ">x</a>",
    "50,000 comments without end": "<!--" * 50_000,
    "5,000 elements deep": "<div>" * 5_000 + "deep",
    "100,000 elements deep": "<div>" * 100_000 + "deep",
    "formatting that is never closed": "".join(f"<p><font size={n}>x" for n in range(30_000)),
    "bold paragraphs": "<b><p>" * 80_000 + "x",
    "tables in tables": "<table><tr><td>" * 20_000 + "x",
    "links in links": "<a href=x>" * 50_000,
    "quotes that never end": "<a '" * 100_000,
    "brackets": "<" * 500_000,
    "lists": "<ul><li>x" * 50_000,
    "cells": "<table><tr>" + "<td>x" * 40_000,
    "styles of spaces": ("<p style='" + " " * 8_000 + "'>x") * 60,
    "end tags": "</div>x" * 80_000,
    "quoted brackets": "<a b='>" * 50_000,
    "entities": "&amp" * 100_000,
    "select": "<select><option>" * 30_000,
    "attributes of many tags": ("<a " + "b=c " * 1_500 + ">x") * 80,
    "raw text": "<script>" * 50_000,
    "frames": "<form><button><nobr>x" * 20_000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_markup_takes_seconds_at_most(source: str) -> None:
    began = time.process_time()
    shown(f"before {source} after")
    assert (
        time.process_time() - began < 20
    )  # not a measurement: parsers without the filter take minutes, or all memory


def test_text_before_what_is_hostile_is_kept() -> None:
    assert shown("<p>Hello</p>" + HOSTILE["50,000 comments without end"]).text == "Hello"
    assert shown("<p>Hello</p>" + HOSTILE["a tag of 80,000 attributes"][:400_000]).text == "Hello"
    assert shown("<p>Hello</p>" + HOSTILE["100,000 elements deep"]).text == "Hello\n\ndeep"


_TAGS = st.sampled_from(
    ["<p>", "</p>", "<b>", "</b>", "<ul>", "<li>", "</ul>", "<table>", "<tr>", "<td>", "</table>", "<br>", "<blockquote>",
     "</blockquote>", '<a href="https://x.example">', "</a>", "<pre>", "</pre>", "<!--", "-->", '<div class="gmail_quote">',
     "</div>", '<div id="appendonsend">', "<h1>", "<i>", "&nbsp;", "&#0;", "&#xD800;", "<", ">", '"', "<style>", "</style>",
     '<div style="display:none">', '<div class="moz-signature">', "<th>", "<ol>", "<img alt=x>", "<hr>", "<code>", " "]
)  # fmt: skip


@PATIENT
@given(st.lists(_TAGS | st.text(max_size=8), max_size=60))
def test_whatever_the_markup_spans_and_marks_lie_within_the_text(pieces: list[str]) -> None:
    found = shown("".join(pieces))
    found.text.encode()
    for span in found.spans:
        assert 0 <= span.start < span.end <= len(found.text)
        if span.style is not Style.QUOTE:
            assert "\n" not in found.text[span.start : span.end] or span.style is Style.CODE_BLOCK
    for mark in found.marks:
        assert 0 <= mark.start < mark.end <= len(found.text)
    for outer in found.spans:
        for inner in found.spans:
            assert (
                inner.end <= outer.start
                or outer.end <= inner.start
                or ((inner.start - outer.start) * (inner.end - outer.end) <= 0)
            )


@PATIENT
@given(st.lists(st.text("ab \n", min_size=1, max_size=8), min_size=1, max_size=10))
def test_no_word_is_lost(words: list[str]) -> None:
    found = shown("".join(f"<div>{word}</div>" for word in words))
    assert found.text.split() == " ".join(words).split()


@PATIENT
@given(st.text(st.sampled_from("<>!-/ab'\"= \n"), max_size=200))
def test_tamed_markup_is_never_longer_by_much(source: str) -> None:
    assert len(markup.tamed(source, _LIMIT)) <= 4 * len(source)
