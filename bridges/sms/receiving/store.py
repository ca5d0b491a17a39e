"""What was taken and what waits, in the tables. Every step that must not be half done is one call, and one commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Executable, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.receiving.rows import (
    Delivery,
    Taken,
    read_delivery,
    read_inbound,
    write_delivery,
    write_inbound,
)
from bridges.sms.receiving.tables import DELIVERIES, INBOUND, JOINED
from gateway.bridge import Tables, Values

Statement = tuple[Executable, Values]


@dataclass(frozen=True, slots=True)
class Joined:
    """A concatenation that was put together."""

    key: str
    joined: float
    digests: str


@dataclass(slots=True)
class Outcome:
    """What became of some of what was taken, for one commit."""

    deliveries: list[Delivery] = field(default_factory=list)
    done: list[Taken] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    also: list[Statement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lane:
    """One user's deliveries in one chat."""

    owner: str
    contact: str


class Store:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        self._make = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        # Statements of every message are made once.
        self._insert = self._make(INBOUND).on_conflict_do_nothing()
        self._deliver = self._make(DELIVERIES).on_conflict_do_nothing()
        here = and_(INBOUND.c.bridge == bridge, INBOUND.c.id == bindparam("row"))
        self._forget_named = update(INBOUND).where(here, INBOUND.c.again != INBOUND.c.id)
        self._forget_named = self._forget_named.values(waits=0, content=bindparam("theirs"))
        # What the network has no id for is known again by nothing: there is no use in its row.
        self._forget_unnamed = delete(INBOUND).where(here, INBOUND.c.again == INBOUND.c.id)
        self._delivered = delete(DELIVERIES).where(
            DELIVERIES.c.bridge == bridge,
            DELIVERIES.c.owner == bindparam("whose"),
            DELIVERIES.c.id == bindparam("which"),
        )
        self._join = self._upsert(JOINED, ["bridge", "key"], ["joined", "digests"])

    def _upsert(self, table: Any, key: Sequence[str], rest: Sequence[str]) -> Executable:
        insert = self._make(table)
        return insert.on_conflict_do_update(
            index_elements=list(key), set_={name: insert.excluded[name] for name in rest}
        )

    # -- taking ------------------------------------------------------------------------------------------------

    async def keep(self, rows: Sequence[Taken]) -> Sequence[bool]:
        """Commit what was brought. Of each, whether it is new."""
        values = [
            {
                "bridge": self._bridge,
                "id": row.id,
                "again": row.again,
                "received": row.received,
                "waits": 1,
                "content": write_inbound(row.inbound),
            }
            for row in rows
        ]
        new = await self._tables.write((self._insert, values))
        if new == len(rows):
            return [True] * len(rows)
        # Some came again. (Of many sets of values at once, asyncpg does not even tell how many rows they made.)
        ids = [row.id for row in rows]
        found = await self._tables.read(
            select(INBOUND.c.id).where(INBOUND.c.bridge == self._bridge, INBOUND.c.id.in_(ids))
        )
        made = {row.id for row in found}
        return [each in made for each in ids]

    async def last_row(self) -> str:
        """The greatest name of a row of what was taken; empty if there is none."""
        rows = await self._tables.read(select(func.max(INBOUND.c.id)).where(INBOUND.c.bridge == self._bridge))
        return rows[0][0] or ""

    async def waiting(self, after: str, limit: int) -> list[Taken]:
        """What was not seen to yet, pieces of what is not whole too, in the order in which it came."""
        rows = await self._tables.read(
            select(INBOUND.c.id, INBOUND.c.again, INBOUND.c.received, INBOUND.c.content)
            .where(INBOUND.c.bridge == self._bridge, INBOUND.c.waits == 1, INBOUND.c.id > after)
            .order_by(INBOUND.c.id)
            .limit(limit)
        )
        return [Taken(row.id, row.again, row.received, read_inbound(row.content)) for row in rows]

    async def joined(self, since: float) -> list[Joined]:
        rows = await self._tables.read(
            select(JOINED.c.key, JOINED.c.joined, JOINED.c.digests)
            .where(JOINED.c.bridge == self._bridge, JOINED.c.joined >= since)
            .order_by(JOINED.c.joined)
        )
        return [Joined(row.key, row.joined, row.digests) for row in rows]

    # -- going on ----------------------------------------------------------------------------------------------

    async def settle(self, outcome: Outcome) -> None:
        """From now on it waits for its users."""
        bridge = self._bridge
        statements: list[Statement] = []
        if outcome.deliveries:
            statements.append((self._deliver, [self._values(each) for each in outcome.deliveries]))
        if outcome.done:
            named = [
                {"row": each.id, "theirs": each.inbound.id} for each in outcome.done if each.id != each.again
            ]
            unnamed = [{"row": each.id} for each in outcome.done if each.id == each.again]
            if named:
                statements.append((self._forget_named, named))
            if unnamed:
                statements.append((self._forget_unnamed, unnamed))
        if outcome.joined:
            values = [
                {"bridge": bridge, "key": each.key, "joined": each.joined, "digests": each.digests}
                for each in outcome.joined
            ]
            statements.append((self._join, values))
        statements += outcome.also
        if statements:
            await self._tables.write(*statements)

    async def delivered(self, deliveries: Sequence[Delivery]) -> Sequence[None]:
        """Their users have them: what they said is not kept here any more."""
        values = [{"whose": each.owner, "which": each.id} for each in deliveries]
        await self._tables.write((self._delivered, values))
        return [None] * len(deliveries)

    async def deliver(self, deliveries: Sequence[Delivery], *also: Statement) -> None:
        """Something that users are to be shown, together with what is so from now on."""
        statements = [*also]
        if deliveries:
            statements.append((self._deliver, [self._values(each) for each in deliveries]))
        await self._tables.write(*statements)

    async def lanes(self, owner: str | None = None) -> list[Lane]:
        """Where something waits, of one user or of all; what waits longest first."""
        conditions = [DELIVERIES.c.bridge == self._bridge, DELIVERIES.c.owner != ""]
        if owner is not None:
            conditions.append(DELIVERIES.c.owner == owner)
        rows = await self._tables.read(
            select(DELIVERIES.c.owner, DELIVERIES.c.contact)
            .where(*conditions)
            .group_by(DELIVERIES.c.owner, DELIVERIES.c.contact)
            .order_by(func.min(DELIVERIES.c.at))
        )
        return [Lane(row.owner, row.contact) for row in rows]

    async def of_lane(self, lane: Lane, limit: int) -> list[Delivery]:
        """What waits there, the oldest first."""
        return await self._some(
            DELIVERIES.c.owner == lane.owner, DELIVERIES.c.contact == lane.contact, limit=limit
        )

    async def nobodys(self, after: float, limit: int) -> list[Delivery]:
        """What came to numbers that were nobody's then."""
        return await self._some(DELIVERIES.c.owner == "", DELIVERIES.c.at > after, limit=limit)

    async def bring(self, found: Delivery, deliveries: Sequence[Delivery]) -> None:
        """What was nobody's is these users'."""
        gone = self._delivered, {"whose": found.owner, "which": found.id}
        await self.deliver(deliveries, gone)

    async def last_at(self) -> float:
        """The latest place in the order of what waits; 0 if nothing does."""
        query = select(func.max(DELIVERIES.c.at)).where(DELIVERIES.c.bridge == self._bridge)
        return float((await self._tables.read(query))[0][0] or 0.0)

    # -- sweeping ----------------------------------------------------------------------------------------------

    async def sweep(self, again: float, joined: float, nobodys: float) -> None:
        """Forget what is older: by what messages are known again, concatenations, and what was nobody's."""
        mine, old = INBOUND.c.bridge == self._bridge, INBOUND.c.received < again
        remembered = JOINED.c.bridge == self._bridge, JOINED.c.joined < joined
        lost = DELIVERIES.c.bridge == self._bridge, DELIVERIES.c.owner == "", DELIVERIES.c.at < nobodys
        await self._tables.write(
            (delete(INBOUND).where(mine, INBOUND.c.waits == 0, old), None),
            (delete(JOINED).where(*remembered), None),
            (delete(DELIVERIES).where(*lost), None),
        )

    async def give_up(self, before: float) -> int:
        """Forget what users did not come for since then. Returns how many messages that were."""
        mine = DELIVERIES.c.bridge == self._bridge
        return await self._tables.write((delete(DELIVERIES).where(mine, DELIVERIES.c.at < before), None))

    # -- how ---------------------------------------------------------------------------------------------------

    def _values(self, delivery: Delivery) -> dict[str, object]:
        return {
            "bridge": self._bridge,
            "owner": delivery.owner,
            "id": delivery.id,
            "at": delivery.at,
            "contact": delivery.contact,
            "ours": delivery.ours,
            "content": write_delivery(delivery),
        }

    async def _some(self, *conditions: Any, limit: int) -> list[Delivery]:
        table = DELIVERIES.c
        rows = await self._tables.read(
            select(table.owner, table.id, table.at, table.contact, table.ours, table.content)
            .where(table.bridge == self._bridge, *conditions)
            .order_by(table.at, table.id)
            .limit(limit)
        )
        return [read_delivery(row.owner, row.id, row.at, row.contact, row.ours, row.content) for row in rows]
