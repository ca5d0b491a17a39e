"""Sent mails that belong among their user's sent mails in a mailbox elsewhere, and are not there yet.

That one is owed is committed with the server's 250, so that no end of ours loses it. Knows tables; who puts it there looks
whether it is there already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Boolean, Column, Executable, Table, Text, and_, false, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.schema import METADATA
from bridges.email.sending.rows import MAILS
from gateway.bridge import Tables, Values

FILINGS = Table(
    "email_filings",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("mail", Text, primary_key=True),
    Column("done", Boolean, nullable=False),
)
_F = FILINGS.c
_AT_ONCE = 20

Statement = tuple[Executable, Values]


@dataclass(frozen=True, slots=True)
class Filing:
    """A mail that is to be put there; ``path`` is its file."""

    mail: str
    message_id: str
    path: Path


class Filings:
    """``directory`` has the files of mails. All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str, directory: Path) -> None:
        self._tables = tables
        self._bridge = bridge
        self._directory = directory
        upsert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        self._insert = upsert(FILINGS).on_conflict_do_nothing()

    def owing(self, owner: str, mail: str) -> Statement:
        """For whoever commits that the mail was taken; of a mail that was owed before nothing changes."""
        return self._insert, {"bridge": self._bridge, "owner": owner, "mail": mail, "done": False}

    async def owed(self, owner: str) -> Sequence[Filing]:
        """The oldest that are still to be put there, a few at a time."""
        query = (
            select(_F.mail, MAILS.c.message_id, MAILS.c.file)
            .join(MAILS, and_(MAILS.c.bridge == _F.bridge, MAILS.c.id == _F.mail))
            .where(_F.bridge == self._bridge, _F.owner == owner, _F.done == false())
            .order_by(MAILS.c.time)
            .limit(_AT_ONCE)
        )
        rows = await self._tables.read(query)
        return [Filing(row.mail, row.message_id, self._directory / row.file) for row in rows]

    async def done(self, owner: str, mail: str) -> None:
        here = (_F.bridge == self._bridge, _F.owner == owner, _F.mail == mail)
        await self._tables.write((update(FILINGS).where(*here).values(done=True), None))
