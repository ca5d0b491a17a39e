"""The last mile to users: what is for them goes out in order, and is remembered until a barrier proves that it arrived.

Three places: ``waiting`` (its turn on the link), ``flying`` (written, not yet confirmed), and a spool for each user who
cannot be reached, because the link is down or the server could not deliver to the account. When the link is lost, what was
flying waits again, in order. Owns parcels; knows entries only by their user, size and time, and no stanza at all.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.bridge import Cancellable, Clock
from gateway.delivery.entry import Entry
from gateway.xmpp.barrier import Barrier

#: Parcels and characters written and not confirmed. A barrier takes up to two seconds: enough for thousands of messages a
#: second, and for mails of 4 KB too. All of it is in memory anyway, until it cannot be sent back any more.
_WINDOW_COUNT, _WINDOW_SIZE = 10_000, 32 * 1024 * 1024
#: Seconds until an account that could not be reached is tried again; doubled each time up to the second.
FIRST_TRY, LAST_TRY = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """For the messages that one user has waiting: their number, their characters, and their age in seconds."""

    count: int = 1_000
    size: int = 2 * 1024 * 1024
    age: float = 7 * 86_400.0


@dataclass(slots=True, eq=False)
class Parcel:
    """Something that is to reach a user. Without ``words`` it is the entry's message itself: only those are bounded and can
    come back. With them it is word of what became of it."""

    entry: Entry
    words: tuple[str, ...] = ()
    late: bool = False  # it waited, or goes out once more
    epoch: int = 0
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = self.entry.size

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        return self.entry.id, self.words


@dataclass(slots=True)
class _Spool:
    """What waits for one user, oldest first."""

    parcels: deque[Parcel] = field(default_factory=deque)
    away: bool = False  # the server could not deliver; else it is the link that is missing
    delay: float = FIRST_TRY
    probe: Parcel | None = None  # the one that tries whether the account can be reached again
    timer: Cancellable | None = None


@dataclass(slots=True)
class _Load:
    count: int = 0
    size: int = 0


class Depot(Protocol):
    """What the courier asks and tells of its parcels."""

    def stanzas(self, parcel: Parcel) -> list[str]:
        """What to write, now."""

    def written(self, parcel: Parcel) -> None:
        """All its stanzas are on their way; may come again after a lost link."""

    def arrived(self, parcel: Parcel) -> None:
        """The user's server has it."""

    def dropped(self, parcel: Parcel) -> None:
        """It fell out of the user's spool."""


def _age(parcel: Parcel) -> float:
    return parcel.entry.created


