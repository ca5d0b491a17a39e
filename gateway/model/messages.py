"""What people say, with all that a message is besides its text, and how far it has come."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class MessageKind(StrEnum):
    CHAT = "chat"
    ACTION = "action"  # "/me waves" (XEP-0245), CTCP ACTION
    NOTICE = "notice"  # automatic text that must not be answered automatically


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. Its bytes are in ``data`` or in the file ``path``, or can be had from ``url``. All
    else is what somebody claims: people lie about names, types and sizes.

    ``size`` is in bytes, ``sha256`` hexadecimal in lower case, ``thumbnail`` a JPEG of at most a few KB."""

    name: str = ""
    media_type: str = ""  # empty: not known
    size: int | None = None
    url: str = ""
    data: bytes = field(default=b"", repr=False)
    path: Path | None = None
    sha256: str = ""
    width: int | None = None  # of pictures, in pixels
    height: int | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    caption: str = ""


class Style(StrEnum):
    """How part of a text looks."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRUCK = "struck"
    CODE = "code"  # within a line
    CODE_BLOCK = "code-block"  # whole lines
    QUOTE = "quote"  # whole lines; nested where quotes are quoted


@dataclass(frozen=True, slots=True)
class Span:
    """The code points of a text from ``start`` up to, not including, ``end``. Spans nest or lie apart."""

    start: int
    end: int
    style: Style


@dataclass(frozen=True, slots=True)
class Mention:
    """The code points of a text that stand for somebody: a nick, or the name of a contact."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Which message is answered. ``id`` is the network's own; ``author`` and ``text`` are for networks, and for readers,
    that do not know it (any more), and may be empty."""

    id: str
    author: str = ""
    text: str = ""


class Part(StrEnum):
    """How somebody else is addressed by a message that goes to several people (XEP-0033 §5.1)."""

    TO = "to"
    CC = "cc"
    REPLY_TO = "replyto"


@dataclass(frozen=True, slots=True)
class Recipient:
    """``name`` is the one in a contact's address; ``display_name`` is for people, and may be empty."""

    part: Part
    name: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What a message is besides its text. Ids are the network's own; a message that the network split has the first id it
    was given. The text has no marks of its styles: no asterisks, no ``>`` before quoted lines."""

    reply: Reply | None = None
    replaces: str = ""  # the message corrected: always the first version
    thread: str = ""
    spans: tuple[Span, ...] = ()
    mentions: tuple[Mention, ...] = ()
    subject: str = ""  # what it is about, as mail has it; shown besides the text, by the few clients that do
    recipients: tuple[Recipient, ...] = ()  # who else was addressed; only from the network


@dataclass(frozen=True, slots=True)
class Reaction:
    """All that ``sender`` feels about the message ``target`` from now on; no emojis at all take everything back."""

    sender: str
    target: str
    emojis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retraction:
    """The message ``target`` is taken back, by its author or by a moderator."""

    sender: str
    target: str
    moderated: bool = False
    reason: str = ""


class ChatState(StrEnum):
    """What somebody is doing in a chat (XEP-0085)."""

    ACTIVE = "active"
    COMPOSING = "composing"
    PAUSED = "paused"
    INACTIVE = "inactive"
    GONE = "gone"


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """Something somebody said. ``text`` may hold several lines, parted by ``\\n``. A private message without a ``sender``
    comes from the gateway itself, on behalf of the network. Nobody changes a message; it is not frozen, because one is made
    for everything that is heard, and frozen it costs five times as much."""

    sender: str
    text: str
    kind: MessageKind = MessageKind.CHAT
    foreign_id: str = ""  # the network's own id; empty where it has none
    time: float | None = None  # when it was said, if the network says so; else now
    attachments: tuple[Attachment, ...] = ()
    enrichment: Enrichment | None = None  # where it is more than its text
    stable: str = ""  # in rooms, as ``Occupant.stable``: for who speaks without being an occupant
    replayed: bool = (
        False  # the network repeats what was said before: it is shown as old, however short a time ago it was
    )
    text_first: bool = (
        False  # its files belong below its text, as in mail; else the text is said of the files
    )


class DeliveryState(StrEnum):
    """How far a message is known to have come. It only ever gets further; which steps there are is the ledger's business."""

    QUEUED = "queued"  # it is our responsibility
    ACCEPTED = "accepted"  # the other side has taken it
    DELIVERED = "delivered"  # whom it was meant for has it
    READ = "read"
    FAILED = "failed"  # it will not arrive
    UNKNOWN = "unknown"  # nobody can tell any more
