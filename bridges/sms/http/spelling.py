"""How providers write telephone numbers, times and octets. Nothing here raises for what a provider sent."""

import base64
import binascii
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from bridges.sms.http.preset import Encoding, Spelling, TimeFormat

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_LONGEST = 64
_SHORTEST_FULL = 9  # digits; fewer are a short code (which have up to 8), for hardly any number is so short
_LATEST = 4_102_444_800.0  # 2100


def outgoing(number: str, spelling: Spelling) -> str:
    """A party of ``traffic`` as the provider wants it."""
    if not _E164.fullmatch(number):
        return number
    if spelling is Spelling.BARE:
        return number[1:]
    if spelling is Spelling.ZEROS:
        return f"00{number[1:]}"
    if spelling is Spelling.NATIONAL and number.startswith("+1") and len(number) == 12:
        return number[2:]
    return number


def incoming(text: str, spelling: Spelling) -> str:
    """A party as ``traffic`` has it. What is neither number nor short code stays as it came."""
    text = text.strip()[:_LONGEST]
    bare = re.sub(r"[ ().-]", "", text)
    plus, digits = bare.startswith("+"), bare.removeprefix("+")
    if not _DIGITS.fullmatch(digits):
        return text
    if plus:
        return f"+{digits}"
    if spelling is Spelling.ZEROS and digits.startswith("00"):
        return f"+{digits[2:]}"
    if spelling is Spelling.NATIONAL and len(digits) == 10:
        return f"+1{digits}"
    if len(digits) >= _SHORTEST_FULL and not digits.startswith("0") and spelling is not Spelling.ZEROS:
        return f"+{digits}"
    return digits


def time(text: str, format: TimeFormat) -> float | None:
    """Unix seconds."""
    text = text.strip()[:_LONGEST]
    try:
        found = _time(text, format)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return found if 0 < found < _LATEST else None


def _time(text: str, format: TimeFormat) -> float:
    match format:
        case TimeFormat.UNIX:
            return float(text)
        case TimeFormat.MILLISECONDS:
            return float(text) / 1000
        case TimeFormat.RFC2822:
            moment = parsedate_to_datetime(text)
        case TimeFormat.COMPACT:
            moment = datetime.strptime(text, "%y%m%d%H%M%S" if len(text) > 10 else "%y%m%d%H%M").replace(
                tzinfo=UTC
            )
        case TimeFormat.SPACED:
            moment = datetime.fromisoformat(text.replace(" ", "T", 1))
        case _:
            moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def octets(text: str, encoding: Encoding) -> bytes | None:
    """None for what is not written so."""
    try:
        if encoding is Encoding.HEX:
            return bytes.fromhex(text.replace("%", ""))
        if encoding is Encoding.BASE64:
            return base64.b64decode(text, validate=True)
        return unquote_to_bytes(text.replace("+", " "))
    except (ValueError, binascii.Error):
        return None
