"""Advertisements of privileges: those of real servers as they were captured, and those that nobody should send."""

from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.privilege import (
    VERSION_1,
    VERSION_2,
    Right,
    Rights,
    privileged_iq,
    privileged_message,
    read_advertisement,
)
from tests.unit.xmpp.support import ANY_TEXT, parse

PROSODY = (
    "<message to='gw.localhost' from='localhost'><privilege xmlns='urn:xmpp:privilege:2'>"
    "<perm access='roster' type='both'/><perm access='message' type='outgoing'/>"
    "<perm access='presence' type='managed_entity'/></privilege></message>"
)
PROSODY_NESTED = (
    "<message to='gw.localhost' from='localhost'><privilege xmlns='urn:xmpp:privilege:2'>"
    "<perm access='roster' type='get'/><perm access='message' type='outgoing'/><perm access='iq'>"
    "<namespace type='both' ns='http://jabber.org/protocol/pubsub'><namespace type='get' ns='urn:xmpp:http:upload:0'>"
    "<namespace type='set' ns='urn:x'/></namespace></namespace></perm></privilege></message>"
)
EJABBERD_23_01 = (
    "<message to='gw.localhost' from='localhost'><privilege xmlns='urn:xmpp:privilege:1'>"
    "<perm type='outgoing' access='message'/><perm type='both' access='roster'/>"
    "<perm type='managed_entity' access='presence'/></privilege></message>"
)
SPECIFIED = (
    "<message from='capulet.net' to='pubub.capulet.lit'><privilege xmlns='urn:xmpp:privilege:2'>"
    "<perm access='roster' type='both' push='true'/><perm access='iq'>"
    "<namespace ns='http://jabber.org/protocol/pubsub' type='set'/><namespace ns='b' type='none'/></perm>"
    "</privilege></message>"
)
BOTH = frozenset({"get", "set"})


def test_prosody() -> None:
    rights = read_advertisement(parse(PROSODY))
    assert rights == Rights(VERSION_2, BOTH, True, "managed_entity")
    assert rights.carbons


def test_debians_prosody_nests_namespaces() -> None:
    rights = read_advertisement(parse(PROSODY_NESTED))
    assert rights is not None
    assert rights.iq == {
        "http://jabber.org/protocol/pubsub": BOTH,
        "urn:xmpp:http:upload:0": {"get"},
        "urn:x": {"set"},
    }
    assert rights.grants(Right.ROSTER_GET)
    assert not rights.grants(Right.ROSTER_SET)
    assert rights.described() == [
        "roster: get",
        "message: outgoing",
        "iq http://jabber.org/protocol/pubsub: get and set",
        "iq urn:xmpp:http:upload:0: get",
        "iq urn:x: set",
    ]


def test_debians_ejabberd_speaks_version_one_and_makes_no_carbons() -> None:
    rights = read_advertisement(parse(EJABBERD_23_01))
    assert rights == Rights(VERSION_1, BOTH, True, "managed_entity")
    assert not rights.carbons


def test_the_example_of_the_specification() -> None:
    rights = read_advertisement(parse(SPECIFIED))
    assert rights is not None
    assert rights.iq == {"http://jabber.org/protocol/pubsub": {"set"}}


@pytest.mark.parametrize(
    "inner",
    [
        "<body>privilege</body>",
        "<privilege xmlns='urn:xmpp:privilege:3'><perm access='roster' type='both'/></privilege>",
        "<privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'/></privilege>",
    ],
)
def test_what_is_no_advertisement(inner: str) -> None:
    assert read_advertisement(parse(f"<message>{inner}</message>")) is None


def test_rights_that_are_none_or_unheard_of_are_no_rights() -> None:
    odd = PROSODY.replace("both", "none").replace("outgoing", "all").replace("managed_entity", "everything")
    rights = read_advertisement(parse(odd))
    assert rights == Rights()
    assert rights.described() == []


def test_an_endless_advertisement_is_read_within_bounds() -> None:
    message = Element("message")
    privilege = SubElement(message, f"{{{VERSION_2}}}privilege")
    for number in range(5000):
        SubElement(privilege, f"{{{VERSION_2}}}namespace", {"ns": str(number), "type": "get"})
    rights = read_advertisement(message)
    assert rights is not None
    assert len(rights.iq) == 100


@given(
    st.recursive(
        st.builds(
            lambda name, attributes: (name, attributes, []),
            st.sampled_from(["perm", "namespace", "x"]),
            st.dictionaries(
                st.sampled_from(["access", "type", "ns"]),
                st.sampled_from(["roster", "message", "presence", "iq", "both", "get", "outgoing", ""]),
            ),
        ),
        lambda children: st.builds(
            lambda made, inner: (made[0], made[1], inner), children, st.lists(children, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_any_advertisement_is_read(tree: tuple[str, dict[str, str], list[object]]) -> None:
    message = Element("message")

    def grow(parent: Element, node: tuple[str, dict[str, str], list[object]]) -> None:
        made = SubElement(parent, f"{{{VERSION_2}}}{node[0]}", node[1])
        for child in node[2]:
            grow(made, child)

    privilege = SubElement(message, f"{{{VERSION_2}}}privilege")
    grow(privilege, tree)
    assert isinstance(read_advertisement(message), Rights)


def test_requests_use_the_version_of_the_server() -> None:
    assert "xmlns='urn:xmpp:privilege:1'" in privileged_message(Rights(VERSION_1), "<message/>")


@given(ANY_TEXT)
def test_a_request_for_a_user_is_well_formed(text: str) -> None:
    wrapped = parse(privileged_iq(Rights(), text, text, "get", text, "<x xmlns='y'/>"))
    assert wrapped[0].tag == "{jabber:client}iq"
