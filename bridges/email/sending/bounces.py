"""Mailboxes that do not take a user's mail: remembered until they do again, so that the contact's presence can say so."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Float, Integer, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import Mailbox
from bridges.email.schema import METADATA
from bridges.email.sending.outcome import Kind, Outcome
from gateway.bridge import Tables

BOUNCES = Table(
    "email_bounces",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("address", Text, primary_key=True),  # folded
    Column("since", Float, nullable=False),
    Column("code", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

# RFC 3463 §3.2: the address is bad; not 5.1.7 and 5.1.8, which are about the sender's. And what big providers say instead.
_OF_ADDRESS = re.compile(r"5\.1\.(?!7$|8$)\d+|5\.2\.1|5\.4\.[14]")
_CODES = frozenset({550, 551, 553})


@dataclass(frozen=True, slots=True)
class Bounce:
    """Since when, and in whose words."""

    since: float
    code: int
    text: str


Changed = Callable[[str, Mailbox, Bounce | None], None]


def of_mailbox(outcome: Outcome) -> bool:
    """Whether a failure is one of the mailbox, so that the next mail will fail too."""
    if outcome.kind is not Kind.FAILED:
        return False
    if outcome.status:
        return _OF_ADDRESS.fullmatch(outcome.status) is not None
    return outcome.code in _CODES


class Bounces:
    """What is async raises ``NotStored``. ``changed`` is called after a change, with None where mail arrives again."""

    def __init__(self, tables: Tables, bridge: str, changed: Changed) -> None:
        self._tables = tables
        self._bridge = bridge
        self._changed = changed
        self._upsert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert

    async def of(self, owner: str) -> Mapping[str, Bounce]:
        """All of one user, by folded address."""
        rows = await self._tables.read(
            select(BOUNCES).where(BOUNCES.c.bridge == self._bridge, BOUNCES.c.owner == owner)
        )
        return {row.address: Bounce(row.since, row.code, row.text) for row in rows}

    async def note(self, owner: str, mailbox: Mailbox, outcome: Outcome, now: float) -> None:
        """Take account of an outcome, whatever it is."""
        if outcome.kind in (Kind.RELAYED, Kind.DELIVERED):
            await self.clear(owner, mailbox)
        elif of_mailbox(outcome):
            bounce = Bounce(now, outcome.code, outcome.text)
            insert = self._upsert(BOUNCES).values(
                bridge=self._bridge,
                owner=owner,
                address=mailbox.folded,
                since=now,
                code=outcome.code,
                text=outcome.text,
            )
            said = {name: insert.excluded[name] for name in ("code", "text")}
            keys = [BOUNCES.c.bridge, BOUNCES.c.owner, BOUNCES.c.address]
            await self._tables.write((insert.on_conflict_do_update(index_elements=keys, set_=said), None))
            self._changed(owner, mailbox, bounce)

    async def clear(self, owner: str, mailbox: Mailbox) -> None:
        """Mail arrives there, or comes from there."""
        mine = (BOUNCES.c.bridge == self._bridge, BOUNCES.c.owner == owner)
        gone = await self._tables.write(
            (delete(BOUNCES).where(*mine, BOUNCES.c.address == mailbox.folded), None)
        )
        if gone > 0:
            self._changed(owner, mailbox, None)
