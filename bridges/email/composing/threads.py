"""Which mails belong together, for one user each: what came, what was sent, and what all of them said.

Texts are kept so that quotes of them can be recognised when they come back, and so that they can be quoted. Knows tables;
how a mail is read or made is the business of others.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Executable, Float, Index, Row, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.composing import cleaning
from bridges.email.mime.letter import Person
from bridges.email.schema import METADATA
from gateway.bridge import Tables, Values

#: Of a mail's text, in code points; of a thread's texts, in mails. More of them helps nobody to recognise a quote.
LONGEST_TEXT, MOST_TEXTS = 65_536, 50
_MOST_IDS = 100  # of one query

Statement = tuple[Executable, Values]

MAILS = Table(
    "email_thread_mails",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "id")),
    Column("message_id", Text, nullable=False),
    Column("message_key", Text, nullable=False),  # a digest: some ids are longer than an index can hold
    Column("refs", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_by_us", Boolean, nullable=False),
    Column("time", Float, nullable=False),
    Index("email_thread_mails_by_message", "bridge", "owner", "message_key"),
    Index("email_thread_mails_by_thread", "bridge", "owner", "thread", "time"),
    Index("email_thread_mails_by_contact", "bridge", "owner", "contact", "time"),
    Index("email_thread_mails_by_time", "bridge", "time"),
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was shown to ``owner``, or sent for them.

    ``id`` is ours, short, and the foreign id of the message that showed it. ``message_id`` and ``references`` are in angle
    brackets, the parent last; where a mail has no References, its In-Reply-To stand there. ``contact`` is the folded
    mailbox, or the room, in whose chat it is. ``recipients`` are those of To and Cc, in order, the owner among them.
    ``text`` is what it says itself, without what it quotes."""

    id: str
    owner: str
    message_id: str
    thread: str
    subject: str
    sender: Person
    recipients: tuple[Person, ...]
    time: float
    references: tuple[str, ...] = ()
    text: str = ""
    contact: str = ""
    sent_by_us: bool = False


class Threads:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        insert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        self._insert = insert(MAILS).on_conflict_do_nothing()

    async def remember(self, mail: Mail) -> None:
        """One whose id is known is left as it is."""
        await self._tables.write(self.remembering(mail))

    def remembering(self, mail: Mail) -> Statement:
        """``remember``, for whoever commits more together with it."""
        row = {
            "bridge": self._bridge,
            "owner": mail.owner,
            "id": mail.id,
            "message_id": mail.message_id,
            "message_key": message_key(mail.message_id),
            "refs": json.dumps(mail.references),
            "thread": mail.thread,
            "contact": mail.contact,
            "subject": cleaning.one_line(mail.subject),
            "sender": json.dumps([mail.sender.name, mail.sender.address]),
            "recipients": json.dumps([[each.name, each.address] for each in mail.recipients]),
            "text": cleaning.body(mail.text)[:LONGEST_TEXT],
            "sent_by_us": mail.sent_by_us,
            "time": mail.time,
        }
        return self._insert, row

    async def by_id(self, owner: str, id_: str) -> Mail | None:
        found = await self._of(owner, MAILS.c.id == id_, limit=1)
        return found[0] if found else None

    async def by_message_ids(self, owner: str, ids: Collection[str]) -> Mapping[str, Mail]:
        """Those that are known, by their Message-ID. Of several mails with one id, it is the first that came: nobody takes
        another's place by using the id again."""
        wanted = list(dict.fromkeys(ids))[:_MOST_IDS]
        if not wanted:
            return {}
        found = await self._of(
            owner, MAILS.c.message_key.in_([message_key(each) for each in wanted]), limit=1000
        )
        known = {mail.message_id: mail for mail in found}  # newest first: older ones replace them
        return {each: known[each] for each in wanted if each in known}

    async def newest(self, owner: str, contact: str, since: float) -> Mail | None:
        """The last mail in the chat with ``contact``, if there is one after ``since``."""
        found = await self._of(owner, MAILS.c.contact == contact, MAILS.c.time >= since, limit=1)
        return found[0] if found else None

    async def of_thread(self, owner: str, thread: str, limit: int = MOST_TEXTS) -> Sequence[Mail]:
        """The last mails of a thread, newest first."""
        return await self._of(owner, MAILS.c.thread == thread, limit=limit)

    async def texts(self, owner: str, thread: str) -> tuple[str, ...]:
        """What the last mails of a thread say, newest first."""
        return tuple(mail.text for mail in await self.of_thread(owner, thread))

    async def sweep(self, before: float) -> int:
        """Forget what is older; returns how many mails that were."""
        expired = delete(MAILS).where(MAILS.c.bridge == self._bridge, MAILS.c.time < before)
        return await self._tables.write((expired, None))

    async def _of(self, owner: str, *conditions: Any, limit: int) -> Sequence[Mail]:
        rows = await self._tables.read(
            select(MAILS)
            .where(MAILS.c.bridge == self._bridge, MAILS.c.owner == owner, *conditions)
            .order_by(MAILS.c.time.desc(), MAILS.c.id)
            .limit(limit)
        )
        return [_mail(row) for row in rows]


def message_key(message_id: str) -> str:
    """``MAILS.message_key`` of a Message-ID in its angle brackets."""
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _mail(row: Row[Any]) -> Mail:
    return Mail(
        id=row.id,
        owner=row.owner,
        message_id=row.message_id,
        thread=row.thread,
        subject=row.subject,
        sender=Person(*json.loads(row.sender)),
        recipients=tuple(Person(*each) for each in json.loads(row.recipients)),
        time=row.time,
        references=tuple(json.loads(row.refs)),
        text=row.text,
        contact=row.contact,
        sent_by_us=row.sent_by_us,
    )
