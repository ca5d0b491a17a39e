"""What goes out, and when: a token bucket per session, and a bounded queue behind it.

It knows neither lines nor sockets, only an outlet. A line that may go at once costs no object and no timer; while lines
wait, one timer is set for the next token. What keeps the connection alive (PONG, CAP, QUIT) goes past the queue.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from bridges.irc.tally import Tally
from gateway.bridge import Cancellable, Clock
from gateway.model import Condition, Refused

LIMIT = 1000  # lines that one user may have waiting


class Parcel(Protocol):
    """Whoever has lines in the queue and wants to hear of them."""

    @property
    def withdrawn(self) -> bool:
        """True: the lines that still wait are not to be sent."""

    def written(self) -> None:
        """One of its lines was handed to the connection."""

    def lost(self, why: Refused) -> None:
        """One of its lines will never be sent."""


class Outlet(Protocol):
    """The connection, as far as the queue is concerned."""

    writable: bool  # takes more now

    def send(self, line: str) -> None: ...


class SendQueue:
    """``outlet`` is there as long as the connection is. ``rate`` is in lines per second after ``burst`` lines at once; 0
    lifts the limit."""

    __slots__ = (
        "_burst",
        "_clock",
        "_counted",
        "_limit",
        "_rate",
        "_tally",
        "_timer",
        "_tokens",
        "_waiting",
        "outlet",
    )

    def __init__(
        self,
        clock: Clock,
        *,
        burst: int = 10,
        rate: float = 1.0,
        limit: int = LIMIT,
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally or Tally()
        self._clock = clock
        self.outlet: Outlet | None = None
        self._burst = float(burst)
        self._rate = rate
        self._limit = limit
        self._tokens = float(burst)
        self._counted = clock.monotonic()
        # No deque: it is short, nearly always empty, and there is one for every session.
        self._waiting: list[tuple[tuple[str, ...], Parcel | None]] = []
        self._timer: Cancellable | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def parcels(self) -> Iterator[Parcel | None]:
        """Whose the lines are that wait, the next one first."""
        return (parcel for _, parcel in self._waiting)

    @property
    def free(self) -> int:
        """How many more lines fit."""
        return self._limit - len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether a line that nobody waits for may go: half of a burst is left for people."""
        spent = self._burst - self._tokens - (self._clock.monotonic() - self._counted) * self._rate
        return not self._waiting and self._writable() and (not self._rate or spent < self._burst / 2)

    def urgent(self, line: str) -> None:
        """Send now, whatever waits: for what keeps the connection alive, and for the login."""
        if self.outlet is not None:
            self.outlet.send(line)

    def now(self, line: str) -> bool:
        """Send ``line`` if it need not wait; False if it must (then ``put`` it)."""
        outlet = self.outlet
        if outlet is None or not outlet.writable or self._waiting or (self._rate and not self._take()):
            return False
        outlet.send(line)
        return True

    def put(self, line: str, parcel: Parcel | None = None) -> bool:
        """Send ``line`` in its turn, at once if possible; False, and nothing done, if too many wait already."""
        if self.now(line):
            if parcel is not None:
                parcel.written()
            return True
        if len(self._waiting) >= self._limit:
            return False
        self._tally.throttled += 1
        self._tally.waiting += 1
        self._waiting.append(((line,), parcel))
        self._wake_later()
        return True

    def put_together(self, lines: Sequence[str], parcel: Parcel) -> bool:
        """As ``put``, for lines that nothing may come between (IRCv3 client-batch): written at once when it is the turn of
        the first; what they are beyond the pace is made up for by those behind them."""
        if len(self._waiting) >= self._limit:
            return False
        self._tally.waiting += 1
        self._waiting.append((tuple(lines), parcel))
        self.pump()
        return True

    def pump(self) -> None:
        """Send what may go now. To be called when the connection takes lines again."""
        while self._waiting and self._writable():
            lines, parcel = self._waiting[0]
            withdrawn = parcel is not None and parcel.withdrawn
            if not withdrawn and not self._take():
                break
            self._waiting.pop(0)
            self._tally.waiting -= 1
            if withdrawn:
                continue
            for line in lines:
                self.urgent(line)
            if self._rate:
                self._tokens -= len(lines) - 1
            if parcel is not None:
                parcel.written()
        self._wake_later()

    def close(self, why: Refused) -> None:
        """Drop all that waits, and say so to whoever sent it."""
        self._rate, self._limit = 0.0, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        dropped, self._waiting = self._waiting, []
        self._tally.waiting -= len(dropped)
        for _, parcel in dropped:
            if parcel is not None:
                parcel.lost(why)

    def _writable(self) -> bool:
        return self.outlet is not None and self.outlet.writable

    def _take(self) -> bool:
        if not self._rate:
            return True
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._counted) * self._rate)
        self._counted = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _wake_later(self) -> None:
        # Without a rate only the connection holds lines back, and it calls `pump` itself.
        if self._timer is None and self._waiting and self._rate and self._writable():
            delay = max((1.0 - self._tokens) / self._rate, 0.001)
            self._timer = self._clock.call_later(delay, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.pump()


def full(where: str) -> Refused:
    """What the user hears whose lines do not fit any more."""
    return Refused(
        Condition.RESOURCE_CONSTRAINT,
        f"Too many of your lines wait to be sent to {where}. Wait until they are through, then send this again.",
    )
