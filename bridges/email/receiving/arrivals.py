"""Mails that were taken, in tables: one row for each recipient, and the mail itself once.

From the commit of its row on a mail is our responsibility, and the row says how far it has come. A row outlives its mail's
arrival in the chat: by it a mail that comes again is known, its original is found, and an invitation answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Executable,
    Float,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.schema import METADATA
from gateway.bridge import Tables, Values

Statement = tuple[Executable, Values]

#: Attempts after which a mail is dealt with carefully: marked before it is touched.
CAREFUL = 2


class Kind(StrEnum):
    """For whom a mail is."""

    USER = "user"
    OPERATOR = "operator"  # postmaster, abuse
    RETURNED = "returned"  # to an envelope sender of ours: news of a mail that was sent


class State(StrEnum):
    """How far a mail has come."""

    ACCEPTED = "accepted"  # it is to be shown
    HELD = "held"  # somebody has to decide about it
    SHOWN = "shown"  # the core has it
    DROPPED = "dropped"  # it will not be shown; ``reason`` says why


ARRIVALS = Table(
    "email_arrivals",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("again", Text, nullable=False),  # equal for the same mail to the same place
    Column("received", Float, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("author", Text, nullable=False, default=""),
    Column("subject", Text, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("suspect", Boolean, nullable=False, default=False),
    Column("released", Boolean, nullable=False, default=False),
    Index("email_arrivals_again", "bridge", "again", unique=True),
    Index("email_arrivals_by_state", "bridge", "state", "received"),
    Index("email_arrivals_by_owner", "bridge", "owner", "state", "received"),
    Index("email_arrivals_by_raw", "bridge", "raw"),
    Index("email_arrivals_by_time", "bridge", "received"),
)
RAWS = Table(
    "email_raws",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("received", Float, nullable=False),
    Column(
        "data", LargeBinary, nullable=True
    ),  # small mails: they are safe by the commit that everybody shares
    Column("file", Text, nullable=False),  # its name, of large ones
    Index("email_raws_by_time", "bridge", "received"),
)


def burden(kind: Kind, owner: str) -> str:
    """Whom what waits is counted for: its user, or what it is if it is nobody's, so that unread mail for the operator keeps
    no report away."""
    return owner if kind is Kind.USER else f"<{kind}>"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail for one recipient. ``id`` is ours, and the foreign id of the message that shows it. ``recipient`` is the
    mailbox as it was written; ``sender`` the envelope's, empty for the null one. ``author`` (a folded mailbox) and
    ``subject`` are there once it is held. ``attempts`` counts what went wrong; ``suspect``: we ended while it was dealt
    with. ``released``: whoever it is for wants it to be shown."""

    id: str
    owner: str
    kind: Kind
    recipient: str
    raw: str
    sender: str
    again: str
    received: float
    size: int
    state: State = State.ACCEPTED
    reason: str = ""
    author: str = ""
    subject: str = ""
    attempts: int = 0
    suspect: bool = False
    released: bool = False

    @property
    def burden(self) -> str:
        return burden(self.kind, self.owner)


_FIELDS = tuple(each.name for each in fields(Arrival))


