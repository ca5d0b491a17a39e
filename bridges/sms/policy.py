"""What a user may send: where to, how much, for how much money. All of it is decided before anything is written down.

A stolen account, or a script gone wild, texts premium numbers until somebody notices; so there are limits for each user, and
two breakers for all together, which stay open until an admin has looked. Owns the counts: those of a day are in a table, so
that a restart is no amnesty.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers
import structlog
from phonenumbers import PhoneNumberType
from sqlalchemy import Column, Float, Integer, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.addresses import context_of, is_number, is_short, region_of
from bridges.sms.config import SmsSettings
from bridges.sms.numbers import OurNumber, fit
from bridges.sms.schema import METADATA
from gateway.bridge import NotStored, Services
from gateway.model import Condition, ErrorType, Refused

_log = structlog.get_logger(__name__)

_USAGE = Table(
    "sms_usage",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("day", Integer, primary_key=True),  # days since 1970, UTC
    Column("segments", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("spent", Float, nullable=False),
)

_DAY, _HOUR, _MINUTE = 86_400.0, 3600.0, 60.0
_KEPT_DAYS = 90
_BREAKER = "breaker"  # in Services.memory: what was stopped
_PREFIXES_MOST = 5000
_PREFIX_DIGITS = 3  # after the country's
_REMEMBERED = 8192  # numbers whose kind and prefix need not be looked up again

#: Kinds of numbers that cost those who text them.
_COSTLY = {
    PhoneNumberType.PREMIUM_RATE: "premium-rate numbers",
    PhoneNumberType.SHARED_COST: "shared-cost numbers",
    PhoneNumberType.PAGER: "pagers",
    PhoneNumberType.UAN: "company-wide numbers",
}
#: Countries of no country: satellite and international networks.
_NOWHERE = ("+870", "+878", "+881", "+882", "+883", "+979", "+808", "+888")


class Recent:
    """How much there was in the last ``seconds``."""

    __slots__ = ("_seconds", "_times", "_total")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, now: float, count: int) -> None:
        self._times.append((now, count))
        self._total += count

    def total(self, now: float) -> int:
        times = self._times
        while times and times[0][0] < now - self._seconds:
            self._total -= times.popleft()[1]
        return self._total

    def clear(self) -> None:
        self._times.clear()
        self._total = 0


@dataclass(slots=True)
class Usage:
    """Of one user and day."""

    day: int = 0
    segments: int = 0
    people: int = 0
    spent: float = 0.0
    recent: Recent = field(default_factory=lambda: Recent(_MINUTE))


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to send. ``parties`` are whom it goes to, ``new`` how many of them are texted for the first time,
    ``heard`` whether the one recipient has written to this number before. ``segments`` and ``price`` are for all of them."""

    owner: str
    sender: OurNumber
    parties: tuple[str, ...]
    segments: int
    price: float = 0.0
    new: int = 0
    heard: bool = False


