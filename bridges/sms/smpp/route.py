"""A route over SMPP: ``bridges.sms.traffic.Route`` for an account with a message centre.

It puts together the connections, the turns, what is written and what is read. It keeps nothing: what is not answered here is
unknown there, and what is not kept there is not answered here.
"""

import asyncio
import random
import ssl
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Final, cast

import structlog

from bridges.sms.smpp import reading, status
from bridges.sms.smpp.arrivals import Arrivals
from bridges.sms.smpp.binds import Binds, Login, Pauses
from bridges.sms.smpp.bodies import Bind, Message, Unwritable
from bridges.sms.smpp.commands import Npi
from bridges.sms.smpp.dialling import Connector, Endpoint, tcp
from bridges.sms.smpp.events import Answered, Brought
from bridges.sms.smpp.examining import examine
from bridges.sms.smpp.link import Failed, Link, NotWritten, Silence, Token
from bridges.sms.smpp.repeats import Repeats
from bridges.sms.smpp.session import NEVER, NOT_NOW, Timing
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.smpp.turns import Slot, Turns
from bridges.sms.smpp.writing import Long, Manner, submissions
from bridges.sms.traffic import (
    Accepted,
    Alphabet,
    Away,
    Coverage,
    Failing,
    Intake,
    NotTaken,
    Outcome,
    Rejected,
    Report,
    Seen,
    Stage,
    Submission,
    Unfit,
    Unknown,
    Ways,
)
from gateway.bridge import Clock, Finding
from gateway.model import Condition, Refused

log = structlog.get_logger(__name__)

_OK: Final = 0
_PATIENCE: Final = 5.0  # seconds after which others than this route may be asked
_THROTTLED: Final = 60.0  # seconds for which a segment waits for room that the message centre does not have
_REMEMBERED: Final = 256  # texts of several segments that are being sent
_COUNTED: Final = (
    "accepted",
    "refused",
    "throttled",
    "unknown",
    "received",
    "again",
    "reported",
    "postponed",
    "late",
)


