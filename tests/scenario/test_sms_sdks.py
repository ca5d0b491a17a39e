"""Signatures of callbacks, as our verifiers, our signing fakes and the providers' own libraries see them: all agree."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bridges.sms.http import jwt
from bridges.sms.http.signatures import Scheme, Verdict, verify
from tests.fakes import sms_signing as signing
from tests.fakes.sms_signing import FORM, TELNYX_PUBLIC, TOKEN, Post, document, form
from tests.rig.sms_sdks import Ask, libraries

BASE = "https://gw.example/bridge/sms"
URL = f"{BASE}/main/0123456789abcdef"
POSTS = {
    "form": form(URL, MessageSid="SM1", From="+15551112222", Body="hé & = + 😀", Empty="", Zz="1"),
    "form with query": form(f"{URL}/abc?z=1&a=2", From="1", To="2", Text="x y"),
    "form without anything": Post(URL, b"", FORM),
    "repeated field": form(URL, Twice=["b", "a"]),
    "json": document(URL, {"text": "hé 😀", "list": [1, 2]}),
    "json with query": document(f"{URL}?a=1", {"text": "x"}),
    "get": Post(f"{URL}?From=1&To=2&Text=x", method="GET"),
}


def cases():
    """Who, our scheme, the secret, the post, the signing."""
    for name in ("form", "form with query", "form without anything", "repeated field", "get"):
        yield "twilio", Scheme.TWILIO, TOKEN, POSTS[name], signing.twilio
        yield "plivo", Scheme.PLIVO, TOKEN, POSTS[name], signing.plivo
        yield "plivo", Scheme.PLIVO, TOKEN, POSTS[name], signing.plivo_v2
    yield "twilio", Scheme.TWILIO, TOKEN, signing.with_body_hash(POSTS["json"]), signing.twilio
    yield "twilio", Scheme.TWILIO, TOKEN, signing.with_body_hash(POSTS["json with query"]), signing.twilio
    for name in ("json", "json with query"):
        yield "sinch", Scheme.SINCH, TOKEN, POSTS[name], signing.sinch
        yield "messagebird", Scheme.MESSAGEBIRD, TOKEN, POSTS[name], signing.messagebird
        yield "vonage", Scheme.VONAGE_JWT, TOKEN, POSTS[name], signing.vonage
        yield "telnyx", Scheme.TELNYX, TELNYX_PUBLIC, POSTS[name], signing.telnyx
    yield "messagebird", Scheme.MESSAGEBIRD, TOKEN, POSTS["get"], signing.messagebird


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with libraries() as ask:
        yield ask


def question(about: str, post: Post, secret: str, **more: object) -> dict[str, object]:
    return {
        "about": about,
        "url": post.url,
        "method": post.method,
        "body": post.body.decode(),
        "secret": secret,
        **more,
    }


def ours(scheme: Scheme, post: Post, secret: str, headers: dict[str, str], now: float) -> bool:
    secrets = {"secret": secret, "shared": secret}
    return verify(scheme, post.request(BASE, **headers), post.url, secrets, now).verdict is Verdict.GENUINE


def test_what_we_sign_as_a_provider_its_library_and_we_take_for_genuine_and_what_was_changed_neither_does(
    ask,
):
    now = time.time()
    questions, mine, names = [], [], []
    for about, scheme, secret, post, sign in cases():
        headers = sign(post, now, "nonce-1")
        changed = replace(post, body=post.body.replace(b"x", b"y").replace(b"1", b"2"))
        if post.method == "GET" or not post.body:
            changed = replace(post, url=post.url.replace("main", "niam"))
        for each, genuine in ((post, True), (changed, False)):
            if not genuine and (each == post or sign is signing.plivo_v2 or about == "vonage"):
                continue  # what that signature does not cover, or that library does not look at
            questions.append(question(about, each, secret, headers=headers))
            mine.append(ours(scheme, each, secret, headers, now))
            names.append((about, post.url, post.method, genuine))
            assert mine[-1] is genuine, names[-1]
    theirs = ask(questions)
    assert [pair for pair in zip(names, theirs, mine, strict=True) if pair[1] is not pair[2]] == []
    assert len(theirs) > 40


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_what_the_library_of_twilio_signs_we_take_for_genuine(ask, algorithm):
    posts = [POSTS["form"], POSTS["repeated field"], POSTS["form with query"]]
    with_port = [replace(each, url=each.url.replace("gw.example", "gw.example:443")) for each in posts]
    signatures = ask([question("twilio", each, TOKEN, sign=algorithm) for each in (*posts, *with_port)])
    for post, signature in zip((*posts, *posts), signatures, strict=True):
        headers = {"X-Twilio-Signature": signature}
        if algorithm == "HMAC_SHA256":
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=k1,algorithm={algorithm}"
        assert ours(Scheme.TWILIO, post, TOKEN, headers, time.time())


def test_what_the_library_of_plivo_signs_we_take_for_genuine(ask):
    posts = [
        POSTS[name] for name in ("form", "form with query", "form without anything", "repeated field", "get")
    ]
    signatures = ask([question("plivo", each, TOKEN, sign="n1") for each in posts])
    for post, signature in zip(posts, signatures, strict=True):
        headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "n1"}
        assert ours(Scheme.PLIVO, post, TOKEN, headers, time.time())


def test_a_token_that_we_show_to_vonage_is_read_by_their_library(ask):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = {"application_id": "app", "iat": int(time.time()), "exp": int(time.time()) + 60, "jti": "1"}
    token = jwt.signed_rs256(claims, key)
    found = ask([{"about": "vonage", "sign": "", "token": token, "secret": public.decode()}])
    assert found == [claims]
