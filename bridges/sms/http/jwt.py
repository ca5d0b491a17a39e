"""JSON Web Tokens, as far as providers use them (RFC 7519, 7515): HS256, HS384, HS512 and RS256, compact, no encryption.

The algorithm of a token that is verified is chosen by us, never by the token (RFC 8725 §3.1).
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_LONGEST = 16_384


class BadToken(ValueError):
    """No token, or not a genuine one."""


class BadKey(ValueError):
    """What is configured is no key; the text says how to fix it."""


def rsa_key(pem: str) -> RSAPrivateKey:
    """Raises ``BadKey``."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(
            "is no private key: give the whole PEM file, from BEGIN PRIVATE KEY on, without a password"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("is no RSA key, which RS256 needs")
    return key


def signed_rs256(claims: Mapping[str, Any], key: RSAPrivateKey) -> str:
    signing = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signing}.{_encoded(key.sign(signing.encode(), PKCS1v15(), hashes.SHA256()))}"


def signed_hs256(claims: Mapping[str, Any], secret: str) -> str:
    signing = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signing}.{_encoded(hmac.digest(secret.encode(), signing.encode(), 'sha256'))}"


def verified(token: str, secret: str, algorithms: Sequence[str] = ("HS256",)) -> dict[str, Any]:
    """The claims of a token that whoever knows ``secret`` has signed. Times are the caller's to look at. Raises
    ``BadToken``."""
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3 or not token.isascii():
        raise BadToken("no token")
    header = _object(parts[0])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or "crit" in header:
        raise BadToken("an algorithm that is not allowed")
    expected = hmac.digest(secret.encode(), f"{parts[0]}.{parts[1]}".encode(), _HASHES[algorithm])
    if not hmac.compare_digest(expected, _decoded(parts[2])):
        raise BadToken("another signature")
    return _object(parts[1])


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadToken("no base64") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(text))
    except (ValueError, RecursionError):
        raise BadToken("no JSON") from None
    if not isinstance(value, dict):
        raise BadToken("no JSON object")
    return value
