"""Header fields are taken apart and decoded, however broken; nothing in them gets out of its field."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime import charsets, clean, fields
from tests.unit.email.mime.mails import PATIENT

_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp")), min_size=1, max_size=40
)


def test_folded_values_are_one_line() -> None:
    header, end, dropped = fields.split(b"Subject: one\r\n two\r\nFrom: a@b\r\n\r\nbody", 100)
    assert header.first("subject") == "one two"
    assert (end, dropped) == (33, False)


def test_a_line_that_is_no_field_ends_the_header() -> None:
    header, end, _ = fields.split(b"Subject: x\nthis is text\n", 100)
    assert [field.name for field in header.fields] == ["subject"]
    assert end == len(b"Subject: x\n")


def test_the_line_between_mails_of_a_file_is_no_field() -> None:
    header, _, _ = fields.split(b"From a@b Mon Jan  1 00:00:00 2026\nFrom: a@b\n\n", 100)
    assert header.first("from") == "a@b"


def test_fields_of_one_name_are_counted() -> None:
    header, _, dropped = fields.split(b"A: x\n" * 150 + b"B: y\n\n", 100)
    assert (len(header.all("a")), header.first("b"), dropped) == (100, "y", True)


def test_encoded_line_breaks_stay_within_the_value() -> None:
    header, _, _ = fields.split(b"Subject: =?utf-8?q?a=0d=0aBcc:_x?=\n\n", 100)
    assert header.text("subject") == "a Bcc: x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?H=C3=BC?=", "Hü"),
        ("=?utf-8?B?SMO8?= x", "Hü x"),
        ("=?iso-8859-1?q?a?= =?iso-8859-1?q?b?=", "ab"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),  # a character cut in two
        ("=?utf-8?q?a?=  b", "a  b"),
        ("=?utf-8*en?q?a_b?=", "a b"),
        ("=?hex?q?6161?=", "6161"),
        ("=?rot13?q?uryyb?=", "uryyb"),
        ("=?idna?q?xn--a?=", "xn--a"),
        ("=?utf-7?q?+ADw-script+AD4-?=", "+ADw-script+AD4-"),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("=?utf-8?b?SMO8", "=?utf-8?b?SMO8"),
        ("=?utf-8?b?SMO?=", "H\u00c3"),
        ("=?\x00?q?a?=", "a"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    assert fields.words(value) == text


@PATIENT
@given(_TEXT, st.sampled_from(["q", "b"]), st.sampled_from(["utf-8", "UTF-8", "utf-16-le"]))
def test_encoded_words_are_what_was_encoded(text: str, encoding: str, charset: str) -> None:
    octets = text.encode(charset)
    quoted = "".join(f"={octet:02X}" for octet in octets)
    content = quoted if encoding == "q" else base64.b64encode(octets).decode()
    assert fields.words(f"=?{charset}?{encoding}?{content}?=") == text


@PATIENT
@given(st.text(max_size=200))
def test_decoding_words_never_fails(text: str) -> None:
    fields.words(text)
    fields.words(f"=?utf-8?q?{text}?= =?iso-2022-jp?b?{text}?=")


@PATIENT
@given(st.binary(max_size=300))
def test_any_octets_are_a_header_of_some_kind(block: bytes) -> None:
    header, end, _ = fields.split(block, 100)
    assert 0 <= end <= len(block)
    for field in header.fields:
        value = fields.unfolded(field.value)
        assert clean.line(value) == clean.line(clean.line(value))
        fields.parameters(value)
        fields.identifiers(value)
        fields.date(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('text/plain; charset="UTF-8"', ("text/plain", {"charset": "UTF-8"})),
        ("a/b; name*0*=utf-8''a%20; name*1=\"b;c\"", ("a/b", {"name": "a b;c"})),
        ("a/b; name*=iso-8859-1'de'%FC.txt", ("a/b", {"name": "ü.txt"})),
        ("a/b; name==?utf-8?q?=C3=BC?=", ("a/b", {"name": "ü"})),
        ('a/b; name="=?utf-8?q?=C3=BC?="', ("a/b", {"name": "ü"})),
        ('a/b; name="C:\\dir\\file.txt"', ("a/b", {"name": "C:\\dir\\file.txt"})),
        ("a/b; name*", ("a/b", {})),
        ('a/b; x="never closed; y=1', ("a/b", {"x": "never closed", "y": "1"})),
        ("", ("", {})),
        (";;;=;a=b", ("", {"a": "b"})),
        ("A/B; Name=x; name=y", ("a/b", {"name": "x"})),
    ],
)
def test_parameters(value: str, found: tuple[str, dict[str, str]]) -> None:
    assert fields.parameters(value) == found


def test_raw_octets_in_names_are_read_as_what_they_are() -> None:
    header, _, _ = fields.split('Content-Type: a/b; name="grün.txt"\n\n'.encode(), 100)
    assert fields.parameters(header.first("content-type"))[1] == {"name": "grün.txt"}
    header, _, _ = fields.split('Content-Type: a/b; name="grün.txt"\n\n'.encode("cp1252"), 100)
    assert fields.parameters(header.first("content-type"))[1] == {"name": "grün.txt"}


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<[a@b]>", ("<[a@b]>",)),  # Exchange writes these
        ("<a@b> <c@d>\t<a@b>", ("<a@b>", "<c@d>")),
        ("a@b", ("<a@b>",)),
        ("Your message of Monday <a@b>", ("<a@b>",)),
        ("=?utf-8?q?=3Ca=40b=3E?=", ("<a@b>",)),  # the standard library writes long ids so
        (f"<{'x' * 100}@example.com>", (f"<{'x' * 100}@example.com>",)),
        ("nothing", ()),
        ("<>", ()),
        ("<a b>", ()),
    ],
)
def test_identifiers(value: str, ids: tuple[str, ...]) -> None:
    assert fields.identifiers(value) == ids


def test_of_many_identifiers_the_first_and_the_last_are_kept() -> None:
    ids = fields.identifiers(" ".join(f"<{n}@x>" for n in range(500)), 20)
    assert (len(ids), ids[0], ids[1], ids[-1]) == (20, "<0@x>", "<481@x>", "<499@x>")


@pytest.mark.parametrize(
    ("value", "time_"),
    [
        ("Thu, 1 Jan 1970 01:00:00 +0100", 0.0),
        ("1 Jan 2024 00:00:00 GMT", 1704067200.0),
        ("", None),
        ("yesterday", None),
        ("1 Jan 99999 99:99:99", None),
        ("Mon, 1 Jan 2024 00:00:00 +999999999999", None),
        ("1 1 1 1 1 1 1", None),
    ],
)
def test_dates(value: str, time_: float | None) -> None:
    assert fields.date(value) == time_


@PATIENT
@given(st.binary(max_size=200))
def test_base64_is_decoded_as_far_as_it_goes(raw: bytes) -> None:
    assert fields.base64_octets(base64.encodebytes(raw)) == raw
    fields.base64_octets(raw)


@pytest.mark.parametrize(
    "value",
    [
        '"' * 65_000,
        '\\"' * 32_000,
        ";" * 65_000,
        "=?utf-8?q?" * 6_500,
        "a*0=b;" * 10_000,
        "<" * 65_000,
        "%" * 65_000,
    ],
)
def test_hostile_values_take_linear_time(value: str) -> None:
    began = time.process_time()
    fields.parameters(value)
    fields.words(value)
    fields.identifiers(value)
    fields.date(value)
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Привет, как у тебя дела?", "koi8-r"),
        ("Привет, как у тебя дела?", "cp1251"),
        ("今日は元気ですか。はい、元気です", "cp932"),
        ("今日は元気ですか。はい、元気です", "euc-jp"),
        ("今日は元気ですか", "iso2022_jp"),
        ("你好，我们明天在公司见面，好吗？", "gb18030"),
        ("你好，我們明天在公司見面，好嗎？", "cp950"),
        ("안녕하세요, 만나서 반갑습니다", "cp949"),
        ("Grüße aus München, naïve “Zitate”", "cp1252"),
        ("déjà vu, ça va? à bientôt", "cp1252"),
        ("Grüße 你好", "utf-8"),
    ],
)
@pytest.mark.parametrize("declared", ["", "us-ascii", "x-unknown", "utf-8", "hex", "rot13", "utf-7\x00"])
def test_charsets_are_found_where_they_are_not_declared_or_falsely(
    text: str, charset: str, declared: str
) -> None:
    assert charsets.decode(text.encode(charset), declared) == text


@PATIENT
@given(
    st.binary(max_size=300),
    st.text(max_size=30) | st.sampled_from(["utf-8", "iso-2022-jp", "gb2312", "utf-16", "hz"]),
)
def test_any_octets_are_text_in_any_charset(data: bytes, declared: str) -> None:
    assert isinstance(charsets.decode(data, declared), str)


@PATIENT
@given(st.text(max_size=200))
def test_clean_text_can_be_sent(text: str) -> None:
    for found in (clean.text(text), clean.line(text)):
        found.encode()
        assert not set(found) & {"\x00", "\ufffe", "\uffff", "\u202e", "\u2066", "\x85", "\r", "\x1b"}
    assert "\n" not in clean.line(text)
