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
from bridges.sms.receiving.residents import Numbers, Residents
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
    """``ours`` is everywhere a number of ours, ``theirs`` a party. What is refused changes nothing; all raise
    ``NotStored``."""

    def __init__(
        self,
        tables: Tables,
        bridge: str,
        store: Store,
        numbers: Numbers,
        residents: Residents,
        delivering: Delivering,
        clock: Clock,
        random: Random,
    ) -> None:
        self._tables = tables
        self._bridge = bridge
        self._store = store
        self._numbers = numbers
        self._residents = residents
        self._delivering = delivering
        self._clock = clock
        self._random = random
        self._lock = asyncio.Lock()  # between the look at a claim and its change
        insert = (postgresql.insert if tables.dialect == "postgresql" else sqlite.insert)(CLAIMS)
        self._save = insert.on_conflict_do_update(
            index_elements=["bridge", "ours", "theirs"],
            set_={"owner": insert.excluded.owner, "at": insert.excluded["at"]},
        )

    # -- asking ------------------------------------------------------------------------------------------------

    async def claim_of(self, ours: str, theirs: str) -> Claim | None:
        """Who sees to a conversation; None if nobody has claimed it, or whoever had is no member any more."""
        team = self._team(ours)
        if team is None:
            return None
        found = await self._some(CLAIMS.c.ours == team.number, CLAIMS.c.theirs == theirs)
        return found[0] if found and found[0].owner in team.members else None

    async def claims_of(self, owner: str) -> list[Claim]:
        """What a user sees to."""
        return await self._some(CLAIMS.c.owner == owner)

    # -- doing -------------------------------------------------------------------------------------------------

    async def claim(self, owner: str, ours: str, theirs: str, *, over: bool = False) -> Refused | None:
        """A member wants to see to a conversation; ``over``: also if another member does."""
        team = self._team(ours)
        if team is None or owner not in team.members:
            return _no_team(ours)
        async with self._lock:
            known = await self.claim_of(ours, theirs)
            if known is not None and known.owner == owner:
                return None
            if known is not None and not over:
                who = self._residents.name(known.owner)
                text = f"{who} sees to this conversation. Ask {who} to hand it over or to let it go, or take it over."
                return Refused(Condition.CONFLICT, text, ErrorType.CANCEL)
            said = presentation.claimed(self._residents.name(owner), team.number)
            await self._change(team, theirs, self._saving(team.number, theirs, owner), owner, said)
        return None

    async def hand_over(self, owner: str, to: str, ours: str, theirs: str) -> Refused | None:
        """Whoever sees to a conversation (or a member, of one that nobody does) gives it to another member."""
        team = self._team(ours)
        if team is None or owner not in team.members:
            return _no_team(ours)
        if to not in team.members:
            text = f"{self._residents.name(to)} is no member of the team of {label(team.number)}."
            return Refused(Condition.ITEM_NOT_FOUND, text)
        async with self._lock:
            known = await self.claim_of(ours, theirs)
            if known is not None and known.owner != owner:
                return self._not_yours(known)
            names = self._residents.name(owner), self._residents.name(to)
            said = presentation.handed(*names, team.number)
            await self._change(team, theirs, self._saving(team.number, theirs, to), owner, said)
        return None

    async def release(self, owner: str, ours: str, theirs: str) -> Refused | None:
        """Nobody sees to a conversation any more."""
        team = self._team(ours)
        if team is None or owner not in team.members:
            return _no_team(ours)
        async with self._lock:
            known = await self.claim_of(ours, theirs)
            if known is None:
                return None
            if known.owner != owner:
                return self._not_yours(known)
            here = and_(
                CLAIMS.c.bridge == self._bridge, CLAIMS.c.ours == team.number, CLAIMS.c.theirs == theirs
            )
            said = presentation.released(self._residents.name(owner), team.number)
            await self._change(team, theirs, (delete(CLAIMS).where(here), None), owner, said)
        return None

    async def answered(self, owner: str, ours: str, theirs: str, text: str, reference: str) -> None:
        """A member wrote to somebody: the others are shown it, once for each ``reference``."""
        team = self._team(ours)
        if team is None:
            return
        said = presentation.answered(self._residents.name(owner), team.number, text)
        await self._tell(team, theirs, owner, said, f"answer-{reference}")

    async def sweep(self, before: float) -> None:
        """Forget claims that are older."""
        await self._tables.write(
            (delete(CLAIMS).where(CLAIMS.c.bridge == self._bridge, CLAIMS.c.at < before), None)
        )

    # -- how ---------------------------------------------------------------------------------------------------

    def _team(self, ours: str) -> OurNumber | None:
        number = self._numbers.find(ours)
        return number if number is not None and number.mode is Mode.TEAM else None

    def _not_yours(self, known: Claim) -> Refused:
        who = self._residents.name(known.owner)
        return Refused(
            Condition.NOT_ALLOWED, f"{who} sees to this conversation, and only {who} can change that."
        )

    async def _change(self, team: OurNumber, theirs: str, change: Statement, by: str, said: str) -> None:
        # The random part: two changes can be made within one tick of the clock.
        id_ = f"claim-{int(self._clock.now() * 1e6):x}{self._random.getrandbits(32):08x}"
        await self._tell(team, theirs, by, said, id_, change)

    async def _tell(
        self, team: OurNumber, theirs: str, by: str, said: str, id_: str, *also: Statement
    ) -> None:
        now = self._clock.now()
        told = [
            Delivery(member, id_, now, theirs, team.number, said, MessageKind.NOTICE)
            for member in team.members
            if member != by
        ]
        if told or also:
            await self._store.deliver(told, *also)
            self._delivering.fresh(told)

    def _saving(self, ours: str, theirs: str, owner: str) -> Statement:
        values = {"bridge": self._bridge, "ours": ours, "theirs": theirs, "owner": owner}
        return self._save, {**values, "at": self._clock.now()}

    async def _some(self, *conditions: Any) -> list[Claim]:
        table = CLAIMS.c
        rows = await self._tables.read(
            select(table.ours, table.theirs, table.owner, table.at)
            .where(table.bridge == self._bridge, *conditions)
            .order_by(table.at)
        )
        return [Claim(row.ours, row.theirs, row.owner, row.at) for row in rows]


def _no_team(ours: str) -> Refused:
    return Refused(Condition.ITEM_NOT_FOUND, f"{label(ours)} is no number of a team of yours.")
