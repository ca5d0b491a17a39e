"""The composition root of the SMS bridge: all its parts, built once what is in the tables has been read, and their lives."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bridges.sms import addresses
from bridges.sms.addresses import Place
from bridges.sms.alarms import Alarms
from bridges.sms.building import built
from bridges.sms.config import RouteSettings, SmsSettings
from bridges.sms.conversations import Conversations
from bridges.sms.departures import Departures
from bridges.sms.groups import Groups
from bridges.sms.http.webhooks import Webhooks
from bridges.sms.numbers import Numbers, ordered
from bridges.sms.orders import Orders
from bridges.sms.own import OwnAccounts
from bridges.sms.people import People
from bridges.sms.policy import Policy
from bridges.sms.receiving.intake import IntakeLimits
from bridges.sms.receiving.reassembly import ReassemblyLimits
from bridges.sms.receiving.receiving import Neighbours, Receiving, Terms
from bridges.sms.registering import Registrar
from bridges.sms.routes import Routes
from bridges.sms.sending.messages import Outgoing, message_id
from bridges.sms.sending.sender import Sender
from bridges.sms.text.counting import count, plain
from bridges.sms.traffic import NotTaken, Report, Route, Unfit
from gateway.bridge import Blob, Contained, MediaError, NotStored, Services
from gateway.model import Attachment, Condition, Refused

_log = structlog.get_logger(__name__)

_DAY, _YEAR = 86_400.0, 366 * 86_400.0
_AGAIN = 5.0  # seconds between attempts at what has to work before anything can
#: Makes a route of what is configured under its name.
Building = Callable[[str, RouteSettings, Services, Webhooks], Route]
#: The owner of the few texts that are nobody's: answers to STOP, codes.
NOBODY = ""


class Office:
    """``run`` is its life. Sessions wait for ``opened``."""

    def __init__(self, settings: SmsSettings, services: Services, build: Building = built) -> None:
        self.settings = settings
        self.services = services
        self.place = Place(settings.region)
        self.numbers = Numbers(settings.numbers, services)
        self.conversations = Conversations(services)
        self.people = People(self.conversations)
        self.groups = Groups(services, self.people)
        self.alarms = Alarms(settings.operator, self.people, services.clock, self.numbers.owner_of)
        self.policy = Policy(settings, services, lambda text: self.alarms("", text))
        self.registrar = Registrar(settings, services, self.numbers, self.policy, self.place)
        self.webhooks = Webhooks(services)
        self.routes = Routes(
            (build(name, each, services, self.webhooks) for name, each in settings.routes.items()),
            services.clock,
        )
        self.own = OwnAccounts(
            settings,
            services,
            self.numbers,
            self.routes,
            lambda name, each: build(name, each, services, self.webhooks),
            self.place,
        )
        self._parts: asyncio.Future[Parts] | None = None

    def reconfigure(self, settings: SmsSettings) -> None:
        """What whoever decides asks for each time holds from now on; the rest is as it was."""
        self.settings = settings
        self.policy.reconfigure(settings)
        if self.parts is not None:
            self.parts.departures.reconfigure(settings)
            self.parts.receiving.intake.reconfigure(_intake(settings))

    async def opened(self) -> "Parts":
        """All parts, once they are there."""
        return await asyncio.shield(self._future())

    @property
    def parts(self) -> "Parts | None":
        """All parts, if they are there."""
        future = self._parts
        return future.result() if future is not None and future.done() else None

    def _future(self) -> "asyncio.Future[Parts]":
        if self._parts is None:
            self._parts = asyncio.get_running_loop().create_future()
        return self._parts

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        self.own.forget(owner)
        self.numbers.forget(owner)
        self.conversations.forget(owner)
        self.groups.forget(owner)
        self.policy.forget(owner)
        if self.parts is not None:
            self.parts.forget(owner)

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.numbers.restore()
                await self.own.restore()
                await self.groups.restore()
                await self.policy.restore()
            except NotStored as error:
                _log.error("the SMS bridge cannot begin", reason=str(error))
                await self.services.clock.sleep(_AGAIN)
            else:
                break
        parts = Parts(self)
        self._future().set_result(parts)
        await parts.run()


class Parts:
    """What sends, receives and decides."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._work: asyncio.Queue[Awaitable[None]] = asyncio.Queue()
        settings, services = office.settings, office.services
        self.sender = Sender(
            services.tables,
            services.name,
            Choosing(office),
            office.people,
            office.alarms,
            clock=services.clock,
            chance=services.random,
            pace=settings.sending.pace,
            verbosity=services.verbosity,
        )
        self.receiving = Receiving(
            services,
            Terms(
                settings.region,
                ReassemblyLimits(settings.parts_wait),
                _intake(settings),
                settings.consent,
                sticky=settings.pool_days,
                claims=settings.claim_days,
            ),
            Neighbours(
                office.numbers,
                office.people,
                self,
                self,
                self,
                office.alarms,
                groups=office.groups,
                provider_answers=self.answers_stop,
            ),
        )
        ownership = self.receiving.ownership
        self.departures = Departures(
            settings,
            numbers=office.numbers,
            conversations=office.conversations,
            groups=office.groups,
            people=office.people,
            policy=office.policy,
            sending=self,
            consent=self.receiving.ledger,
            pools=self.receiving.routing,
            teams=ownership,
            routes=office.routes,
            count=lambda text: count(text).segments,
            plain=plain,
            spawn=self.spawn,
        )
        self.orders = Orders(
            people=office.people,
            numbers=office.numbers,
            conversations=office.conversations,
            groups=office.groups,
            claims=ownership,
            spawn=self.spawn,
        )

    def spawn(self, work: Awaitable[None]) -> None:
        """Beside all else; nothing is asked of us before ``run``."""
        self._work.put_nowait(work)

    # -- sending -----------------------------------------------------------------------------------------------

    async def submit(self, outgoing: Outgoing) -> str:
        return await self.sender.submit(outgoing)

    async def refusal(self, ours: str, theirs: str) -> Refused | None:
        """``registering.Sending``."""
        return await self.receiving.ledger.refusal(ours, theirs)

    async def known(self, owner: str, reference: str) -> str | None:
        asked = Outgoing(owner, "", "", (), "", reference)
        id_ = message_id(self._office.services.name, asked, self._office.services.random)
        return id_ if await self.sender.state_of(id_) is not None else None

    async def answer(self, ours: str, theirs: str, text: str, reference: str) -> None:
        """``receiving.residents.Answering``."""
        wire = addresses.wire(theirs)
        await self.sender.submit(Outgoing(NOBODY, f"{ours} {theirs}", ours, (wire,), text, reference))

    # -- receiving ---------------------------------------------------------------------------------------------

    async def reported(self, report: Report) -> None:
        """``receiving.intake.Reports``."""
        await self.sender.reported(report)
        if report.optout and report.recipient and report.reference:
            await self._opted_out(report)

    async def _opted_out(self, report: Report) -> None:
        """The provider refused it, since the recipient has told it STOP for the number that it came from."""
        try:
            known = await self.sender.state_of(report.reference)
            if known is not None and any(route == report.route for _, route, _ in known.pieces):
                theirs = addresses.sender(report.recipient, self._office.place)
                await self.receiving.consent.provider_says(known.sender, theirs, stopped=True)
        except NotStored as error:
            raise NotTaken("The gateway's database cannot be written just now.") from error

    def answers_stop(self, route: str) -> bool:
        """Whether the provider of a route answers STOP by itself."""
        way = self._office.routes.find(route)
        return way is not None and way.ways.answers_stop

    async def fetch(self, attachment: Attachment, owner: str, route: str) -> Blob:
        """``receiving.residents.Files``."""
        way = self._office.routes.find(route)
        headers = way.media_headers(attachment.url) if way is not None else None
        if headers is None:
            # Whoever sends a text shall not say where the gateway is to go for it.
            text = (
                "it lies where its provider keeps no files; the operator can name the host in `media_hosts`."
            )
            raise MediaError(Refused(Condition.NOT_ALLOWED, text))
        return await self._office.services.media.fetch(attachment, owner, headers)

    def here(self, owner: str) -> None:
        """A user's session has begun: what waits for it goes on."""
        self.sender.present(owner)
        self.receiving.wake(owner)

    def forget(self, owner: str) -> None:
        self.receiving.forget(owner)
        self.spawn(self.sender.forget(owner))

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; then nothing more is taken, and what is under way has a moment."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.sender.run())
                group.create_task(self.receiving.run())
                group.create_task(self._office.policy.run())
                group.create_task(self._office.routes.run(self.receiving.intake))
                group.create_task(self._working(group))
                group.create_task(self._sweeping())
        finally:
            await self.receiving.close()

    async def _sweeping(self) -> None:
        clock = self._office.services.clock
        while True:
            try:
                await self._office.conversations.sweep(clock.now() - _YEAR)
                await self.receiving.ledger.sweep(clock.now() - _YEAR)
            except NotStored as error:
                _log.warning("what is old could not be swept", reason=str(error))
            await clock.sleep(_DAY)

    async def _working(self, group: asyncio.TaskGroup) -> None:
        while True:
            group.create_task(_guarded(await self._work.get()))


class Choosing:
    """``sending.carrying.Choosing``: the routes of a number, in the operator's order."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def candidates(self, owner: str, sender: str, recipients: Sequence[str]) -> Sequence[Route]:
        ours = self._office.numbers.find(sender)
        names = ordered(self._office.settings.ways, ours.routes, recipients[0]) if ours is not None else ()
        routes = [each for name in names if (each := self._office.routes.find(name)) is not None]
        if len(recipients) > 1:
            routes = [each for each in routes if each.ways.groups]
        if not sender.lstrip("+").isdigit():
            routes = [each for each in routes if each.ways.alphanumeric]
        if not routes:
            raise Unfit(
                Refused(
                    Condition.INTERNAL_SERVER_ERROR,
                    f"No route of this gateway sends that from {addresses.label(sender)}; its operator has to look.",
                )
            )
        return routes

    def route(self, name: str) -> Route | None:
        return self._office.routes.find(name)


def _intake(settings: SmsSettings) -> IntakeLimits:
    return IntakeLimits(rate=settings.limits.received_per_minute)


async def _guarded(work: Awaitable[None]) -> None:
    """One user's message that fails ends nothing else."""
    with Contained(_log, "something that a user asked for failed"):
        await work
