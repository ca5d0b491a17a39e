"""A mail as bytes: header, text, HTML for those who want it, calendar, attachments.

Written piece by piece, so that a big one costs no memory.

Knows nothing of drafts and threads: what is to stand in the mail is given, and is made fit for it here.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO

from bridges.email.addresses import Mailbox
from bridges.email.composing import cleaning, flowed, headers, markup

_OCTETS_OF_LINE = 57  # 76 characters of base64: RFC 2045 §6.8
_CHUNK = _OCTETS_OF_LINE * 2048
_LONGEST_7BIT = 990  # RFC 5322 §2.1.1: 998 at most
_MOST_IDS = 20
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}")
#: Types that may not be encoded (RFC 2046 §5), or that readers would act upon.
_NOT_FOR_FILES = ("multipart/", "message/")
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with a mail."""

    path: Path
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """An iTIP message (RFC 6047): ``method`` is REPLY or the like, ``data`` the iCalendar text in UTF-8."""

    method: str
    data: str


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in a header."""

    name: str
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that a mail is to say. ``references`` are in angle brackets, the parent last. ``text`` is as it was typed,
    ``quote`` as ``quoting`` makes it. ``marks`` are fields of ours. ``boundary``: 16 letters or more, random."""

    sender: Party
    to: Sequence[Party]
    subject: str
    message_id: str
    time: float
    boundary: str
    text: str
    cc: Sequence[Party] = ()
    references: Sequence[str] = ()
    quote: str = ""
    footer: str = ""
    html: bool = False
    enclosures: Sequence[Enclosure] = ()
    calendar: Calendar | None = None
    receipt_wanted: bool = False
    marks: Sequence[tuple[str, str]] = ()

    @property
    def needs_smtputf8(self) -> bool:
        return any(each.mailbox.international for each in (self.sender, *self.to, *self.cc))


def write(sheet: Sheet, out: BinaryIO) -> None:
    """The whole mail, with CRLF at the ends of lines. Reads the files of the enclosures; raises ``OSError``."""
    for piece in _header(sheet):
        out.write(piece)
    text = _text(sheet)
    footer = cleaning.one_line(sheet.footer, 200)
    # RFC 3676 §4.3: the one line that may end with a space without going on in the next.
    plain = flowed.encode(text) + (f"\n-- \n{flowed.encode(footer)}" if footer else "")
    alternatives = [_leaf("text/plain", (("charset", "utf-8"), ("format", "flowed")), plain)]
    if sheet.html:
        rich = markup.html(f"{text}\n\n{footer}" if footer else text)
        alternatives.append(_leaf("text/html", (("charset", "utf-8"),), rich))
    if sheet.calendar is not None:
        method = re.sub(r"[^A-Z]", "", sheet.calendar.method.upper())
        calendar = sheet.calendar.data.replace("\r\n", "\n")
        alternatives.append(_leaf("text/calendar", (("charset", "utf-8"), ("method", method)), calendar))
    if not sheet.enclosures:
        out.write(_alternative(alternatives, sheet.boundary))
        return
    boundary = f"=_m{sheet.boundary}"
    out.write(_content_type("multipart/mixed", (("boundary", boundary),)) + b"\r\n")
    out.write(f"--{boundary}\r\n".encode() + _alternative(alternatives, sheet.boundary))
    for each in sheet.enclosures:
        out.write(f"\r\n--{boundary}\r\n".encode())
        _enclose(each, out)
    out.write(f"\r\n--{boundary}--\r\n".encode())


def kept_references(references: Sequence[str]) -> list[str]:
    """The first one and the last 19: enough for every reader to find the thread, however long it is."""
    fit = [each for each in dict.fromkeys(references) if headers.is_id(each)]
    return fit if len(fit) <= _MOST_IDS else [fit[0], *fit[-(_MOST_IDS - 1) :]]


def _header(sheet: Sheet) -> Iterator[bytes]:
    yield headers.mailboxes("From", [(sheet.sender.name, sheet.sender.mailbox)])
    yield headers.mailboxes("To", [(each.name, each.mailbox) for each in sheet.to])
    if sheet.cc:
        yield headers.mailboxes("Cc", [(each.name, each.mailbox) for each in sheet.cc])
    yield headers.text("Subject", sheet.subject)
    yield headers.token("Date", format_datetime(datetime.fromtimestamp(sheet.time, UTC)))
    yield headers.ids("Message-ID", [sheet.message_id])
    yield headers.ids("In-Reply-To", sheet.references[-1:])
    yield headers.ids("References", kept_references(sheet.references))
    if sheet.receipt_wanted:  # RFC 8098 §2.1
        yield headers.mailboxes("Disposition-Notification-To", [("", sheet.sender.mailbox)])
    for name, value in sheet.marks:
        yield headers.token(name, value)
    yield b"MIME-Version: 1.0\r\n"


def _text(sheet: Sheet) -> str:
    """What is written, and below it what is answered."""
    parts = [cleaning.body(each).strip("\n") for each in (sheet.text, sheet.quote)]
    return "\n\n".join(filter(None, parts))


def _content_type(value: str, parameters: Sequence[tuple[str, str]]) -> bytes:
    return headers.parameters("Content-Type", value, parameters)


def _leaf(media_type: str, parameters: Sequence[tuple[str, str]], text: str) -> bytes:
    """A part of text: its fields, an empty line, and the text in the shortest encoding that all servers carry."""
    data = text.encode()
    if text.isascii() and all(len(line) <= _LONGEST_7BIT for line in data.split(b"\n")):
        encoding, encoded = "7bit", data
    else:
        encoding, encoded = "quoted-printable", binascii.b2a_qp(data, istext=True)
        if len(encoded) > len(data) * 4 / 3 + 80:
            encoding, encoded = "base64", base64.encodebytes(data.replace(b"\n", b"\r\n"))
    encoded = encoded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    fields = _content_type(media_type, parameters) + headers.token("Content-Transfer-Encoding", encoding)
    return fields + b"\r\n" + encoded + (b"" if encoded.endswith(b"\r\n") else b"\r\n")


def _alternative(leaves: Sequence[bytes], random: str) -> bytes:
    """The leaves from the plainest to the richest (RFC 2046 §5.1.4); one alone stands for itself."""
    if len(leaves) == 1:
        return leaves[0]
    boundary = f"=_a{random}"
    parts = b"".join(f"--{boundary}\r\n".encode() + leaf + b"\r\n" for leaf in leaves)
    fields = _content_type("multipart/alternative", (("boundary", boundary),))
    return fields + b"\r\n" + parts + f"--{boundary}--\r\n".encode()


def media_type(claimed: str) -> str:
    """A type that may stand in a Content-Type field of a file."""
    plain = claimed.partition(";")[0].strip().lower()
    fit = _TYPE.fullmatch(plain) is not None and not plain.startswith(_NOT_FOR_FILES)
    return plain if fit else UNKNOWN_TYPE


def _enclose(enclosure: Enclosure, out: BinaryIO) -> None:
    name = cleaning.file_name(enclosure.name)
    out.write(_content_type(media_type(enclosure.media_type), (("name", name),)))
    out.write(headers.parameters("Content-Disposition", "attachment", (("filename", name),)))
    out.write(b"Content-Transfer-Encoding: base64\r\n\r\n")
    with enclosure.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            out.write(base64.encodebytes(chunk).replace(b"\n", b"\r\n"))
