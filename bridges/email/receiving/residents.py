"""Whose mail it is: what receiving has to know of our users, and how it hands on what it has.

Mail is received for users whose session may not run. What they want is known without it; what is to be shown waits for it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridges.email.addresses import Mailbox
from bridges.email.receiving.trust import Believed
from gateway.bridge import Sink
from gateway.model import Message


class FirstContact(StrEnum):
    """What becomes of mail from somebody whom the user neither knows nor has written to."""

    OPEN = "open"  # it is shown
    ASK = "ask"  # it is held, and the user asked
    CLOSED = "closed"  # it is refused at the border


@dataclass(frozen=True, slots=True)
class Resident:
    """Whom a mailbox of ours belongs to. ``owner`` is ``Account.user``; ``tag`` what a sub-address (``+tag``) has, else
    empty."""

    owner: str
    tag: str = ""


class Residents(Protocol):
    """Our users, by their mailboxes."""

    async def owner_of(self, mailbox: Mailbox) -> Resident | None:
        """None where there is no such mailbox. Is asked for every recipient, also by those who only want to know whether it
        exists: has no effects. Raises ``NotStored`` where it cannot be known just now."""

    def addresses(self, owner: str) -> frozenset[str]:
        """All mailboxes of a user, folded: they are "you" in a list of recipients."""

    def sink(self, owner: str) -> Sink | None:
        """Of the user's session; None while there is none."""

    def policy(self, owner: str) -> FirstContact: ...

    def provider(self, owner: str, mailbox: Mailbox) -> Believed | None:
        """Whom to believe about mail of a mailbox that a user has elsewhere; None for mailboxes of ours, where it is the
        operator's servers."""


class Operator(Protocol):
    """Whoever answers for this gateway, and reads what comes to postmaster and abuse (RFC 5321 §4.5.1, RFC 2142)."""

    async def receive(self, message: Message) -> None:
        """A mail, ready to be shown; ``sender`` is empty, for nobody vouches for it. The same ``foreign_id`` twice is one
        mail. Returns once it is safe; raises ``NotKept`` or ``NotStored`` where it is not, and is asked again later."""