@dataclass(frozen=True, slots=True)
class Raw:
    """A mail as it came, either its octets or the name of its file."""

    id: str
    received: float
    data: bytes | None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What waits for one user."""

    mails: int = 0
    octets: int = 0


class Arrivals:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        upsert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        self._insert = upsert(ARRIVALS).on_conflict_do_nothing()
        # Statements of every mail are made once.
        self._settle = (
            update(ARRIVALS)
            .where(self._mine, ARRIVALS.c.id == bindparam("settled"))
            .values(state=bindparam("new_state"), reason=bindparam("new_reason"), suspect=False)
        )
        # A mail of which every recipient has a copy already is not kept again.
        values = [
            literal(bridge),
            bindparam("raw_id", type_=Text),
            bindparam("raw_received", type_=Float),
            bindparam("raw_data", type_=LargeBinary),
            bindparam("raw_file", type_=Text),
        ]
        wanted = exists().where(
            ARRIVALS.c.bridge == bridge, ARRIVALS.c.raw == bindparam("raw_id", type_=Text)
        )
        self._insert_raw = RAWS.insert().from_select(list(RAWS.c.keys()), select(*values).where(wanted))

    # Taking

    async def keep(
        self, kept: Sequence[tuple[Raw, Sequence[Arrival]]], also: Sequence[Statement] = ()
    ) -> int:
        """Commit mails and their recipients, all or none, and ``also``. Returns how many rows are new: one for each mail and
        each of its recipients, none for a mail that all of them have already; and those of ``also``."""
        if not kept:
            return await self._tables.write(*also)
        rows = [{"bridge": self._bridge, **_values(each)} for _, arrivals in kept for each in arrivals]
        raws = [
            {"raw_id": raw.id, "raw_received": raw.received, "raw_data": raw.data, "raw_file": raw.file}
            for raw, _ in kept
        ]
        if self._tables.dialect == "sqlite":
            return await self._tables.write((self._insert, rows), (self._insert_raw, raws), *also)
        # Of many sets of values at once, asyncpg does not tell how many rows they made.
        singly: list[Statement] = [(self._insert, row) for row in rows]
        return await self._tables.write(*singly, *((self._insert_raw, each) for each in raws), *also)

    async def known(self, again: str) -> str | None:
        """The id of a mail that was here before, by what it is known by."""
        rows = await self._tables.read(
            select(ARRIVALS.c.id).where(ARRIVALS.c.bridge == self._bridge, ARRIVALS.c.again == again)
        )
        return rows[0].id if rows else None

    async def loads(self) -> dict[str, Load]:
        """What waits, by ``burden``."""
        kind, owner = ARRIVALS.c.kind, ARRIVALS.c.owner
        rows = await self._tables.read(
            select(kind, owner, func.count().label("mails"), func.sum(ARRIVALS.c.size).label("octets"))
            .where(self._mine, ARRIVALS.c.state.in_((State.ACCEPTED, State.HELD)))
            .group_by(kind, owner)
        )
        return {burden(Kind(row.kind), row.owner): Load(row.mails, int(row.octets)) for row in rows}

    # Going on

    async def begin(self) -> None:
        """At the start: what waits may be what we ended of. After a few starts it is dealt with carefully, no more: the
        rest is waiting for its user, maybe for weeks."""
        await self._tables.write(
            (
                update(ARRIVALS)
                .where(self._mine, ARRIVALS.c.state == State.ACCEPTED, ARRIVALS.c.attempts < CAREFUL)
                .values(attempts=ARRIVALS.c.attempts + 1),
                None,
            )
        )

    async def owners(self) -> Sequence[str]:
        """Of whom something is to be shown."""
        rows = await self._tables.read(
            select(ARRIVALS.c.owner).where(self._mine, ARRIVALS.c.state == State.ACCEPTED).distinct()
        )
        return [row.owner for row in rows]

    async def waiting(self, owner: str, after: Arrival | None = None, limit: int = 50) -> Sequence[Arrival]:
        """What is to be shown to a user, in the order in which it came, from behind ``after`` on."""
        conditions = [self._mine, ARRIVALS.c.owner == owner, ARRIVALS.c.state == State.ACCEPTED]
        if after is not None:
            same = (ARRIVALS.c.received == after.received) & (ARRIVALS.c.id > after.id)
            conditions.append((ARRIVALS.c.received > after.received) | same)
        return await self._some(*conditions, limit=limit)

    async def one(self, id_: str) -> Arrival | None:
        found = await self._some(self._mine, ARRIVALS.c.id == id_, limit=1)
        return found[0] if found else None

    async def raw(self, id_: str) -> Raw | None:
        """None if it is not kept any more."""
        rows = await self._tables.read(
            select(RAWS.c.id, RAWS.c.received, RAWS.c.data, RAWS.c.file).where(
                RAWS.c.bridge == self._bridge, RAWS.c.id == id_
            )
        )
        return Raw(rows[0].id, rows[0].received, rows[0].data, rows[0].file) if rows else None

    def settling(self, id_: str, state: State, reason: str = "") -> Statement:
        """The statement by which a mail has come to its end; for whoever commits more together with it."""
        return self._settle, {"settled": id_, "new_state": state.value, "new_reason": reason}

    def holding(self, id_: str, reason: str, author: str, subject: str) -> Statement:
        return self._changing(
            id_, state=State.HELD, reason=reason, author=author, subject=subject, suspect=False
        )

    async def failed(self, id_: str) -> None:
        """An attempt went wrong, and we are still here."""
        await self._tables.write(self._changing(id_, attempts=ARRIVALS.c.attempts + 1, suspect=False))

    async def hold(self, id_: str, reason: str) -> None:
        await self._tables.write(self._changing(id_, state=State.HELD, reason=reason, suspect=False))

    async def suspected(self, id_: str) -> None:
        await self._tables.write(self._changing(id_, suspect=True))

    # What is held

    async def held(self, owner: str, limit: int = 100, author: str | None = None) -> Sequence[Arrival]:
        """The oldest first; all, or only those of one author."""
        conditions = [self._mine, ARRIVALS.c.owner == owner, ARRIVALS.c.state == State.HELD]
        if author is not None:
            conditions.append(ARRIVALS.c.author == author)
        return await self._some(*conditions, limit=limit)

    async def release(self, owner: str, ids: Sequence[str]) -> int:
        """Let held mails be shown. Returns how many that are."""
        return await self._decide(owner, ids, state=State.ACCEPTED, released=True, attempts=0)

    async def drop(self, owner: str, ids: Sequence[str], reason: str) -> int:
        return await self._decide(owner, ids, state=State.DROPPED, reason=reason)

    async def expired(self, before: float, limit: int = 500) -> Sequence[Arrival]:
        """What is held since before that time."""
        return await self._some(
            self._mine, ARRIVALS.c.state == State.HELD, ARRIVALS.c.received < before, limit=limit
        )

    # Sweeping

    async def forget_again(self, before: float) -> int:
        """From now on the same mail again is another one, of mails that came before that time."""
        return await self._tables.write(
            (
                update(ARRIVALS)
                .where(self._mine, ARRIVALS.c.received < before, ARRIVALS.c.again != ARRIVALS.c.id)
                .values(again=ARRIVALS.c.id),
                None,
            )
        )

    async def sweep(self, before: float) -> int:
        """Forget what has come to its end and is older; and mails that nobody's row names."""
        settled = ARRIVALS.c.state.in_((State.SHOWN, State.DROPPED))
        named = exists().where(ARRIVALS.c.bridge == self._bridge, ARRIVALS.c.raw == RAWS.c.id)
        return await self._tables.write(
            (delete(ARRIVALS).where(self._mine, ARRIVALS.c.received < before, settled), None),
            (delete(RAWS).where(RAWS.c.bridge == self._bridge, ~named), None),
        )

    async def files(self) -> frozenset[str]:
        """The names of all files that rows still need."""
        rows = await self._tables.read(
            select(RAWS.c.file).where(RAWS.c.bridge == self._bridge, RAWS.c.file != "")
        )
        return frozenset(row.file for row in rows)

    # How

    @property
    def _mine(self) -> Any:
        return ARRIVALS.c.bridge == self._bridge

    def _changing(self, id_: str, **values: object) -> Statement:
        return update(ARRIVALS).where(self._mine, ARRIVALS.c.id == id_).values(**values), None

    async def _decide(self, owner: str, ids: Sequence[str], **values: object) -> int:
        chosen = (ARRIVALS.c.owner == owner, ARRIVALS.c.state == State.HELD, ARRIVALS.c.id.in_(list(ids)))
        return await self._tables.write((update(ARRIVALS).where(self._mine, *chosen).values(**values), None))

    async def _some(self, *conditions: Any, limit: int) -> Sequence[Arrival]:
        rows = await self._tables.read(
            select(*(ARRIVALS.c[name] for name in _FIELDS))
            .where(*conditions)
            .order_by(ARRIVALS.c.received, ARRIVALS.c.id)
            .limit(limit)
        )
        return [_arrival(row) for row in rows]


def _values(arrival: Arrival) -> dict[str, object]:
    values = {name: getattr(arrival, name) for name in _FIELDS}
    return {**values, "kind": arrival.kind.value, "state": arrival.state.value}


def _arrival(row: Row[Any]) -> Arrival:
    values = dict(row._mapping)
    return Arrival(**{**values, "kind": Kind(row.kind), "state": State(row.state)})