class Centre:
    """``traffic.Route``. ``name`` as configured. ``pauses`` and ``connector`` are others' in tests."""

    def __init__(
        self,
        name: str,
        settings: SmppRoute,
        clock: Clock,
        rng: random.Random,
        *,
        connector: Connector = tcp,
        pauses: Pauses | None = None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._intake: Intake | None = None
        self._arrivals = Arrivals()
        self._repeats = Repeats(clock)
        self._segmented: OrderedDict[str, tuple[Submission, Sequence[Message]]] = OrderedDict()
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._turns = Turns(clock, rate=settings.rate, lane_rate=settings.bind_rate, patience=_PATIENCE)
        self._binds = Binds(
            name,
            settings.modes,
            self._login,
            timing=Timing(
                bind=settings.timeout, response=settings.response_timeout, silence=settings.enquire_interval
            ),
            window=settings.window,
            listener=self,
            turns=self._turns,
            trouble=self._trouble,
            clock=clock,
            rng=rng,
            connector=connector,
            pauses=pauses or Pauses(),
        )
        self._alphabet = Alphabet(settings.alphabet)
        self._manner = _manner(settings)
        self._by_text = settings.receipts == "text"
        self._ways = Ways(coverage=Coverage(settings.coverage), alphanumeric=settings.alphanumeric)

    # -- traffic.Route -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> Ways:
        return self._ways

    def pieces(self, submission: Submission) -> int:
        return len(self._messages(submission))

    def turn(self) -> "_Turn":
        return _Turn(self)

    async def run(self, intake: Intake) -> None:
        self._intake = intake
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrivals.run())
            group.create_task(self._binds.run())

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        return None

    async def trial(self) -> Sequence[str]:
        mode = self._settings.modes[0]
        try:
            link = await self._binds.open(f"{self._name}/trial", mode)
        except Failed as failed:
            return [f"{failed}."]
        await link.close()
        return []

    async def examined(self) -> Sequence[Finding]:
        return await examine(self._name, self._settings, self._binds, self.seen(), self._clock)

    def seen(self) -> Seen:
        bound = sum(not link.closed.done() for link in self._binds.links)
        wanted = len(self._settings.modes)
        detail = f"{bound} of {wanted} connections" if bound else self._turns.why
        return Seen(bound > 0, detail, self._turns.queue, self._binds.since, dict(self._counts))

    # -- link.Listener -------------------------------------------------------------------------------------------------

    def brought(self, link: Link, brought: Brought) -> None:
        message = brought.message
        if not self._arrivals.put((message.source, message.destination), partial(self._keep, link, brought)):
            self._counts["postponed"] += 1
            link.answer(brought, NOT_NOW)

    def changed(self, link: Link) -> None:
        self._turns.serve()

    def answered(self, token: Token, answer: Answered) -> None:
        now = self._clock.monotonic()
        if answer.congestion is not None:
            self._turns.congestion.heard(answer.congestion, now)
        if answer.status in status.THROTTLES:
            self._counts["throttled"] += 1
            self._turns.backoff.refused(token.written, now)
        else:
            self._turns.backoff.taken(token.written)

    def late(self, token: Token, answer: Answered) -> None:
        """The message was given up as unknown; whoever waits for news of it gets some."""
        submission = token.context
        if not isinstance(submission, Submission):
            return
        self._counts["late"] += 1
        recipient = submission.recipients[0]
        if answer.status == _OK:
            report = Report(self._name, Stage.BUFFERED, answer.message_id, submission.reference, recipient)
        else:
            rejected = status.rejected(answer.status)
            report = Report(
                self._name, Stage.FAILED, "", submission.reference, recipient, rejected.code, rejected.why
            )
        if not self._arrivals.put((recipient, submission.sender), partial(self._tell, report)):
            log.warning("a late answer was dropped: too much waits to be kept", route=self._name)

    # -- what comes ----------------------------------------------------------------------------------------------------

    async def _keep(self, link: Link, brought: Brought) -> None:
        """The network has its answer only when this is done."""
        message = brought.message
        if self._repeats.again(message, link):
            self._counts["again"] += 1
            status = _OK
        else:
            status = await self._kept(message)
        if not link.answer(brought, status) and status == _OK:
            self._repeats.unanswered(message, link)

    async def _kept(self, message: Message) -> int:
        """The command_status that it is answered with."""
        intake = self._intake
        if intake is None:
            return NOT_NOW
        try:
            found = reading.read(message, self._name, self._alphabet, by_text=self._by_text)
            if isinstance(found, Report):
                self._counts["reported"] += 1
                await intake.reported(found)
            else:
                self._counts["received"] += 1
                await intake.received(found)
        except NotTaken as error:
            self._counts["postponed"] += 1
            return NEVER if error.never else NOT_NOW
        except Exception:
            # A mistake of ours: the network keeps the message.
            log.exception("a message from the network could not be kept", route=self._name)
            return NOT_NOW
        return _OK

    async def _tell(self, report: Report) -> None:
        if self._intake is not None:
            try:
                await self._intake.reported(report)
            except NotTaken as error:
                log.warning("a late answer could not be kept", route=self._name, why=str(error))
            except Exception:
                log.exception("a late answer could not be kept", route=self._name)

    # -- what is sent --------------------------------------------------------------------------------------------------

    def _messages(self, submission: Submission) -> Sequence[Message]:
        """Its segments. Raises ``Unfit``."""
        known = self._segmented.get(submission.reference)
        if known is not None and known[0] == submission:
            return known[1]
        found = submissions(submission, self._manner)
        if len(found) > 1:
            self._segmented[submission.reference] = (submission, found)
            if len(self._segmented) > _REMEMBERED:
                self._segmented.popitem(last=False)
        return found

    async def _send(self, turn: "_Turn", submission: Submission, piece: int) -> Outcome:
        try:
            message = self._messages(submission)[piece]
        except Unfit as unfit:
            return Rejected(Failing.MESSAGE, unfit.refused)
        until = self._clock.monotonic() + _THROTTLED
        while True:
            try:
                token = turn.link().submit(message, submission)
            except NotWritten:
                return self._passing("the connection ended before it was written")
            except Unwritable as error:
                why = Refused(Condition.NOT_ACCEPTABLE, f"{self._name} cannot carry this message: {error}.")
                return Rejected(Failing.MESSAGE, why)
            answer = await token.answer
            if isinstance(answer, Silence):
                self._counts["unknown"] += 1
                return Unknown(f"{self._name}: {answer.text}.")
            if answer.status not in status.THROTTLES:
                return self._outcome(answer)
            pause = self._turns.backoff.wait(self._clock.monotonic())
            if self._clock.monotonic() + pause > until or not await turn.again():
                rejected = status.rejected(answer.status)
                return Rejected(Failing.PASSING, rejected.why, rejected.code, pause)

    def _outcome(self, answer: Answered) -> Outcome:
        if answer.status == _OK and answer.nacked:
            self._counts["unknown"] += 1
            return Unknown(f"{self._name} gave an answer that says nothing (generic_nack without an error).")
        if answer.status == _OK:
            self._counts["accepted"] += 1
            return Accepted(answer.message_id)
        self._counts["refused"] += 1
        return status.rejected(answer.status)

    def _passing(self, why: str) -> Rejected:
        refused = Refused(Condition.REMOTE_SERVER_TIMEOUT, f"{self._name} cannot be reached now: {why}.")
        return Rejected(Failing.PASSING, refused)

    # -- the account ---------------------------------------------------------------------------------------------------

    async def _login(self) -> Login:
        settings = self._settings
        try:
            if settings.secure or settings.password_file is not None:
                password, context = await asyncio.to_thread(_files, settings)
            else:
                password, context = _files(settings)
        except (OSError, ValueError) as error:
            raise Failed(_unreadable(error), lasting=True) from error
        endpoint = Endpoint(
            settings.host, settings.port_used, context, settings.server_name, settings.timeout
        )
        bind = Bind(
            settings.system_id,
            password,
            settings.system_type,
            settings.version,
            address_range=settings.address_range,
        )
        return Login(endpoint, bind)

    def _trouble(self, text: str) -> None:
        if self._intake is not None:
            self._intake.trouble(self._name, text)