class Courier:
    """``depot`` makes the stanzas and hears what became of them; ``send`` may refuse one."""

    def __init__(
        self,
        depot: Depot,
        send: Callable[..., bool],
        barrier: Barrier,
        clock: Clock,
        rng: random.Random,
        limits: SpoolLimits,
    ) -> None:
        self._depot = depot
        self._send = send
        self._barrier = barrier
        self._clock = clock
        self._random = rng
        self.limits = limits
        self._up = False
        self._waiting: deque[Parcel] = deque()
        self._flying: dict[tuple[str, tuple[str, ...]], Parcel] = {}
        self._flying_size = 0
        self._spools: dict[str, _Spool] = {}
        self._loads: dict[str, _Load] = {}  # of messages, wherever they are, by user

    @property
    def counts(self) -> tuple[int, int, int]:
        """Parcels that wait, that fly, and that are spooled."""
        return (
            len(self._waiting),
            len(self._flying),
            sum(len(spool.parcels) for spool in self._spools.values()),
        )

    @property
    def oldest(self) -> float | None:
        """When the oldest of what is spooled came."""
        heads = [spool.parcels[0].entry.created for spool in self._spools.values() if spool.parcels]
        return min(heads, default=None)

    def spooled(self, owner: str) -> bool:
        return owner in self._spools

    # -- what comes in -----------------------------------------------------------------------------------------

    def take(self, parcel: Parcel) -> None:
        """One more, behind all others for the same user."""
        owner = parcel.entry.owner
        if parcel.words:
            self._waiting.append(parcel)
        else:
            self._count(parcel, 1)
            spool = self._spools.get(owner)
            if spool is None and not self._up:
                spool = self._spools[owner] = _Spool()
            if spool is not None:
                parcel.late = True
                spool.parcels.append(parcel)
            else:
                self._waiting.append(parcel)
        # What can go out goes before anything is counted out: a user who is there loses nothing of a burst.
        self._pump()
        if not parcel.words:
            self._bound(owner)

    def back(self, parcel: Parcel) -> None:
        """The user's server could not deliver it: it goes into the user's spool, with all that waits for the user."""
        owner = parcel.entry.owner
        spool = self._spools.setdefault(owner, _Spool())
        mine = [each for each in self._waiting if not each.words and each.entry.owner == owner]
        if mine:
            self._waiting = deque(each for each in self._waiting if each.words or each.entry.owner != owner)
        self._count(parcel, 1)
        self._spool(spool, [parcel, *mine])
        spool.away = True
        spool.probe = None
        self._bound(owner)
        self._try_later(owner, spool)

    def flies(self, id_: str) -> bool:
        """Whether the message of that id was written and is not yet confirmed."""
        return (id_, ()) in self._flying

    def forget(self, id_: str) -> None:
        """What flies of a message need not be confirmed any more."""
        parcel = self._flying.pop((id_, ()), None)
        if parcel is not None:
            self._landed(parcel)

    # -- the link ----------------------------------------------------------------------------------------------

    def up(self) -> None:
        self._up = True
        ready: list[Parcel] = []
        for owner, spool in list(self._spools.items()):
            if spool.away:
                self._try_later(owner, spool)
            else:
                ready.extend(spool.parcels)
                del self._spools[owner]
        self._waiting.extend(sorted(ready, key=_age))
        self._pump()

    def lost(self) -> None:
        """What was written and not confirmed is written again, in order."""
        self._up = False
        again = [*self._flying.values(), *self._waiting]
        self._flying.clear()
        self._flying_size = 0
        self._waiting = deque(each for each in again if each.words)
        by_owner: dict[str, list[Parcel]] = {}
        for parcel in again:
            if not parcel.words:
                by_owner.setdefault(parcel.entry.owner, []).append(parcel)
        for owner, parcels in by_owner.items():
            spool = self._spools.setdefault(owner, _Spool())
            spool.probe = None
            self._spool(spool, parcels)

    def confirmed(self, epoch: int) -> None:
        """Everything written in that epoch or before has arrived."""
        arrived: list[Parcel] = []
        for parcel in self._flying.values():
            if parcel.epoch > epoch:
                break
            arrived.append(parcel)
        for parcel in arrived:
            del self._flying[parcel.key]
            self._landed(parcel)
            self._depot.arrived(parcel)
            spool = self._spools.get(parcel.entry.owner)
            if spool is not None and spool.probe is parcel:
                self.reachable(parcel.entry.owner)
        self._pump()

    def reachable(self, owner: str) -> None:
        """The user is there again: everything goes out."""
        spool = self._spools.get(owner)
        if spool is None or not self._up:
            return
        del self._spools[owner]
        if spool.timer is not None:
            spool.timer.cancel()
        self._waiting.extend(spool.parcels)
        self._pump()

    # -- bounds ------------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Let go what has waited for too long."""
        horizon = self._clock.now() - self.limits.age
        for spool in list(self._spools.values()):
            while spool.parcels and spool.parcels[0].entry.created < horizon:
                self._drop(spool.parcels.popleft())

    def discard(self, owner: str) -> None:
        """Forget all that waits for a user."""
        spool = self._spools.pop(owner, None)
        if spool is not None and spool.timer is not None:
            spool.timer.cancel()
        self._waiting = deque(each for each in self._waiting if each.entry.owner != owner)
        for parcel in [each for each in self._flying.values() if each.entry.owner == owner]:
            del self._flying[parcel.key]
            self._flying_size -= parcel.size
        self._loads.pop(owner, None)

    def _bound(self, owner: str) -> None:
        load = self._loads[owner]
        while load.count > self.limits.count or (load.size > self.limits.size and load.count > 1):
            spool = self._spools.get(owner)
            if spool is not None and spool.parcels:
                self._drop(spool.parcels.popleft())
                continue
            oldest = next(
                (each for each in self._waiting if not each.words and each.entry.owner == owner), None
            )
            if oldest is None:
                return  # all of it is flying
            self._waiting.remove(oldest)
            self._drop(oldest)

    def _drop(self, parcel: Parcel) -> None:
        self._count(parcel, -1)
        self._depot.dropped(parcel)

    def _count(self, parcel: Parcel, sign: int) -> None:
        owner = parcel.entry.owner
        load = self._loads.setdefault(owner, _Load())
        load.count += sign
        load.size += sign * parcel.size
        if load.count <= 0:
            del self._loads[owner]

    # -- out ---------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        while (
            self._up
            and self._waiting
            and len(self._flying) < _WINDOW_COUNT
            and self._flying_size < _WINDOW_SIZE
        ):
            # Whatever the outbox refuses stays: the next barrier, or the next link, goes on with it.
            if not self._write(self._waiting[0]):
                return
            self._waiting.popleft()

    def _write(self, parcel: Parcel) -> bool:
        parcel.epoch = self._barrier.stamp()
        for stanza in self._depot.stanzas(parcel):
            if not self._send(stanza, owned=True):
                parcel.late = True
                return False
        self._flying[parcel.key] = parcel
        self._flying_size += parcel.size
        self._depot.written(parcel)
        return True

    def _landed(self, parcel: Parcel) -> None:
        self._flying_size -= parcel.size
        if not parcel.words:
            self._count(parcel, -1)

    def _spool(self, spool: _Spool, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            parcel.late = True
        spool.parcels = deque(sorted([*parcels, *spool.parcels], key=_age))

    def _try_later(self, owner: str, spool: _Spool) -> None:
        if spool.timer is not None or spool.probe is not None:
            return
        delay = spool.delay * self._random.uniform(0.9, 1.1)
        spool.delay = min(spool.delay * 2, LAST_TRY)

        def due() -> None:
            spool.timer = None
            if self._spools.get(owner) is not spool or not self._up:
                return  # ``up`` sets the next
            if not spool.parcels:
                del self._spools[owner]
                return
            # One is enough to find out; the others would only come back too.
            spool.probe = spool.parcels.popleft()
            self._waiting.append(spool.probe)
            self._pump()

        spool.timer = self._clock.call_later(delay, due)
