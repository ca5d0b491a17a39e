"""Header fields as bytes: folded, encoded, and unable to hold anything but what they are for.

Written by hand because the standard library turns message ids of 78 and more characters into encoded words, and lets line
breaks through in places (3.11.7). Takes what ``cleaning`` let pass; no field has a line of over 998 octets, and none but an
address of SMTPUTF8 has an octet beyond ASCII. Every function returns whole fields that end with CRLF.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence

from bridges.email.addresses import Mailbox
from bridges.email.composing.cleaning import one_line

_WIDTH = 76  # RFC 5322 §2.1.1 asks for 78 at most
_LONGEST_LINE = 998
_CONTINUED = "\r\n "
_WORD = 75  # RFC 2047 §2: an encoded word at most
_PREFIX_Q, _PREFIX_B, _SUFFIX = "=?utf-8?q?", "=?utf-8?b?", "?="
# RFC 2047 §5 (3): all that may stand in a phrase as it is.
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+( [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
# RFC 2231 §7 attribute-char.
_ATTRIBUTE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_TOKEN = re.compile(r"[A-Za-z0-9._+-]{1,60}")
_SEGMENT = 60  # octets of one parameter, encoded


def text(name: str, value: str) -> bytes:
    """A field of free text, such as a subject."""
    value = one_line(value)
    words = value.split(" ")
    if _plain(value) and max(map(len, words)) < _LONGEST_LINE - len(name) - 2:
        return _folded(name, words)
    return _folded(name, _encoded_words(value, len(name) + 2))


def token(name: str, value: str) -> bytes:
    """A field whose value is ours, ASCII, and short."""
    return _folded(name, one_line(value).encode("ascii", "replace").decode().split(" "))


def mailboxes(name: str, people: Iterable[tuple[str, Mailbox]]) -> bytes:
    """From, To, Cc: display names, which may be empty, with their mailboxes."""
    tokens: list[str] = []
    for display, mailbox in people:
        if tokens:
            tokens[-1] += ","
        tokens += _mailbox(display, mailbox)
    return _folded(name, tokens)


def ids(name: str, values: Sequence[str]) -> bytes:
    """Message-ID, In-Reply-To, References: never encoded however long, one on a line. What is no id is left out; nothing
    remains if none is."""
    fit = [each for each in values if is_id(each)]
    return f"{name}: {_CONTINUED.join(fit)}\r\n".encode() if fit else b""


def is_id(value: str) -> bool:
    """Whether it can be named in a header of ours: ASCII, in angle brackets, and of a length that fits in one line."""
    return _ID.fullmatch(value) is not None


def parameters(name: str, value: str, parameters: Iterable[tuple[str, str]]) -> bytes:
    """Content-Type and Content-Disposition: parameters beyond ASCII, or long ones, by RFC 2231."""
    tokens = [value]
    for key, each in parameters:
        for one in _parameter(key, one_line(each)):
            tokens[-1] += ";"
            tokens.append(one)
    return _folded(name, tokens)


def _plain(value: str) -> bool:
    return _PRINTABLE.fullmatch(value) is not None and "=?" not in value


def _folded(name: str, tokens: Iterable[str]) -> bytes:
    """Tokens parted by single spaces, on as few lines as do not get too long."""
    lines = [f"{name}:"]
    for each in tokens:
        if len(lines[-1]) + 1 + len(each) > _WIDTH and lines[-1].strip() != f"{name}:":
            lines.append(f" {each}")
        else:
            lines[-1] += f" {each}"
    return ("\r\n".join(lines) + "\r\n").encode()


def _mailbox(display: str, mailbox: Mailbox) -> list[str]:
    """Parts that may be on lines of their own."""
    display = one_line(display, 200)
    address = f"<{mailbox.envelope}>"
    if not display:
        return [mailbox.envelope]
    if not _plain(display):
        return [*_encoded_words(display, _WORD // 2), address]
    if _ATOMS.fullmatch(display):
        return [*display.split(" "), address]
    return ['"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"', address]


def _encoded_words(value: str, used: int) -> Iterator[str]:
    """RFC 2047: the whole of it, in words that each decode by themselves; the first leaves room for what is ``used``."""
    octets = len(value.encode())
    dense = sum(4 if byte >= 0x80 else 1 for byte in value.encode()) < octets * 4 / 3 + 4
    prefix = _PREFIX_Q if dense else _PREFIX_B
    room = _WORD - len(prefix) - len(_SUFFIX)
    left = max(room - used, 16)
    chunk: list[str] = []
    size = 0
    for character in value:
        more = len(_q(character)) if dense else len(character.encode())
        if (size + more if dense else -(-(size + more) // 3) * 4) > left:
            yield prefix + _written("".join(chunk), dense=dense) + _SUFFIX
            chunk, size, left = [], 0, room
        chunk.append(character)
        size += more
    yield prefix + _written("".join(chunk), dense=dense) + _SUFFIX


def _written(value: str, *, dense: bool) -> str:
    return "".join(map(_q, value)) if dense else base64.b64encode(value.encode()).decode()


def _q(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in character.encode())


def _parameter(key: str, value: str) -> Iterator[str]:
    if _TOKEN.fullmatch(value):
        yield f"{key}={value}"
        return
    if _PRINTABLE.fullmatch(value) and len(value) <= _SEGMENT:
        yield f'{key}="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return
    segments = [""]
    for character in value:
        encoded = "".join(chr(byte) if byte in _ATTRIBUTE else f"%{byte:02X}" for byte in character.encode())
        if len(segments[-1]) + len(encoded) > _SEGMENT:
            segments.append("")
        segments[-1] += encoded
    if len(segments) == 1:
        yield f"{key}*=utf-8''{segments[0]}"
        return
    for number, segment in enumerate(segments):
        charset = "" if number else "utf-8''"
        yield f"{key}*{number}*={charset}{segment}"
