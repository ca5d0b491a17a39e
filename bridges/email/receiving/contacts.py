"""What is known of those who write to a user: their exact address, whether they are wanted, how their mail has fared.

A row for each user and folded mailbox. Whoever the user writes to is wanted; whoever only wrote to the user is forgotten
after a while, if nothing was decided. What was read stays in memory, bounded: only this process writes these rows.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Column, Executable, Float, Index, Row, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import Mailbox
from bridges.email.schema import METADATA
from gateway.bridge import Tables, Values

Statement = tuple[Executable, Values]

_REMEMBERED = 10_000
_MOST = 1_000  # of one listing


class Decision(StrEnum):
    """What a user decided about somebody."""

    NONE = ""
    ALLOW = "allow"
    BLOCK = "block"  # their mail is refused
    SPAM = "spam"  # their mail is held, and nobody is asked


CONTACTS = Table(
    "email_contacts",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "address")),
    Column("exact", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("proven", Float, nullable=False),
    Column("enforcing", Boolean, nullable=False),
    Column("written", Float, nullable=False),
    Column("heard", Float, nullable=False),
    Column("asked", Float, nullable=False),
    Column("bounced", Float, nullable=False),
    Column("bounce", Text, nullable=False),
    Index("email_contacts_by_time", "bridge", "heard"),
)


@dataclass(frozen=True, slots=True)
class EmailContact:
    """Somebody, to one user. Times are 0 for what never was: ``proven`` is when their mail last was authenticated,
    ``written`` when the user last wrote, ``heard`` when they did, ``asked`` when the user was asked about them, ``bounced``
    when a mail to them last failed for good, with ``bounce`` as the reason. ``enforcing``: their domain asks that mail which
    is not authenticated be refused."""

    owner: str
    address: str
    exact: str = ""
    name: str = ""
    decision: Decision = Decision.NONE
    proven: float = 0.0
    enforcing: bool = False
    written: float = 0.0
    heard: float = 0.0
    asked: float = 0.0
    bounced: float = 0.0
    bounce: str = ""

    @property
    def wanted(self) -> bool:
        return self.decision is Decision.ALLOW or (self.written > 0 and self.decision is Decision.NONE)


_FIELDS = tuple(each.name for each in fields(EmailContact))


class Contacts:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        self._known: OrderedDict[tuple[str, str], EmailContact] = OrderedDict()
        upsert = (postgresql.insert if tables.dialect == "postgresql" else sqlite.insert)(CONTACTS)
        changed = {name: upsert.excluded[name] for name in _FIELDS if name not in ("owner", "address")}
        self._upsert = upsert.on_conflict_do_update(
            index_elements=["bridge", "owner", "address"], set_=changed
        )

    async def find(self, owner: str, address: str) -> EmailContact:
        """What is known of a folded mailbox; a blank one for who is not known."""
        key = (owner, address)
        known = self._known.get(key)
        if known is None:
            rows = await self._tables.read(
                select(*(CONTACTS.c[name] for name in _FIELDS)).where(
                    CONTACTS.c.bridge == self._bridge,
                    CONTACTS.c.owner == owner,
                    CONTACTS.c.address == address,
                )
            )
            # While the row was read, somebody may have written it.
            known = self._known.get(key) or (_contact(rows[0]) if rows else EmailContact(owner, address))
            self._remember(known)
        else:
            self._known.move_to_end(key)
        return known

    async def of(self, owner: str) -> Sequence[EmailContact]:
        """All of a user's, those last heard of first."""
        rows = await self._tables.read(
            select(*(CONTACTS.c[name] for name in _FIELDS))
            .where(CONTACTS.c.bridge == self._bridge, CONTACTS.c.owner == owner)
            .order_by(CONTACTS.c.heard.desc(), CONTACTS.c.address)
            .limit(_MOST)
        )
        return [_contact(row) for row in rows]

    async def save(self, contact: EmailContact) -> None:
        await self._tables.write(self.saving(contact))

    def saving(self, contact: EmailContact) -> Statement:
        """``save``, for whoever commits more together with it: to be written at once, for it is known from now on."""
        self._remember(contact)
        values = {name: getattr(contact, name) for name in _FIELDS}
        return self._upsert, {"bridge": self._bridge, **values, "decision": contact.decision.value}

    def doubt(self, owner: str, address: str) -> None:
        """What was to be saved may not have been: it is read again."""
        self._known.pop((owner, address), None)

    async def wrote(self, owner: str, mailbox: Mailbox, now: float, name: str = "") -> None:
        """The user writes to somebody: from now on their mail is wanted, unless the user has decided otherwise, and the
        address is known as it was written."""
        contact = await self.find(owner, mailbox.folded)
        await self.save(
            replace(
                contact,
                exact=contact.exact or mailbox.exact,
                name=contact.name or name,
                written=now,
            )
        )

    async def bounced(self, owner: str, address: str, now: float, why: str) -> None:
        """A mail to a folded mailbox failed for good."""
        await self.save(replace(await self.find(owner, address), bounced=now, bounce=why[:500]))

    async def reached(self, owner: str, address: str) -> None:
        """A mail to a folded mailbox arrived."""
        contact = await self.find(owner, address)
        if contact.bounced:
            await self.save(replace(contact, bounced=0.0, bounce=""))

    async def sweep(self, before: float) -> int:
        """Forget who was not heard of since, and about whom nothing was decided."""
        stale = (
            CONTACTS.c.bridge == self._bridge,
            *(CONTACTS.c[name] < before for name in ("heard", "written", "asked", "bounced")),
            CONTACTS.c.decision == Decision.NONE.value,
        )
        gone = await self._tables.write((delete(CONTACTS).where(*stale), None))
        if gone:
            self._known.clear()
        return gone

    def forget(self, owner: str) -> None:
        """A user's rows were erased."""
        for key in [key for key in self._known if key[0] == owner]:
            del self._known[key]

    def _remember(self, contact: EmailContact) -> None:
        self._known[contact.owner, contact.address] = contact
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _contact(row: Row[Any]) -> EmailContact:
    return EmailContact(**{**row._mapping, "decision": Decision(row.decision)})
