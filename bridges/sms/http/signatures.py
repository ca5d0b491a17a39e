"""Whether a callback comes from whom it should: the ways in which providers sign, one function for each.

All look at the raw body and at the external address as it is configured, never at the Host header, and compare in constant
time. Knows no presets; what is missing and what is wrong are told apart, since some providers leave the signature out when
they are in trouble.
"""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit, urlunsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridges.sms.http import bodies, jwt
from gateway.bridge import WebRequest

WINDOW = 300.0
"""Seconds that a signed time may differ from ours."""


class Scheme(StrEnum):
    """How a provider signs; what the secrets of each are is in ``NEEDS``."""

    NONE = "none"
    TWILIO = "twilio"
    VONAGE_JWT = "vonage-jwt"
    VONAGE_SMS = "vonage-sms"
    TELNYX = "telnyx"
    PLIVO = "plivo"
    SINCH = "sinch"
    MESSAGEBIRD = "messagebird"


class Verdict(StrEnum):
    GENUINE = "genuine"
    MISSING = "missing"  # there is no signature at all
    STALE = "stale"  # signed rightly, at another time than now
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Finding:
    """``once`` is the same for what was sent twice, and for nothing else; empty where the signature cannot tell."""

    verdict: Verdict
    once: str = ""


Secrets = Mapping[str, str]
"""By name: ``secret`` for all, and ``shared`` for Twilio's other kind of key. Empty ones are not there."""

Verify = Callable[[WebRequest, str, Secrets, float], Finding]
"""The request, its external URL (with query), the secrets, and the time now."""

