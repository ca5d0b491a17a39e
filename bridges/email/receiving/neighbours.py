"""What showing a mail asks of the other parts of the bridge: reading, folding, what was sent, and rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridges.email.addresses import Mailbox
from bridges.email.composing.threads import Mail
from bridges.email.mime.letter import Complaint, Letter, Person
from bridges.email.receiving.presentation import Cut
from gateway.model import Message, Span


class Reading(Protocol):
    """Reads mail in a process that may die of it."""

    def at_once(self, raw: bytes) -> Letter | None:
        """A mail in which nothing can hurt, or has to be a file; None for one that is to be read with more care."""

    async def read(self, path: Path, directory: Path) -> Letter:
        """The mail in a file; its attachments become files of ``directory``, which is there and empty. Never raises for what
        is in a mail."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What is left of a text, and where something was taken out of it."""

    text: str
    spans: tuple[Span, ...]
    cuts: tuple[Cut, ...] = ()


#: Takes away the quotes of a letter that are in the texts of earlier mails, given with the people of the conversation.
Folding = Callable[[Letter, Sequence[str], Sequence[Person]], Folded]


@dataclass(frozen=True, slots=True)
class Return:
    """What came back to a return address. ``mail`` is the one that it is about, ``recipient`` whom that went to (folded).
    ``note`` is a sentence above what is shown, and empty where nothing is: then all was told in another way."""

    owner: str
    mail: str
    recipient: str
    note: str = ""


class Returns(Protocol):
    """Whoever sent the mail that something came back for. All raises ``NotStored``; the same mail twice is told once."""

    async def returned(self, recipient: Mailbox, letter: Letter) -> Return | None:
        """Mail to a return address of ours; None for what is about nothing that is known."""

    async def reported(self, owner: str, letter: Letter) -> bool:
        """A delivery report or a notice of reading that came to a user's own address. Whether it is about a mail of that
        user's; then it was dealt with."""

    async def complained(self, complaint: Complaint) -> str:
        """Somebody calls a mail abuse. Whose it is, in a sentence for the operator; empty if it is none of ours."""


class Rooming(Protocol):
    """Threads and mailing lists that a user has open as rooms."""

    def shown(self, owner: str, thread: str, post: str) -> bool:
        """Whether the user is in the room of a thread, or of the list with the address ``post``."""

    async def say(self, owner: str, mail: Mail, post: str, message: Message) -> str:
        """Show a mail of a thread, or of the list with the address ``post``, in its room; which one that is, empty where the
        user is in none: then it is for its author's chat. Its files are taken away. Raises ``NotStored`` and OSError."""


class Replies(Protocol):
    """Who knows under which ids the user's own messages went out."""

    async def message_of(self, owner: str, mail_id: str) -> str:
        """The id of the message of ours that is (the beginning of) a mail which was sent; empty if it is not known."""
