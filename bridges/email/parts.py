"""Everything of the email bridge that needs its key: built once that is there, wired, and run together."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from bridges.email.adapters import Answers, Lines, Watching, fold
from bridges.email.addresses import Mailbox, parse
from bridges.email.attached.custody import Custodians
from bridges.email.attached.lanes import NULL, Lanes
from bridges.email.composing.composer import Composer
from bridges.email.composing.places import Letterhead, Limits
from bridges.email.composing.seals import Seals
from bridges.email.composing.threads import Threads
from bridges.email.config import EmailSettings
from bridges.email.departures import Departures
from bridges.email.identity import Identities
from bridges.email.imap.watch import Cursors
from bridges.email.mime.reader import Reader
from bridges.email.news import MailNews
from bridges.email.orders import Orders
from bridges.email.people import People
from bridges.email.receipts import Receipts
from bridges.email.receiving import lmtp
from bridges.email.receiving.actions import Actions
from bridges.email.receiving.contacts import EmailContact
from bridges.email.receiving.intake import IntakeLimits
from bridges.email.receiving.quarantine import Quarantine
from bridges.email.receiving.receiving import Neighbours, Receiving, Terms
from bridges.email.receiving.trust import Believed
from bridges.email.rooms import ThreadRooms
from bridges.email.sending.bounces import Bounce, Bounces
from bridges.email.sending.filing import Filings
from bridges.email.sending.queue import Queue
from bridges.email.sending.returned import Returns
from bridges.email.sending.smarthost import Connection
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import ReturnPaths
from bridges.email.suspensions import Suspensions
from bridges.email.ways import dialling_of, smarthost_of
from gateway.bridge import Contained, NotKept, Services
from gateway.model import Condition, Message, Refused

_log = structlog.get_logger(__name__)

_AGAIN = 5.0  # seconds between attempts at what has to work before anything can


class Parts:
    """``run`` is their life, after ``receiving.restore``."""

    def __init__(
        self,
        settings: EmailSettings,
        services: Services,
        key: bytes,
        *,
        identities: Identities,
        people: People,
        rooms: ThreadRooms,
        suspensions: Suspensions,
    ) -> None:
        self._settings = settings
        self._services = services
        self._identities = identities
        self._people = people
        self._gone: asyncio.Queue[str] = asyncio.Queue()  # users who are erased
        self._work: asyncio.Queue[Awaitable[None]] = asyncio.Queue()
        clock, tables, name = services.clock, services.tables, services.name
        seals = Seals(key)
        paths = ReturnPaths(key, settings.return_domain)
        smarthost = smarthost_of(settings)
        self._believed = _believed(settings)
        self.threads = Threads(tables, name)
        self.sendings = Sendings(tables, name)
        self.bounces = Bounces(tables, name, self._bounced)
        self._lines = Lines(self.sendings, self.threads)
        self.news = MailNews(people, self._lines, settings.receipts)
        self.teller = Teller(self.sendings, self.news, clock)
        self.queue = Queue(
            self.sendings,
            services.directory / "outbound",
            lambda: Connection.open(smarthost),
            paths.address,
            Watching(self.teller, self.bounces, clock.now),
            clock=clock,
            chance=services.random,
            connections=settings.smarthost.connections,
            place=smarthost.place,
            reports_of_success=settings.receipts != "off",
            verbosity=services.verbosity,
            bridge=name,
        )
        answers = Answers(
            Returns(self.sendings, self.bounces, self.teller, clock),
            paths,
            self.sendings,
            people,
            suspensions,
            clock,
        )
        self.reader = Reader()
        self.receiving = Receiving(
            services,
            self._terms(),
            lambda: self._believed,
            Neighbours(
                people,
                self,
                answers,
                answers.is_return,
                self._lines,
                rooms,
                self.threads,
                seals,
                self.reader,
                fold,
            ),
        )
        # Receipts have no return address: nothing is to come back of them.
        self._null = Queue(
            self.sendings,
            services.directory / "outbound",
            lambda: Connection.open(smarthost),
            lambda row, now: "",
            Watching(self.teller, self.bounces, clock.now),
            clock=clock,
            chance=services.random,
            connections=1,
            place=smarthost.place,
            lane=NULL,
        )
        self.lanes = Lanes(
            self.sendings,
            services.directory / "outbound",
            self.queue,
            self._null,
            Watching(self.teller, self.bounces, clock.now),
            settings.ours,
            clock=clock,
            chance=services.random,
            verbosity=services.verbosity,
            bridge=name,
        )
        self.custodians = Custodians(
            dialling_of(settings, services),
            self.lanes,
            Cursors(tables, name),
            self.receiving.intake,
            Filings(tables, name, services.directory / "outbound"),
            largest=settings.limits.message_size,
            now=clock.now,
        )
        self.departures = Departures(
            self.lanes,
            settings.limits,
            sendings=self.sendings,
            contacts=self.receiving.contacts,
            identities=identities,
            people=people,
            suspensions=suspensions,
            clock=clock,
        )
        self._letterhead = letterhead = Letterhead(settings.return_domain, seals, settings.footer)
        self.receipts = Receipts(
            tables,
            name,
            people,
            self.receiving.actions,
            self.receiving.contacts,
            self.lanes,
            letterhead,
            services.directory / "outbound",
            settings.ours,
            clock,
            services.random,
            f"Causeway {services.version}",
        )
        self.composer = Composer(
            services,
            self.threads,
            self.departures,
            people,
            people,
            letterhead,
            _limits(settings),
        )
        self.orders = Orders(services, people, rooms, self, self._spawn)

    def reconfigure(self, settings: EmailSettings) -> None:
        """These hold from now on, as far as nothing was made of them."""
        self._settings = settings
        self._believed = _believed(settings)
        self.departures.reconfigure(settings.limits)
        self._letterhead = replace(self._letterhead, footer=settings.footer)
        self.composer.reconfigure(self._letterhead, _limits(settings))
        self.receiving.reconfigure(self._terms())

    def _spawn(self, work: Awaitable[None]) -> None:
        """Beside all else; nothing is asked of us before ``run``."""
        self._work.put_nowait(work)

    def _terms(self) -> Terms:
        limits = self._settings.limits
        return Terms(
            self._settings.domains,
            self._settings.return_domain,
            lmtp.Limits(size=limits.message_size, connections=self._settings.lmtp.connections),
            IntakeLimits(
                limits.waiting_size,
                rate=limits.received_per_hour,
                rate_of_sender=limits.received_from_one_per_hour,
            ),
            self._settings.trust.unverified == "hold",
            held=limits.quarantine_days,
        )

    @property
    def actions(self) -> Actions:
        return self.receiving.actions

    @property
    def quarantine(self) -> Quarantine:
        return self.receiving.quarantine

    def forget(self, owner: str) -> None:
        self.receiving.contacts.forget(owner)
        self.custodians.forget(owner)
        self._gone.put_nowait(owner)

    async def _forgetting(self) -> None:
        while True:
            await self.composer.forget(await self._gone.get())

    # -- what they tell ----------------------------------------------------------------------------------------

    def here(self, owner: str) -> None:
        """A user's session has begun: what waits for it goes on."""
        self.composer.ready(owner)
        self.teller.present(owner)
        self.receiving.wake(owner)

    def now(self) -> float:
        return self._services.clock.now()

    def read(self, owner: str, mail: str) -> None:
        """The user has seen a mail."""
        self.custodians.read(owner, mail)
        if self.receipts.wanted(owner):
            self._spawn(self.receipts.read(owner, mail))

    def refuses(self, owner: str, mailbox: Mailbox) -> bool:
        return self.receiving.blocks.blocked(owner, mailbox)

    async def contacts_of(self, owner: str) -> Sequence[EmailContact]:
        return await self.receiving.contacts.of(owner)

    async def contact(self, owner: str, address: str) -> EmailContact:
        return await self.receiving.contacts.find(owner, address)

    async def bounces_of(self, owner: str) -> Mapping[str, Bounce]:
        return await self.bounces.of(owner)

    def _bounced(self, owner: str, mailbox: Mailbox, bounce: Bounce | None) -> None:
        session = self._people.session(owner)
        if session is not None:
            session.bounced(mailbox.folded, bounce)

    async def receive(self, message: Message) -> None:
        """``receiving.residents.Operator``: to whoever reads the postmaster's mail."""
        reader = self._settings.postmaster
        resident = self._identities.find(parse(reader)) if reader else None
        sink = self._people.sink(resident.owner) if resident is not None else None
        if sink is None:
            why = "`postmaster` of the email bridge names no user who is here."
            raise NotKept(Refused(Condition.RECIPIENT_UNAVAILABLE, why))
        await sink.direct_committed(message)

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; then mail that is under way has a moment."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.composer.run())
                group.create_task(self.queue.run())
                group.create_task(self._null.run())
                group.create_task(self.teller.run())
                group.create_task(self.receiving.run())
                group.create_task(self._listen())
                group.create_task(self._forgetting())
                group.create_task(self._working(group))
        finally:
            await self.receiving.close()
            await self.reader.close()

    async def _working(self, group: asyncio.TaskGroup) -> None:
        while True:
            group.create_task(_guarded(await self._work.get()))

    async def _listen(self) -> None:
        """Open the door; a port that somebody else still has is tried again."""
        settings = self._settings.lmtp
        while True:
            try:
                if settings.path is not None:
                    place: str | Path = settings.path
                    await self.receiving.open_unix(settings.path, int(settings.socket_mode, 8))
                else:
                    host, port = settings.address
                    place = f"{host}:{await self.receiving.open_tcp(host, port)}"
            except OSError as error:
                _log.error("mail cannot be received", listen=settings.listen, reason=error.strerror)
                await self._services.clock.sleep(_AGAIN)
            else:
                _log.info("mail is received", listen=str(place))
                return


def _believed(settings: EmailSettings) -> Believed:
    trust = settings.trust
    return Believed.of(trust.authserv_ids, trust.own_hosts, trust.spam_fields)


def _limits(settings: EmailSettings) -> Limits:
    return Limits(
        size=settings.limits.message_size,
        recipients=settings.limits.recipients,
        silence=settings.window,
        longest=settings.window_longest,
    )


async def _guarded(work: Awaitable[None]) -> None:
    """One user's order that fails ends nothing else."""
    with Contained(_log, "something that a user asked for failed"):
        await work
