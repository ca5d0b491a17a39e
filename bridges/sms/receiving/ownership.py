"""Who of a team sees to a conversation, and what the others hear of it.

All members of a team see all that comes. One of them can claim a conversation, hand it to another, or let it go; each of it,
and each answer that a member writes, is shown to the other members in the chat that it is about. Owns the table of claims.
"""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.addresses import label
from bridges.sms.numbers import OurNumber
from bridges.sms.receiving import presentation
from bridges.sms.receiving.delivering import Delivering
from bridges.sms.receiving.residents import Residents
from bridges.sms.receiving.rows import Delivery
from bridges.sms.receiving.store import Statement, Store
from bridges.sms.receiving.tables import CLAIMS
from bridges.sms.settings import Mode
from gateway.bridge import Clock, Tables
from gateway.model import Condition, ErrorType, MessageKind, Refused


@dataclass(frozen=True, slots=True)
class Claim:
    """``owner`` sees to the conversation of our number with ``theirs``."""

    ours: str
    theirs: str
    owner: str
    at: float


class Ownership:
    """``party`` is everywhere who is written to. What is refused changes nothing; what was done is said to whoever did it,
    too. All raise ``NotStored``."""

    def __init__(
        self,
        tables: Tables,
        bridge: str,
        store: Store,
        residents: Residents,
        delivering: Delivering,
        clock: Clock,
        random: Random,
    ) -> None:
        self._tables = tables
        self._bridge = bridge
        self._store = store
        self._residents = residents
        self._delivering = delivering
        self._told_at = 0.0
        self._clock = clock
        self._random = random
        self._lock = asyncio.Lock()  # between the look at a claim and its change
        insert = (postgresql.insert if tables.dialect == "postgresql" else sqlite.insert)(CLAIMS)
        self._save = insert.on_conflict_do_update(
            index_elements=["bridge", "ours", "theirs"],
            set_={"owner": insert.excluded.owner, "at": insert.excluded["at"]},
        )

    # -- asking ------------------------------------------------------------------------------------------------

    async def claim_of(self, ours: OurNumber, party: str) -> Claim | None:
        """Who sees to a conversation; None if nobody has claimed it, or whoever had is no member any more."""
        found = await self._some(CLAIMS.c.ours == ours.number, CLAIMS.c.theirs == party)
        return found[0] if found and found[0].owner in ours.members else None

    # -- doing -------------------------------------------------------------------------------------------------

    async def claim(self, owner: str, ours: OurNumber, party: str) -> str | Refused:
        """A member sees to a conversation from now on, whoever did before."""
        if not _member(owner, ours):
            return _no_team(ours)
        who, place = self._residents.name(owner), f"this conversation on {label(ours.number)}"
        async with self._lock:
            known = await self.claim_of(ours, party)
            if known is not None and known.owner == owner:
                return f"You see to {place} already."
            before = self._residents.name(known.owner) if known is not None else ""
            said = presentation.claimed(who, ours.number, before)
            await self._change(ours, party, self._saving(ours.number, party, owner), owner, said)
        return f"You see to {place} now{f', instead of {before}' if before else ''}. The team is told."

    async def hand_over(self, owner: str, to: str, ours: OurNumber, party: str) -> str | Refused:
        """Whoever sees to a conversation (or a member, of one that nobody does) gives it to another member."""
        if not _member(owner, ours):
            return _no_team(ours)
        name = self._residents.name(to)
        if to not in ours.members:
            text = f"{name} is no member of the team of {label(ours.number)}."
            return Refused(Condition.ITEM_NOT_FOUND, text)
        async with self._lock:
            known = await self.claim_of(ours, party)
            if known is not None and known.owner != owner:
                return self._not_yours(known)
            said = presentation.handed(self._residents.name(owner), name, ours.number)
            await self._change(ours, party, self._saving(ours.number, party, to), owner, said)
        return f"{name} sees to this conversation on {label(ours.number)} now. The team is told."

    async def release(self, owner: str, ours: OurNumber, party: str) -> str | Refused:
        """Nobody sees to a conversation any more."""
        if not _member(owner, ours):
            return _no_team(ours)
        async with self._lock:
            known = await self.claim_of(ours, party)
            if known is None:
                return "Nobody sees to this conversation."
            if known.owner != owner:
                return self._not_yours(known)
            here = and_(
                CLAIMS.c.bridge == self._bridge, CLAIMS.c.ours == ours.number, CLAIMS.c.theirs == party
            )
            said = presentation.released(self._residents.name(owner), ours.number)
            await self._change(ours, party, (delete(CLAIMS).where(here), None), owner, said)
        return "You no longer see to this conversation. The team is told."

    async def wrote(
        self, owner: str, ours: OurNumber, party: str, text: str, reference: str = ""
    ) -> Refused | None:
        """A member writes to somebody: the other members are shown it, once for each ``reference``. Why it is not to be
        sent: another member sees to that conversation."""
        if ours.mode is not Mode.TEAM:
            return None
        known = await self.claim_of(ours, party)
        if known is not None and known.owner != owner:
            who = self._residents.name(known.owner)
            text = (
                f"{who} sees to this conversation. Write .claim to take it over, and then your message again."
            )
            return Refused(Condition.CONFLICT, text, ErrorType.CANCEL)
        said = presentation.answered(self._residents.name(owner), ours.number, text)
        await self._tell(ours, party, owner, said, f"answer-{reference or self._unique()}")
        return None

    async def sweep(self, before: float) -> None:
        """Forget claims that are older."""
        await self._tables.write(
            (delete(CLAIMS).where(CLAIMS.c.bridge == self._bridge, CLAIMS.c.at < before), None)
        )

    # -- how ---------------------------------------------------------------------------------------------------

    def _not_yours(self, known: Claim) -> Refused:
        who = self._residents.name(known.owner)
        text = f"{who} sees to this conversation. Write .claim to take it over first."
        return Refused(Condition.NOT_ALLOWED, text)

    def _unique(self) -> str:
        # The random part: two changes can be made within one tick of the clock.
        return f"{int(self._clock.now() * 1e6):x}{self._random.getrandbits(32):08x}"

    async def _change(self, team: OurNumber, party: str, change: Statement, by: str, said: str) -> None:
        await self._tell(team, party, by, said, f"claim-{self._unique()}", change)

    async def _tell(
        self, team: OurNumber, party: str, by: str, said: str, id_: str, *also: Statement
    ) -> None:
        # Later every time: by it the notices of one chat are in order.
        self._told_at = max(self._clock.now(), self._told_at + 1e-6)
        told = [
            Delivery(member, id_, self._told_at, party, team.number, said, MessageKind.NOTICE)
            for member in team.members
            if member != by
        ]
        if told or also:
            await self._store.deliver(told, *also)
            self._delivering.fresh(told)

    def _saving(self, ours: str, party: str, owner: str) -> Statement:
        values = {"bridge": self._bridge, "ours": ours, "theirs": party, "owner": owner}
        return self._save, {**values, "at": self._clock.now()}

    async def _some(self, *conditions: Any) -> list[Claim]:
        table = CLAIMS.c
        rows = await self._tables.read(
            select(table.ours, table.theirs, table.owner, table.at)
            .where(table.bridge == self._bridge, *conditions)
            .order_by(table.at)
        )
        return [Claim(row.ours, row.theirs, row.owner, row.at) for row in rows]


def _member(owner: str, ours: OurNumber) -> bool:
    return ours.mode is Mode.TEAM and owner in ours.members


def _no_team(ours: OurNumber) -> Refused:
    return Refused(Condition.ITEM_NOT_FOUND, f"{label(ours.number)} is no number of a team of yours.")
