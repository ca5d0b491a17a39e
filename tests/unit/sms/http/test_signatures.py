"""Signatures of callbacks: right ones, and everything that somebody could change."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.http.signatures import Scheme, Verdict, bad_secret, same_password, verify
from gateway.bridge import WebRequest
from tests.fakes import sms_signing as signing
from tests.fakes.sms_signing import TELNYX_PUBLIC, TOKEN, Post, document, form

BASE = "https://gw.example/bridge/sms"
URL = f"{BASE}/main/0123456789abcdef"
NOW = 1_700_000_000.0
SECRET = {"secret": TOKEN}
FORM = form(URL, MessageSid="SM1", From="+15551112222", Body="hé & = + 😀", Empty="", Twice=["b", "a", "a"])
JSON = document(URL, {"a": "hé", "b": [1]})


def cases():
    """Name, scheme, secrets, the post, and its headers."""
    query = replace(JSON, url=f"{URL}?z=1&a=%C3%A9")
    shared = {"secret": "another", "shared": TOKEN}
    yield "twilio", Scheme.TWILIO, SECRET, FORM, signing.twilio(FORM, NOW, "1")
    yield "twilio sha256", Scheme.TWILIO, shared, FORM, signing.twilio(FORM, NOW, "1", algorithm="sha256")
    got = Post(f"{URL}?MessageSid=SM1&x=", method="GET")
    yield "twilio get", Scheme.TWILIO, SECRET, got, signing.twilio(got, NOW, "1")
    hashed = signing.with_body_hash(JSON)
    yield "twilio json", Scheme.TWILIO, SECRET, hashed, signing.twilio(hashed, NOW, "1")
    with_port = replace(FORM, url=URL.replace("gw.example", "gw.example:443"))
    yield "twilio with port", Scheme.TWILIO, SECRET, FORM, signing.twilio(with_port, NOW, "1")
    yield "vonage", Scheme.VONAGE_JWT, {**SECRET, "account": "abcd1234"}, JSON, signing.vonage(JSON, NOW, "1")
    old = signing.vonage_sms(form(URL, msisdn="1555", text="a & b = c é"), NOW)
    yield "vonage sms", Scheme.VONAGE_SMS, SECRET, old, {}
    yield "telnyx", Scheme.TELNYX, {"secret": TELNYX_PUBLIC}, JSON, signing.telnyx(JSON, NOW, "1")
    yield "plivo", Scheme.PLIVO, SECRET, FORM, signing.plivo(FORM, NOW, "1")
    both = replace(FORM, url=f"{URL}?b=2&a=1")
    yield "plivo with query", Scheme.PLIVO, SECRET, both, signing.plivo(both, NOW, "1")
    asked = Post(f"{URL}?From=1&To=2", method="GET")
    yield "plivo get", Scheme.PLIVO, SECRET, asked, signing.plivo(asked, NOW, "1")
    yield "sinch", Scheme.SINCH, SECRET, JSON, signing.sinch(JSON, NOW, "1")
    yield "messagebird", Scheme.MESSAGEBIRD, SECRET, query, signing.messagebird(query, NOW, "1")


ALL = list(cases())
BY_NAME = pytest.mark.parametrize(
    ("scheme", "secrets", "post", "headers"), [c[1:] for c in ALL], ids=[c[0] for c in ALL]
)


def verdict(scheme, secrets, post, headers, now=NOW, url=None, request=None):
    request = request or post.request(BASE, **headers)
    return verify(scheme, request, url or post.url, secrets, now).verdict


@BY_NAME
def test_what_the_provider_signed_is_genuine(scheme, secrets, post, headers):
    assert verdict(scheme, secrets, post, headers) is Verdict.GENUINE


@BY_NAME
def test_another_body_is_forged(scheme, secrets, post, headers):
    if post.method == "GET":
        return
    for body in (post.body[:-1], post.body + b"x", post.body.replace(b"a", b"b", 1), b"", b"\xff\0"):
        assert verdict(scheme, secrets, replace(post, body=body), headers) is not Verdict.GENUINE


@BY_NAME
def test_another_secret_is_forged(scheme, secrets, post, headers):
    other = {name: each if name == "account" else "x" + each[1:] for name, each in secrets.items()}
    assert verdict(scheme, other, post, headers) is Verdict.FORGED
    assert verdict(scheme, {"secret": ""}, post, headers) is Verdict.FORGED
    assert verdict(scheme, {}, post, headers) is Verdict.FORGED


@BY_NAME
def test_no_signature_is_missing(scheme, secrets, post, headers):
    bare = replace(post, body=post.body.partition(b"&sig=")[0])
    assert verdict(scheme, secrets, bare, {}) is Verdict.MISSING


@pytest.mark.parametrize("name", ["twilio", "plivo", "messagebird", "twilio get", "plivo get"])
def test_a_signature_for_another_address_is_forged(name):
    scheme, secrets, post, headers = next(case[1:] for case in ALL if case[0] == name)
    elsewhere = post.url.replace("gw.example", "evil.example")
    assert verdict(scheme, secrets, post, headers, url=elsewhere) is Verdict.FORGED


@pytest.mark.parametrize("name", ["vonage", "vonage sms", "telnyx", "sinch"])
@pytest.mark.parametrize("off", [-301.0, 301.0, 86_400.0])
def test_what_was_signed_at_another_time_is_stale(name, off):
    scheme, secrets, post, headers = next(case[1:] for case in ALL if case[0] == name)
    assert verdict(scheme, secrets, post, headers, now=NOW + off) is Verdict.STALE
    assert verdict(scheme, secrets, post, headers, now=NOW + 299) is Verdict.GENUINE


def test_a_token_of_messagebird_has_a_beginning_and_an_end():
    scheme, secrets, post, headers = next(case[1:] for case in ALL if case[0] == "messagebird")
    assert verdict(scheme, secrets, post, headers, now=NOW + 62) is Verdict.STALE
    assert verdict(scheme, secrets, post, headers, now=NOW - 400) is Verdict.STALE


def test_what_is_sent_twice_has_the_same_sign_and_nothing_else_has():
    for name, scheme, secrets, post, headers in ALL:
        request = post.request(BASE, **headers)
        first = verify(scheme, request, post.url, secrets, NOW).once
        assert first == verify(scheme, request, post.url, secrets, NOW + 1).once != "", name
    later = signing.telnyx(JSON, NOW + 1, "2")
    scheme, secrets = Scheme.TELNYX, {"secret": TELNYX_PUBLIC}
    assert verify(scheme, JSON.request(BASE, **later), URL, secrets, NOW).once != ""


def test_the_older_signature_of_plivo_counts_only_where_there_is_no_newer_one():
    old = signing.plivo_v2(FORM, NOW, "1")
    assert verdict(Scheme.PLIVO, SECRET, FORM, old) is Verdict.GENUINE
    forged = {**old, "X-Plivo-Signature-V3": "x", "X-Plivo-Signature-V3-Nonce": "1"}
    assert verdict(Scheme.PLIVO, SECRET, FORM, forged) is Verdict.FORGED


def test_several_signatures_of_plivo_stand_beside_each_other_while_a_token_is_changed():
    headers = signing.plivo(FORM, NOW, "1")
    headers["X-Plivo-Signature-V3"] = f"xyz,{headers['X-Plivo-Signature-V3']}"
    assert verdict(Scheme.PLIVO, SECRET, FORM, headers) is Verdict.GENUINE


def test_a_token_does_not_choose_its_algorithm():
    for header in (
        {"alg": "none"},
        {"alg": "RS256"},
        {"alg": "HS512"},
        {"alg": ["HS256"]},
        {"alg": "HS256", "crit": ["x"]},
    ):
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
        good = signing.vonage(JSON, NOW, "1")["Authorization"].partition(" ")[2].split(".")
        token = {"Authorization": f"Bearer {head}.{good[1]}.{good[2]}"}
        assert verdict(Scheme.VONAGE_JWT, SECRET, JSON, token) is Verdict.FORGED


def test_a_token_of_another_account_is_forged():
    headers = signing.vonage(JSON, NOW, "1")
    assert verdict(Scheme.VONAGE_JWT, {**SECRET, "account": "other"}, JSON, headers) is Verdict.FORGED


def test_a_form_that_says_it_is_json_is_not_taken_for_one():
    headers = signing.twilio(FORM, NOW, "1")
    assert verdict(Scheme.TWILIO, SECRET, replace(FORM, kind="application/json"), headers) is Verdict.FORGED


def test_the_body_of_json_has_to_be_the_one_that_the_address_has_the_hash_of():
    hashed = signing.with_body_hash(JSON)
    headers = signing.twilio(hashed, NOW, "1")
    assert verdict(Scheme.TWILIO, SECRET, replace(hashed, body=b"{}"), headers) is Verdict.FORGED
    assert verdict(Scheme.TWILIO, SECRET, JSON, signing.twilio(JSON, NOW, "1")) is Verdict.FORGED


HEADERS = [
    "X-Twilio-Signature",
    "X-Twilio-Webhooks-Signature-Settings",
    "Authorization",
    "telnyx-signature-ed25519",
    "telnyx-timestamp",
    "X-Plivo-Signature-V3",
    "X-Plivo-Signature-V3-Nonce",
    "X-Plivo-Signature-V2",
    "x-sinch-webhook-signature",
    "x-sinch-webhook-signature-nonce",
    "x-sinch-webhook-signature-timestamp",
    "MessageBird-Signature-JWT",
    "Content-Type",
]
odd = st.text(st.characters(codec=None, categories=None) | st.sampled_from("\ud800\udcff\0.,= "), max_size=80)


@given(
    scheme=st.sampled_from([each for each in Scheme if each is not Scheme.NONE]),
    method=st.sampled_from(["GET", "POST", "PUT"]),
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), odd), max_size=5),
    query=odd,
    body=st.binary(max_size=200),
)
def test_whatever_comes_is_judged(scheme, method, headers, query, body):
    request = WebRequest(method, "main/x", query, tuple(headers), body)
    secrets = {"secret": TELNYX_PUBLIC, "shared": TOKEN}
    assert verify(scheme, request, f"{URL}?{query}", secrets, NOW).verdict is not Verdict.GENUINE


@pytest.mark.parametrize(
    ("header", "good"),
    [
        ("Basic dTpw", True),
        ("basic dTpw", True),
        ("Basic dTpx", False),
        ("Bearer dTpw", False),
        ("Basic", False),
        ("Basic !!", False),
        ("Basic \udcff", False),
        ("", False),
    ],
)
def test_the_login_has_to_be_the_whole_one(header, good):
    assert same_password(WebRequest("POST", headers=(("Authorization", header),)), "u", "p") is good


def test_a_key_that_is_none_is_told():
    assert not bad_secret(Scheme.TELNYX, TELNYX_PUBLIC)
    assert "no public key" in bad_secret(Scheme.TELNYX, "KEY0123")
    assert not bad_secret(Scheme.TWILIO, "anything")
