"""Everything that receives texts, put together: from what routes bring to what users are shown."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import structlog

from bridges.sms.consent.ledger import Ledger
from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.consent.telling import Consent
from bridges.sms.numbers import OurNumber
from bridges.sms.receiving.delivering import Delivering
from bridges.sms.receiving.intake import Intake, IntakeLimits, Reports
from bridges.sms.receiving.ownership import Ownership
from bridges.sms.receiving.reassembly import ReassemblyLimits
from bridges.sms.receiving.residents import Answering, Decoding, Files, Groups, Numbers, Residents, Trouble
from bridges.sms.receiving.routing import Routing
from bridges.sms.receiving.rows import Delivery
from bridges.sms.receiving.showing import Showing
from bridges.sms.receiving.sorting import Rules, Sorting
from bridges.sms.receiving.store import Store
from bridges.sms.text.decoding import decode
from gateway.bridge import NotStored, Services

log = structlog.get_logger(__name__)

_DAY = 86_400.0
_SWEEP = 3_600.0
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets. ``region`` is the country of what bears none. Days: ``known_again`` is how long the same
    message again is recognised, ``nobodys`` how long what came to nobody is kept, ``waiting`` how long it is for a user who
    does not come, ``sticky`` how long a conversation of a
    pool is its user's after the last word, ``claims`` how long one of a team is claimed."""

    region: str
    reassembly: ReassemblyLimits = field(default_factory=ReassemblyLimits)
    intake: IntakeLimits = field(default_factory=IntakeLimits)
    consent: ConsentSettings = field(default_factory=ConsentSettings)
    known_again: float = 7.0
    nobodys: float = 30.0
    waiting: float = 90.0
    sticky: float = 30.0
    claims: float = 90.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What receiving needs of the other parts of the bridge. ``provider_answers``: whether the provider of a route answers
    STOP by itself."""

    numbers: Numbers
    residents: Residents
    files: Files
    reports: Reports
    answering: Answering
    trouble: Trouble
    decoding: Decoding = decode
    groups: Groups | None = None
    provider_answers: Callable[[str], bool] = lambda route: False


class Receiving:
    """``intake`` is for routes. ``run`` is its task; ``close`` before its end."""

    def __init__(self, services: Services, terms: Terms, neighbours: Neighbours) -> None:
        self._services = services
        self._terms = terms
        self._neighbours = neighbours
        tables, name, clock, random = services.tables, services.name, services.clock, services.random
        numbers, residents = neighbours.numbers, neighbours.residents
        self._store = Store(tables, name)
        self.ledger = Ledger(tables, name, terms.consent, clock)
        self.routing = Routing(tables, name, clock, terms.sticky * _DAY)
        self.delivering = Delivering(
            self._store, Showing(residents, neighbours.files, neighbours.groups), residents, clock
        )
        self.consent = Consent(
            self.ledger,
            self._store,
            numbers,
            self.routing,
            self.delivering,
            neighbours.answering,
            clock,
            random,
            terms.region,
        )
        self.sorting = Sorting(
            self._store,
            numbers,
            self.routing,
            self.ledger,
            neighbours.decoding,
            self.delivering,
            neighbours.trouble,
            clock,
            Rules(terms.region, terms.reassembly, neighbours.provider_answers),
            owes=self.consent.look,
        )
        self.ownership = Ownership(tables, name, self._store, residents, self.delivering, clock, random)
        self.intake = Intake(
            self._store,
            neighbours.reports,
            self.consent,
            neighbours.trouble,
            clock,
            random,
            taken=self.sorting.taken,
            doubtful=self.sorting.doubt,
            waiting=lambda: self.sorting.waiting,
            limits=terms.intake,
            verbosity=services.verbosity,
            bridge=name,
        )

    @property
    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
        """What was taken, sorted and shown, since the start."""
        return asdict(self.intake.counts), asdict(self.sorting.counts), asdict(self.delivering.counts)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sorting.run())
            group.create_task(self.delivering.run())
            group.create_task(self.consent.run())
            group.create_task(self._sweeping())

    async def close(self) -> None:
        """Nothing is taken any more; what was taken goes on at the next start."""
        await self.intake.close()
        await self.delivering.close()

    def wake(self, owner: str) -> None:
        """A user's session is there."""
        self.delivering.wake(owner)

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        self.routing.forget(owner)
        self.delivering.forget(owner)

    async def reroute(self) -> int:
        """Numbers have other users now: bring what was nobody's to whose it is. Returns how many messages found somebody.
        Raises ``NotStored``."""
        found, after = 0, 0.0
        while rows := await self._store.nobodys(after, _BATCH):
            for row in rows:
                after = row.at
                number = self._neighbours.numbers.at(row.ours, row.route)
                found += await self._bring(row, number)
        return found

    async def _bring(self, row: Delivery, number: OurNumber | None) -> bool:
        whose = await self.routing.whose(number, row.contact)
        if not whose.owners:
            return False
        brought = [row.to(owner) for owner in whose.owners]
        await self._store.bring(row, brought)
        self.delivering.fresh(brought)
        return True

    async def sweep(self) -> None:
        """Forget what is older than the terms say; look whether what was nobody's is somebody's now. Raises
        ``NotStored``."""
        now, terms = self._services.clock.now(), self._terms
        await self.reroute()
        await self._store.sweep(
            now - terms.known_again * _DAY, now - terms.reassembly.seconds, now - terms.nobodys * _DAY
        )
        if given_up := await self._store.give_up(now - terms.waiting * _DAY):
            log.warning("texts were deleted that their users did not come for", texts=given_up)
        await self.routing.sweep()
        await self.ownership.sweep(now - terms.claims * _DAY)

    async def _sweeping(self) -> None:
        while True:
            try:
                await self.sweep()
            except NotStored as error:
                log.warning("old texts could not be swept", reason=str(error))
            await self._services.clock.sleep(_SWEEP)
