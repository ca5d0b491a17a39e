from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import MessageKind
from gateway.rooms.history import History, HistoryRequest, Said, read_request

NOW = 1_700_000_000.0


def said(number: int, text: str = "hello") -> Said:
    return Said("carol", text, MessageKind.CHAT, NOW - 100 + number, f"id-{number}")


def ids(messages: list[Said]) -> list[str]:
    return [each.stanza_id for each in messages]


@pytest.fixture
def history() -> History:
    kept = History(50)
    for number in range(30):
        kept.add(said(number))
    return kept


def test_without_limits_the_last_twenty_are_sent(history):
    assert ids(history.select(HistoryRequest(), NOW)) == [f"id-{n}" for n in range(10, 30)]


def test_maxstanzas_takes_the_newest_in_order(history):
    assert ids(history.select(HistoryRequest(stanzas=2), NOW)) == ["id-28", "id-29"]


@pytest.mark.parametrize(
    "request_", [HistoryRequest(stanzas=0), HistoryRequest(chars=0), HistoryRequest(seconds=0)]
)
def test_zero_of_anything_means_nothing(history, request_):
    assert history.select(request_, NOW) == []


def test_maxchars_counts_whole_messages(history):
    assert len(history.select(HistoryRequest(chars=12), NOW)) == 2


def test_seconds_and_since_look_at_the_time_of_the_message(history):
    assert ids(history.select(HistoryRequest(seconds=72), NOW)) == ["id-28", "id-29"]
    assert ids(history.select(HistoryRequest(since=NOW - 72), NOW)) == ["id-28", "id-29"]


def test_a_given_limit_lifts_the_usual_number(history):
    assert len(history.select(HistoryRequest(since=0.0), NOW)) == 30


def test_what_was_kept_elsewhere_goes_in_front_and_never_twice(history):
    history.prepend([said(-1, "older"), said(0)])
    chosen = ids(history.select(HistoryRequest(stanzas=100), NOW))
    assert chosen == ["id--1", *[f"id-{n}" for n in range(30)]]


def test_it_is_bounded():
    kept = History(3)
    for number in range(10):
        kept.add(said(number))
    assert len(kept) == 3


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("maxstanzas='5'", HistoryRequest(stanzas=5)),
        ("maxchars='0'", HistoryRequest(chars=0)),
        ("seconds='180'", HistoryRequest(seconds=180)),
        ("since='2023-11-14T22:13:20Z'", HistoryRequest(since=1_700_000_000.0)),
        ("maxstanzas='-1'", HistoryRequest()),
        ("maxstanzas='99999999999999'", HistoryRequest()),
        ("since='yesterday'", HistoryRequest()),
        ("since='2023-11-14T22:13:20'", HistoryRequest()),
        ("since='0001-01-01T00:00:00+23:59'", HistoryRequest(since=-62135683140.0)),
    ],
)
def test_limits_are_read_and_nonsense_is_none(attributes, expected):
    muc = fromstring(f"<x xmlns='http://jabber.org/protocol/muc'><history {attributes}/></x>")
    assert read_request(muc) == expected


@given(st.dictionaries(st.sampled_from(["maxstanzas", "maxchars", "seconds", "since"]), st.text()))
def test_no_limits_whatever_raise(attributes):
    muc = fromstring("<x xmlns='http://jabber.org/protocol/muc'><history/></x>")
    muc[0].attrib.update(attributes)
    History(5).select(read_request(muc), NOW)
