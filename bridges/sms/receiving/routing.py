"""Whose a message is that came to a number of ours, and over which number of a pool a new conversation is held.

*Personal* numbers are one user's, *teams'* are all members', and of *pools* each pair (our number, theirs) is one user's.
The table of those pairs is owned here. A pair is a user's as long as either side wrote within the window; after that it is
free, and what comes goes to the number's inbox. The database decides between two users who want one pair at the same time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.numbers import OurNumber
from bridges.sms.receiving.store import Statement
from bridges.sms.receiving.tables import STICKY
from bridges.sms.settings import Mode
from gateway.bridge import Clock, Tables
from gateway.model import Condition, ErrorType, Refused

_HELD = 20_000  # pairs in memory
_TOUCHED = 3600.0  # seconds after which it is written down again that a pair is in use

FULL = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "All shared numbers of this gateway are in conversation with that number for other users. Ask the operator for a number "
    "of your own, or try again when theirs have ended.",
    ErrorType.WAIT,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Whose the conversation of our number with theirs is, and when one of the two wrote last."""

    owner: str
    at: float


@dataclass(frozen=True, slots=True)
class Whose:
    """Who is shown a message. ``why`` says for operators why that is nobody; ``touching`` belongs into the commit."""

    owners: tuple[str, ...]
    why: str = ""
    touching: Statement | None = None


class Routing:
    """``window``: seconds that a pair of a pool is a user's after the last word. All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str, clock: Clock, window: float) -> None:
        self._tables = tables
        self._bridge = bridge
        self._clock = clock
        self._window = window
        self._held: OrderedDict[tuple[str, str], Pair | None] = OrderedDict()
        make = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        insert = make(STICKY)
        fresh = insert.excluded
        # One statement, so that of two users who want a pair only one gets it, whoever else writes here.
        self._claim = insert.on_conflict_do_update(
            index_elements=["bridge", "ours", "theirs"],
            set_={"owner": fresh.owner, "at": fresh.at},
            where=(STICKY.c.owner == fresh.owner) | (STICKY.c.at < fresh.at - window),
        )

    async def whose(self, number: OurNumber | None, theirs: str) -> Whose:
        """By the number that a message came to; None if it is none of ours."""
        if number is None:
            return Whose((), "which is no number of this gateway")
        if number.mode is not Mode.POOL:
            return Whose(number.members, "" if number.members else "which nobody has")
        now = self._clock.now()
        pair = await self.pair(number.number, theirs)
        # Who was let into a pool and is no more has its conversations no more either.
        member = pair is not None and (not number.members or pair.owner in number.members)
        if pair is not None and member and pair.at >= now - self._window:
            touching = None
            if now - pair.at > _TOUCHED:
                touching = self._claim, self._values(number.number, theirs, pair.owner, now)
                self._hold(number.number, theirs, Pair(pair.owner, now))
            return Whose((pair.owner,), touching=touching)
        if number.inbox:
            return Whose((number.inbox,))
        return Whose((), "a pool without an inbox, from somebody whom nobody has written to")

    async def choose(self, owner: str, theirs: str, candidates: Sequence[str]) -> str | None:
        """The number of a pool that a user writes to ``theirs`` from: the one of before, else the first of ``candidates``
        that is in no conversation with them. It is the user's from now on, for them. None if there is none (see
        ``FULL``)."""
        rows = await self._tables.read(
            select(STICKY.c.ours, STICKY.c.owner, STICKY.c.at).where(
                STICKY.c.bridge == self._bridge,
                STICKY.c.theirs == theirs,
                STICKY.c.ours.in_(list(candidates)),
            )
        )
        now = self._clock.now()
        taken = {row.ours: Pair(row.owner, row.at) for row in rows}
        mine = [each for each in candidates if each in taken and taken[each].owner == owner]
        mine.sort(key=lambda each: -taken[each].at)
        free = [each for each in candidates if each not in taken]
        ended = [
            each
            for each in candidates
            if each in taken and taken[each].owner != owner and taken[each].at < now - self._window
        ]
        ended.sort(key=lambda each: taken[each].at)
        for ours in (*mine, *free, *ended):
            if await self._take(ours, theirs, owner, now):
                return ours
        return None

    async def wrote(self, owner: str, ours: str, theirs: str) -> bool:
        """A user writes from a pool's number; False if the conversation is somebody else's."""
        pair, now = await self.pair(ours, theirs), self._clock.now()
        if pair is not None and pair.owner == owner and now - pair.at < _TOUCHED:
            return True
        return await self._take(ours, theirs, owner, now)

    async def let_go(self, owner: str, ours: str, theirs: str) -> None:
        """It came to nothing: the pair is nobody's, if it was this user's."""
        self._held.pop((ours, theirs), None)
        here = (
            (STICKY.c.bridge == self._bridge)
            & (STICKY.c.ours == ours)
            & (STICKY.c.theirs == theirs)
            & (STICKY.c.owner == owner)
        )
        await self._tables.write((delete(STICKY).where(here), None))
        self._held.pop((ours, theirs), None)

    async def pair(self, ours: str, theirs: str) -> Pair | None:
        key = ours, theirs
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        rows = await self._tables.read(
            select(STICKY.c.owner, STICKY.c.at).where(
                STICKY.c.bridge == self._bridge, STICKY.c.ours == ours, STICKY.c.theirs == theirs
            )
        )
        if key in self._held:
            return self._held[key]  # it was taken meanwhile
        found = Pair(rows[0].owner, rows[0].at) if rows else None
        self._hold(ours, theirs, found)
        return found

    async def sweep(self) -> None:
        """Forget pairs whose window is long over. (Not at once: until then they are the last to be given to others.)"""
        before = self._clock.now() - 2 * self._window
        await self._tables.write(
            (delete(STICKY).where(STICKY.c.bridge == self._bridge, STICKY.c.at < before), None)
        )

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        for key in [key for key, pair in self._held.items() if pair is not None and pair.owner == owner]:
            del self._held[key]

    def doubt(self) -> None:
        """A commit failed: what is held may not be so."""
        self._held.clear()

    # How

    async def _take(self, ours: str, theirs: str, owner: str, now: float) -> bool:
        self._held.pop((ours, theirs), None)
        done = await self._tables.write((self._claim, self._values(ours, theirs, owner, now)))
        if not done:
            return False
        self._hold(ours, theirs, Pair(owner, now))
        return True

    def _hold(self, ours: str, theirs: str, pair: Pair | None) -> None:
        self._held[ours, theirs] = pair
        self._held.move_to_end((ours, theirs))
        if len(self._held) > _HELD:
            self._held.popitem(last=False)

    def _values(self, ours: str, theirs: str, owner: str, at: float) -> dict[str, object]:
        return {"bridge": self._bridge, "ours": ours, "theirs": theirs, "owner": owner, "at": at}
