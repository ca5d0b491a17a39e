"""Taking mail: whether somebody here wants it, and that it is safe before the server is told so.

RFC 5321 §6.1: a positive answer makes the mail our responsibility. So first the row, then the answer; all that is done with
the mail comes after that, by others, from what was kept.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import Protocol

import structlog

from bridges.email.addresses import Mailbox, parse
from bridges.email.receiving import heading, replies
from bridges.email.receiving.arrivals import Arrival, Arrivals, Kind, Load, Raw, Statement, burden
from bridges.email.receiving.heading import Heading
from bridges.email.receiving.keeping import Keeping
from bridges.email.receiving.lmtp import Offered
from bridges.email.receiving.originals import SMALL, Originals
from bridges.email.receiving.rates import Rates
from bridges.email.receiving.replies import Reply
from bridges.email.receiving.residents import Residents
from gateway.bridge import BadAddress, Clock, NotStored, Verbosity

log = structlog.get_logger(__name__)

_OPERATORS = frozenset({"postmaster", "abuse"})  # RFC 5321 §4.5.1, RFC 2142
_HOPS = 30  # fewer than Postfix lets through (hopcount_limit, 50): the loop ends here, with a reason
_COMPLAINT = 3600.0  # seconds between two of the same
_FULL = 30.0  # seconds between looks whether there is room again, for mail that waits elsewhere
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


class Gate(Protocol):
    """Who decides whose mail is refused. Both raise ``NotStored``."""

    async def refuses_sender(self, owner: str, sender: Mailbox) -> Reply | None:
        """By the sender of an envelope, before there is a mail. Has no effects."""

    async def refuses_mail(self, owner: str, mail: Heading) -> Reply | None: ...


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """``waiting`` are octets, ``mails`` their number, of what one user has waiting; rates are of an hour."""

    waiting: int = 200_000_000
    mails: int = 5_000
    rate: int = 500
    rate_of_sender: int = 100


@dataclass(slots=True)
class IntakeCounts:
    """For metrics."""

    kept: int = 0
    again: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by RFC 3463 status


@dataclass(frozen=True, slots=True)
class _Place:
    kind: Kind
    mailbox: str
    owner: str = ""

    @property
    def key(self) -> str:
        return self.owner if self.kind is Kind.USER else f"{self.kind} {self.mailbox.lower()}"


class Waiting:
    """How much waits for each user. Owned here, told by whoever settles mails."""

    def __init__(self) -> None:
        self._loads: dict[str, Load] = {}

    def restore(self, loads: Mapping[str, Load]) -> None:
        self._loads = dict(loads)

    def of(self, owner: str) -> Load:
        return self._loads.get(owner, Load())

    def add(self, owner: str, mails: int, octets: int) -> None:
        load = self.of(owner)
        after = Load(max(0, load.mails + mails), max(0, load.octets + octets))
        if after.mails:
            self._loads[owner] = after
        else:
            self._loads.pop(owner, None)


class Intake:
    """``lmtp.Border`` and ``imap.watch.Taking``. ``returns`` says whether a mailbox is an envelope sender of ours; ``taken``
    is told of mails that are safe, with none if it is not known which of them are new."""

    def __init__(
        self,
        arrivals: Arrivals,
        originals: Originals,
        residents: Residents,
        gate: Gate,
        clock: Clock,
        random: Random,
        *,
        domains: Sequence[str],
        hostname: str,
        returns: Callable[[Mailbox], bool],
        taken: Callable[[Sequence[Arrival]], None],
        waiting: Waiting,
        limits: IntakeLimits,
        verbosity: Verbosity | None = None,
        bridge: str = "",
    ) -> None:
        self._verbosity = verbosity or Verbosity()
        self._bridge = bridge
        self.counts = IntakeCounts()
        self.waiting = waiting
        self._arrivals = arrivals
        self._keeping = Keeping(arrivals)
        self._originals = originals
        self._residents = residents
        self._gate = gate
        self._clock = clock
        self._random = random
        self._last = 0.0
        self._second, self._date = -1, ""  # as it is written in a header
        self._domains = frozenset(domains)
        self._hostname = hostname
        self._returns = returns
        self._taken = taken
        self._limits = limits
        self._complain_at = 0.0
        self._users = Rates(limits.rate, clock)
        self._senders = Rates(limits.rate_of_sender, clock)

    def reconfigure(self, limits: IntakeLimits) -> None:
        """These hold from now on; what was taken counts."""
        self._limits = limits
        self._users.allow(limits.rate)
        self._senders.allow(limits.rate_of_sender)

    async def restore(self) -> None:
        """Raises ``NotStored``."""
        self.waiting.restore(await self._arrivals.loads())

    async def close(self) -> None:
        """Returns once no mail is on its way into the tables."""
        await self._keeping.close()

    # Asked by the server

    async def sender(self, address: str) -> Reply:
        return replies.SENDER_FINE

    async def recipient(self, sender: str, address: str) -> Reply:
        try:
            place = await self._judge(_mailbox(sender), address)
        except NotStored:
            return replies.NOT_NOW
        if isinstance(place, Reply):
            self._refused(place)
            return place
        return replies.RECIPIENT_FINE

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        look = heading.look(offered.raw)
        if look.hops >= _HOPS:
            log.warning("a mail was refused: it is in a loop", hops=look.hops)
            return [replies.LOOP] * len(offered.recipients)
        sender = _mailbox(offered.sender)
        places = [await self._decide(sender, each, look) for each in offered.recipients]
        wanted = [each for each in places if isinstance(each, _Place)]
        if not wanted:
            return [each for each in places if isinstance(each, Reply)]
        answer = await self._keep(offered, look, wanted)
        return [answer if isinstance(each, _Place) else each for each in places]

    # Fetched from a mailbox elsewhere

    async def take(
        self, owner: str, mailbox: str, raw: bytes, also: Callable[[str], Sequence[Statement]]
    ) -> None:
        """Mail that a user's own server has taken already: there is nobody to refuse it to. While there is no room it waits
        where it is. Raises ``NotStored`` and OSError."""
        place = _Place(Kind.USER, mailbox, owner)
        while isinstance(self._room_for(place), Reply):
            await self._clock.sleep(_FULL)
        look = heading.look(raw)
        again = heading.mark(look.digest, place.key)
        known = await self._arrivals.known(again)
        if known is not None:
            self.counts.again += 1
            await self._arrivals.keep([], also(known))
            return
        now, raw_id = self._now(), self._new_id()
        arrival = Arrival(
            id=self._new_id(),
            owner=owner,
            kind=Kind.USER,
            recipient=mailbox,
            raw=raw_id,
            sender=look.return_path,
            again=again,
            received=now,
            size=len(raw),
        )
        file = await self._originals.write(raw_id, raw) if len(raw) > SMALL else ""
        beside = also(arrival.id)
        new = await self._arrivals.keep([(Raw(raw_id, now, None if file else raw, file), [arrival])], beside)
        # The same mail can have come over LMTP meanwhile: then it is not told which rows are new.
        await self._settle([arrival], 2 if new == 2 + len(beside) else None)

    # How

    async def _judge(self, sender: Mailbox | None, address: str) -> _Place | Reply:
        """Raises ``NotStored``."""
        if address.lower() == "postmaster":  # RFC 5321 §4.5.1: also without a domain
            return self._room_for(_Place(Kind.OPERATOR, f"postmaster@{self._hostname}"))
        try:
            mailbox = parse(address)
        except BadAddress:
            return replies.NO_ADDRESS
        if mailbox.domain not in self._domains:
            return replies.NOBODY
        if mailbox.base.local.lower() in _OPERATORS:
            return self._room_for(_Place(Kind.OPERATOR, mailbox.exact))
        if self._returns(mailbox):
            return self._room_for(_Place(Kind.RETURNED, mailbox.exact))
        resident = await self._residents.owner_of(mailbox)
        if resident is None:
            return replies.NOBODY
        if sender is not None:
            refusal = await self._gate.refuses_sender(resident.owner, sender)
            if refusal is not None:
                return refusal
        if not self._users.free(resident.owner) or not self._senders.free(_pair(resident.owner, sender)):
            return replies.TOO_FAST
        return self._room_for(_Place(Kind.USER, mailbox.exact, resident.owner))

    def _room_for(self, place: _Place) -> _Place | Reply:
        load = self.waiting.of(burden(place.kind, place.owner))
        if load.octets < self._limits.waiting and load.mails < self._limits.mails:
            return place
        now = self._clock.monotonic()
        if place.kind is Kind.OPERATOR and now >= self._complain_at:
            self._complain_at = now + _COMPLAINT
            log.error(
                "mail to postmaster and abuse is left to the mail server: too much waits, and nobody reads it",
                mails=load.mails,
                remedy="set `postmaster` of [bridges.email] to the address of a user who is there",
            )
        return replies.OVER_QUOTA

    async def _decide(self, sender: Mailbox | None, address: str, look: Heading) -> _Place | Reply:
        """Now that there is a mail. A recipient that cannot be decided about hurts no other."""
        try:
            place = await self._judge(sender, address)
            if isinstance(place, _Place):
                place = await self._refusal(place, sender, look) or place
        except NotStored:
            place = replies.NOT_NOW
        if isinstance(place, Reply):
            self._refused(place)
        return place

    async def _refusal(self, place: _Place, sender: Mailbox | None, look: Heading) -> Reply | None:
        if place.kind is Kind.RETURNED:
            return None
        if place.kind is Kind.USER:
            refusal = await self._gate.refuses_mail(place.owner, look)
            if refusal is not None:
                return refusal
        taken = self._users.take(place.owner) and self._senders.take(_pair(place.owner, sender))
        return None if taken else replies.TOO_FAST

    async def _keep(self, offered: Offered, look: Heading, places: Sequence[_Place]) -> Reply:
        now = self._now()
        raw_id = self._new_id()
        trace = self._trace(offered, raw_id, now)
        size = len(trace) + len(offered.raw)
        unique = {heading.mark(look.digest, place.key): place for place in places}
        arrivals = [
            Arrival(
                id=self._new_id(),
                owner=place.owner,
                kind=place.kind,
                recipient=place.mailbox,
                raw=raw_id,
                sender=offered.sender,
                again=again,
                received=now,
                size=size,
            )
            for again, place in unique.items()
        ]
        file = ""
        try:
            if size <= SMALL:
                raw = Raw(raw_id, now, trace + bytes(offered.raw))
            else:
                file = await self._originals.write(raw_id, trace, offered.raw)
                raw = Raw(raw_id, now, None, file)
            new = await self._keeping.keep(raw, arrivals)
            if new == 0 and file and await self._arrivals.raw(raw_id) is None:
                await self._originals.discard(file)
        except NotStored as error:
            log.error("a mail was not taken: it cannot be kept", reason=str(error))
            return replies.OUR_FAULT
        except OSError as error:
            log.error("a mail was not taken: it cannot be written", reason=error.strerror)
            return replies.NO_ROOM
        if raw.data is not None and new != 0:
            self._originals.fresh(raw_id, raw.data)
        await self._settle(arrivals, new)
        return replies.KEPT_BEFORE if new == 0 else replies.KEPT

    async def _settle(self, arrivals: Sequence[Arrival], new: int | None) -> None:
        if new == 0:
            self.counts.again += 1
            return
        self.counts.kept += 1
        if self._verbosity.debug:
            for each in arrivals:
                self._verbosity.tell("message heard", each.id, self._bridge, size=each.size)
        if new == len(arrivals) + 1:
            for each in arrivals:
                self.waiting.add(each.burden, 1, each.size)
            self._taken(arrivals)
            return
        # Somebody had it before. Servers come again only where they did not see our answer, so this is rare.
        self._taken(())
        try:
            await self.restore()
        except NotStored as error:
            log.warning("what waits could not be counted", reason=str(error))

    def _trace(self, offered: Offered, raw_id: str, now: float) -> bytes:
        """What final delivery writes before a mail (RFC 5321 §4.4)."""
        client = offered.client if _NAME.fullmatch(offered.client) else "unknown"
        protocol = "UTF8LMTP" if offered.utf8 else "LMTP"
        if int(now) != self._second:
            self._second, self._date = int(now), format_datetime(datetime.fromtimestamp(now, UTC))
        text = (
            f"Return-Path: <{offered.sender}>\r\n"
            f"Received: from {client} by {self._hostname} with {protocol} id {raw_id};\r\n {self._date}\r\n"
        )
        return text.encode()

    def _now(self) -> float:
        """Later every time: by it mails are in order."""
        self._last = max(self._clock.now(), self._last + 1e-6)
        return self._last

    def _new_id(self) -> str:
        # Those of one time are beside one another in every index: a commit touches fewer pages.
        return f"{int(self._last * 1000):012x}{self._random.getrandbits(64):016x}"

    def _refused(self, reply: Reply) -> None:
        self.counts.refused[reply.status] = self.counts.refused.get(reply.status, 0) + 1


def _mailbox(address: str) -> Mailbox | None:
    """Of an envelope sender; None for the null one, and for what is no address that people have."""
    if not address:
        return None
    try:
        return parse(address)
    except BadAddress:
        return None


def _pair(owner: str, sender: Mailbox | None) -> str:
    return f"{owner}\0{sender.folded if sender is not None else ''}"
