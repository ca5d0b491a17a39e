"""A finished mail, and what takes it from here: whoever composes knows no smarthost, whoever sends knows no draft."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Executable

from bridges.email.addresses import Mailbox
from bridges.email.mime.letter import Person
from gateway.bridge import Values
from gateway.model import Refused


@dataclass(frozen=True, slots=True)
class Finished:
    """A mail that is ready to be sent, as bytes (CRLF, no Bcc) in the file ``path``, which is safe on disk and from now on
    the sender's to delete. ``mail_id`` is ours, and the name of the file. ``recipients`` is the envelope: nobody else gets
    it. ``line_ids`` are the messages of the user that are in it; news of the mail is news of each of them."""

    mail_id: str
    owner: str
    sender: Person
    recipients: tuple[Mailbox, ...]
    message_id: str
    path: Path
    size: int  # octets
    needs_smtputf8: bool
    line_ids: tuple[str, ...]
    subject: str = ""  # for what the user is told of it
    time: float = 0.0


class NotTaken(Exception):
    """A mail that will not be sent (a limit, a blocked user); ``refused`` is for whoever wrote it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class Outbox(Protocol):
    """What sends finished mails."""

    async def submit(self, finished: Finished, *also: tuple[Executable, Values]) -> None:
        """Make it the outbox's responsibility: returns after one commit of what it needs and of the statements ``also``,
        by which the draft is closed. Raises ``NotStored``, then nothing is written and the same mail may come again;
        ``NotTaken``, then nothing is written and it will not."""
