"""Callbacks as providers sign them: written from their documents, apart from what verifies them, and compared with their own
libraries in ``tests/scenario/test_sms_sdks.py``."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.bridge import WebRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TOKEN = "a-token-of-32-letters-and-figures"
TELNYX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_PUBLIC = base64.b64encode(TELNYX.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@dataclass(frozen=True, slots=True)
class Post:
    """Something to be signed: ``url`` is the whole external one."""

    url: str
    body: bytes = b""
    kind: str = JSON
    method: str = "POST"
    remote: str = "198.51.100.7"

    def request(self, base: str, **headers: str) -> WebRequest:
        """As the bridge at ``base`` gets it."""
        path, _, query = self.url.removeprefix(f"{base}/").partition("?")
        known = {"Content-Type": self.kind} if self.body else {}
        given = {**known, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return WebRequest(self.method, path, query, tuple(given.items()), self.body, self.remote)


def form(url: str, **fields: str | list[str]) -> Post:
    return Post(url, urlencode(fields, doseq=True).encode(), FORM)


def document(url: str, value: object) -> Post:
    return Post(url, json.dumps(value).encode())


Sign = Callable[[Post, float, str], dict[str, str]]
"""Headers for a callback, the time and something that comes only once."""


def _fields(post: Post) -> list[tuple[str, str]]:
    return parse_qsl(post.body.decode(), keep_blank_values=True) if post.kind == FORM else []


def _base64_hmac(text: bytes, algorithm: str = "sha256", secret: str = TOKEN) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, algorithm).digest()).decode()


def twilio(post: Post, now: float, once: str, *, algorithm: str = "sha1") -> dict[str, str]:
    text = post.url
    if post.method == "POST" and post.kind == FORM:
        for name in sorted({name for name, _ in _fields(post)}):
            text += "".join(
                name + each for each in sorted({each for key, each in _fields(post) if key == name})
            )
    headers = {"X-Twilio-Signature": _base64_hmac(text.encode(), algorithm)}
    if algorithm == "sha256":
        headers["X-Twilio-Webhooks-Signature-Settings"] = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    return headers


def with_body_hash(post: Post) -> Post:
    """Twilio's way for bodies that are no forms."""
    joint = "&" if "?" in post.url else "?"
    return replace(post, url=f"{post.url}{joint}bodySHA256={hashlib.sha256(post.body).hexdigest()}")


def jwt(claims: dict[str, object], algorithm: str = "HS256", secret: str = TOKEN) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signing = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}"
    digest = hmac.new(secret.encode(), signing.encode(), f"sha{algorithm[2:]}").digest()
    return f"{signing}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def vonage(post: Post, now: float, once: str) -> dict[str, str]:
    claims: dict[str, object] = {"iat": int(now), "jti": once, "iss": "Vonage", "api_key": "abcd1234"}
    if post.body:
        claims["payload_hash"] = hashlib.sha256(post.body).hexdigest()
    return {"Authorization": f"Bearer {jwt(claims)}"}


def vonage_sms(post: Post, now: float) -> Post:
    """With ``timestamp`` and ``sig`` among its fields."""
    fields = {**dict(_fields(post)), "timestamp": str(int(now)), "nonce": "n"}
    text = "".join(
        f"&{name}={each.replace('&', '_').replace('=', '_')}" for name, each in sorted(fields.items())
    )
    signature = hmac.new(TOKEN.encode(), text.encode(), "sha256").hexdigest()
    return form(post.url, **fields, sig=signature)


def telnyx(post: Post, now: float, once: str) -> dict[str, str]:
    time = str(int(now))
    signature = base64.b64encode(TELNYX.sign(time.encode() + b"|" + post.body)).decode()
    return {"telnyx-signature-ed25519": signature, "telnyx-timestamp": time}


def plivo(post: Post, now: float, once: str) -> dict[str, str]:
    parts = urlsplit(post.url)
    query = "&".join(
        f"{name}={each}" for name, each in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    fields = "".join(name + each for name, each in sorted(_fields(post)))
    text = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query or fields:
        text += f"?{query}"
    if query and fields:
        text += "."
    return {
        "X-Plivo-Signature-V3": _base64_hmac(f"{text}{fields}.{once}".encode()),
        "X-Plivo-Signature-V3-Nonce": once,
    }


def plivo_v2(post: Post, now: float, once: str) -> dict[str, str]:
    text = post.url.partition("?")[0] + once
    return {"X-Plivo-Signature-V2": _base64_hmac(text.encode()), "X-Plivo-Signature-V2-Nonce": once}


def sinch(post: Post, now: float, once: str) -> dict[str, str]:
    time = str(int(now))
    return {
        "x-sinch-webhook-signature": _base64_hmac(post.body + f".{once}.{time}".encode()),
        "x-sinch-webhook-signature-nonce": once,
        "x-sinch-webhook-signature-timestamp": time,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }


def messagebird(post: Post, now: float, once: str) -> dict[str, str]:
    claims: dict[str, object] = {
        "iss": "MessageBird",
        "nbf": int(now) - 1,
        "exp": int(now) + 60,
        "jti": once,
        "url_hash": hashlib.sha256(post.url.encode()).hexdigest(),
    }
    if post.body:
        claims["payload_hash"] = hashlib.sha256(post.body).hexdigest()
    return {"MessageBird-Signature-JWT": jwt(claims)}


def unsigned(post: Post, now: float, once: str) -> dict[str, str]:
    return {}


def login(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
