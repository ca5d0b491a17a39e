"""Which of our numbers a user and somebody else know each other by, and whether they have met at all.

Owns the table of conversations; those of users who are here are held in memory. An answer goes out from the number that was
written to last, whatever else would be chosen.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, Float, Index, Row, Table, Text, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.schema import METADATA
from gateway.bridge import Services

_TABLE = Table(
    "sms_acquaintances",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("party", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("name", Text, nullable=False),  # as the network shows them, for alphanumeric senders
    Column("called", Text, nullable=False),  # by the user
    Column("wrote", Float, nullable=False),  # the user, first; 0: never
    Column("heard", Float, nullable=False),  # the user, last; 0: never
    Column("active", Float, nullable=False),
    Index("sms_acquaintances_by_activity", "bridge", "owner", "active"),
)

_HELD = 5000  # of one user in memory; older ones are found in the table


@dataclass(frozen=True, slots=True)
class Conversation:
    """``number`` is ours. Times are zero for what has not happened."""

    party: str
    number: str
    name: str = ""
    called: str = ""
    wrote: float = 0.0
    heard: float = 0.0
    active: float = 0.0


class Conversations:
    def __init__(self, services: Services, most: int = _HELD) -> None:
        """``most`` of one user are read at once, and twice as many held."""
        self._services = services
        self._most = most
        self._held: dict[str, dict[str, Conversation]] = {}  # what was used last at the end
        self._partly: set[str] = set()  # of whom the table has more
        self._keeping = _upsert(services.tables.dialect)

    async def learn(self, owner: str) -> list[Conversation]:
        """Hold a user's from now on; the newest ones. Raises ``NotStored``."""
        query = (
            select(_TABLE)
            .where(_TABLE.c.bridge == self._services.name, _TABLE.c.owner == owner)
            .order_by(_TABLE.c.active.desc())
            .limit(self._most)
        )
        rows = await self._services.tables.read(query)
        known = [_conversation(row) for row in rows]
        self._held[owner] = {each.party: each for each in reversed(known)}
        if len(known) == self._most:
            self._partly.add(owner)
        else:
            self._partly.discard(owner)
        return known

    def of(self, owner: str, party: str) -> Conversation | None:
        """What is held; ``find`` looks into the table as well."""
        return self._held.get(owner, {}).get(party)

    async def find(self, owner: str, party: str) -> Conversation | None:
        """Raises ``NotStored``."""
        known = self.of(owner, party)
        if known is not None or (owner in self._held and owner not in self._partly):
            return known
        rows = await self._services.tables.read(select(_TABLE).where(*self._row(owner, party)))
        if (now := self.of(owner, party)) is not None:
            return now  # it was used meanwhile
        found = _conversation(rows[0]) if rows else None
        if found is not None:
            self._hold(owner, found)
        return found

    def _hold(self, owner: str, known: Conversation) -> None:
        """Of users who are here; of others only the table knows."""
        held = self._held.get(owner)
        if held is None:
            return
        held.pop(known.party, None)
        held[known.party] = known
        if len(held) > 2 * self._most:
            del held[next(iter(held))]
            self._partly.add(owner)

    def _row(self, owner: str, party: str) -> tuple[ColumnElement[bool], ...]:
        return (
            _TABLE.c.bridge == self._services.name,
            _TABLE.c.owner == owner,
            _TABLE.c.party == party,
        )

    def texted(self, owner: str, party: str) -> bool:
        """Whether the user has written to them, or they to the user."""
        known = self.of(owner, party)
        return known is not None and bool(known.wrote or known.heard)

    async def wrote(self, owner: str, party: str, number: str) -> None:
        """The user writes to somebody from a number of ours. Raises ``NotStored``."""
        now = self._services.clock.now()
        known = await self.find(owner, party) or Conversation(party, number)
        await self._keep(
            owner, replace(known, number=number, wrote=known.wrote or now, active=now), known.active
        )

    async def heard(self, owner: str, party: str, number: str, name: str = "") -> None:
        """Somebody wrote to the user at a number of ours. Raises ``NotStored``."""
        now = self._services.clock.now()
        known = await self.find(owner, party) or Conversation(party, number)
        await self._keep(
            owner, replace(known, number=number, name=name or known.name, heard=now, active=now), known.active
        )

    async def call(self, owner: str, party: str, number: str, name: str) -> None:
        """The user calls somebody so from now on; ``number`` is ours where they have not met. Raises ``NotStored``."""
        known = await self.find(owner, party) or Conversation(party, number)
        await self._keep(owner, replace(known, called=name), known.active)

    def called(self, owner: str, party: str) -> str:
        """The user's own name for somebody, else the network's; empty where there is none."""
        known = self.of(owner, party)
        return (known.called or known.name) if known is not None else ""

    async def _keep(self, owner: str, now: Conversation, before: float) -> None:
        previous = self.of(owner, now.party)
        self._hold(owner, now)
        # Nothing but the time has changed, and not by much: no commit for every line of a chat.
        if (
            previous is not None
            and replace(previous, heard=now.heard, active=now.active) == now
            and bool(previous.heard) == bool(now.heard)
            and now.active - before < 60
        ):
            self._hold(owner, replace(now, active=before))
            return
        values = {
            "bridge": self._services.name,
            "owner": owner,
            "party": now.party,
            "number": now.number,
            "name": now.name,
            "called": now.called,
            "wrote": now.wrote,
            "heard": now.heard,
            "active": now.active,
        }
        try:
            await self._services.tables.write((self._keeping, values))
        except BaseException:
            if previous is None:
                self._held.get(owner, {}).pop(now.party, None)
            else:
                self._hold(owner, previous)
            raise

    async def sweep(self, before: float) -> None:
        """Forget strangers who were last heard of before that: whom the user has never written to, nor named. Raises
        ``NotStored``."""
        strangers = (
            _TABLE.c.bridge == self._services.name,
            _TABLE.c.active < before,
            _TABLE.c.wrote == 0.0,
            _TABLE.c.called == "",
        )
        await self._services.tables.write((delete(_TABLE).where(*strangers), None))

    async def end(self, owner: str, party: str) -> None:
        """As if they had never met. Raises ``NotStored``."""
        await self._services.tables.write((delete(_TABLE).where(*self._row(owner, party)), None))
        self._held.get(owner, {}).pop(party, None)

    def leave(self, owner: str) -> None:
        """The user is not here any more."""
        self._held.pop(owner, None)

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        self._held.pop(owner, None)


def _upsert(dialect: str) -> Executable:
    kinds = postgresql if dialect == "postgresql" else sqlite
    statement = kinds.insert(_TABLE)
    fresh = statement.excluded
    upsert: Executable = statement.on_conflict_do_update(
        index_elements=["bridge", "owner", "party"],
        set_={
            "number": fresh.number,
            "name": fresh.name,
            "called": fresh.called,
            # A row that was not held in memory knows better what was first.
            "wrote": func.coalesce(func.nullif(_TABLE.c.wrote, 0.0), fresh.wrote),
            "heard": fresh.heard,
            "active": fresh.active,
        },
    )
    return upsert


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(row.party, row.number, row.name, row.called, row.wrote, row.heard, row.active)
