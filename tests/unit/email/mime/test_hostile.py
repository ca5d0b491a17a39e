"""No mail breaks the reading of mail: no exception, nothing beyond the limits, and what can be said of it is said."""

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime import wire
from bridges.email.mime.letter import Letter
from bridges.email.mime.limits import DEFAULT
from bridges.email.mime.reading import read, unread
from tests.unit.email.mime.hostile import HOSTILE
from tests.unit.email.mime.mails import PATIENT


def checked(letter: Letter) -> Letter:
    """What holds of every letter."""
    bare = dataclasses.replace(
        letter, attachments=tuple(dataclasses.replace(f, data=b"") for f in letter.attachments)
    )
    assert (
        wire.decode(wire.encode(bare)) == bare
    )  # which also says that all of it is text that can be encoded
    assert len(letter.text) <= DEFAULT.text
    assert len(letter.spans) <= DEFAULT.spans
    assert len(letter.attachments) <= DEFAULT.files
    assert all(0 <= span.start < span.end <= len(letter.text) for span in letter.spans)
    assert all(0 <= mark.start < mark.end <= len(letter.text) for mark in letter.marks)
    assert not set(letter.text) & {"\x00", "\r", "\x1b", "\ufffe", "\uffff", "\u202e"}
    for line in (letter.subject, letter.message_id, *(file.name for file in letter.attachments)):
        assert "\n" not in line
    return letter


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_mail_is_read_within_its_limits(raw: bytes) -> None:
    began = time.process_time()
    checked(read(raw))
    assert time.process_time() - began < 20  # far from any measurement; the worker's limit is two seconds


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a header of a megabyte", "Hello"),
        ("10,000 Received", "Hello"),
        ("4,000 addresses", "Hello"),
        ("a Message-ID in brackets", "Hello"),
        ("To of a quote", "Hello"),
        ("To of a comment", "Hello"),
        ("a parameter without a value", "Hello"),
        ("a line break in a name", "Hello"),
        ("NUL in values", "Hello"),
        ("a type of nothing", ""),
        ("a boundary of patterns", "x"),
        ("a boundary that is not ASCII", "x"),
    ],
)
def test_what_is_wrong_costs_no_text(what: str, text: str) -> None:
    assert read(HOSTILE[what]).text == text


@pytest.mark.parametrize(
    ("what", "defect"),
    [
        ("2,000 nested parts", "parts nested too deeply"),
        ("20,000 parts", "too many parts"),
        ("a header of a megabyte", "header too long"),
        ("10,000 Received", "too many fields of one name"),
        ("ten thousand files", "too many attachments"),
    ],
)
def test_what_was_left_out_is_named(what: str, defect: str) -> None:
    assert defect in read(HOSTILE[what]).defects


def test_a_mail_beyond_its_size_is_known_by_its_header() -> None:
    limits = dataclasses.replace(DEFAULT, size=1_000)
    letter = read(b"From: bob@example.org\r\nSubject: Big\r\n\r\n" + b"x" * 2_000, limits)
    assert (letter.subject, letter.text, letter.size) == ("Big", "", 2_039)
    assert letter.unreadable


def test_a_body_of_one_long_line_is_no_header() -> None:
    letter = read(b"From: bob@example.org\r\n\r\n" + b"x" * 150_000)
    assert (len(letter.text), letter.defects) == (150_000, ())


def test_a_long_text_is_cut_at_the_end_of_a_line() -> None:
    letter = read(b"From: bob@example.org\r\n\r\n" + b"a line of words\r\n" * 100_000)
    assert letter.shortened
    assert letter.text.endswith("a line of words")


@PATIENT
@given(st.binary(max_size=400))
def test_any_octets_are_a_letter(raw: bytes) -> None:
    checked(read(raw))
    checked(unread(raw, len(raw), "x"))


_TYPES = [
    *(
        "multipart/mixed; boundary=x",
        "multipart/alternative; boundary=y",
        "multipart/report; boundary=x",
        "message/rfc822",
    ),
    *(
        "multipart/related; start=<a@b>; boundary=y",
        "multipart/signed; boundary=y",
        "message/delivery-status",
    ),
    *(
        "text/html",
        "text/calendar",
        "text/plain; format=flowed",
        "application/pkcs7-mime",
        "image/png; name=",
    ),
]
_PIECES = st.sampled_from([f"Content-Type: {each}\r\n".encode() for each in _TYPES]) | st.sampled_from(
    [
        *(
            b"From: a@b\r\n",
            b"\r\n",
            b"\r\n",
            b"--x\r\n",
            b"--x--\r\n",
            b"--y\r\n",
            b"--y--",
            b"\xff\xfe",
            b"> ",
            b"\n",
            b" ",
        ),
        *(
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Disposition: attachment; filename=",
            b"<p>x</p>",
            b"aGVsbG8=",
        ),
    ]
)


@PATIENT
@given(st.lists(_PIECES | st.binary(max_size=10), max_size=40))
def test_any_arrangement_of_parts_is_a_letter(pieces: list[bytes]) -> None:
    checked(read(b"".join(pieces)))
