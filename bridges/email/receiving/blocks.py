"""Whose mail is refused: lists of addresses and domains, of each user and of the operator. All of it is in memory."""

from collections.abc import Sequence

from sqlalchemy import Column, Float, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import Mailbox, parse
from bridges.email.schema import METADATA
from gateway.bridge import BadAddress, Tables

#: Of one user; who needs more wants another rule.
MOST = 500

BLOCKS = Table(
    "email_blocks",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "pattern")),
    Column("created", Float, nullable=False),
)


class TooMany(Exception):
    """A user's list is full."""


class Blocks:
    """``owner`` is empty for the operator's list, which holds for all."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        self._lists: dict[str, set[str]] = {}

    async def restore(self) -> None:
        """Raises ``NotStored``."""
        rows = await self._tables.read(
            select(BLOCKS.c.owner, BLOCKS.c.pattern).where(BLOCKS.c.bridge == self._bridge)
        )
        self._lists.clear()
        for row in rows:
            self._lists.setdefault(row.owner, set()).add(row.pattern)

    def blocked(self, owner: str, mailbox: Mailbox) -> bool:
        """By its address, its domain, or a domain above that."""
        return any(_matches(self._lists.get(whose), mailbox) for whose in (owner, ""))

    def of(self, owner: str) -> Sequence[str]:
        return sorted(self._lists.get(owner, ()))

    async def add(self, owner: str, text: str, now: float) -> str:
        """Block ``local@domain`` or a ``domain``; returns the pattern. Raises ``BadAddress``, ``TooMany`` and
        ``NotStored``."""
        pattern = read(text)
        mine = self._lists.setdefault(owner, set())
        if pattern not in mine and len(mine) >= MOST and owner:
            raise TooMany
        insert = (postgresql.insert if self._tables.dialect == "postgresql" else sqlite.insert)(BLOCKS)
        row = {"bridge": self._bridge, "owner": owner, "pattern": pattern, "created": now}
        await self._tables.write((insert.on_conflict_do_nothing(), row))
        mine.add(pattern)
        return pattern

    async def remove(self, owner: str, text: str) -> bool:
        """Whether it was on the list. Raises ``BadAddress`` and ``NotStored``."""
        pattern = read(text)
        mine = self._lists.get(owner, set())
        this = (BLOCKS.c.bridge == self._bridge, BLOCKS.c.owner == owner, BLOCKS.c.pattern == pattern)
        await self._tables.write((delete(BLOCKS).where(*this), None))
        known = pattern in mine
        mine.discard(pattern)
        return known


def read(text: str) -> str:
    """The pattern for ``local@domain``, or for ``domain`` or ``@domain`` with all below it. Raises ``BadAddress``."""
    written = text.strip()
    if "@" in written.lstrip("@"):
        return parse(written).folded
    try:
        return "@" + parse("x@" + written.lstrip("@")).domain
    except BadAddress:
        raise BadAddress("Write a mail address, or a domain like example.com.") from None


def _matches(patterns: set[str] | None, mailbox: Mailbox) -> bool:
    if not patterns:
        return False
    if mailbox.folded in patterns:
        return True
    labels = mailbox.domain.split(".")
    return any("@" + ".".join(labels[start:]) in patterns for start in range(len(labels)))
