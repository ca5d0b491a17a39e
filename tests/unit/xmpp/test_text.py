"""gateway/xmpp/text.py: whatever a network says arrives through XML as it was, but for what XML cannot carry."""

import sys
from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.text import attribute, escape, strip_forbidden
from tests.unit.xmpp.support import ANY_TEXT


def carriable(code: int) -> bool:
    """XML 1.0 §2.2, written out a second time."""
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


@given(ANY_TEXT)
def test_escaped_text_comes_back_from_a_parser(text):
    assert (fromstring(f"<a>{escape(text)}</a>".encode()).text or "") == strip_forbidden(text)


@given(ANY_TEXT)
def test_an_escaped_attribute_comes_back_from_a_parser_in_either_quotes(text):
    rendered = f"<a b='{attribute(text)}' c=\"{attribute(text)}\"/>"
    assert set(fromstring(rendered.encode()).attrib.values()) == {strip_forbidden(text)}


def test_exactly_the_code_points_that_xml_cannot_carry_are_removed():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert strip_forbidden(everything) == "".join(c for c in everything if carriable(ord(c)))


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="&<>\"'\ufffe\uffff"))
)
def test_harmless_text_is_not_copied(text):
    assert escape(text) is text


def test_a_carriage_return_survives_and_a_line_break_in_an_attribute_too():
    assert escape("a\rb") == "a&#13;b"
    value = attribute("x\n\r\ty")
    assert fromstring(f"<a b='{value}'/>").get("b") == "x\n\r\ty"


@given(ANY_TEXT)
def test_nothing_that_opens_or_closes_markup_is_left(text):
    assert not set(escape(text)) & set("<>")
    assert not set(attribute(text)) & set("<>\"'")
