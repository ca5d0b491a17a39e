"""Taking what comes from the network: it is safe before the network is told so. All else comes after that, from the rows.

Bounds what is taken: in size, for what is too large will be too large again; in number, for that the network waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Protocol

import structlog

from bridges.sms.privacy import shown
from bridges.sms.receiving.gathering import Gathering
from bridges.sms.receiving.rates import Rates
from bridges.sms.receiving.residents import Trouble
from bridges.sms.receiving.rows import Taken
from bridges.sms.receiving.store import Store
from bridges.sms.traffic import Inbound, NotTaken, OptOut, Report
from gateway.bridge import Clock, NotStored, Verbosity

log = structlog.get_logger(__name__)

_LONGEST = 100_000  # code points of a text, octets of data: SMPP's message_payload has 64 KiB
_LONGEST_NAME = 256  # of senders, recipients, references
_LONGEST_ID = 1_024
_LONGEST_LINK = 4_096
_MOST_FILES, _MOST_OTHERS = 30, 100
_STAMP = 14  # hexadecimal digits of microseconds in the name of a row


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """``waiting``: messages that were not seen to yet, in all. ``rate``: of one sender to one number of ours, a minute."""

    waiting: int = 20_000
    rate: int = 600


@dataclass(slots=True)
class IntakeCounts:
    """For metrics."""

    taken: int = 0
    again: int = 0
    refused: int = 0


class Reports(Protocol):
    """Where news of messages of ours go. Returns once it is safe; raises ``NotTaken``."""

    async def reported(self, report: Report) -> None: ...


class OptOuts(Protocol):
    """Where the provider's own list goes. Returns once it is safe; raises ``NotTaken``."""

    async def opted(self, optout: OptOut) -> None: ...


class Intake:
    """``traffic.Intake``. ``taken`` is told of rows that are safe and new, in their order; ``doubtful``: that some may be
    there of which it was not told. ``waiting`` says how many were not seen to yet."""

    def __init__(
        self,
        store: Store,
        reports: Reports,
        optouts: OptOuts,
        trouble: Trouble,
        clock: Clock,
        random: Random,
        *,
        taken: Callable[[Sequence[Taken]], None],
        doubtful: Callable[[], None],
        waiting: Callable[[], int],
        limits: IntakeLimits,
        verbosity: Verbosity | None = None,
        bridge: str = "",
    ) -> None:
        self._verbosity = verbosity or Verbosity()
        self._bridge = bridge
        self.counts = IntakeCounts()
        self._store = store
        self._reports = reports
        self._optouts = optouts
        self._trouble = trouble
        self._clock = clock
        self._random = random
        self._taken = taken
        self._doubtful = doubtful
        self._waiting = waiting
        self._limits = limits
        self._rates = Rates(limits.rate, clock)
        self._keeping = Gathering(self._keep)
        self._last = 0  # microseconds
        self._begun = False
        self._beginning = asyncio.Lock()
        self._closed = False

    def reconfigure(self, limits: IntakeLimits) -> None:
        """These hold from now on; what was taken counts."""
        self._limits = limits
        self._rates.allow(limits.rate)

    async def close(self) -> None:
        """Nothing is taken any more. Returns once nothing is on its way into the tables."""
        self._closed = True
        await self._keeping.close()

    # -- traffic.Intake ----------------------------------------------------------------------------------------

    async def received(self, inbound: Inbound) -> None:
        fault = _too_large(inbound)
        if fault:
            self.counts.refused += 1
            log.warning("a message was refused: it is too large", route=inbound.route, what=fault)
            raise NotTaken(f"The message has {fault}.", never=True)
        if self._closed:
            raise NotTaken("The gateway is ending.")
        if self._waiting() + len(self._keeping) >= self._limits.waiting:
            self.counts.refused += 1
            raise NotTaken("Too many messages wait at the gateway.")
        if not self._rates.take((inbound.route, inbound.sender, inbound.recipient)):
            self.counts.refused += 1
            log.warning("too much comes from one sender", route=inbound.route, sender=shown(inbound.sender))
            raise NotTaken("Too many messages come from this sender.")
        try:
            # Through the lock even when there is nothing to begin: nobody overtakes those who wait in it.
            async with self._beginning:
                if not self._begun:
                    await self._begin()
            now = self._clock.now()
            id_ = self._next(now)
            new = await self._keeping.add(Taken(id_, _again(inbound) or id_, now, inbound))
        except NotStored as error:
            log.error("a message was not taken: it cannot be kept", route=inbound.route, reason=str(error))
            raise NotTaken("The gateway's database cannot be written just now.") from error
        if self._verbosity.debug and new:
            self._verbosity.tell(
                "message heard", id_, self._bridge, route=inbound.route, network_id=inbound.id
            )
        if new:
            self.counts.taken += 1
        else:
            self.counts.again += 1

    async def reported(self, report: Report) -> None:
        await self._reports.reported(report)

    async def opted(self, optout: OptOut) -> None:
        await self._optouts.opted(optout)

    def trouble(self, route: str, text: str) -> None:
        self._trouble(route, text)

    # -- how ---------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        last = await self._store.last_row()
        self._last = max(self._last, int(last[:_STAMP] or "0", 16))
        self._begun = True

    def _next(self, now: float) -> str:
        """The name of a row. Names are in the order in which messages came, however fast that was, and if the clock went
        back meanwhile, or while we were not there."""
        self._last = max(int(now * 1e6), self._last + 1)
        return f"{self._last:0{_STAMP}x}{self._random.getrandbits(32):08x}"

    async def _keep(self, rows: Sequence[Taken]) -> Sequence[bool]:
        try:
            new = await self._store.keep(rows)
        except NotStored:
            self._doubtful()  # it may be there all the same, if the connection broke while it was committed
            raise
        self._taken([row for row, fresh in zip(rows, new, strict=True) if fresh])
        return new


def _again(inbound: Inbound) -> str:
    """What the same message is known by; empty where the network has no id. A message to several numbers of ours comes
    once for each, and its pieces may bear one id."""
    if not inbound.id:
        return ""
    number = inbound.concatenation.number if inbound.concatenation is not None else 0
    parts = (inbound.route, inbound.id, inbound.recipient, str(number))
    data = "\0".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).hexdigest()


def _too_large(inbound: Inbound) -> str:
    """What there is too much of; empty if all is well."""
    if len(inbound.text) > _LONGEST or len(inbound.data) > _LONGEST:
        return f"more than {_LONGEST} characters"
    names = [inbound.sender, inbound.recipient, *inbound.others]
    if inbound.concatenation is not None:
        names.append(inbound.concatenation.reference)
    if any(len(name) > _LONGEST_NAME for name in names) or len(inbound.id) > _LONGEST_ID:
        return "an address that is too long"
    if len(inbound.media) > _MOST_FILES:
        return f"more than {_MOST_FILES} files"
    if len(inbound.others) > _MOST_OTHERS:
        return f"more than {_MOST_OTHERS} recipients"
    for file in inbound.media:
        texts = (file.name, file.media_type, file.sha256, file.caption)
        if len(file.url) > _LONGEST_LINK or any(len(text) > _LONGEST_LINK for text in texts):
            return "a link that is too long"
        if len(file.data) + len(file.thumbnail) > _LONGEST:
            return "a file that is too large"
    return ""
