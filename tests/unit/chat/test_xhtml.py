"""Styles out of XHTML-IM, where it says the words of the body."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.xhtml import read
from gateway.model import Style

S, E, K, C, B = Style.STRONG, Style.EMPHASIS, Style.STRUCK, Style.CODE, Style.CODE_BLOCK


def styles(xhtml, body):
    html = fromstring(
        f"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{xhtml}</body></html>"
    )
    return sorted((span.style, body[span.start : span.end]) for span in read(html, body))


@pytest.mark.parametrize(
    ("xhtml", "body", "found"),
    [
        ("so <strong>bold</strong>", "so bold", [(S, "bold")]),
        ("<p><em>one</em></p><p>two</p>", "one\ntwo", [(E, "one")]),
        ("<span style='font-weight: bold; font-style:italic'>x</span> y", "x y", [(S, "x"), (E, "x")]),
        ("<span style='TEXT-DECORATION: underline line-through'>x</span>", "x", [(K, "x")]),
        ("a<br/><code>b  c</code>", "a\nb c", [(C, "b c")]),
        ("<pre>a\n  b</pre>", "a\n  b", [(B, "a\n  b")]),
        ("  <b>x</b>\n ", "  x", [(S, "x")]),
        ("<b>other words</b>", "my words", []),
        ("<b></b>", "", []),
        ("<b>" * 50 + "x" + "</b>" * 50, "x", []),
        ("<b>x</b>" * 600, "x" * 600, []),
    ],
)
def test_styles_are_read_where_the_words_are_the_same(xhtml, body, found):
    assert styles(xhtml, body) == sorted(found)


def test_html_without_a_body_says_nothing():
    assert read(fromstring("<html xmlns='http://jabber.org/protocol/xhtml-im'/>"), "x") == []


@given(
    st.lists(st.sampled_from(["<b>", "<i>", "<p>", "<br/>", "a ", " b", "\n"]), max_size=30),
    st.text("ab \n", max_size=20),
)
def test_spans_lie_within_the_text(parts, body):
    opened = [part[1:-1] for part in parts if part in ("<b>", "<i>", "<p>")]
    xhtml = "".join(parts) + "".join(f"</{name}>" for name in reversed(opened))
    for text in (body, "".join(part for part in parts if "<" not in part)):
        for style, words in styles(xhtml, text):
            assert isinstance(style, Style)
            assert words
