"""From what was taken to what each user is to be shown: put together, read, brought to whose number it came to, one commit.

One task does it, in the order in which messages came, many of them in one commit. The rows are the truth: what is held here
(pieces of what is not whole yet) is read from them again whenever a commit may not have happened.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bridges.sms.addresses import Place, answerable, sender
from bridges.sms.consent.ledger import Change, Ledger
from bridges.sms.numbers import OurNumber
from bridges.sms.privacy import shown
from bridges.sms.receiving import presentation
from bridges.sms.receiving.presentation import Shown
from bridges.sms.receiving.reassembly import Echo, Reassembly, ReassemblyLimits, Result, Whole
from bridges.sms.receiving.residents import Decoding, Numbers, Trouble
from bridges.sms.receiving.routing import Routing
from bridges.sms.receiving.rows import Delivery, Taken
from bridges.sms.receiving.store import Joined, Outcome, Store
from bridges.sms.settings import OWN_ROUTE
from bridges.sms.traffic import Inbound, Nature
from gateway.bridge import Clock, NotStored
from gateway.bridge.steps import Steps
from gateway.model import MessageKind

log = structlog.get_logger(__name__)

_BATCH = 200
_AGAIN = 2.0  # seconds after which a failed commit is tried again
_LONGEST_WAIT = 60.0  # seconds between two looks at the clock
_FUTURE = 120.0  # seconds that a network's clock may be ahead
_PARTIES = 5_000  # senders, and numbers of ours, whose names and countries are remembered


class Delivering(Protocol):
    """Who shows what is safe."""

    def fresh(self, deliveries: Sequence[Delivery]) -> None:
        """They are in the rows, and new."""

    def look(self) -> None:
        """There may be some in the rows of which nobody told."""


@dataclass(slots=True)
class SortingCounts:
    """For metrics."""

    messages: int = 0
    joined: int = 0
    gaps: int = 0
    echoes: int = 0
    nobodys: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """``region`` is the country of senders where our number has none. ``provider_answers``: whether the provider of a route
    answers STOP by itself."""

    region: str
    reassembly: ReassemblyLimits
    provider_answers: Callable[[str], bool]


class Sorting:
    """``run`` is its task. ``owes``: somebody may have to be answered."""

    def __init__(
        self,
        store: Store,
        numbers: Numbers,
        routing: Routing,
        ledger: Ledger,
        decoding: Decoding,
        delivering: Delivering,
        trouble: Trouble,
        clock: Clock,
        rules: Rules,
        owes: Callable[[], None],
    ) -> None:
        self.counts = SortingCounts()
        self._store = store
        self._numbers = numbers
        self._routing = routing
        self._ledger = ledger
        self._decoding = decoding
        self._delivering = delivering
        self._trouble = trouble
        self._clock = clock
        self._rules = rules
        self._owes = owes
        self._reassembly = Reassembly(rules.reassembly)
        self._fresh: deque[Taken] = deque()
        self._look = asyncio.Event()
        self._doubtful = True  # the rows may know of more than is held here
        self._parties: dict[tuple[str, str], str] = {}
        self._regions: dict[str, str] = {}
        self._read_until = ""  # the last row that was read from the table
        self._last = 0.0
        self._steps = Steps(clock)

    def taken(self, rows: Sequence[Taken]) -> None:
        """They are safe, and new."""
        # A commit can be read before whoever asked for it hears of it.
        self._fresh.extend(row for row in rows if row.id > self._read_until)
        self._look.set()

    def doubt(self) -> None:
        """A commit may have happened, or not."""
        self._doubtful = True
        self._look.set()

    @property
    def waiting(self) -> int:
        """Messages that were not looked at yet."""
        return len(self._fresh)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._doubtful:
                    await self._restore()
                await self._something()
                await self._some()
            except NotStored as error:
                log.error("what came cannot be sorted: the database cannot be used", reason=str(error))
                self._doubtful = True
                await self._clock.sleep(_AGAIN)

    # -- what there is -----------------------------------------------------------------------------------------

    async def _restore(self) -> None:
        """Begin again with what the rows say. Pieces are waited for anew: those that lack may wait where we could not be
        reached."""
        self._doubtful = False
        self._routing.doubt()
        self._ledger.doubt()
        self._fresh.clear()
        self._reassembly = Reassembly(self._rules.reassembly)
        now = self._clock.now()
        self._last = max(self._last, await self._store.last_at())
        for joined in await self._store.joined(now - self._rules.reassembly.seconds):
            self._reassembly.remember(joined.key, joined.digests, joined.joined)
        self._read_until, more = "", True
        while more:
            rows = await self._store.waiting(self._read_until, _BATCH)
            # From the first on that was told meanwhile, all will be told.
            older = [row for row in rows if not self._fresh or row.id < self._fresh[0].id]
            more = len(older) == _BATCH
            self._read_until = older[-1].id if older else self._read_until
            await self._sort([result for row in older for result in self._reassembly.take(row, now)])
        self._delivering.look()

    async def _something(self) -> None:
        """Returns when there is something to do."""
        if self._fresh or self._doubtful:
            return
        self._look.clear()
        due = self._reassembly.next_due
        timer = None
        if due is not None:
            # Not for longer, for the clock may be put right meanwhile.
            wait = min(_LONGEST_WAIT, max(0.0, due - self._clock.now()))
            timer = self._clock.call_later(wait, self._look.set)
        try:
            await self._look.wait()
        finally:
            if timer is not None:
                timer.cancel()
        if self._steps.taken() < 0.0:
            self._doubtful = True

    async def _some(self) -> None:
        now = self._clock.now()
        results: list[Result] = []
        for _ in range(min(_BATCH, len(self._fresh))):
            results += self._reassembly.take(self._fresh.popleft(), now)
        # What is behind in the queue may be what is waited for.
        if not self._fresh:
            results += self._reassembly.due(now)
        await self._sort(results)

    # -- what becomes of it ------------------------------------------------------------------------------------

    async def _sort(self, results: Sequence[Result]) -> None:
        if not results:
            return
        outcome = Outcome()
        for result in results:
            if isinstance(result, Echo):
                self.counts.echoes += 1
                outcome.done += result.there
            else:
                await self._message(result, outcome)
        await self._store.settle(outcome)
        if outcome.also:
            self._owes()
        self._delivering.fresh([each for each in outcome.deliveries if each.owner])

    async def _message(self, whole: Whole, outcome: Outcome) -> None:
        there = whole.there
        outcome.done += there
        if whole.key:
            self.counts.joined += 1
            self.counts.gaps += len(there) < len(whole.pieces)
            outcome.joined.append(Joined(whole.key, self._clock.now(), whole.digests))
        self.counts.messages += 1
        first = there[0].inbound
        number = self._numbers.at(first.recipient, first.route)
        if number is None and first.route.startswith(OWN_ROUTE):
            # The operator has no business with it, and nobody else has it either.
            log.warning("a user's own account brought what is not for its number", route=first.route)
            return
        ours = number.number if number is not None else first.recipient
        party = self._party(first.sender, self._region(number))
        said = self._present(whole, party, ours)
        whose = await self._routing.whose(number, party)
        if whose.touching is not None:
            outcome.also.append(whose.touching)
        if not whose.owners:
            self.counts.nobodys += 1
            log.warning("a text came that is nobody's", route=first.route, number=shown(ours), why=whose.why)
            self._trouble(first.route, presentation.nobodys(ours, whose.why))
        delivery = Delivery(
            owner="",
            id=whole.last.id,
            at=0.0,
            contact="" if said.own else party,
            ours=ours,
            text=said.text,
            kind=said.kind,
            time=self._when(first, there[0]),
            route=first.route,
            files=said.files,
            others=self._others(first, ours),
            theirs=first.sender if said.own or not answerable(party) else "",
        )
        for owner in whose.owners or ("",):
            outcome.deliveries.append(replace(delivery, owner=owner, at=self._now()))
        alone = first.nature is Nature.MESSAGE and not said.files and not delivery.others
        if number is not None and alone and answerable(party):
            await self._consent(ours, party, said.text, delivery, whose.owners, outcome)

    async def _consent(
        self,
        ours: str,
        party: str,
        text: str,
        about: Delivery,
        owners: Sequence[str],
        outcome: Outcome,
    ) -> None:
        change: Change | None = await self._ledger.heard(
            ours,
            party,
            text,
            reference=f"stop{about.id}",
            provider_answers=self._rules.provider_answers(about.route),
        )
        if change is None:
            return
        outcome.also += change.statements
        for owner in owners:
            outcome.deliveries.append(
                Delivery(
                    owner, f"{about.id}-stop", self._now(), party, ours, change.notice, MessageKind.NOTICE
                )
            )

    # -- how ---------------------------------------------------------------------------------------------------

    def _present(self, whole: Whole, party: str, ours: str) -> Shown:
        try:
            return presentation.present(whole, party, ours, self._decoding)
        except Exception:
            # Not one text may stop all that come after it.
            self.counts.unreadable += 1
            log.exception("a text could not be read", route=whole.there[0].inbound.route)
            return Shown("[A message that the gateway could not read.]")

    def _party(self, name: str, region: str) -> str:
        key = name, region
        found = self._parties.get(key)
        if found is None:
            if len(self._parties) >= _PARTIES:
                self._parties.clear()
            found = self._parties[key] = sender(name, Place(region))
        return found

    def _region(self, number: OurNumber | None) -> str:
        """The country of a number of ours, in which short numbers and national ones are to be read."""
        if number is None:
            return self._rules.region
        found = self._regions.get(number.number)
        if found is None:
            if len(self._regions) >= _PARTIES:
                self._regions.clear()
            region = number.region
            found = self._regions[number.number] = region if len(region) == 2 else self._rules.region
        return found

    def _others(self, inbound: Inbound, ours: str) -> tuple[str, ...]:
        if not inbound.others:
            return ()
        numbers = (self._numbers.find(each) for each in inbound.others)
        parties = [
            self._party(each, self._rules.region) if number is None else number.number
            for each, number in zip(inbound.others, numbers, strict=True)
        ]
        return tuple(dict.fromkeys(each for each in parties if each != ours))

    def _when(self, inbound: Inbound, taken: Taken) -> float:
        said = inbound.time
        return said if said is not None and 0 < said < taken.received + _FUTURE else taken.received

    def _now(self) -> float:
        """Later every time: by it the deliveries of a user are in order."""
        self._last = max(self._clock.now(), self._last + 1e-6)
        return self._last
