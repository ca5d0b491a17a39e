"""Mails made worse: real and written ones, changed in the ways in which mails are broken, by accident and on purpose."""

import random
from collections.abc import Callable, Sequence

_Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]

_TOKENS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbf\xbf",
        "\u202e".encode(),
        b"\x1b$B",
    ),
    *(
        b"--",
        b"--x--",
        b"boundary=",
        b'boundary="',
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"=?utf-8?q?=0d=0a?=",
    ),
    *(
        b"=?utf-8?b?",
        b"?=",
        b"=?hex?q?00?=",
        b"charset=utf-7",
        b"charset=rot13",
        b"charset=utf-16",
        b"format=flowed; delsp=yes",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html\r\n",
    ),
    *(
        b"From: a@b <c@d>\r\n",
        b"<",
        b">",
        b"<!--",
        b"-->",
        b"<div>",
        b"</div>",
        b"<a href='",
        b"<style>",
        b"<table><tr><td>",
    ),
    *(
        b"<blockquote type=cite>",
        b"> ",
        b">>>> ",
        b"-- \n",
        b"On Monday Bob wrote:\n",
        b"From: x\nSent: y\nTo: z\nSubject: w\n",
    ),
    *(
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VEVENT\r\n",
        b"DTSTART:99999999T999999Z\r\n",
        b"RRULE:FREQ=SECONDLY;COUNT=1\r\n",
    ),
    *(
        b"-----BEGIN PGP SIGNED MESSAGE-----\n",
        b"-----BEGIN PGP SIGNATURE-----\n",
        b"&#x110000;",
        b"%00",
        b"; name*0*=utf-8''",
    ),
)


def _flip(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    out = bytearray(raw)
    for _number in range(rng.randint(1, 20)):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out)


def _insert(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    for _number in range(rng.randint(1, 5)):
        at = rng.randrange(len(raw) + 1)
        raw = raw[:at] + rng.choice(_TOKENS) * rng.choice((1, 1, 1, 2, 50, 500)) + raw[at:]
    return raw


def _remove(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start + rng.choice((1, 2, 10, 100, 1_000)) :]


def _cut(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _repeat(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    start = rng.randrange(len(raw) + 1)
    piece = raw[start : start + rng.choice((1, 5, 40, 400))]
    return raw[:start] + piece * rng.choice((2, 10, 200)) + raw[start:]


def _splice(rng: random.Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    at, start = rng.randrange(len(raw) + 1), rng.randrange(len(other) + 1)
    return raw[:at] + other[start : start + rng.randrange(4_000)] + raw[at:]


def _swap_lines(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    lines = raw.split(b"\n")
    for _number in range(rng.randint(1, 6)):
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _wrap(rng: random.Random, raw: bytes, _: Sequence[bytes]) -> bytes:
    kind = rng.choice((b"mixed", b"alternative", b"related", b"report", b"signed", b"digest", b"encrypted"))
    head = b"From: w@example.org\r\nContent-Type: multipart/" + kind + b"; boundary=w\r\n\r\n--w\r\n"
    return head + raw + b"\r\n--w\r\n" + raw[:500] + b"\r\n--w--\r\n"


_MUTATIONS: tuple[_Mutation, ...] = (
    _flip,
    _insert,
    _insert,
    _remove,
    _cut,
    _repeat,
    _splice,
    _swap_lines,
    _wrap,
)
_LONGEST = 400_000


def mutated(rng: random.Random, mails: Sequence[bytes]) -> bytes:
    """One of ``mails``, changed one to four times."""
    raw = rng.choice(mails)
    for _number in range(rng.randint(1, 4)):
        raw = rng.choice(_MUTATIONS)(rng, raw, mails)[:_LONGEST]
    return raw
