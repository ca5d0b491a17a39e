"""A mail as it was read: what it says, who says it to whom, what came with it, and what kind of mail it is.

Values only. All of them are claims of whoever wrote the mail; who may be believed is decided elsewhere. Texts hold no
character that XML forbids, no control characters but LF and TAB, and no bidirectional overrides; texts of one line hold no
LF either. Offsets are in code points of ``Letter.text``.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.model import Span


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox of a header field. ``address`` is as it was written (``local@domain``), ``name`` decoded; either may be
    empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class File:
    """An attachment, decoded. Its bytes are in ``data``, or in the file ``path`` where the reader was given a directory.

    ``name`` has no path and no control characters, at most 120 characters, and is never empty. ``sha256`` is hexadecimal in
    lower case. ``inline``: shown within the HTML, or said to be shown rather than saved."""

    name: str
    media_type: str
    size: int
    sha256: str = ""
    content_id: str = ""
    inline: bool = False
    data: bytes = field(default=b"", repr=False)
    path: Path | None = None


class Role(StrEnum):
    """What the structure of a mail says that a part of its text is."""

    QUOTE = "quote"  # an earlier mail, with the line that introduces it
    FORWARD = "forward"  # a mail passed on: never folded
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Mark:
    """Whole lines of the text: from ``start`` up to, not including, ``end``."""

    start: int
    end: int
    role: Role


class AutoKind(StrEnum):
    """Why nobody sat down to write this mail to this user. Ordered from what should be known first."""

    REPORT = "report"  # RFC 3464: what became of a mail
    RECEIPT = "receipt"  # RFC 8098: a mail was read, or not
    REPLY = "reply"  # RFC 3834: out of office and the like
    LIST = "list"  # people talking on a mailing list (RFC 2919)
    BULK = "bulk"  # newsletters, announcements
    GENERATED = "generated"  # a machine: tickets, alarms, receipts of shops


@dataclass(frozen=True, slots=True)
class Automatic:
    """Nothing must ever be sent by itself in answer to such a mail. ``reasons`` name the fields that say so."""

    kind: AutoKind
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListInfo:
    """What a mailing list says of itself (RFC 2369, 2919, 8058). ``unsubscribe`` holds https and mailto URLs in the order of
    preference; ``one_click`` is the https URL that takes an RFC 8058 POST, else empty. ``post`` is the address to write to;
    ``closed`` says that nobody may."""

    id: str = ""
    name: str = ""
    post: str = ""
    closed: bool = False
    unsubscribe: tuple[str, ...] = ()
    one_click: str = ""


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What became of a mail for one recipient. ``action`` is one of failed, delayed, delivered, relayed, expanded, or empty
    where the report says nothing that is understood; ``status`` an RFC 3463 code or empty."""

    recipient: str
    action: str
    status: str = ""
    diagnostic: str = ""
    remote_mta: str = ""
    original: str = ""
    retry_until: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """RFC 3464 and RFC 6533. ``standard`` is False for what was understood from prose only, which is a guess.
    ``message_id`` is the returned mail's, in angle brackets."""

    recipients: tuple[RecipientStatus, ...] = ()
    envelope_id: str = ""
    reporting_mta: str = ""
    message_id: str = ""
    standard: bool = True


@dataclass(frozen=True, slots=True)
class Disposition:
    """A message disposition notification (RFC 8098). ``kind`` is displayed, deleted, dispatched or processed."""

    kind: str
    recipient: str = ""
    message_id: str = ""
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """Somebody told his provider that a mail is abuse (RFC 5965). ``kind`` is abuse, fraud, virus, not-spam and so on; the
    others are the mail's that it is about, as far as the report says."""

    kind: str
    recipient: str = ""
    sender: str = ""  # of the envelope
    message_id: str = ""


class Answer(StrEnum):
    """An attendee's, as iCalendar's PARTSTAT says it."""

    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    UNANSWERED = "NEEDS-ACTION"


@dataclass(frozen=True, slots=True)
class Attendee:
    person: Person
    answer: Answer = Answer.UNANSWERED
    expected: bool = False  # asked to answer (RSVP)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of an invitation. ``time`` is Unix seconds; of a whole day it is that day's midnight UTC. ``zone`` is the name
    the invitation uses; empty for UTC. Of ``floating`` times the zone is whoever reads it's, and UTC was assumed."""

    time: float
    whole_day: bool = False
    zone: str = ""
    floating: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """The first event of a calendar part (RFC 5545, RFC 5546). ``method`` is REQUEST, CANCEL, REPLY, COUNTER, PUBLISH and so
    on, in upper case; it may be empty."""

    method: str
    uid: str
    sequence: int = 0
    summary: str = ""
    location: str = ""
    description: str = ""
    organizer: Person | None = None
    attendees: tuple[Attendee, ...] = ()
    start: Moment | None = None
    end: Moment | None = None
    recurrence: str = ""  # RRULE as it was written
    occurrence: Moment | None = None  # RECURRENCE-ID: which one of a series


class ProtectionKind(StrEnum):
    SIGNED = "signed"  # not verified by us
    ENCRYPTED = "encrypted"  # cannot be read by us


@dataclass(frozen=True, slots=True)
class Protection:
    kind: ProtectionKind
    system: str  # "OpenPGP" or "S/MIME"


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole mail. Ids are in angle brackets. ``text`` is all that the writer's client would show, quotes and signature
    included, without marks of its styles: no ``>`` before quoted lines, those are spans; ``bridges.email.mime.folding``
    takes quotes away once the thread is known.

    ``sole_author`` is the one who wrote it, None where that is not certain: several authors, several From fields, or a
    field with any defect. ``trace`` is every field of the header block in order, unfolded but not decoded.
    ``unreadable`` says why the text is not here, and is empty otherwise; ``shortened``: the text was too long for us.
    """

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: tuple[Person, ...] = ()
    sole_author: Person | None = None
    sender: Person | None = None
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    reply_to: tuple[Person, ...] = ()
    subject: str = ""
    date: float | None = None  # Unix seconds
    text: str = ""
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    html_origin: bool = False
    shortened: bool = False
    attachments: tuple[File, ...] = ()
    automatic: Automatic | None = None
    no_reply: bool = False  # the address to answer to says that nobody reads there
    lists: ListInfo | None = None
    wants_mdn: str = ""  # the address that asks to be told of reading
    invitation: Invitation | None = None
    report: DeliveryReport | None = None
    mdn: Disposition | None = None
    complaint: Complaint | None = None
    protection: Protection | None = None
    trace: tuple[tuple[str, str], ...] = ()
    size: int = 0  # octets
    unreadable: str = ""
    defects: tuple[str, ...] = ()
