"""What clients are shown of a network's enriched messages."""

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.dressing import dress
from gateway.chat.places import Target
from gateway.chat.rendering import for_room, occupant_uri
from gateway.model import Enrichment, Mention, Message, MessageKind, Reply, Span, Style
from gateway.xmpp.text import escape
from tests.unit.chat.support import FakePlace

PLACE = FakePlace(
    targets={
        "s1": Target("bob", "shall we\nbake?", "s1", "f1", own=False),
        "s3": Target("me", "mine", "s3", "f3", own=True, sent_id="m3"),
    }
)


def shown(text, enrichment, kind=MessageKind.CHAT):
    body, extra = dress(Message("ann", text, kind), enrichment, PLACE)
    prefix = {MessageKind.ACTION: "/me ", MessageKind.NOTICE: "[notice] "}.get(kind, "")
    stanza = fromstring(f"<message><body>{prefix}{escape(body)}</body>{for_room(extra, 'room@g')}</message>")
    return stanza, stanza.findtext("body")


def test_a_reply_is_shown_with_a_quote_that_clients_can_cut_out():
    stanza, body = shown("yes", Enrichment(Reply("f1")))
    assert body == "> bob: shall we bake?\nyes"
    reply = stanza.find("{urn:xmpp:reply:0}reply")
    assert reply.attrib == {"id": "s1", "to": "room@g/bob"}
    region = stanza.find("{urn:xmpp:fallback:0}fallback/{urn:xmpp:fallback:0}body")
    assert body[int(region.get("end")) :] == "yes"


def test_a_reply_to_something_unknown_shows_what_the_network_tells_of_it():
    stanza, body = shown("yes", Enrichment(Reply("f9", "carl", "hm")))
    assert body == "> carl: hm\nyes"
    assert stanza.find("{urn:xmpp:reply:0}reply").get("id") == "f9"
    assert shown("yes", Enrichment(Reply("f9")))[1] == "yes"


def test_corrections_refer_to_what_the_client_called_its_message():
    for foreign, id_ in (("f3", "m3"), ("f1", "f1"), ("f9", "f9")):
        stanza, _ = shown("new", Enrichment(replaces=foreign))
        assert stanza.find("{urn:xmpp:message-correct:0}replace").get("id") == id_


def test_styles_are_shown_both_ways():
    stanza, body = shown("so bold", Enrichment(spans=(Span(3, 7, Style.STRONG),)))
    assert body == "so *bold*"
    span = stanza.find("{urn:xmpp:markup:0}markup/{urn:xmpp:markup:0}span")
    assert body[int(span.get("start")) : int(span.get("end"))] == "bold"


def test_styles_are_not_written_where_they_would_be_mixed_up_with_what_was_written():
    stanza, body = shown("2*3 is *six* so", Enrichment(spans=(Span(13, 15, Style.STRONG),)))
    assert body == "2*3 is *six* so"
    span = stanza.find("{urn:xmpp:markup:0}markup/{urn:xmpp:markup:0}span")
    assert body[int(span.get("start")) : int(span.get("end"))] == "so"


def test_mentions_count_what_is_before_them():
    enrichment = Enrichment(
        Reply("f1"), mentions=(Mention(3, 6, "bob"),), spans=(Span(0, 2, Style.EMPHASIS),)
    )
    stanza, body = shown("hi bob", enrichment)
    reference = stanza.find("{urn:xmpp:reference:0}reference")
    assert body[int(reference.get("begin")) : int(reference.get("end"))] == "bob"
    assert reference.get("uri") == "xmpp:room@g/bob"
    stanza, body = shown("hi bob", Enrichment(mentions=(Mention(3, 6, "bob"),)), MessageKind.ACTION)
    reference = stanza.find("{urn:xmpp:reference:0}reference")
    assert body[int(reference.get("begin")) : int(reference.get("end"))] == "bob"


def test_what_xml_cannot_hold_is_not_counted():
    stanza, body = shown("\x02\x02hi bob", Enrichment(mentions=(Mention(5, 8, "bob"),)))
    reference = stanza.find("{urn:xmpp:reference:0}reference")
    assert body[int(reference.get("begin")) : int(reference.get("end"))] == "bob"


def test_the_room_in_a_uri_is_encoded():
    assert for_room(occupant_uri("b b"), "#a&apos;b@g") == "%23a%27b@g/b%20b"


@given(
    st.text(max_size=30),
    st.lists(
        st.builds(Span, st.integers(-2, 40), st.integers(-2, 40), st.sampled_from(list(Style))), max_size=4
    ),
    st.lists(st.builds(Mention, st.integers(-2, 40), st.integers(-2, 40), st.text(max_size=3)), max_size=3),
    st.sampled_from(list(MessageKind)),
)
def test_nothing_a_bridge_says_makes_bad_xml(text, spans, mentions, kind):
    enrichment = Enrichment(Reply("f9", text[:3], text), text[:5], text, tuple(spans), tuple(mentions))
    shown(text, enrichment, kind)
