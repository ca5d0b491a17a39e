"""gateway/xmpp/caps.py: the verification string of XEP-0115, and the node that presence announces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.caps import CAPS, Caps, verification
from gateway.xmpp.disco import INFO, DiscoInfo, Identity
from gateway.xmpp.forms import DataSet, Datum
from tests.unit.xmpp.support import ALICE, ANY_TEXT, GATEWAY, parse

FEATURES = frozenset({CAPS, INFO, "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/muc"})
EXODUS = DiscoInfo((Identity("client", "pc", "Exodus 0.9.1"),), FEATURES)
PSI = DiscoInfo(
    (Identity("client", "pc", "Psi 0.11", "en"), Identity("client", "pc", "Ψ 0.11", "el")),
    FEATURES,
    (
        DataSet(
            "urn:xmpp:dataforms:softwareinfo",
            (
                Datum("software_version", ("0.11",)),
                Datum("ip_version", ("ipv6", "ipv4"), type="text-multi"),
                Datum("os", ("Mac",)),
                Datum("os_version", ("10.5.1",)),
                Datum("software", ("Psi",)),
            ),
        ),
    ),
)


def test_the_simple_example_of_the_specification():
    assert verification(EXODUS) == "QgayPKawpkPSDYmwT/WM94uAlu0="


def test_the_complex_example_of_the_specification():
    assert verification(PSI) == "q07IKJEyjvHSyhy//CH0CxmKi8w="


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_verification_string(name, feature):
    info = DiscoInfo((Identity("a", "b", name),), frozenset({feature}))
    assert len(verification(info)) == 28


def test_order_does_not_matter_and_content_does():
    assert verification(DiscoInfo(tuple(reversed(PSI.identities)), FEATURES, PSI.forms)) == verification(PSI)
    assert verification(DiscoInfo(PSI.identities, FEATURES | {"x"}, PSI.forms)) != verification(PSI)


def test_code_points_sort_as_their_bytes():
    features = ["\uffff", "\U00010000", "a", "é", "\ue000"]
    assert sorted(features) == sorted(features, key=lambda feature: feature.encode())


def test_presence_announces_the_node_and_the_version():
    c = parse(Caps("https://example.org/?a='&b").element(EXODUS))
    assert c.tag == f"{{{CAPS}}}c"
    assert c.attrib == {
        "hash": "sha-1",
        "node": "https://example.org/?a='&b",
        "ver": "QgayPKawpkPSDYmwT/WM94uAlu0=",
    }


class Provider:
    def __init__(self) -> None:
        self.nodes: list[str] = []

    def __call__(self, target, node, requester):
        self.nodes.append(node)
        return EXODUS if not node else None


@pytest.mark.parametrize(
    ("node", "passed_on", "known"),
    [
        ("", "", True),
        ("urn:gw#QgayPKawpkPSDYmwT/WM94uAlu0=", "", True),
        ("urn:gw#stale", "", False),
        ("urn:gw#", "", False),
        ("urn:gw", "urn:gw", False),
        ("urn:other#QgayPKawpkPSDYmwT/WM94uAlu0=", "urn:other#QgayPKawpkPSDYmwT/WM94uAlu0=", False),
    ],
)
async def test_the_announced_node_is_answered_as_the_address_itself(node, passed_on, known):
    provider = Provider()
    found = Caps("urn:gw").answering(provider)(GATEWAY, node, ALICE)
    assert provider.nodes == [passed_on]
    assert found == (EXODUS if known else None)

    async def slow(target, node, requester):
        await asyncio.sleep(0)
        return EXODUS if not node else None

    assert await Caps("urn:gw").answering(slow)(GATEWAY, node, ALICE) == (EXODUS if known else None)


@given(st.text())
def test_any_node_is_safe_to_ask_for(node):
    found = Caps("urn:gw").answering(lambda *_: None)(GATEWAY, node, ALICE)
    assert found is None
