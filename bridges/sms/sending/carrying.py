"""One attempt to get a message to the network: which route, which piece, and what its answer means.

Another route is asked only after a definite refusal, or where nothing could be written; and never once a route has, or may
have, any of the message. Who is next, and when, is the dispatcher's to know.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol, cast

import structlog

from bridges.sms.sending.entries import Answered, Failed, Permit, Postponed, Writing
from bridges.sms.sending.ledger import Ledger
from bridges.sms.sending.messages import Message
from bridges.sms.sending.pace import Pace, spread, step
from bridges.sms.sending.states import counting, most_telling
from bridges.sms.traffic import Away, Failing, Outcome, Rejected, Route, Submission, Turn, Unfit, Unknown
from gateway.bridge import Clock, NotStored, Verbosity
from gateway.model import Condition, ErrorType, Refused

log = structlog.get_logger(__name__)

_NO_ROUTE = Refused(
    Condition.SERVICE_UNAVAILABLE,
    "No route of this gateway sends from your number to this one. Ask the operator of the gateway.",
)
_GONE = Refused(
    Condition.SERVICE_UNAVAILABLE,
    "Part of the message was sent, and the route that had it is not configured any more: the rest cannot follow it.",
)
_OTHERWISE = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "Part of the message was sent, and the gateway would divide it otherwise now: the rest cannot follow it. Send it again.",
)


class Choosing(Protocol):
    """Which routes there are for whom."""

    def candidates(self, owner: str, sender: str, recipients: Sequence[str]) -> Sequence[Route]:
        """In the order in which they are to be asked. Raises ``Unfit`` where none ever will be."""

    def route(self, name: str) -> Route | None:
        """The one that may have part of a message; None if it is not configured any more."""


class _Came(Enum):
    DONE = auto()  # nothing is left to be done
    REFUSED = auto()  # by this route, for good
    PASSING = auto()
    AWAY = auto()
    DOUBT = auto()  # the same is to be asked of the same route again
    EXPIRED = auto()
    UNSTORED = auto()  # the database is away, and nothing was written


@dataclass(frozen=True, slots=True)
class _Tried:
    came: _Came
    message: Message
    why: Refused | None = None
    later: float = 0.0


class Carrier:
    """``trouble`` is told what the operator has to see to, as (route, text)."""

    def __init__(
        self,
        ledger: Ledger,
        choosing: Choosing,
        trouble: Callable[[str, str], None],
        *,
        clock: Clock,
        chance: random.Random,
        pace: Pace,
        verbosity: Verbosity,
        bridge: str,
    ) -> None:
        self._verbosity = verbosity
        self._bridge = bridge
        self._ledger = ledger
        self._choosing = choosing
        self._trouble = trouble
        self._clock = clock
        self._chance = chance
        self._pace = pace

    def routes(self, message: Message) -> Sequence[Route] | Refused:
        """Whom to ask, in order."""
        if message.pinned:
            route = self._choosing.route(message.route)
            return _GONE if route is None else [route]
        submission = message.submission
        try:
            routes = self._choosing.candidates(message.owner, submission.sender, submission.recipients)
        except Unfit as unfit:
            return unfit.refused
        left = [each for each in routes if each.name not in message.refused]
        return left or message.why or _NO_ROUTE

    async def carry(self, message: Message, routes: Sequence[Route] | Refused) -> Message | None:
        """Gives the message as it is to be tried at its ``next_at``; None when nothing is left to do."""
        if self._clock.now() >= message.expires:
            return await self._expired(message)
        if isinstance(routes, Refused):
            return await self._failed(message, routes)
        waits: list[_Tried] = []
        whys = [message.why] if message.why is not None else []
        for route in routes:
            tried = await self._by(route, message)
            message = tried.message
            if tried.came is _Came.DONE:
                return None
            if tried.came is _Came.EXPIRED:
                return await self._expired(message)
            if tried.came is _Came.UNSTORED:
                return self._unstored(message)
            if tried.why is not None:
                whys.append(tried.why)
            if tried.came is not _Came.REFUSED:
                waits.append(tried)
            elif message.pinned:
                return await self._failed(message, tried.why or _NO_ROUTE)
            else:
                message = replace(message, refused=message.refused | {route.name})
            if message.pinned:
                break
        if not waits:
            return await self._failed(message, most_telling(whys) or _NO_ROUTE)
        return await self._later(message, waits)

    # One route

    async def _by(self, route: Route, message: Message) -> _Tried:
        submission = message.submission
        try:
            total = route.pieces(submission)
        except Unfit as unfit:
            return _Tried(_Came.REFUSED, message, unfit.refused)
        if message.done and total != message.total:
            return _Tried(_Came.REFUSED, replace(message, pinned=True), _OTHERWISE)
        writing = Writing(
            message.id, message.seq, 0, route.name, total, counting(self._pace.receipts, route.ways.coverage)
        )
        for n in range(total):
            if n in message.done:
                continue
            try:
                async with route.turn() as turn:
                    if self._clock.now() >= message.expires:
                        return _Tried(_Came.EXPIRED, message)
                    permit = await self._ledger.note(replace(writing, n=n))
                    if permit is Permit.GO:
                        outcome = await self._sent(turn, submission, n)
            except Away as away:
                text = str(away) or f"The route {route.name} cannot be used now."
                return _Tried(_Came.AWAY, message, Refused(Condition.REMOTE_SERVER_TIMEOUT, text))
            except NotStored as error:
                log.warning("a message waits for the database", error=str(error))
                return _Tried(_Came.UNSTORED, message)
            if permit is Permit.STOP:
                return _Tried(_Came.DONE, message)
            if permit is Permit.GO:
                again = isinstance(outcome, Unknown) and route.ways.idempotent
                left = await self._answered(Answered(message.id, n, outcome, again))
                if isinstance(outcome, Rejected) and not (left and outcome.failing is Failing.MESSAGE):
                    return self._rejected(route, message, outcome)
                # What one member of a group is refused, the others may have: then something is left.
                message = replace(message, route=route.name, pinned=True, total=total)
                if not left:
                    break
                if again:
                    return _Tried(_Came.DOUBT, message)
            message = replace(message, done=message.done | {n})
        return _Tried(_Came.DONE, message)

    async def _sent(self, turn: Turn, submission: Submission, n: int) -> Outcome:
        try:
            outcome = await turn.send(submission, n)
        except Exception as error:
            # A mistake of a route's: it may have been written before.
            log.exception("a route failed with a message", message=submission.reference, piece=n)
            return Unknown(f"The route failed while it sent the message ({type(error).__name__})")
        if self._verbosity.debug:
            text = submission.reference
            answer = type(outcome).__name__.lower()
            self._verbosity.tell(
                "message written to the network", text, self._bridge, text=text, piece=n + 1, answer=answer
            )
        return outcome

    def _rejected(self, route: Route, message: Message, outcome: Rejected) -> _Tried:
        if outcome.operator:
            self._trouble(route.name, outcome.why.text)
        if outcome.failing is Failing.MESSAGE:
            return _Tried(_Came.DONE, message)
        log.info(
            "a route does not take a message",
            route=route.name,
            message=message.id,
            failing=outcome.failing.value,
            code=outcome.code,
        )
        came = _Came.REFUSED if outcome.failing is Failing.ROUTE else _Came.PASSING
        return _Tried(came, replace(message, why=outcome.why), outcome.why, outcome.later)

    async def _answered(self, entry: Answered) -> bool:
        """What has happened is written down, however long the database is away; whether something is left to do."""
        attempt = 0
        while True:
            try:
                return cast("bool", await self._ledger.note(entry))
            except NotStored as error:
                attempt += 1
                delay = step(self._pace.after_no_store, attempt)
                log.warning("what became of a message cannot be noted", error=str(error), seconds=delay)
                await self._clock.sleep(delay)

    # What follows

    async def _failed(self, message: Message, why: Refused) -> Message | None:
        try:
            await self._ledger.note(Failed(message.id, message.seq, why))
        except NotStored as error:
            log.warning("a message that has failed waits for the database", error=str(error))
            return self._unstored(message)
        return None

    def _unstored(self, message: Message) -> Message:
        delay = step(self._pace.after_no_store, message.attempts + 1)
        return replace(message, next_at=self._clock.now() + delay, attempts=message.attempts + 1)

    async def _expired(self, message: Message) -> Message | None:
        hours = max(1, round((message.expires - message.created) / 3600))
        reason = f" The last reason: {message.why.text}" if message.why is not None else ""
        text = f"The message could not be sent within {hours} h.{reason}"
        return await self._failed(message, Refused(Condition.REMOTE_SERVER_TIMEOUT, text, ErrorType.WAIT))

    async def _later(self, message: Message, waits: Sequence[_Tried]) -> Message:
        came = {each.came for each in waits}
        attempts = message.attempts + 1
        delays = self._pace.after_away
        if _Came.DOUBT in came:
            delays = self._pace.after_unknown
        elif _Came.PASSING in came:
            delays = self._pace.after_passing
        delay = spread(step(delays, attempts), max(each.later for each in waits), self._chance)
        whys = [each.why for each in waits if each.why is not None]
        later = replace(
            message,
            attempts=attempts,
            next_at=min(self._clock.now() + delay, message.expires),
            why=whys[-1] if whys else message.why,
        )
        if came != {_Came.AWAY}:
            try:
                await self._ledger.note(
                    Postponed(later.id, later.seq, later.next_at, attempts, later.refused)
                )
            except NotStored as error:
                log.warning("when a message is tried again cannot be noted", error=str(error))
        return later
