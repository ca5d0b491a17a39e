"""A route by a modem: ``bridges.sms.traffic.Route`` over the tables of gammu-smsd.

smsd sends one part after the other, each in some seconds, so one text of ours waits there at a time, and all others here,
where they can still go another way. A text is one piece: it is put into the tables as a whole, or not at all, and
what its parts have come to is put together here from what the tables say, which outlives both of us.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bridges.sms.gammu import parts
from bridges.sms.gammu.box import Box, Desk, NotPut
from bridges.sms.gammu.settings import GammuRoute
from bridges.sms.gammu.tables import OLDEST
from bridges.sms.traffic import (
    Accepted,
    Away,
    Coverage,
    Failing,
    Inbound,
    Intake,
    NotTaken,
    Outcome,
    Rejected,
    Report,
    Seen,
    Stage,
    Submission,
    Turn,
    Unfit,
    Unknown,
    Ways,
)
from gateway.bridge import Clock, Finding, Verdict
from gateway.model import Condition, Refused

_log = structlog.get_logger(__name__)

_PATIENCE = 60.0  # seconds that a text may wait for the one before it, until others than this route are asked
_DESK = 10.0  # seconds between two looks at the state of the modem
_WEAK = 15  # per cent of signal, with which texts are lost
_GIVEN_UP = 7 * 86_400.0  # seconds after which no network sends a report any more
_BROKEN = (SQLAlchemyError, OSError, ImportError)


class Modem:
    """``traffic.Route``. ``name`` as configured."""

    def __init__(self, name: str, settings: GammuRoute, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._box = Box(settings.url, settings.phone)
        self._ways = Ways(coverage=Coverage.HANDSET, alphanumeric=False, idempotent=True)
        self._order = asyncio.Lock()
        self._looked = asyncio.Event()
        self._why = "it is not started yet"
        self._detail = ""
        self._since: float | None = None
        self._queue = 0
        self._counts = dict.fromkeys(
            ("accepted", "refused", "unknown", "received", "reported", "postponed"), 0
        )
        self._told: dict[int, tuple[Stage, float]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> Ways:
        return self._ways

    def pieces(self, submission: Submission) -> int:
        self._cut(submission)
        return 1

    def _cut(self, submission: Submission) -> list[parts.Part]:
        if submission.sender != self._settings.number:
            words = f"{self._name} is a modem, which sends from no number but that of its SIM."
            raise Unfit(Refused(Condition.INTERNAL_SERVER_ERROR, words))
        return parts.cut(submission, self._settings.most_segments)

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        return None

    def seen(self) -> Seen:
        return Seen(not self._why, self._why or self._detail, self._queue, self._since, dict(self._counts))

    # -- sending -------------------------------------------------------------------------------------------------------

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        return self._turn()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Turn]:
        self._queue += 1
        try:
            await self._order.acquire()
        finally:
            self._queue -= 1
        try:
            await self._room()
            yield _Putting(self)
        finally:
            self._order.release()

    async def _room(self) -> None:
        """Wait until smsd has taken up the text before. Raises ``Away``."""
        end = self._clock.monotonic() + _PATIENCE
        while True:
            if self._why:
                raise Away(f"{self._name} cannot be used now: {self._why}.")
            try:
                if not await self._box.waiting():
                    return
            except _BROKEN as error:
                raise Away(f"{self._name} cannot be used now: {_words(error)}.") from error
            if self._clock.monotonic() >= end:
                raise Away(f"{self._name} is busy with the text before.")
            self._looked.clear()
            await self._looked.wait()

    async def put(self, submission: Submission) -> Outcome:
        """For ``Turn``."""
        try:
            cut = self._cut(submission)
        except Unfit as unfit:
            return Rejected(Failing.MESSAGE, unfit.refused)
        period = parts.validity(submission.validity)
        try:
            await self._box.put(submission.reference, submission.recipients[0], cut, period)
        except NotPut as error:
            self._counts["refused"] += 1
            _log.warning("a text was not put into smsd's tables", route=self._name, reason=_words(error))
            words = f"The tables of the modem {self._name} cannot be written now."
            return Rejected(Failing.PASSING, Refused(Condition.REMOTE_SERVER_TIMEOUT, words))
        except _BROKEN as error:
            self._counts["unknown"] += 1
            return Unknown(
                f"The tables of the modem {self._name} did not say whether it is in them: {_words(error)}."
            )
        self._counts["accepted"] += 1
        return Accepted("")

    # -- life ----------------------------------------------------------------------------------------------------------

    async def run(self, intake: Intake) -> None:
        """Until cancelled."""
        next_look = 0.0
        try:
            while True:
                try:
                    if (now := self._clock.monotonic()) >= next_look:
                        self._judge(await self._box.desk(), intake)
                        next_look = now + min(_DESK, self._settings.silence / 2)
                    await self._receive(intake)
                    await self._report(intake)
                except NotTaken as error:
                    self._counts["postponed"] += 1
                    _log.warning("what a modem brought was not taken", route=self._name, reason=str(error))
                except _BROKEN as error:
                    next_look = 0.0
                    self._away(f"the tables of gammu-smsd cannot be used: {_words(error)}", intake)
                self._looked.set()
                await self._clock.sleep(self._settings.poll)
        finally:
            self._why, self._since = "it has ended", None
            self._looked.set()
            await self._box.close()

    def _judge(self, desk: Desk | None, intake: Intake) -> None:
        trouble = self._trouble(desk)
        if desk is None or trouble:
            self._away(trouble, intake)
            return
        if self._why:
            _log.info("a modem is there", route=self._name)
            self._since = self._clock.now()
        self._why, self._detail = "", _state(desk)

    def _away(self, why: str, intake: Intake) -> None:
        if why != self._why:
            _log.warning("a modem is not there", route=self._name, reason=why)
        self._why, self._since = why, None
        intake.trouble(self._name, f"The modem {self._name} cannot be used: {why}.")

    def _trouble(self, desk: Desk | None) -> str:
        settings = self._settings
        if desk is None:
            which = f" with the phoneid {settings.phone!r}" if settings.phone else ""
            return f"no gammu-smsd{which} has ever begun with its tables; start it, with service = sql"
        if desk.age > settings.silence:
            return f"gammu-smsd was not heard of for {settings.silence:.0f} seconds; look at its log"
        if not desk.sends:
            return "gammu-smsd is set not to send (send = false in gammu-smsdrc)"
        return ""

    async def _receive(self, intake: Intake) -> None:
        for row in await self._box.arrived():
            inbound: Inbound = parts.read(row, self._name, self._settings.number)
            try:
                await intake.received(inbound)
            except NotTaken as error:
                if not error.never:
                    raise
                _log.warning("a text was refused for good", route=self._name, reason=str(error))
            # Only now: whatever happens before, it is found again.
            await self._box.processed((row.id,))
            self._counts["received"] += 1

    async def _report(self, intake: Intake) -> None:
        news = await self._box.news()
        now = self._clock.monotonic()
        for sent, waiting in news:
            fate = parts.fate(sent, waiting=waiting)
            first = sent[0]
            before, since = self._told.get(first.id, (None, now))
            if fate.stage is not before:
                report = Report(
                    self._name,
                    fate.stage,
                    reference=first.reference,
                    recipient=first.recipient,
                    code=fate.code,
                    why=fate.why,
                )
                await intake.reported(report)
                self._counts["reported"] += 1
                self._told[first.id] = (fate.stage, now)
            if fate.final or now - since > _GIVEN_UP:
                await self._box.told(first.id, first.reference)
                self._told.pop(first.id, None)

    # -- check ---------------------------------------------------------------------------------------------------------

    async def examined(self) -> Sequence[Finding]:
        subject = f"route {self._name}"
        if troubles := await self.trial():
            return [Finding(Verdict.FAIL, each, subject) for each in troubles]
        box = Box(self._settings.url, self._settings.phone)
        try:
            desk, waiting = await box.desk(), await box.waiting()
        except _BROKEN as error:
            return [
                Finding(Verdict.UNKNOWN, f"Its tables could be read, and then not: {_words(error)}.", subject)
            ]
        finally:
            await box.close()
        if desk is None:
            return [Finding(Verdict.FAIL, f"{self._trouble(desk)}.", subject)]
        text = f"gammu-smsd was heard of {desk.age:.0f} s ago: {_state(desk)}, {waiting} waiting."
        if 0 <= desk.signal < _WEAK:
            return [Finding(Verdict.NOTE, f"{text} The signal is weak: move the antenna.", subject)]
        return [Finding(Verdict.OK, text, subject)]

    async def trial(self) -> Sequence[str]:
        box, shown = Box(self._settings.url, self._settings.phone), self._settings.shown
        try:
            version, desk = await box.version(), await box.desk()
        except _BROKEN as error:
            return [
                f"The tables of gammu-smsd at {shown} cannot be read ({_words(error)}): correct `database`, make the "
                "tables with the file that comes with gammu-smsd, and let the gateway's user read and write them."
            ]
        finally:
            await box.close()
        found = []
        if version < OLDEST:
            found.append(
                f"The tables at {shown} have version {version}, and {OLDEST} is needed: use Gammu 1.38.5 or later."
            )
        if trouble := self._trouble(desk):
            found.append(f"{trouble[0].upper()}{trouble[1:]}.")
        elif desk is not None:
            if not desk.receives:
                found.append("gammu-smsd is set not to receive (receive = false in gammu-smsdrc).")
            if desk.signal == 0 or desk.network == "ERROR":
                found.append("The modem has no network: look at its SIM, PIN and antenna.")
        return found


class _Putting:
    """``traffic.Turn``."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem

    async def send(self, submission: Submission, piece: int) -> Outcome:
        return await self._modem.put(submission)


def _state(desk: Desk) -> str:
    signal = f", signal {desk.signal} %" if desk.signal >= 0 else ""
    network = desk.network if desk.network not in ("", "ERROR") else "no network known"
    return f"{network}{signal}"


def _words(error: BaseException) -> str:
    """What a database has to say, without statements and what is in them: PostgreSQL quotes rows below its first line."""
    origin = getattr(error, "orig", None) or error.__cause__ or error
    said = str(getattr(origin, "orig", None) or origin).strip().partition("\n")[0]
    return " ".join(said.split())[:200] or type(error).__name__
