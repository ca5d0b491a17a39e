"""What a user wrote, as it is given to a session: text, and what a message can be besides text.

The ledger keeps the latter as JSON, for a message may have to wait longer than this process lives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import TypeAdapter

from gateway.accounts.account import Account
from gateway.bridge import Expressive, Session, SharesFiles, Ticket
from gateway.delivery.entry import Entry
from gateway.model import Address, AddressKind, Attachment, Condition, Enrichment, MessageKind, Refused
from gateway.texts import Text


@dataclass(frozen=True, slots=True)
class Parts:
    """What a message is besides its text. Attachments have a ``url``: their bytes are fetched when they are needed."""

    enrichment: Enrichment | None = None
    attachments: tuple[Attachment, ...] = ()
    shown: str = ""  # the body that a room reflects, where that is not the text
    kept: str = ""  # ready XML that belongs to the message in the history
    unkept: bool = False  # its sender does not want it archived


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a room or a contact. ``extra`` is ready XML that a room reflects with it."""

    text: str
    kind: MessageKind = MessageKind.CHAT
    parts: Parts = Parts()
    extra: str = ""


_NOTHING = Parts()
_PARTS: TypeAdapter[Parts] = TypeAdapter(Parts)


def kept(parts: Parts) -> str:
    """Parts as the ledger keeps them."""
    return "" if parts == _NOTHING else _PARTS.dump_json(parts, exclude_defaults=True).decode()


def parts_of(entry: Entry) -> Parts:
    return _PARTS.validate_json(entry.parts) if entry.parts else _NOTHING


@dataclass(frozen=True, slots=True)
class Attempt:
    """A ticket: what becomes of giving a message to the network."""

    entry: Entry
    accepted: Callable[[Entry, Sequence[str]], None]
    failed: Callable[[Entry, Refused], None]

    @property
    def reference(self) -> str:
        return self.entry.id

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.accepted(self.entry, foreign_ids)

    def refused(self, why: Refused) -> None:
        self.failed(self.entry, why)


def hand(session: Session, entry: Entry, ticket: Ticket) -> None:
    """Give a message to the network."""
    parts = parts_of(entry)
    address = Address(AddressKind.ROOM if entry.room else AddressKind.CONTACT, entry.network, entry.peer)
    attachments: Sequence[Attachment] = parts.attachments
    if attachments:
        more = (parts.enrichment,) if parts.enrichment is not None else ()
        cast("SharesFiles", session).share(address, entry.body, attachments, entry.kind, ticket, *more)
    elif parts.enrichment is not None:
        cast("Expressive", session).express(address, entry.body, entry.kind, parts.enrichment, ticket)
    elif entry.room:
        session.say(entry.peer, entry.body, entry.kind, ticket)
    else:
        session.tell(entry.peer, entry.body, entry.kind, ticket)


def not_connected(account: Account | None, network: str) -> Refused:
    """What the user hears who writes to a network without a connection."""
    reason = account.status.reason if account is not None else ""
    text = (
        Text("You are not connected to {network}: {reason}", network=network, reason=reason)
        if reason
        else Text("You are not connected to {network}; join one of its rooms first.", network=network)
    )
    return Refused(Condition.RECIPIENT_UNAVAILABLE, text)
