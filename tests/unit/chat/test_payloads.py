from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge import Capabilities
from gateway.chat.payloads import chat_state, read, readers
from gateway.model import ChatState, Span, Style
from tests.unit.chat.support import message

EVERYTHING = readers(Capabilities("t", "T", styling=True, mentions=True, threads=True))
PLAIN = readers(Capabilities("t", "T"))


def found(xml, table=EVERYTHING):
    payloads = read(message(xml), "#room@g", table)[1]
    assert payloads is not None
    return payloads


def test_what_clients_send_with_every_message_is_nothing_to_look_at():
    usual = (
        "<body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/><thread>t</thread><request xmlns='urn:xmpp:receipts'/>"
        "<markable xmlns='urn:xmpp:chat-markers:0'/><active xmlns='http://jabber.org/protocol/chatstates'/>"
    )
    carried, payloads = read(message(usual), "#room@g", PLAIN)
    assert payloads is None
    assert carried == "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/><thread>t</thread>"


def test_an_id_that_claims_to_be_the_rooms_is_dropped_and_others_stay():
    xml = "<stanza-id xmlns='urn:xmpp:sid:0' by='#room@g' id='1'/><stanza-id xmlns='urn:xmpp:sid:0' by='me@x' id='2'/>"
    assert read(message(xml), "#room@g", PLAIN)[0].count("stanza-id") == 1


def test_a_reply_with_its_fallback():
    payloads = found(
        "<reply xmlns='urn:xmpp:reply:0' id='s1' to='#room@g/bob'/><fallback xmlns='urn:xmpp:fallback:0' "
        "for='urn:xmpp:reply:0'><body start='0' end='7'/><body start='x' end='9'/><subject start='0' end='1'/></fallback>"
    )
    assert (payloads.reply, payloads.reply_to) == ("s1", "#room@g/bob")
    assert [(each.start, each.end) for each in payloads.fallbacks] == [(0, 7)]


def test_reactions_are_taken_once_each_and_none_is_not_no_element():
    xml = "<reactions xmlns='urn:xmpp:reactions:0' id='s1'>{}</reactions>"
    three = "".join(f"<reaction>{each}</reaction>" for each in ("👍", " 👍 ", "🐢", "x" * 99))
    assert found(xml.format(three)).reactions == ("👍", "🐢")
    assert found(xml.format("")).reactions == ()
    assert found("<reply xmlns='urn:xmpp:reply:0' id='1'/>").reactions is None


def test_markup_is_read_as_spans():
    payloads = found(
        "<markup xmlns='urn:xmpp:markup:0'><span start='1' end='3'><strong/><emphasis/></span><bcode start='4' end='9'/>"
        "<list start='0' end='2'/><span start='5' end='5'><code/></span></markup>"
    )
    assert set(payloads.spans) == {
        Span(1, 3, Style.STRONG),
        Span(1, 3, Style.EMPHASIS),
        Span(4, 9, Style.CODE_BLOCK),
    }


def test_mentions_of_both_kinds():
    payloads = found(
        "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='0' end='3' uri='xmpp:%23room%40g/b%20b'/>"
        "<reference xmlns='urn:xmpp:reference:0' type='data' begin='0' end='3' uri='xmpp:a@b'/>"
        "<mention xmlns='urn:xmpp:mentions:0' begin='4' end='7' occupantid='o9'/>"
    )
    assert [(each.jid.resource, each.occupant_id) for each in payloads.mentions] == [("b b", ""), ("", "o9")]


@pytest.mark.parametrize(
    ("xml", "name", "keys_only"),
    [
        ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>", "OMEMO", True),
        (
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>x</payload></encrypted>",
            "OMEMO",
            False,
        ),
        ("<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>", "OMEMO", False),
        ("<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", "OpenPGP", False),
        ("<x xmlns='jabber:x:encrypted'>x</x>", "OpenPGP", False),
        ("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:otr:0'/>", "OTR", False),
        ("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:new' name='MLS'/>", "MLS", False),
        ("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:new'/>", "", False),
    ],
)
def test_encryption_is_seen_in_all_its_forms(xml, name, keys_only):
    payloads = found(xml, PLAIN)
    assert (payloads.encryption, payloads.keys_only) == (name, keys_only)


def test_chat_states():
    assert chat_state(message("<paused xmlns='http://jabber.org/protocol/chatstates'/>")) is ChatState.PAUSED
    assert chat_state(message("<paused xmlns='urn:other'/>")) is None


attributes = st.dictionaries(
    st.sampled_from(["id", "to", "for", "start", "end", "begin", "type", "uri", "namespace", "occupantid"]),
    st.one_of(
        st.text(max_size=8), st.integers(-3, 10**12).map(str), st.just("mention"), st.just("xmpp:a@b/c")
    ),
)
children = st.lists(
    st.tuples(
        st.sampled_from([*EVERYTHING, "{urn:xmpp:fallback:0}body", "{urn:xmpp:markup:0}span", "{urn:x}y"]),
        attributes,
    ),
    max_size=5,
)


@given(children, children)
def test_no_payload_makes_reading_fail(outer, inner):
    stanza = Element("{jabber:component:accept}message")
    for tag, values in outer:
        child = SubElement(stanza, tag, values)
        for sub, more in inner:
            SubElement(child, sub, more)
    read(stanza, "r", EVERYTHING)