_FORGED = Finding(Verdict.FORGED)
_MISSING = Finding(Verdict.MISSING)
_TWILIO_HASHES = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def _none(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    return Finding(Verdict.GENUINE)


def _twilio(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """HMAC of the URL and each field's name and value, sorted; of other bodies the URL has ``bodySHA256``."""
    given = request.header("X-Twilio-Signature")
    if not given:
        return _MISSING
    settings = dict(
        part.strip().partition("=")[::2]
        for part in request.header("X-Twilio-Webhooks-Signature-Settings").split(",")
    )
    algorithm = _TWILIO_HASHES.get(settings.get("algorithm", "").strip().upper() or "HMAC_SHA1")
    # A key of its own signs with SHA-256; the account's token with SHA-1.
    secret = secrets.get("shared") if algorithm == "sha256" else secrets.get("secret")
    if algorithm is None or not secret:
        return _FORGED
    fields = ""
    wanted = next((value for name, value in bodies.pairs(request_query(url)) if name == "bodySHA256"), None)
    if wanted is not None and not _same(hashlib.sha256(request.body).hexdigest(), wanted):
        return _FORGED
    if wanted is None and request.method == "POST":
        if not _is_form(request):
            return _FORGED
        fields = _sorted_fields(request.body)
    for address in _with_and_without_port(url):
        expected = _hmac(secret, address + fields, algorithm)
        if _same(expected, given):
            return Finding(Verdict.GENUINE, given)
    return _FORGED


def _vonage_jwt(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """``Authorization: Bearer`` with the SHA-256 of the body among the claims."""
    scheme, _, token = request.header("Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return _MISSING
    try:
        claims = jwt.verified(token.strip(), secrets.get("secret", ""))
    except jwt.BadToken:
        return _FORGED
    hashed = claims.get("payload_hash")
    expected = hashlib.sha256(request.body).hexdigest() if request.body else ""
    if not _same(expected, str(hashed or "").lower()):
        return _FORGED
    key = secrets.get("account")
    if key and claims.get("api_key") != key:
        return _FORGED
    # Of a GET nothing but the time is signed, so each token may be used for one address only.
    return _timed(claims.get("iat"), now, f"{claims.get('jti')}\n{url if not request.body else ''}")


def _vonage_sms(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """``sig``: HMAC-SHA256 of all other parameters, sorted, each as ``&name=value`` with & and = made _."""
    try:
        found = bodies.value(request, bodies.Format.ANY)
    except bodies.BadBody:
        return _FORGED
    if not isinstance(found, dict):
        return _FORGED
    fields = {name: str(each) for name, each in found.items()}
    given = fields.pop("sig", "")
    if not given:
        return _MISSING
    signing = "".join(
        f"&{name}={fields[name].replace('&', '_').replace('=', '_')}" for name in sorted(fields)
    )
    expected = hmac.new(secrets.get("secret", "").encode(), _octets(signing), "sha256").hexdigest()
    if not _same(expected, given.lower()):
        return _FORGED
    return _timed(fields.get("timestamp"), now, given)


def _telnyx(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """Ed25519 over ``timestamp|body``."""
    given, time = request.header("Telnyx-Signature-Ed25519"), request.header("Telnyx-Timestamp")
    if not given:
        return _MISSING
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(secrets.get("secret", ""), validate=True))
        key.verify(base64.b64decode(given, validate=True), _octets(time) + b"|" + request.body)
    except (ValueError, binascii.Error, InvalidSignature):
        return _FORGED
    return _timed(time, now, given)


def _plivo(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """V3 where there is one. V2 does not cover the body: there the secret in the path has to do."""
    for header, three in (
        ("X-Plivo-Signature-V3", True),
        ("X-Plivo-Signature-Ma-V3", True),
        ("X-Plivo-Signature-V2", False),
        ("X-Plivo-Signature-Ma-V2", False),
    ):
        given = request.header(header)
        if not given:
            continue
        nonce = request.header("X-Plivo-Signature-V3-Nonce" if three else "X-Plivo-Signature-V2-Nonce")
        signing = f"{_plivo_v3(request, url)}.{nonce}" if three else f"{_bare(urlsplit(url))}{nonce}"
        expected = _hmac(secrets.get("secret", ""), signing, "sha256")
        genuine = False
        for each in given.split(","):
            genuine |= _same(expected, each.strip())
        # The first that is there decides: a V2 beside a forged V3 is worth nothing.
        return (
            Finding(Verdict.GENUINE, f"{nonce}\n{expected}" if three and nonce else "")
            if genuine
            else _FORGED
        )
    return _MISSING


def _sinch(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """HMAC-SHA256 of ``body.nonce.timestamp``."""
    given = request.header("x-sinch-webhook-signature")
    nonce = request.header("x-sinch-webhook-signature-nonce")
    time = request.header("x-sinch-webhook-signature-timestamp")
    if not given:
        return _MISSING
    signing = request.body + _octets(f".{nonce}.{time}")
    expected = base64.b64encode(hmac.digest(secrets.get("secret", "").encode(), signing, "sha256")).decode()
    return _timed(time, now, f"{nonce}\n{given}") if _same(expected, given) else _FORGED


def _messagebird(request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """A JWT with hashes of URL and body."""
    token = request.header("MessageBird-Signature-JWT")
    if not token:
        return _MISSING
    try:
        claims = jwt.verified(token, secrets.get("secret", ""), ("HS256", "HS384", "HS512"))
    except jwt.BadToken:
        return _FORGED
    hashed = claims.get("payload_hash") or ""
    body = hashlib.sha256(request.body).hexdigest() if request.body else ""
    if (
        claims.get("iss") != "MessageBird"
        or not _same(hashlib.sha256(_octets(url)).hexdigest(), str(claims.get("url_hash")))
        or not _same(body, str(hashed))
    ):
        return _FORGED
    begin, end = claims.get("nbf"), claims.get("exp")
    if not isinstance(begin, int | float) or not isinstance(end, int | float):
        return _FORGED
    if not begin - WINDOW <= now <= end + 1:
        return Finding(Verdict.STALE)
    return Finding(Verdict.GENUINE, str(claims.get("jti") or token))


VERIFIERS: Mapping[Scheme, Verify] = {
    Scheme.NONE: _none,
    Scheme.TWILIO: _twilio,
    Scheme.VONAGE_JWT: _vonage_jwt,
    Scheme.VONAGE_SMS: _vonage_sms,
    Scheme.TELNYX: _telnyx,
    Scheme.PLIVO: _plivo,
    Scheme.SINCH: _sinch,
    Scheme.MESSAGEBIRD: _messagebird,
}


HEADERS: Mapping[Scheme, str] = {
    Scheme.TWILIO: "X-Twilio-Signature",
    Scheme.VONAGE_JWT: "Authorization",
    Scheme.TELNYX: "Telnyx-Signature-Ed25519",
    Scheme.PLIVO: "X-Plivo-Signature-V3",
    Scheme.SINCH: "x-sinch-webhook-signature",
    Scheme.MESSAGEBIRD: "MessageBird-Signature-JWT",
}
"""In which header each kind of signature comes, where it does."""


def verify(scheme: Scheme, request: WebRequest, url: str, secrets: Secrets, now: float) -> Finding:
    """What is to be thought of ``request``, whose address for the rest of the world is ``url``."""
    if scheme is not Scheme.NONE and not any(secrets.values()):
        return _FORGED  # an empty secret is anybody's
    try:
        return VERIFIERS[scheme](request, url, secrets, now)
    except bodies.BadBody:
        return _FORGED


def bad_secret(scheme: Scheme, secret: str) -> str:
    """Why ``secret`` cannot be one of this scheme; empty if it can."""
    if scheme is Scheme.TELNYX:
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(secret, validate=True))
        except (ValueError, binascii.Error):
            return "is no public key; copy it from the portal: 44 characters of base64"
    return ""


def same_password(request: WebRequest, user: str, password: str) -> bool:
    """Whether ``request`` has this HTTP Basic login (RFC 7617)."""
    scheme, _, encoded = request.header("Authorization").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        given = b""
    expected = f"{user}:{password}".encode()
    return hmac.compare_digest(given, expected) and scheme.lower() == "basic"


def request_query(url: str) -> str:
    return url.partition("?")[2]


# -- pieces ------------------------------------------------------------------------------------------------------


def _timed(value: object, now: float, once: str) -> Finding:
    try:
        time = float(value) if isinstance(value, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        return _FORGED
    if math.isnan(time):
        return _FORGED
    return Finding(Verdict.GENUINE, once) if abs(now - time) <= WINDOW else Finding(Verdict.STALE)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(_octets(expected), _octets(given))


def _octets(text: str) -> bytes:
    """As it was on the wire: headers can hold octets that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _hmac(secret: str, text: str, algorithm: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), _octets(text), algorithm)).decode()


def _is_form(request: WebRequest) -> bool:
    kind = request.header("content-type").partition(";")[0].strip().lower()
    return kind in ("application/x-www-form-urlencoded", "") or not request.body


def _sorted_fields(body: bytes) -> str:
    names: dict[str, set[str]] = {}
    for name, value in bodies.pairs(_ascii(body)):
        names.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(names) for value in sorted(names[name]))


def _ascii(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise bodies.BadBody("the form is not percent-encoded") from None


def _with_and_without_port(url: str) -> Iterator[str]:
    """The provider's machines do not agree whether the usual port is part of what they sign."""
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    bare = host if colon and port.isdigit() else parts.netloc
    usual = "443" if parts.scheme == "https" else "80"
    start = f"{parts.scheme}://"
    rest = url[len(start) + len(parts.netloc) :]
    yield f"{start}{bare}{rest}"
    yield f"{start}{bare}:{port if colon and port.isdigit() else usual}{rest}"


def _bare(parts: SplitResult) -> str:
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _plivo_v3(request: WebRequest, url: str) -> str:
    """URL, ``?`` and the query sorted, a dot, then all fields sorted, names and values joined without anything between."""
    parts = urlsplit(url)
    query = bodies.pairs(parts.query)
    fields = bodies.pairs(_ascii(request.body)) if request.method == "POST" else []
    sorted_query = "&".join(f"{name}={value}" for name, value in sorted(query))
    result = _bare(parts)
    if sorted_query or fields:
        result += f"?{sorted_query}"
    if sorted_query and fields:
        result += "."
    return result + "".join(f"{name}{value}" for name, value in sorted(fields))
