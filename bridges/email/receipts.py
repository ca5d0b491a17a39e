"""Telling senders that their mail was displayed (RFC 8098), where the user wants it and the sender may know.

Once for each mail, for ever. Only for letters of people whom the user wants to hear from, who alone ask, for themselves, and
who are who they say: everybody else would learn that somebody is here, and when.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import structlog
from sqlalchemy import Column, Executable, Float, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import Mailbox, parse
from bridges.email.attached.lanes import NULL
from bridges.email.composing import headers
from bridges.email.composing.cleaning import one_line
from bridges.email.composing.files import Files
from bridges.email.composing.finishing import new_id
from bridges.email.composing.outgoing import Finished
from bridges.email.composing.places import Letterhead
from bridges.email.composing.seals import LOOP_HEADER
from bridges.email.mime.letter import Letter, Person
from bridges.email.people import People
from bridges.email.receiving.actions import Actions
from bridges.email.receiving.arrivals import Arrival
from bridges.email.receiving.contacts import Contacts
from bridges.email.schema import METADATA
from gateway.bridge import BadAddress, Clock, NotStored, Tables, Values

_log = structlog.get_logger(__name__)

_COMMITS = (0.2, 1.0, 5.0)  # seconds between looks

RECEIPTS = Table(
    "email_receipts",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("mail", Text, primary_key=True),
    Column("time", Float, nullable=False),
)


class Postbox(Protocol):
    """What sends without a return address, by the way of a user."""

    async def put(self, name: str, finished: Finished, *also: tuple[Executable, Values]) -> None:
        """Raises ``NotStored``."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """``reader`` has displayed the mail ``about`` (a Message-ID) with this ``subject``, which ``to`` sent."""

    reader: Person
    mailbox: Mailbox
    to: Mailbox
    about: str
    subject: str
    message_id: str
    boundary: str
    time: float
    agent: str
    marks: Sequence[tuple[str, str]] = ()


class Receipts:
    """``directory`` takes finished mails; ``ours`` tells addresses of the gateway."""

    def __init__(
        self,
        tables: Tables,
        bridge: str,
        people: People,
        actions: Actions,
        contacts: Contacts,
        postbox: Postbox,
        letterhead: Letterhead,
        directory: Path,
        ours: Callable[[Mailbox], bool],
        clock: Clock,
        chance: random.Random,
        agent: str,
    ) -> None:
        self._tables = tables
        self._bridge = bridge
        self._people = people
        self._actions = actions
        self._contacts = contacts
        self._postbox = postbox
        self._letterhead = letterhead
        self._outbound = Files(directory)
        self._ours = ours
        self._clock = clock
        self._random = chance
        self._agent = agent
        self._under_way: set[tuple[str, str]] = set()

    def wanted(self, owner: str) -> bool:
        """Whether the user lets senders know."""
        session = self._people.session(owner)
        return session is not None and session.personal.gives_receipts

    async def read(self, owner: str, mail: str) -> None:
        """The user has seen a mail. What cannot be told is not told: nobody may rely on it (RFC 8098 §2.1)."""
        if (owner, mail) in self._under_way:
            return
        self._under_way.add((owner, mail))
        try:
            await self._tell(owner, mail)
        except (NotStored, OSError) as error:
            _log.warning("a sender could not be told that a mail was read", reason=str(error))
        finally:
            self._under_way.discard((owner, mail))

    async def _tell(self, owner: str, mail: str) -> None:
        if await self._told(owner, mail):
            return
        found = await self._shown(owner, mail)
        if found is None:
            return
        arrival, letter = found
        to = await self._asking(owner, arrival, letter)
        session = self._people.session(owner)
        mailbox = parse(arrival.recipient)
        own = self._people.addresses(owner)
        if to is None or session is None or not {mailbox.folded, mailbox.base.folded} & own:
            return
        attached = session.mailing is not None and session.mailing.mailbox.folded == mailbox.folded
        if not attached and not self._ours(mailbox):
            return  # of another provider, whose mail is only passed on to us: nothing can be sent from there
        id_ = new_id(self._random, 16)
        receipt = Receipt(
            Person(session.personal.name or mailbox.local, mailbox.exact),
            mailbox,
            to,
            letter.message_id,
            letter.subject,
            self._letterhead.message_id(new_id(self._random)),
            new_id(self._random),
            self._clock.now(),
            f"{self._letterhead.domain}; {self._agent}",
            ((LOOP_HEADER, self._letterhead.seals.loop(id_)),),
        )
        await self._send(owner, mail, id_, receipt, NULL + owner if attached else NULL)

    async def _shown(self, owner: str, mail: str) -> tuple[Arrival, Letter] | None:
        """A client can be faster than the commit by which the mail counts as shown."""
        for delay in _COMMITS:
            found = await self._actions.shown(owner, mail)
            if found is not None:
                return found
            await self._clock.sleep(delay)
        return await self._actions.shown(owner, mail)

    async def _send(self, owner: str, mail: str, id_: str, receipt: Receipt, lane: str) -> None:
        name = f"{id_}.eml"
        size = await self._outbound.write(name, lambda out: write(receipt, out))
        finished = Finished(
            mail_id=id_,
            owner=owner,
            sender=receipt.reader,
            recipients=(receipt.to,),
            message_id=receipt.message_id,
            path=self._outbound.path(name),
            size=size,
            needs_smtputf8=receipt.mailbox.international or receipt.to.international,
            line_ids=(),
            time=receipt.time,
        )
        await self._postbox.put(lane, finished, self._noting(owner, mail))
        _log.info("a sender is told that a mail was read", mail=mail)

    async def _asking(self, owner: str, arrival: Arrival, letter: Letter) -> Mailbox | None:
        """Whoever is to be told; None if nobody is."""
        if not letter.wants_mdn or letter.automatic is not None or not headers.is_id(letter.message_id):
            return None
        try:
            asking, sender = parse(letter.wants_mdn), parse(arrival.sender)
        except BadAddress:
            return None
        # RFC 8098 §2.1: else the user would have to be asked, for it may be a way to flood somebody.
        if asking.folded != sender.folded:
            return None
        contact = await self._contacts.find(owner, asking.folded)
        return asking if contact.wanted else None

    async def _told(self, owner: str, mail: str) -> bool:
        here = (RECEIPTS.c.bridge == self._bridge, RECEIPTS.c.owner == owner, RECEIPTS.c.mail == mail)
        return bool(await self._tables.read(select(RECEIPTS.c.mail).where(*here)))

    def _noting(self, owner: str, mail: str) -> tuple[Executable, Values]:
        insert = postgresql.insert if self._tables.dialect == "postgresql" else sqlite.insert
        row = {"bridge": self._bridge, "owner": owner, "mail": mail, "time": self._clock.now()}
        return insert(RECEIPTS).values(row).on_conflict_do_nothing(), None


def write(receipt: Receipt, out: BinaryIO) -> None:
    """RFC 8098 §3, with CRLF at the ends of lines. The original's header is not sent back: it is known by its id."""
    boundary = f"=_r{receipt.boundary}"
    subject = one_line(receipt.subject, 200)
    out.write(headers.mailboxes("From", [(receipt.reader.name, receipt.mailbox)]))
    out.write(headers.mailboxes("To", [("", receipt.to)]))
    out.write(headers.text("Subject", f"Read: {subject}".rstrip(": ")))
    out.write(headers.token("Date", format_datetime(datetime.fromtimestamp(receipt.time, UTC))))
    out.write(headers.ids("Message-ID", [receipt.message_id]))
    out.write(headers.ids("In-Reply-To", [receipt.about]) + headers.ids("References", [receipt.about]))
    out.write(headers.token("Auto-Submitted", "auto-replied"))
    for name, value in receipt.marks:
        out.write(headers.token(name, value))
    kind = (("report-type", "disposition-notification"), ("boundary", boundary))
    out.write(b"MIME-Version: 1.0\r\n" + headers.parameters("Content-Type", "multipart/report", kind))
    text = (
        f"Your mail to {receipt.mailbox.exact} was displayed. That does not mean that it was understood.\r\n"
    )
    part = f"\r\n--{boundary}\r\n".encode()
    out.write(part + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    out.write(text.encode() + part + b"Content-Type: message/disposition-notification\r\n\r\n")
    out.write(headers.token("Reporting-UA", receipt.agent))
    kind_of = "utf-8" if receipt.mailbox.international else "rfc822"
    out.write(f"Final-Recipient: {kind_of};{receipt.mailbox.envelope}\r\n".encode())
    out.write(headers.ids("Original-Message-ID", [receipt.about]))
    out.write(b"Disposition: manual-action/MDN-sent-manually; displayed\r\n")
    out.write(f"\r\n--{boundary}--\r\n".encode())
