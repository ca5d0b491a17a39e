"""The bodies of callbacks, read as what they are: JSON, a form, or the query of a GET.

Whatever comes gives a value or ``BadBody``: bounded in depth and number, never another exception.
"""

import json
from enum import StrEnum
from urllib.parse import parse_qsl, unquote_to_bytes

from bridges.sms.http.picking import Value
from gateway.bridge import WebRequest

_FIELDS = 500
_DEPTH = 24


class BadBody(ValueError):
    """It cannot be read; the text says why, without saying what it holds."""


class Format(StrEnum):
    """How a provider writes."""

    JSON = "json"
    FORM = "form"
    ANY = "any"  # as the content type says


def value(request: WebRequest, format: Format) -> Value:
    """What the request says; of a GET, its query."""
    if request.method in ("GET", "HEAD"):
        return form(request.query)
    if format is Format.ANY:
        kind = request.header("content-type").partition(";")[0].strip().lower()
        looks = request.body.lstrip()[:1] in (b"{", b"[")
        format = Format.JSON if kind.endswith("json") or (looks and "form" not in kind) else Format.FORM
    if format is Format.JSON:
        return document(request.body)
    try:
        return form(request.body.decode("ascii"))
    except UnicodeDecodeError:
        raise BadBody("the form is not percent-encoded") from None


def document(body: bytes) -> Value:
    """JSON (RFC 8259), in UTF-8."""
    try:
        found = json.loads(body.decode("utf-8", "strict"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadBody("it is no JSON") from None
    if not isinstance(found, dict | list):
        raise BadBody("it is neither an object nor a list")
    if _deeper(found, _DEPTH):
        raise BadBody(f"it is nested deeper than {_DEPTH}")
    return found


def form(encoded: str) -> dict[str, Value]:
    """``application/x-www-form-urlencoded``. A repeated field has a list of its texts; octets that are no UTF-8 become
    U+FFFD."""
    result: dict[str, Value] = {}
    for name, each in pairs(encoded):
        before = result.get(name)
        if before is None:
            result[name] = each
        elif isinstance(before, list):
            before.append(each)
        else:
            result[name] = [before, each]
    return result


def pairs(encoded: str) -> list[tuple[str, str]]:
    """The fields in their order, as signatures need them. Raises ``BadBody``."""
    try:
        return parse_qsl(encoded, keep_blank_values=True, max_num_fields=_FIELDS, errors="replace")
    except ValueError:
        raise BadBody(f"it has more than {_FIELDS} fields") from None


def octets(encoded: str, name: str) -> bytes | None:
    """The octets of a field, for those that hold no text (Kannel's ``%b``)."""
    for pair in encoded.split("&")[:_FIELDS]:
        key, equals, each = pair.partition("=")
        if equals and key == name:
            return unquote_to_bytes(each.replace("+", " "))
    return None


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: Value, depth: int) -> bool:
    level: list[Value] = [value]
    for _ in range(depth):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
