"""gateway/xmpp/stanza.py: addresses and stanzas are read as they come, whatever they hold."""

from xml.etree.ElementTree import Element

import pytest
from hypothesis import given

from gateway.xmpp.stanza import CLIENT, Stanza, name_of, namespace_of, parse_jid
from tests.unit.xmpp.support import ANY_TEXT, stanza


@given(ANY_TEXT)
def test_any_text_splits_into_parts_that_make_it_up_again(text):
    jid = parse_jid(text)
    local = f"{jid.local}@" if "@" in jid.bare else ""
    resource = f"/{jid.resource}" if "/" in text else ""
    assert f"{local}{jid.domain}{resource}" == text == jid.full == str(jid)
    assert jid.bare == f"{local}{jid.domain}"
    assert "/" not in jid.bare
    assert "@" not in jid.local


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("example.org", ("", "example.org", "")),
        ("a@b", ("a", "b", "")),
        ("a@b/c", ("a", "b", "c")),
        ("b/c@d", ("", "b", "c@d")),
        ("a@b/c/d", ("a", "b", "c/d")),
        ("#room%irc.net@gw/😀 phone", ("#room%irc.net", "gw", "😀 phone")),
        ("", ("", "", "")),
        ("@", ("", "", "")),
        ("abc\\4@gw", ("abc\\4", "gw", "")),
    ],
)
def test_the_first_slash_and_the_first_at_sign_before_it_part_an_address(text, parts):
    jid = parse_jid(text)
    assert (jid.local, jid.domain, jid.resource) == parts


def test_what_is_absent_has_its_default():
    assert stanza("<message/>").type == "normal"
    assert stanza("<presence/>").type == "available"
    assert stanza("<iq/>").type == ""
    bare = stanza("<message/>")
    assert (bare.id, bare.sender.full, bare.to.full, bare.payload) == ("", "", "", None)


def test_a_body_counts_in_the_namespace_of_the_stream_or_of_clients_and_in_no_other():
    assert stanza("<message><body>hello</body></message>").text("body") == "hello"
    assert stanza(f"<message><body xmlns='{CLIENT}'>hello</body></message>").text("body") == "hello"
    assert stanza("<message><body xmlns='other'>hello</body></message>").text("body") is None
    assert stanza("<message><body/></message>").text("body") == ""


def test_a_child_of_another_namespace_is_found_by_both():
    found = stanza("<message><x xmlns='one'/><x xmlns='two' a='b'/></message>").child("x", "two")
    assert found is not None
    assert found.get("a") == "b"


@given(ANY_TEXT)
def test_names_of_elements_are_total(text):
    element = Element(text)
    assert isinstance(name_of(element), str)
    assert isinstance(namespace_of(element), str)
    assert Stanza(element).kind == name_of(element)
