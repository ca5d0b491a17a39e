"""What callbacks say beyond plain text: parts, octets, files, groups; and whatever else could come."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.http import library
from bridges.sms.http.bodies import BadBody, Format, document, form, octets, value
from bridges.sms.http.picking import as_text, clean, every, parsed, text, texts
from bridges.sms.http.preset import Encoding, Spelling, TimeFormat
from bridges.sms.http.reading import Reader, Unread
from bridges.sms.http.spelling import incoming, outgoing, time
from bridges.sms.http.spelling import octets as written
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Lamp, Nature, OptOut, Report, Stage
from gateway.bridge import WebRequest
from tests.fakes import sms_signing as signing

URL = "https://gw.example/x/main/s"


def read(name, post, reference=""):
    return Reader("main", library.preset(name)).read(post.request("https://gw.example/x"), reference)


def got(name, query):
    return read(name, signing.Post(f"{URL}?{query}", method="GET"))


def posted(name, **fields):
    return read(name, signing.form(URL, **fields))


def said(name, whole):
    return read(name, signing.document(URL, whole))


SMS = {"msisdn": "15551112222", "to": "15550001111", "messageId": "1"}


def test_parts_of_long_texts_are_parts_until_all_are_there():
    part = {"concat": "true", "concat-ref": "077", "concat-total": "3", "concat-part": "2"}
    (news,) = posted("vonage-sms", **SMS, text="half", type="text", **part)
    assert news.concatenation == Concatenation("077", 3, 2, width=0)
    (whole,) = posted("vonage-sms", **SMS, text="all", **{**part, "concat-total": "1", "concat-part": "1"})
    assert whole.concatenation is None


@pytest.mark.parametrize("part", ["0", "4", "-1", "x", "999", ""])
def test_a_part_that_is_none_of_its_whole_is_not_taken(part):
    with pytest.raises(Unread):
        posted("vonage-sms", **SMS, **{"concat-ref": "1", "concat-total": "3", "concat-part": part})


def test_octets_for_an_application_are_no_text():
    (news,) = posted("vonage-sms", **SMS, type="binary", data="0AFF00", udh="0605040B8423F0")
    assert (news.data, news.alphabet, news.nature, news.port, news.text) == (
        b"\x0a\xff\x00",
        Alphabet.BINARY,
        Nature.BINARY,
        0x0B84,
        "",
    )
    whole = {
        "type": "mo_binary",
        "from": "1555",
        "to": "46645",
        "id": "1",
        "body": "Cv8A",
        "udh": "050003070201",
    }
    (news,) = said("sinch", whole)
    assert (news.data, news.recipient) == (b"\x0a\xff\x00", "46645")
    assert news.concatenation == Concatenation("7", 2, 1, width=8)
    (news,) = said("sinch", {**whole, "udh": "0003070201"})  # without its length
    assert news.concatenation == Concatenation("7", 2, 1, width=8)


@pytest.mark.parametrize("body", ["???", "Cv8", "\ud800"])
def test_octets_that_are_not_written_so_are_not_taken(body):
    with pytest.raises(Unread, match="not written as base64"):
        said("sinch", {"type": "mo_binary", "from": "1", "to": "2", "id": "1", "body": body, "udh": ""})


FROM = "from=%2B15551112222&to=%2B15550001111&id=1&ts=1795262400"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("coding=0&charset=UTF-8&text=Gr%C3%BC%C3%9Fe+%F0%9F%98%80", ("Grüße 😀", b"", Alphabet.TEXT)),
        ("coding=2&text=%d8%3d%de%00%00h%00i", ("", "😀hi".encode("utf-16-be"), Alphabet.UCS2)),
        ("coding=1&text=%00%01+%ff", ("", b"\x00\x01 \xff", Alphabet.BINARY)),
        ("text=hi", ("hi", b"", Alphabet.TEXT)),
        ("coding=2&text=", ("", b"", Alphabet.UCS2)),
    ],
)
def test_kannel_says_how_its_octets_are_to_be_read(rest, expected):
    (news,) = got("kannel", f"{FROM}&{rest}")
    assert (news.text, news.data, news.alphabet) == expected
    assert (news.time, news.id) == (1795262400.0, "1")


def test_kannel_shows_lamps_and_parts_by_the_header():
    (news,) = got("kannel", f"{FROM}&coding=0&text=x&udh=%04%01%02%80%05")
    assert (news.lamp, news.nature) == (Lamp("voicemail", True, 5), Nature.WAITING)


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("1", Stage.DELIVERED),
        ("2", Stage.FAILED),
        ("4", Stage.BUFFERED),
        ("8", Stage.BUFFERED),
        ("16", Stage.FAILED),
        ("34", Stage.FAILED),
        ("66", Stage.LOST),
    ],
)
def test_reports_of_kannel_are_about_the_reference_in_their_address(status, stage):
    (news,) = read("kannel", signing.Post(f"{URL}?st={status}&fid=9&reply=id%3A9", method="GET"), "ours")
    assert (news.stage, news.reference, news.id) == (stage, "ours", "")


def test_a_report_about_nothing_is_not_taken():
    with pytest.raises(Unread, match="what it is about"):
        got("kannel", "st=1")


def test_files_come_by_their_addresses():
    (news,) = posted(
        "twilio",
        MessageSid="MM1",
        From="+1555",
        To="+1666",
        Body="",
        NumMedia="2",
        MediaUrl0="https://api.twilio.com/1",
        MediaContentType0="image/jpeg",
        MediaUrl1="https://api.twilio.com/2",
    )
    assert [(each.url, each.media_type) for each in news.media] == [
        ("https://api.twilio.com/1", "image/jpeg"),
        ("https://api.twilio.com/2", ""),
    ]
    media = {
        "subject": "S",
        "message": "M",
        "media": [{"url": "https://x.sinch.com/1", "content_type": "image/png"}, {"code": 1}],
    }
    (news,) = said("sinch", {"type": "mo_media", "from": "1555", "to": "1666", "id": "1", "body": media})
    assert (news.text, [each.media_type for each in news.media]) == ("S\nM", ["image/png"])
    (news,) = got(
        "voipms", "id=1&from=5551112222&to=5550001111&message=x&files=https://voip.ms/1,https://voip.ms/2"
    )
    assert [each.url for each in news.media] == ["https://voip.ms/1", "https://voip.ms/2"]
    assert (news.sender, news.recipient) == ("+15551112222", "+15550001111")
    whole = {"message_uuid": "1", "from": "1555", "to": "1666", "image": {"url": "https://api.nexmo.com/1"}}
    (news,) = said("vonage-messages", whole)
    assert [each.url for each in news.media] == ["https://api.nexmo.com/1"]


def telnyx(kind, **payload):
    return {"data": {"event_type": kind, "payload": payload}}


def test_a_group_says_who_else_is_in_it():
    numbers = [{"phone_number": f"+1555000000{n}"} for n in range(4)]
    (news,) = said(
        "telnyx",
        telnyx("message.received", id="1", **{"from": numbers[0], "to": numbers[1:2], "cc": numbers[2:]}),
    )
    assert (news.recipient, news.others) == ("+15550000001", ("+15550000002", "+15550000003"))
    people = ["+15550000001", "+15550000002"]
    event = {
        "type": "message-received",
        "to": people[0],
        "message": {"id": "1", "from": "+15550000000", "to": people, "text": "x"},
    }
    (news,) = said("bandwidth", [event])
    assert news.others == ("+15550000002",)


def test_a_group_has_a_report_for_everybody():
    to = [
        {"phone_number": "+1555", "status": "delivered"},
        {"phone_number": "+1666", "status": "sent"},
        {"status": "?"},
    ]
    news = said("telnyx", telnyx("message.finalized", id="1", to=to))
    assert [(each.recipient, each.stage) for each in news] == [
        ("+1555", Stage.DELIVERED),
        ("+1666", Stage.BUFFERED),
    ]


def test_what_is_of_no_interest_is_answered_and_forgotten():
    assert said("telnyx", telnyx("10dlc.campaign.update")) == []
    assert said("bandwidth", [{"type": "message-new"}]) == []
    assert said("sinch", {"type": "delivery_report_sms"}) == []


def test_callers_who_withhold_their_number_have_none():
    (news,) = posted("twilio", MessageSid="1", From="+266696687", To="+1555", Body="x")
    assert news.sender == ""


@pytest.mark.parametrize(
    ("text_", "spelling", "party"),
    [
        ("+15551112222", Spelling.PLUS, "+15551112222"),
        ("15551112222", Spelling.BARE, "+15551112222"),
        ("5551112222", Spelling.NATIONAL, "+15551112222"),
        ("15551112222", Spelling.NATIONAL, "+15551112222"),
        ("0015551112222", Spelling.ZEROS, "+15551112222"),
        ("46645", Spelling.BARE, "46645"),
        ("46645", Spelling.NATIONAL, "46645"),
        ("15550001", Spelling.BARE, "15550001"),
        ("MyBank", Spelling.BARE, "MyBank"),
        (" (555) 111-2222 ", Spelling.NATIONAL, "+15551112222"),
        ("", Spelling.BARE, ""),
        ("+", Spelling.BARE, "+"),
        ("x" * 500, Spelling.PLUS, "x" * 64),
    ],
)
def test_numbers_become_ours(text_, spelling, party):
    assert incoming(text_, spelling) == party


@given(st.integers(100_000_000, 10**15 - 1), st.sampled_from(Spelling))
def test_numbers_go_out_and_come_back(digits, spelling):
    number = f"+{digits}"
    if spelling is not Spelling.NATIONAL or (number.startswith("+1") and len(number) == 12):
        assert incoming(outgoing(number, spelling), spelling) == number


@pytest.mark.parametrize(
    ("text_", "format"),
    [
        ("2026-11-21T12:00:00Z", TimeFormat.ISO),
        ("2026-11-21T12:00:00.000+00:00", TimeFormat.ISO),
        ("2026-11-21 12:00:00", TimeFormat.SPACED),
        ("2611211200", TimeFormat.COMPACT),
        ("261121120000", TimeFormat.COMPACT),
        ("1795262400", TimeFormat.UNIX),
        ("1795262400000", TimeFormat.MILLISECONDS),
        ("Sat, 21 Nov 2026 12:00:00 +0000", TimeFormat.RFC2822),
    ],
)
def test_times_are_read_as_the_provider_writes_them(text_, format):
    assert time(text_, format) == 1795262400.0


@given(st.text(max_size=100), st.sampled_from(TimeFormat))
def test_whatever_is_said_of_time_is_a_time_or_none(text_, format):
    found = time(text_, format)
    assert found is None or 0 < found < 5e9


@given(st.text(max_size=100), st.sampled_from(Encoding))
def test_whatever_is_written_are_octets_or_none(text_, encoding):
    found = written(text_, encoding)
    assert found is None or isinstance(found, bytes)


@given(st.binary(max_size=100))
def test_octets_of_a_query_come_through(data):
    encoded = f"a=1&text={quote(data)}&b=2"
    assert octets(encoded, "text") == data
    assert octets(encoded, "none") is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(anything, st.sampled_from(["", "a", "a.b", "a[*].b", "[*]", "[0]", "a[0][1].c", "[*].x[*]"]))
def test_paths_lead_somewhere_or_nowhere(value_, path):
    assert len(every(value_, path)) <= 1000
    assert "\0" not in text(value_, path)
    assert all(texts(value_, path))


@pytest.mark.parametrize("path", ["a..b", "[", "a]", "a[-1]", "a[x]", ".a", "a[1234567]"])
def test_a_path_that_is_none_is_told(path):
    with pytest.raises(ValueError, match="is no path"):
        parsed(path)


def test_values_of_any_kind_are_texts_of_few_kinds():
    found = [as_text(each) for each in ("x", True, 1, 1.0, 1.5, None, [], {}, 10**50, float("inf"))]
    assert found == ["x", "true", "1", "1", "1.5", None, None, None, None, "inf"]
    assert clean("\ud83d\ude00\udc00\0") == "😀\ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b'"x"',
        b"null",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a":' * 30 + b"1" + b"}" * 30,
        b"\xef\xbb\xbf{}",
    ],
)
def test_json_that_is_none_is_told(body):
    with pytest.raises(BadBody):
        document(body)


def test_forms_are_bounded_and_keep_what_is_repeated():
    assert form("a=1&b=&a=2&a=3") == {"a": ["1", "2", "3"], "b": ""}
    with pytest.raises(BadBody):
        form("&".join(f"a{n}=1" for n in range(501)))
    with pytest.raises(BadBody):
        value(WebRequest("POST", body="a=é".encode()), Format.FORM)


KEYS = [
    "type",
    "status",
    "MessageStatus",
    "MessageSid",
    "From",
    "To",
    "Body",
    "messageId",
    "msisdn",
    "to",
    "from",
    "id",
    "text",
]
KEYS += [
    "message",
    "data",
    "event_type",
    "payload",
    "phone_number",
    "body",
    "media",
    "url",
    "st",
    "originator",
    "recipient",
]
KEYS += [
    "err-code",
    "concat-total",
    "concat-part",
    "concat-ref",
    "udh",
    "coding",
    "message_uuid",
    "MessageUUID",
    "Status",
]
WORDS = [
    "message.received",
    "message.finalized",
    "message-received",
    "mo_text",
    "mo_binary",
    "mo_media",
    "delivered",
    "failed",
]
leaf = (
    st.sampled_from(WORDS)
    | st.text(max_size=12)
    | st.integers()
    | st.none()
    | st.sampled_from(["+15551112222", "\ud800", "\0"])
)
shaped = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=30,
)


@given(st.sampled_from(library.names()), shaped)
def test_whatever_json_says_is_read_or_told(name, whole):
    judge(
        name,
        WebRequest("POST", headers=(("Content-Type", "application/json"),), body=json.dumps(whole).encode()),
    )


@given(
    st.sampled_from(library.names()),
    st.lists(st.tuples(st.sampled_from(KEYS), st.binary(max_size=12) | st.sampled_from(WORDS)), max_size=10),
    st.sampled_from(["GET", "POST"]),
)
def test_whatever_a_form_says_is_read_or_told(name, fields, method):
    encoded = "&".join(f"{key}={quote(each)}" for key, each in fields)
    kind = (("Content-Type", signing.FORM),)
    judge(
        name,
        WebRequest(method, query=encoded if method == "GET" else "", headers=kind, body=encoded.encode()),
    )


@given(
    st.sampled_from(library.names()),
    st.binary(max_size=200),
    st.sampled_from(["", signing.FORM, signing.JSON, "\udcff"]),
)
def test_whatever_octets_come_are_read_or_told(name, body, kind):
    judge(name, WebRequest("POST", headers=(("Content-Type", kind),), body=body))


def judge(name, request):
    """Nothing but news of the right kinds comes of a request, and nothing that a database cannot hold."""
    try:
        news = Reader("main", library.preset(name)).read(request, "ref")
    except Unread:
        return
    for each in news:
        if isinstance(each, Inbound):
            assert each.recipient
            (each.text + each.sender + each.recipient + each.id + "".join(each.others)).encode()
            assert "\0" not in each.text + each.id
        elif isinstance(each, Report):
            assert each.id or each.reference
            assert (each.why is not None) is (each.stage is Stage.FAILED)
        elif isinstance(each, OptOut):
            assert each.ours
            assert each.theirs
