"""gateway/xmpp/xml.py: whatever is put in comes back from a parser, and what is read is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.xml import child_content, children, content, element, text_element
from tests.unit.xmpp.support import ANY_TEXT, carried, parse


@given(ANY_TEXT, st.dictionaries(st.sampled_from(["a", "b", "xml:lang"]), ANY_TEXT))
def test_any_text_and_attributes_come_back(text, attributes):
    read = parse(text_element("x", text, "urn:test", attributes))
    assert read.tag == "{urn:test}x"
    assert (read.text or "") == carried(text)
    assert {key.rpartition("}")[2] for key in read.attrib} == {key.rpartition(":")[2] for key in attributes}
    assert sorted(read.attrib.values()) == sorted(map(carried, attributes.values()))


def test_children_stay_in_order_and_inherit_the_namespace():
    read = parse(element("x", "urn:test", None, element("a"), element("b", "urn:other"), element("c")))
    assert [child.tag for child in read] == ["{urn:test}a", "{urn:other}b", "{urn:test}c"]


def test_an_attribute_that_is_none_is_left_out_and_an_empty_one_is_not():
    assert element("x", "", {"a": None, "b": ""}) == "<x b=''/>"


def test_an_element_without_content_is_closed_at_once():
    assert element("x", "", None, "", "") == "<x/>"
    assert text_element("x", "\x00") == "<x/>"


def test_more_children_than_the_limit_are_refused():
    parent = parse("<x>" + "<a xmlns='n'/>" * 3 + "<b xmlns='n'/><a xmlns='other'/></x>")
    assert len(list(children(parent, "a", "n", 3))) == 3
    with pytest.raises(RefusedError) as refusal:
        children(parent, "a", "n", 2)
    assert refusal.value.refused.condition is Condition.POLICY_VIOLATION


def test_longer_text_than_the_limit_is_refused_and_not_cut():
    parent = parse("<x><a>12345</a></x>")
    namespace = "jabber:component:accept"
    assert child_content(parent, "a", namespace, 5) == "12345"
    assert child_content(parent, "b", namespace, 5) is None
    assert content(parent, 5) == ""
    with pytest.raises(RefusedError, match="5 characters, where at most 4"):
        child_content(parent, "a", namespace, 4)