class _Turn:
    """``traffic.Turn``, and the block in which there is one."""

    __slots__ = ("_centre", "_slot")

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._slot: Slot | None = None

    async def __aenter__(self) -> "_Turn":
        self._slot = await self._centre._turns.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._slot is not None:
            self._slot.give_back()

    async def send(self, submission: Submission, piece: int) -> Outcome:
        return await self._centre._send(self, submission, piece)

    def link(self) -> Link:
        """Where the piece is written, which has to be the next thing that happens."""
        slot = self._slot
        if slot is None or not slot.free:
            raise RuntimeError("a turn is for one piece")
        slot.used()
        return cast("Link", slot.lane)

    async def again(self) -> bool:
        """Wait for another turn, in the old place; whether there is one."""
        if self._slot is None:
            return False
        try:
            self._slot = await self._centre._turns.enter(self._slot.order)
        except Away:
            return False
        return True


def _manner(settings: SmppRoute) -> Manner:
    """Its ways of writing."""
    return Manner(
        alphabet=Alphabet(settings.alphabet),
        national=settings.national,
        long=Long(settings.long),
        most=settings.most_segments,
        receipts=settings.coverage != "nothing",
        service_type=settings.service_type,
        validity=settings.validity,
        plus=settings.plus,
        source_ton=settings.source_ton,
        source_npi=settings.source_npi,
        destination_ton=settings.destination_ton,
        destination_npi=settings.destination_npi,
        short_code=(settings.short_code_ton, Npi.UNKNOWN),
    )


def _files(settings: SmppRoute) -> tuple[str, ssl.SSLContext | None]:
    """Password and certificates, read anew. Raises OSError (``ssl.SSLError`` is one) and ValueError."""
    password = settings.password.get_secret_value() if settings.password is not None else ""
    if settings.password_file is not None:
        password = settings.password_file.read_text("utf-8").rstrip("\r\n")
    if not settings.secure:
        return password, None
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.client_certificate is not None:
        context.load_cert_chain(settings.client_certificate, settings.client_key)
    return password, context


def _unreadable(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"a certificate or key of the route cannot be used ({error.reason or error}): correct its file"
    name = getattr(error, "filename", None) or "a file of the route"
    why = getattr(error, "strerror", None) or str(error)
    return f"{name} cannot be read ({why}): correct the path, or let the user that runs Causeway read it"
