"""Queries of archives, read whatever a client sends, and what is written in answer."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition
from gateway.xmpp import mam
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.mam import Query, read_query
from gateway.xmpp.rsm import Paging
from gateway.xmpp.text import attribute, escape

M = f"{{{mam.MAM}}}"


def query(
    *fields: tuple[str, str], form_type: str = mam.MAM, more: str = "", hidden: str = " type='hidden'"
) -> Query:
    named = [("FORM_TYPE", form_type), *fields]
    values = "".join(
        f"<field var='{attribute(name)}'{hidden if name == 'FORM_TYPE' else ''}><value>{escape(value)}</value></field>"
        for name, value in named
    )
    form = f"<x xmlns='jabber:x:data' type='submit'>{values}</x>"
    return read_query(fromstring(f"<query xmlns='{mam.MAM}' queryid='q1'>{form}{more}</query>"))


def condition(refusal: pytest.ExceptionInfo[RefusedError]) -> Condition:
    return refusal.value.refused.condition


def test_a_query_without_a_form_is_for_everything():
    assert read_query(fromstring(f"<query xmlns='{mam.MAM}'/>")) == Query()


@pytest.mark.parametrize("hidden", ["", " type='hidden'"])
def test_the_fields_of_a_form_are_read(hidden):
    found = query(
        ("with", "#a%net@gw/carol"),
        ("start", "2023-11-14T22:13:20Z"),
        ("end", "2023-11-14T23:13:21.5+01:00"),
        ("after-id", "a"),
        ("before-id", "b"),
        hidden=hidden,
        more="<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><after>x</after></set><flip-page/>",
    )
    assert (found.id, found.with_jid, found.after_id, found.before_id) == ("q1", "#a%net@gw/carol", "a", "b")
    assert found.start == 1_700_000_000.0
    assert found.end == 1_700_000_001.501  # a message of that millisecond is in it
    assert (found.paging, found.flipped) == (Paging(10, "x"), True)


def test_ids_are_a_list_of_any_values_each_once():
    form = (
        "<x xmlns='jabber:x:data' type='submit'><field var='ids'><value>b</value><value>a</value><value>b</value>"
        "<value/></field></x>"
    )
    assert read_query(fromstring(f"<query xmlns='{mam.MAM}'>{form}</query>")).ids == ("b", "a")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ([("{http://example.com/}mood", "lonely")], Condition.FEATURE_NOT_IMPLEMENTED),
        ([("include-groupchat", "true")], Condition.FEATURE_NOT_IMPLEMENTED),
        ([("start", "yesterday")], Condition.BAD_REQUEST),
        ([("start", "2023-11-14T22:13:20")], Condition.BAD_REQUEST),  # where?
        ([("end", "9" * 50)], Condition.BAD_REQUEST),
        ([("with", "x" * 4000)], Condition.BAD_REQUEST),
        ([("ids", "x" * 4000)], Condition.BAD_REQUEST),
        ([("after-id", "x" * 4000)], Condition.BAD_REQUEST),
    ],
)
def test_what_cannot_be_answered_is_refused(fields, why):
    with pytest.raises(RefusedError) as refusal:
        query(*fields)
    assert condition(refusal) is why


def test_the_form_of_another_protocol_is_refused():
    with pytest.raises(RefusedError) as refusal:
        query(form_type="urn:xmpp:mam:1")
    assert condition(refusal) is Condition.BAD_REQUEST


names = st.sampled_from(["start", "end", "with", "before-id", "after-id", "ids", "FORM_TYPE", "x"])
characters = st.characters(
    min_codepoint=32, blacklist_categories=("Cs",), blacklist_characters="\ufffe\uffff"
)


@given(
    st.lists(st.tuples(names, st.text(characters, max_size=30)), max_size=6),
    st.text(st.sampled_from("0123456789-x "), max_size=12),
    st.text(characters, max_size=12),
)
def test_whatever_is_asked_is_read_or_refused(fields, number, id_):
    paging = (
        f"<set xmlns='http://jabber.org/protocol/rsm'><max>{number}</max><index>{number}</index>"
        f"<before>{escape(id_)}</before></set>"
    )
    try:
        found = query(*fields, more=paging)
    except RefusedError:
        return
    assert found.paging.limit is None or found.paging.limit >= 0


def test_the_form_names_all_fields_and_takes_any_ids():
    form = fromstring(mam.form())
    fields = {each.get("var"): each.get("type") for each in form.iter("{jabber:x:data}field")}
    assert fields == {
        "FORM_TYPE": "hidden",
        "with": "jid-single",
        "start": "text-single",
        "end": "text-single",
        "before-id": "text-single",
        "after-id": "text-single",
        "ids": "list-multi",
    }
    assert form.find(".//{http://jabber.org/protocol/xdata-validate}open") is not None


def test_the_ends_of_an_archive_are_told_and_an_empty_one_has_none():
    assert len(fromstring(mam.metadata(None))) == 0
    start, end = fromstring(mam.metadata((("a'", 1_700_000_000.0), ("b", 1_700_000_001.25))))
    assert (start.tag, start.attrib) == (f"{M}start", {"id": "a'", "timestamp": "2023-11-14T22:13:20.000Z"})
    assert (end.tag, end.get("timestamp")) == (f"{M}end", "2023-11-14T22:13:21.250Z")


@given(st.text(characters, max_size=20), st.text(characters, max_size=20))
def test_results_are_well_formed_whatever_the_ids(id_, query_id):
    inner = mam.forwarded("room/nick", "", "groupchat", id_, "<body>hi</body>")
    wrapper = fromstring(mam.result("room", "me", "w", query_id, id_, 1_700_000_000.0, inner))
    result = wrapper[0]
    assert (result.get("id"), result.get("queryid")) == (id_, query_id)
    message = result.find("{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    assert message is not None
    assert (message.get("id"), message.get("to")) == (id_, None)
    end = fromstring(mam.fin(id_, id_, None, 3, complete=True))
    assert (end.tag, end.get("complete")) == (f"{M}fin", "true")
