"""Everything that receives mail, put together: the door, the rows behind it, and the way to the chat."""

import asyncio
import shutil
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from bridges.email.addresses import Mailbox, ascii_domain, parse
from bridges.email.composing.seals import Seals
from bridges.email.composing.threads import Threads
from bridges.email.receiving.actions import Actions
from bridges.email.receiving.arrivals import Arrival, Arrivals
from bridges.email.receiving.blocks import Blocks
from bridges.email.receiving.closing import Closings
from bridges.email.receiving.contacts import Contacts
from bridges.email.receiving.intake import Intake, IntakeLimits, Waiting
from bridges.email.receiving.lmtp import Limits, Listener
from bridges.email.receiving.neighbours import Folding, Reading, Replies, Returns, Rooming
from bridges.email.receiving.originals import Originals, place
from bridges.email.receiving.pipeline import Pipeline
from bridges.email.receiving.quarantine import Quarantine
from bridges.email.receiving.residents import Operator, Residents
from bridges.email.receiving.screening import Screening
from bridges.email.receiving.showing import Showing
from bridges.email.receiving.trust import Believed
from gateway.bridge import NotStored, Services

log = structlog.get_logger(__name__)

_DAY = 86_400.0
_SWEEP = 3_600.0
_ORPHANED = 3_600.0  # seconds after which a file that no row names is left over


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets. ``domains`` are those whose mail is ours, as ``Mailbox.domain`` has them; ``hostname`` is how
    the gateway names itself. Days: ``kept`` is how long a mail as it came can be asked for, ``known_again`` how long the
    same mail again is recognised, ``held`` how long somebody can decide about it, ``remembered`` how long people are known
    who were not heard of."""

    domains: Sequence[str]
    hostname: str
    lmtp: Limits = field(default_factory=Limits)
    intake: IntakeLimits = field(default_factory=IntakeLimits)
    hold_unverified: bool = False
    kept: float = 30.0
    known_again: float = 7.0
    held: float = 30.0
    remembered: float = 400.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What receiving needs of the other parts of the bridge. ``is_return`` says whether a mailbox is a return address."""

    residents: Residents
    operator: Operator
    returns: Returns
    is_return: Callable[[Mailbox], bool]
    replies: Replies
    rooms: Rooming
    threads: Threads
    seals: Seals
    reading: Reading
    folding: Folding


class Receiving:
    """``restore`` first, then ``run`` as a task and ``open_tcp`` or ``open_unix``; ``close``, then the task's end."""

    def __init__(
        self,
        services: Services,
        terms: Terms,
        believed: Callable[[], Believed],
        neighbours: Neighbours,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._services = services
        self._terms = terms
        self._scratch = services.directory / "reading"
        tables, clock, residents = services.tables, services.clock, neighbours.residents
        self.arrivals = Arrivals(tables, services.name)
        self.contacts = Contacts(tables, services.name)
        self.blocks = Blocks(tables, services.name)
        self._originals = Originals(place(services.directory), self.arrivals)
        waiting = Waiting()
        # Above all that the operator's servers wrote stands our own Received.
        own = frozenset({terms.hostname.lower()})

        def trusted() -> Believed:
            given = believed()
            return replace(given, own_hosts=given.own_hosts | own)

        def trusted_for(arrival: Arrival) -> Believed:
            # What a mailbox elsewhere holds never passed the operator's servers: their name in it is anybody's.
            return residents.provider(arrival.owner, parse(arrival.recipient)) or trusted()

        screening = Screening(
            self.contacts, self.blocks, residents, clock, trusted, hold_unverified=terms.hold_unverified
        )
        closings = Closings(tables)
        showing = Showing(
            closings,
            self.arrivals,
            self._originals,
            neighbours.threads,
            self.contacts,
            screening,
            residents,
            neighbours.operator,
            neighbours.returns,
            neighbours.replies,
            neighbours.rooms,
            neighbours.reading,
            neighbours.folding,
            neighbours.seals,
            clock,
            trusted_for,
            frozenset(map(ascii_domain, terms.domains)),
            self._scratch,
        )
        self.pipeline = Pipeline(self.arrivals, showing, closings, waiting, clock)
        self.intake = Intake(
            self.arrivals,
            self._originals,
            residents,
            screening,
            clock,
            services.random,
            domains=terms.domains,
            hostname=terms.hostname,
            returns=neighbours.is_return,
            taken=self.pipeline.taken,
            waiting=waiting,
            limits=terms.intake,
            verbosity=services.verbosity,
            bridge=services.name,
        )
        self.quarantine = Quarantine(self.arrivals, screening, waiting, self.pipeline.wake)
        self.actions = Actions(
            self.arrivals, self._originals, residents, neighbours.reading, clock, trusted_for, self._scratch
        )
        self._listener = Listener(self.intake, terms.hostname, terms.lmtp, tls)

    def reconfigure(self, terms: Terms) -> None:
        """The rates, what may wait and how long something is held are these from now on."""
        self._terms = terms
        self.intake.reconfigure(terms.intake)

    async def restore(self) -> None:
        """What has to be known before the door opens. Raises ``NotStored``."""
        await self.blocks.restore()
        await self.intake.restore()
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pipeline.run())
            group.create_task(self._sweeping())

    async def open_tcp(self, host: str, port: int) -> int:
        """Raises OSError."""
        return await self._listener.open_tcp(host, port)

    async def open_unix(self, path: Path, mode: int) -> None:
        """Raises OSError."""
        await self._listener.open_unix(path, mode)

    async def close(self) -> None:
        """No mail is taken any more; what was taken goes on at the next start."""
        await self._listener.close()
        await self.intake.close()

    def wake(self, owner: str) -> None:
        """A user's session is there."""
        self.pipeline.wake(owner)

    async def sweep(self) -> None:
        """Forget what is older than the terms say. Raises ``NotStored`` and OSError."""
        now = self._services.clock.now()
        terms = self._terms
        await self.arrivals.forget_again(now - terms.known_again * _DAY)
        await self.quarantine.expire(now - terms.held * _DAY)
        await self.arrivals.sweep(now - max(terms.kept, terms.known_again) * _DAY)
        await self.contacts.sweep(now - terms.remembered * _DAY)
        await self._originals.sweep(await self.arrivals.files(), now - _ORPHANED)

    async def _sweeping(self) -> None:
        while True:
            try:
                await self.sweep()
            except (NotStored, OSError) as error:
                log.warning("old mail could not be swept", reason=str(error))
            await self._services.clock.sleep(_SWEEP)
