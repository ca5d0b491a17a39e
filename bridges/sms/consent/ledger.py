"""The ledger of those who do not want to be texted: by what they texted, and by what providers say.

Whoever texts STOP to a number of ours is texted from it no more until they text START, whatever the provider does; providers
stop by lists of their own too, of other scope, and both are kept apart by ``source``. Owns the table. Decides, and words
what users are told; telling them is others' business.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Executable, delete, false, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.addresses import label
from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.consent.tables import OPTOUTS
from bridges.sms.consent.words import Meaning, Words
from gateway.bridge import Clock, Tables, Values
from gateway.model import Condition, ErrorType, Refused

Statement = tuple[Executable, Values]

_HELD = 50_000  # pairs in memory


class Source(StrEnum):
    """Who said so last."""

    TEXT = "text"  # they themselves
    PROVIDER = "provider"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class OptedOut:
    """What is known of ``theirs`` and a number of ours; ``ours`` is empty for all of them."""

    ours: str
    theirs: str
    stopped: bool
    at: float
    source: Source
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Something is different from now on: ``statements`` make it so, ``notice`` tells users."""

    statements: tuple[Statement, ...]
    notice: str


class Ledger:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str, settings: ConsentSettings, clock: Clock) -> None:
        self._tables = tables
        self._bridge = bridge
        self._settings = settings
        self._clock = clock
        self.stops = self.starts = 0  # heard, since the start
        self._words = Words(settings.stop_words, settings.start_words, settings.ordinary_words)
        self._held: OrderedDict[tuple[str, str], OptedOut | None] = OrderedDict()
        make = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        insert = make(OPTOUTS)
        self._save = insert.on_conflict_do_update(
            index_elements=["bridge", "theirs", "ours"],
            set_={name: insert.excluded[name] for name in ("stopped", "at", "source", "answer")},
        )

    # -- what is sent ------------------------------------------------------------------------------------------

    async def refusal(self, ours: str, theirs: str) -> Refused | None:
        """Why nothing may be sent from a number of ours to somebody; None if nothing is in the way."""
        if self._settings.stop != "block":
            return None
        for number in (ours, ""):
            known = await self._known(number, theirs)
            if known is not None and known.stopped:
                return _refused(known, ours)
        return None

    # -- what is said ------------------------------------------------------------------------------------------

    async def heard(
        self, ours: str, theirs: str, text: str, *, reference: str, provider_answers: bool
    ) -> Change | None:
        """Somebody texted to a number of ours. ``reference``: of an answer, if there is to be one. The change is to be
        committed (or ``doubt`` called)."""
        meaning = self._words.meaning(text) if self._settings.stop != "off" else None
        if meaning is None:
            return None
        stopped = meaning is Meaning.STOP
        words = self._settings.stop_answer if stopped else self._settings.start_answer
        answer = reference if words and not provider_answers else ""
        return await self._change(ours, theirs, stopped, Source.TEXT, answer)

    async def opted(self, ours: str, theirs: str, *, stopped: bool) -> Change | None:
        """A provider says so; ``ours`` is empty where it means all of our numbers."""
        return await self._change(ours, theirs, stopped, Source.PROVIDER)

    async def lift(self, ours: str, theirs: str) -> Change | None:
        """An operator says that somebody may be texted again. None if nothing was in the way."""
        return await self._change(ours, theirs, False, Source.OPERATOR)

    def doubt(self) -> None:
        """A change was not committed."""
        self._held.clear()

    async def commit(self, change: Change) -> None:
        """For a change with which nothing else is committed."""
        try:
            await self._tables.write(*change.statements)
        except BaseException:
            self.doubt()
            raise

    # -- what is known -----------------------------------------------------------------------------------------

    async def stopped(self, ours: Sequence[str] | None = None, limit: int = 500) -> list[OptedOut]:
        """Who stopped these numbers of ours (and all of them together), or any number if none are given; the last first."""
        conditions: list[Any] = [OPTOUTS.c.stopped]
        if ours is not None:
            conditions.append(OPTOUTS.c.ours.in_(["", *ours]))
        return await self._some(*conditions, limit=limit)

    async def owed(self, limit: int = 100) -> list[OptedOut]:
        """Whom an answer is still to be sent."""
        return await self._some(OPTOUTS.c.answer != "", limit=limit)

    async def sweep(self, before: float) -> None:
        """Forget that somebody took a STOP back before then: it is as if nothing had been said."""
        table = OPTOUTS.c
        over = (table.bridge == self._bridge, table.at < before, table.stopped == false(), table.answer == "")
        await self._tables.write((delete(OPTOUTS).where(*over), None))

    async def answered(self, optout: OptedOut) -> None:
        self._held.pop((optout.ours, optout.theirs), None)
        await self._tables.write(
            (
                update(OPTOUTS)
                .where(
                    OPTOUTS.c.bridge == self._bridge,
                    OPTOUTS.c.ours == optout.ours,
                    OPTOUTS.c.theirs == optout.theirs,
                    OPTOUTS.c.answer == optout.answer,
                )
                .values(answer=""),
                None,
            )
        )

    def answer_to(self, optout: OptedOut) -> str:
        """In the operator's words."""
        return self._settings.stop_answer if optout.stopped else self._settings.start_answer

    # -- how ---------------------------------------------------------------------------------------------------

    async def _change(
        self, ours: str, theirs: str, stopped: bool, source: Source, answer: str = ""
    ) -> Change | None:
        known = [each for number in dict.fromkeys((ours, "")) if (each := await self._known(number, theirs))]
        before = [each for each in known if each.stopped]
        if stopped == bool(before):
            return None
        now = self._clock.now()
        self.stops += stopped
        self.starts += not stopped
        if stopped:
            after = [OptedOut(ours, theirs, True, now, source, answer)]
        else:
            # Who wants to be texted again wants it of all that was in the way.
            after = [
                replace(each, stopped=False, at=now, source=source, answer=answer if number == 0 else "")
                for number, each in enumerate(before)
            ]
        for each in after:
            self._hold(each.ours, each.theirs, each)
        statements = tuple((self._save, self._values(each)) for each in after)
        return Change(statements, self._notice(ours, theirs, stopped, source))

    def _notice(self, ours: str, theirs: str, stopped: bool, source: Source) -> str:
        who, number = label(theirs), label(ours) if ours else "any number of this gateway"
        if not stopped:
            by = "An operator has allowed it" if source is Source.OPERATOR else f"{who} wants texts again"
            return f"[{by}: texts from {number} to {who} are sent again.]"
        what = f"{who} wants no more texts from {number}"
        if source is Source.PROVIDER:
            what = f"The provider says that {what}"
        if self._settings.stop == "block":
            return f"[{what}. What you write is not sent until they text START to it.]"
        return f"[{what}. What you write is sent all the same, if the provider lets it through.]"

    async def _known(self, ours: str, theirs: str) -> OptedOut | None:
        key = ours, theirs
        if key not in self._held:
            found = await self._some(OPTOUTS.c.ours == ours, OPTOUTS.c.theirs == theirs, limit=1)
            if key not in self._held:  # else it was changed meanwhile
                self._hold(ours, theirs, found[0] if found else None)
        else:
            self._held.move_to_end(key)
        return self._held[key]

    def _hold(self, ours: str, theirs: str, optout: OptedOut | None) -> None:
        self._held[ours, theirs] = optout
        self._held.move_to_end((ours, theirs))
        if len(self._held) > _HELD:
            self._held.popitem(last=False)

    async def _some(self, *conditions: Any, limit: int) -> list[OptedOut]:
        table = OPTOUTS.c
        rows = await self._tables.read(
            select(table.ours, table.theirs, table.stopped, table.at, table.source, table.answer)
            .where(table.bridge == self._bridge, *conditions)
            .order_by(table.at.desc())
            .limit(limit)
        )
        return [
            OptedOut(row.ours, row.theirs, row.stopped, row.at, Source(row.source), row.answer)
            for row in rows
        ]

    def _values(self, optout: OptedOut) -> dict[str, object]:
        return {
            "bridge": self._bridge,
            "ours": optout.ours,
            "theirs": optout.theirs,
            "stopped": optout.stopped,
            "at": optout.at,
            "source": optout.source.value,
            "answer": optout.answer,
        }


def _refused(known: OptedOut, ours: str) -> Refused:
    day = datetime.fromtimestamp(known.at, UTC).strftime("%Y-%m-%d")
    who, number = label(known.theirs), label(ours)
    said = (
        f"{who} texted STOP to {number} on {day}"
        if known.source is Source.TEXT
        else f"The provider says since {day} that {who} wants no texts from {number}"
    )
    text = f"{said}, so nothing may be sent. They have to text START to {number} first."
    return Refused(Condition.NOT_ALLOWED, text, ErrorType.CANCEL)