class Policy:
    """``alarm`` tells the operator, in a sentence."""

    def __init__(self, settings: SmsSettings, services: Services, alarm: Callable[[str], None]) -> None:
        self._settings = settings
        self._services = services
        self._alarm = alarm
        self._usage: dict[str, Usage] = {}
        self._all = Recent(_MINUTE)
        self._prefixes: dict[str, Recent] = {}
        self._stopped: dict[str, str] = {}  # "" for everything, else a prefix; why
        self._changed: set[str] = set()
        self.spent = 0.0  # since the start, where there are prices

    def reconfigure(self, settings: SmsSettings) -> None:
        """These hold from now on; what was counted counts."""
        self._settings = settings

    async def restore(self) -> None:
        """Read what was counted today and what is stopped. Raises ``NotStored``."""
        here = (_USAGE.c.bridge == self._services.name) & (_USAGE.c.day == self._today())
        for row in await self._services.tables.read(select(_USAGE).where(here)):
            self._usage[row.owner] = Usage(row.day, row.segments, row.people, row.spent)
        stopped = (await self._services.memory.recall("", "")).get(_BREAKER, "")
        for line in stopped.splitlines():
            prefix, _, why = line.partition(" ")
            self._stopped[prefix.removeprefix("*")] = why

    def _today(self) -> int:
        return int(self._services.clock.now() // _DAY)

    # -- judging -----------------------------------------------------------------------------------------------

    def judge(self, request: Request) -> Refused | None:
        """Why this cannot be sent; None if it can, and then it has been counted."""
        for party in request.parties:
            if (why := self._destination(request, party)) is not None:
                return why
        # Windows are counted by a clock that nobody sets.
        limits, now = self._settings.limits, self._services.clock.monotonic()
        if request.segments > limits.segments_per_message * len(request.parties):
            return Refused(
                Condition.NOT_ACCEPTABLE,
                f"This message would take {request.segments} SMS; at most {limits.segments_per_message} are sent for one "
                "message here. Please make it shorter, or send it in parts.",
                ErrorType.MODIFY,
            )
        usage = self._of(request.owner)
        if (why := self._quota(request, usage, now)) is not None:
            return why
        if (why := self._breakers(request, now)) is not None:
            return why
        usage.segments += request.segments
        usage.people += request.new
        usage.spent += request.price
        self.spent += request.price
        usage.recent.add(now, request.segments)
        self._changed.add(request.owner)
        return None

    def _destination(self, request: Request, party: str) -> Refused | None:
        if is_short(party):
            return self._short(request, party)
        if not is_number(party):
            return Refused(Condition.NOT_ALLOWED, "Only phone numbers can be texted.")
        region, allowed = region_of(party), self._settings.countries
        listed = fit(allowed, party, region)
        if not allowed:
            # Names and short codes are of no country: then it is the gateway's own.
            listed = int(region == (request.sender.region or self._settings.region))
        if not listed:
            where = region or party[:4]
            return _forbidden(
                f"Texts to {where} are not allowed at this gateway. Its operator can add it to `countries`."
            )
        if party.startswith(_NOWHERE) and fit([e for e in allowed if e.startswith("+")], party, "") == 0:
            return _forbidden(
                "Texts to satellite and international networks are not allowed at this gateway."
            )
        kind = _costly(party)
        if kind is not None and not self._settings.costly:
            return _forbidden(
                f"Texts to {kind} are not allowed at this gateway, since they can be very expensive."
            )
        return None

    def _short(self, request: Request, party: str) -> Refused | None:
        if self._settings.short_codes == "never":
            return _forbidden("Short codes cannot be texted from this gateway.")
        if self._settings.short_codes == "answer" and not request.heard:
            return _forbidden(
                "Short codes can only be answered at this gateway: they have to write to you first."
            )
        sender = request.sender.number
        if sender.startswith("+") and not sender.startswith(f"+{context_of(party)}"):
            return _forbidden("This short code is of another country than your number.")
        return None

    def _quota(self, request: Request, usage: Usage, now: float) -> Refused | None:
        limits = self._settings.limits
        if usage.recent.total(now) + request.segments > limits.segments_per_minute:
            return _wait("You are sending more SMS than allowed in a minute. Please wait a moment.")
        if usage.segments + request.segments > limits.segments_per_day:
            return _wait(
                f"You have used the {limits.segments_per_day} SMS of today. New ones come at midnight UTC."
            )
        if request.new and usage.people + request.new > limits.new_people_per_day:
            return _wait(
                f"You have texted {usage.people} new numbers today, and {limits.new_people_per_day} are allowed. "
                "Those who you know can be texted all the same."
            )
        if limits.spend_per_day and usage.spent + request.price > limits.spend_per_day:
            return _wait(
                f"This would be more than the {limits.spend_per_day:g} {self._settings.currency} that may be spent in a day."
            )
        return None

    def _breakers(self, request: Request, now: float) -> Refused | None:
        limits = self._settings.limits
        prefixes = {prefix_of(each) for each in request.parties if is_number(each)}
        for prefix in ("", *prefixes):
            if prefix in self._stopped:
                return _stopped()
        if self._all.total(now) + request.segments > limits.breaker_per_minute:
            self._stop("", f"more than {limits.breaker_per_minute} SMS in a minute")
            return _stopped()
        if request.new:
            for prefix in prefixes:
                recent = self._prefixes.setdefault(prefix, Recent(_HOUR))
                if recent.total(now) + request.segments > limits.breaker_per_prefix:
                    self._stop(prefix, f"more than {limits.breaker_per_prefix} SMS to new numbers in an hour")
                    return _stopped()
                recent.add(now, request.segments)
            self._trim(now)
        self._all.add(now, request.segments)
        return None

    def _trim(self, now: float) -> None:
        if len(self._prefixes) > _PREFIXES_MOST:
            for prefix, recent in list(self._prefixes.items()):
                if not recent.total(now):
                    del self._prefixes[prefix]

    def _of(self, owner: str) -> Usage:
        today = self._today()
        usage = self._usage.get(owner)
        if usage is None or usage.day != today:
            recent = usage.recent if usage is not None else Recent(_MINUTE)
            usage = self._usage[owner] = Usage(today, recent=recent)
        return usage

    def usage(self, owner: str) -> Usage:
        """What a user has used today."""
        return self._of(owner)

    # -- the breakers ------------------------------------------------------------------------------------------

    def _stop(self, prefix: str, why: str) -> None:
        self._stopped[prefix] = why
        _log.error("sending was stopped", prefix=prefix or "all", reason=why)
        what = f"to numbers that begin with {prefix}" if prefix else "of all users"
        self._alarm(
            f"Texts {what} are stopped: {why}. Look whether an account was stolen, then run the command `sms-breaker`."
        )
        self._changed.add("")

    @property
    def stopped(self) -> dict[str, str]:
        """What is stopped, and why; ``""`` is everything."""
        return dict(self._stopped)

    def resume(self, prefix: str) -> bool:
        """An admin lets texts go on; whether they were stopped."""
        why = self._stopped.pop(prefix, None)
        self._all.clear()
        self._prefixes.pop(prefix, None)
        self._changed.add("")
        return why is not None

    # -- keeping -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write down what was counted, at most a second late; until cancelled."""
        clock = self._services.clock
        swept = -1
        while True:
            await clock.sleep(1.0)
            changed, self._changed = self._changed, set()
            try:
                await self._write(changed)
                if self._today() != swept:
                    swept = self._today()
                    await self._sweep(swept)
            except NotStored as error:
                self._changed |= changed
                _log.warning("what was sent today cannot be written down just now", reason=str(error))
                await clock.sleep(5.0)

    async def _write(self, changed: set[str]) -> None:
        if "" in changed:
            lines = "\n".join(f"{prefix or '*'} {why}" for prefix, why in self._stopped.items())
            await self._services.memory.remember("", "", _BREAKER, lines)
        rows = [
            {
                "bridge": self._services.name,
                "owner": owner,
                "day": usage.day,
                "segments": usage.segments,
                "people": usage.people,
                "spent": usage.spent,
            }
            for owner in changed
            if owner and (usage := self._usage.get(owner)) is not None
        ]
        if not rows:
            return
        kinds = postgresql if self._services.tables.dialect == "postgresql" else sqlite
        statement = kinds.insert(_USAGE)
        names = ("segments", "people", "spent")
        upsert = statement.on_conflict_do_update(
            index_elements=["bridge", "owner", "day"],
            set_={name: statement.excluded[name] for name in names},
        )
        await self._services.tables.write((upsert, rows))

    async def _sweep(self, today: int) -> None:
        old = (_USAGE.c.bridge == self._services.name) & (_USAGE.c.day < today - _KEPT_DAYS)
        await self._services.tables.write((delete(_USAGE).where(old), None))
        for owner in [owner for owner, usage in self._usage.items() if usage.day != today]:
            del self._usage[owner]

    def forget(self, owner: str) -> None:
        """The user's rows were erased. Today's counts stay until midnight: erasing oneself is no way to have new ones."""
        self._changed.discard(owner)


def price(settings: SmsSettings, route: str, recipient: str) -> float | None:
    """Of one segment to somebody; None if no price is known."""
    region = region_of(recipient)
    best: tuple[int, float] | None = None
    for each in settings.prices:
        rank = fit((each.destination,), recipient, region)
        if rank and each.route in ("", route):
            rank = 2 * rank + bool(each.route)
            if best is None or rank > best[0]:
                best = (rank, each.price)
    return best[1] if best is not None else None


@lru_cache(maxsize=_REMEMBERED)
def _costly(number: str) -> str | None:
    """What kind of number it is that costs those who text it; None if it is none."""
    return _COSTLY.get(phonenumbers.number_type(phonenumbers.parse(number)))


@lru_cache(maxsize=_REMEMBERED)
def prefix_of(number: str) -> str:
    """The country and some digits: where fraud shows."""
    code = str(phonenumbers.parse(number).country_code)
    return number[: 1 + len(code) + _PREFIX_DIGITS]


def _forbidden(text: str) -> Refused:
    return Refused(Condition.FORBIDDEN, text, ErrorType.AUTH)


def _wait(text: str) -> Refused:
    return Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.WAIT)


def _stopped() -> Refused:
    text = "The gateway has stopped sending there for now, since it was too much at once; its operator has been told."
    return Refused(Condition.POLICY_VIOLATION, text, ErrorType.WAIT)
