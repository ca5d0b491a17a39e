"""What becomes of a mail for one of its recipients, and who is told. Values only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridges.email.addresses import Mailbox


class Kind(StrEnum):
    """How far a mail has come for one recipient. It never goes back; a mail can come back after all of it."""

    WAITING = "waiting"  # nobody is told of that
    ACCEPTED = "accepted"  # the smarthost has it
    RELAYED = "relayed"  # a report: handed to a server that sends no reports
    DELIVERED = "delivered"  # a report: in the mailbox, or in the hands of a mailing list
    FAILED = "failed"
    #: Told besides, once, of what is still under way.
    DELAYED = "delayed"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {
    each: rank
    for rank, each in enumerate(
        (Kind.WAITING, Kind.ACCEPTED, Kind.RELAYED, Kind.DELIVERED, Kind.FAILED, Kind.DELAYED)
    )
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """``code`` is the SMTP code (0: there was none), ``status`` an RFC 3463 code or empty, ``text`` one line of what the
    remote side or we say of it, ``remote_host`` who said it (empty: we). ``key`` is the same whenever the same news is told
    again."""

    kind: Kind
    key: str
    code: int = 0
    status: str = ""
    text: str = ""
    remote_host: str = ""


class News(Protocol):
    """Whoever tells users."""

    async def outcome(
        self, owner: str, mail_id: str, line_ids: tuple[str, ...], recipient: Mailbox, outcome: Outcome
    ) -> bool:
        """True once whoever has to know has been told, for good. False: not now (no session); it is told again at
        ``Queue.tell`` and now and then. The same news can come twice, with the same ``key``, if we end in between."""
