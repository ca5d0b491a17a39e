"""gateway/xmpp/errors.py: refusals as stanza errors, and which stanzas may never be answered with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition, ErrorType, Refused
from gateway.xmpp.errors import (
    STANZAS,
    TEXT_LIMIT,
    RefusedError,
    error_element,
    error_stanza,
    read_error,
    xmpp_uri,
)
from gateway.xmpp.stanza import COMPONENT, Stanza
from tests.unit.xmpp.support import ANY_TEXT, carried, parse, stanza

CONFLICT = Refused(Condition.CONFLICT, "The nick is taken.")


def incoming(kind: str, type: str | None, identifier: str = "i1") -> Stanza:
    given_type = f" type='{type}'" if type is not None else ""
    return stanza(f"<{kind}{given_type} id='{identifier}' from='alice@example.org/p' to='room@gw/nick'/>")


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        ("message", "error"),
        ("message", "headline"),
        ("presence", "error"),
        ("presence", "unavailable"),
        ("presence", "subscribed"),
        ("presence", "unsubscribed"),
        ("presence", "unsubscribe"),
        ("iq", "error"),
        ("iq", "result"),
        ("handshake", None),
    ],
)
def test_what_must_not_be_answered_gets_no_error(kind, type):
    assert error_stanza(incoming(kind, type), CONFLICT) is None


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        ("message", None),
        ("message", "chat"),
        ("message", "groupchat"),
        ("presence", None),
        ("presence", "subscribe"),
        ("iq", "get"),
        ("iq", "set"),
        ("iq", "nonsense"),
    ],
)
def test_an_error_keeps_the_id_and_swaps_the_addresses(kind, type):
    answer = parse(error_stanza(incoming(kind, type), CONFLICT) or "")
    assert answer.tag == f"{{{COMPONENT}}}{kind}"
    assert (answer.get("type"), answer.get("id")) == ("error", "i1")
    assert (answer.get("from"), answer.get("to")) == ("room@gw/nick", "alice@example.org/p")


def test_an_error_is_never_answered_with_an_error_even_if_it_was_ours():
    ours = error_stanza(incoming("message", "chat"), CONFLICT)
    assert error_stanza(stanza(ours or ""), CONFLICT) is None


def test_without_an_address_there_is_nobody_to_answer():
    assert error_stanza(stanza("<message to='gw'/>"), CONFLICT) is None
    assert error_stanza(stanza("<message from='a@b'/>"), CONFLICT) is None


def test_a_message_without_an_id_is_answered_without_one():
    answer = parse(error_stanza(stanza("<message from='a@b' to='gw'/>"), CONFLICT) or "")
    assert "id" not in answer.attrib


def test_the_error_stands_in_the_namespace_of_the_stream_with_the_legacy_code():
    answer = parse(error_stanza(incoming("presence", None), CONFLICT, by="room@gw") or "")
    error = answer.find(f"{{{COMPONENT}}}error")
    assert error is not None
    assert error.attrib == {"type": "cancel", "code": "409", "by": "room@gw"}
    condition, text = error
    assert condition.tag == f"{{{STANZAS}}}conflict"
    assert text.tag == f"{{{STANZAS}}}text"
    assert text.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert text.text == "The nick is taken."


def test_extra_xml_stands_before_the_error_and_a_detail_at_its_end():
    answer = parse(
        error_stanza(
            incoming("presence", None),
            CONFLICT,
            extra="<x xmlns='http://jabber.org/protocol/muc'/>",
            detail="<closed xmlns='urn:test'/>",
        )
        or ""
    )
    assert [child.tag for child in answer] == ["{http://jabber.org/protocol/muc}x", f"{{{COMPONENT}}}error"]
    assert [child.tag for child in answer[1]][-1] == "{urn:test}closed"


def test_only_gone_and_redirect_say_where_to_go():
    gone = parse(error_element(Refused(Condition.GONE), redirect="#new%irc.net@gw"))
    assert gone[0].text == "xmpp:%23new%25irc.net@gw"
    assert parse(error_element(CONFLICT, redirect="a@b"))[0].text is None


@pytest.mark.parametrize(
    ("jid", "uri"),
    [
        ("gw.example", "xmpp:gw.example"),
        ("a b?c@gw/Zoë #1", "xmpp:a%20b%3Fc@gw/Zo%C3%AB%20%231"),
        ("a\ud800@gw", "xmpp:a@gw"),
    ],
)
def test_addresses_become_uris(jid, uri):
    assert xmpp_uri(jid) == uri


@given(ANY_TEXT, ANY_TEXT, st.sampled_from(list(Condition)), st.none() | st.sampled_from(list(ErrorType)))
def test_any_refusal_reads_back_as_it_was(text, identifier, condition, type_):
    asked = incoming("iq", "get")
    asked.id = identifier
    refused = Refused(condition, text, type_)
    answer = parse(error_stanza(asked, refused, redirect=text) or "")
    assert read_error(answer) == Refused(condition, carried(text), refused.error_type)
    assert answer.get("id", "") == carried(identifier)


def test_every_condition_has_a_type_and_old_clients_get_a_number_for_all_but_the_youngest():
    without = {c for c in Condition if "code" not in parse(error_element(Refused(c))).attrib}
    assert without == {Condition.POLICY_VIOLATION}


def test_very_long_words_of_a_network_are_shortened():
    answer = read_error(parse(f"<iq>{error_element(Refused(Condition.GONE, 'é' * 10_000))}</iq>"))
    assert len(answer.text) == TEXT_LIMIT
    assert answer.text.endswith("…")


@pytest.mark.parametrize(
    "text",
    [
        "<iq/>",
        "<iq><error/></iq>",
        "<iq><error type='silly'><conflict xmlns='other'/></error></iq>",
        "<iq><error><no-such-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    ],
)
def test_an_error_that_says_nothing_is_undefined(text):
    assert read_error(parse(text)) == Refused(Condition.UNDEFINED_CONDITION)


def test_an_error_of_a_client_namespace_is_understood():
    text = f"<iq><error xmlns='jabber:client' type='wait'><gone xmlns='{STANZAS}'/></error></iq>"
    assert read_error(parse(text)) == Refused(Condition.GONE, "", ErrorType.WAIT)


def test_a_refusal_raised_reads_well_in_a_log():
    assert str(RefusedError(CONFLICT)) == "The nick is taken."
    assert str(RefusedError(Refused(Condition.GONE))) == "gone"
