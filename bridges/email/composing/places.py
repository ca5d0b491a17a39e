"""Where and as whom a user writes, and what is asked of whoever knows that; how a user is told what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridges.email.addresses import Mailbox, ascii_domain
from bridges.email.composing.building import Calendar
from bridges.email.composing.seals import Seals
from gateway.model import Attachment, Refused, Reply


@dataclass(frozen=True, slots=True)
class Place:
    """A chat. ``key`` is the folded mailbox of a contact, or a room's key. ``recipients`` are who gets what is written there
    as the user sees it now: the contact, or all others of a room. ``thread`` is the room's, and empty for contacts."""

    key: str
    recipients: tuple[Mailbox, ...]
    thread: str = ""

    @property
    def room(self) -> bool:
        return len(self.recipients) != 1 or self.recipients[0].folded != self.key

    @classmethod
    def contact(cls, mailbox: Mailbox) -> "Place":
        return cls(mailbox.folded, (mailbox,))


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the user, as the core hands it: text with the marks that were typed, and what it is besides."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply: Reply | None = None
    replaces: str = ""
    thread: str = ""
    subject: str = ""
    calendar: Calendar | None = None


class Quotes(StrEnum):
    """When the mail that is answered stands below the answer."""

    REPLIES = "replies"  # the user's client said which message is answered
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Author:
    """A user, as mail shows them. ``addresses`` are all of the user's, folded: they are never written to in the user's name.
    ``silence`` is the user's own window in seconds, None where the gateway's holds."""

    mailbox: Mailbox
    name: str
    addresses: frozenset[str]
    silence: float | None = None
    html: bool = False
    quotes: Quotes = Quotes.REPLIES
    receipts_wanted: bool = False  # recipients are asked to say that they have read (RFC 8098)


class Authors(Protocol):
    """Our users."""

    async def author(self, owner: str) -> Author | None:
        """None for who is none (any more). Raises ``NotStored`` where that cannot be known just now."""


class Voice(Protocol):
    """How users are told what became of what they wrote. False: there is nobody to tell just now; then ``Composer.ready``
    is called when there is."""

    def failed(self, owner: str, line_ids: Sequence[str], why: Refused) -> bool:
        """These messages will not arrive."""

    def withdrawn(self, owner: str, line_ids: Sequence[str]) -> bool:
        """These messages are in no mail, by the user's own word."""

    def notice(self, owner: str, place: str, text: str) -> None:
        """Something the gateway has to say about the chat ``place``; whoever does not see it now never will."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What is the same in all mails of an installation. ``domain`` is the one of Message-IDs."""

    domain: str
    seals: Seals
    footer: str = ""

    def message_id(self, random: str) -> str:
        """Under 70 characters for every domain that is not absurd."""
        return f"<{random}@{ascii_domain(self.domain)}>"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one mail: ``lines``, ``characters`` of text, ``files`` and their bytes as they are encoded (``size``),
    ``recipients``; ``drafts`` of one user at a time. Seconds: ``silence`` after which a mail goes, at the latest ``longest``
    after it was begun; ``held`` for the user to say what becomes of a mail whose file is missing; ``memory`` for which lines
    are known again."""

    lines: int = 200
    characters: int = 200_000
    files: int = 20
    size: int = 25_000_000
    recipients: int = 10
    drafts: int = 50
    silence: float = 20.0
    longest: float = 180.0
    held: float = 86_400.0
    memory: float = 180 * 86_400.0
