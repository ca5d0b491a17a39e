"""How many messages one bridge carries, how long each takes from one side to the other, and what becomes of the rest.

Whoever carries messages adds to plain numbers here, and nothing else happens then: no lock, no timer, no object for a
message. What was in which minute is found out afterwards, from how the numbers have grown (``tick``). Knows no stanza, no
user and no room.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.bridge import Cancellable, Clock, Verbosity
from gateway.model import AccountState, Refused
from gateway.ops.failure_log import FailureLog
from gateway.ops.failures import Failures
from gateway.ops.status import Direction, Point, Span, TrafficView

#: Upper bounds of the buckets of latencies, in seconds; what took longer is in one more.
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
_LEAST = BOUNDS[0]
_TICK = 10.0
_MINUTE, _QUARTER = 60, 900
_KEPT = {Span.HOUR: (_MINUTE, 60), Span.DAY: (_QUARTER, 96)}
#: Minutes whose latencies count as those of now.
_LATELY = 5


class Latency:
    """A histogram of seconds with fixed buckets."""

    __slots__ = ("counts", "seconds")

    def __init__(self, counts: list[int] | None = None, seconds: float = 0.0) -> None:
        self.counts = counts if counts is not None else [0] * (len(BOUNDS) + 1)
        self.seconds = seconds  # the sum

    def add(self, seconds: float, count: int = 1) -> None:
        """So many took so long."""
        self.counts[bisect_left(BOUNDS, seconds)] += count
        self.seconds += seconds * count

    @property
    def count(self) -> int:
        return sum(self.counts)

    def copy(self) -> "Latency":
        return Latency(list(self.counts), self.seconds)

    def since(self, earlier: "Latency") -> "Latency":
        """What has come since it was ``earlier``."""
        counts = [now - then for now, then in zip(self.counts, earlier.counts, strict=True)]
        return Latency(counts, self.seconds - earlier.seconds)

    def merge(self, other: "Latency") -> None:
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds

    def quantile(self, share: float) -> float | None:
        """The seconds within which ``share`` of all came, as near as the buckets tell; None if nothing came."""
        counts = self.counts
        total = sum(counts)
        if not total:
            return None
        rank = share * total
        below, least = 0, 0.0
        for bound, count in zip(BOUNDS, counts, strict=False):
            if count and below + count >= rank:
                return least + (bound - least) * max(0.0, rank - below) / count
            below += count
            least = bound
        return BOUNDS[-1]


@dataclass(slots=True)
class _Stretch:
    """What happened in one stretch of time. ``number`` is its beginning, counted in stretches since 1970."""

    number: int
    incoming: int
    outgoing: int
    failed: int
    latency: Latency  # of both directions
    taken: Latency  # out only
    shown: Latency  # in only


@dataclass(frozen=True, slots=True)
class _Totals:
    incoming: int
    outgoing: int
    failed: int
    taken: Latency
    shown: Latency


class Traffic:
    """Of one bridge. The numbers are since the start of the process, and only grow; ``start`` and ``stop`` it with the
    bridge.

    A message to the network counts when the network has taken it; its time is from its stanza to then. One from the network
    counts when the gateway has it; its time is until it was written to the XMPP server, and for messages in rooms it is
    as long as the oldest took that went out with the same write. What waited for a user who could not be reached, or was
    sent again after a lost link, has no time."""

    __slots__ = (
        "_clock",
        "_log",
        "_measured",
        "_recent",
        "_rings",
        "_seen",
        "_timer",
        "bridge",
        "changes",
        "failed",
        "failures",
        "monotonic",
        "people_in",
        "people_out",
        "rooms_in",
        "rooms_out",
        "shown",
        "taken",
        "verbosity",
    )

    def __init__(
        self,
        clock: Clock,
        bridge: str = "",
        verbosity: Verbosity | None = None,
        failures: Failures | None = None,
    ) -> None:
        self.bridge = bridge
        self.verbosity = verbosity or Verbosity()
        self.failures = failures or Failures(clock, bridge)
        self.monotonic = clock.monotonic
        self.rooms_out = self.rooms_in = self.people_out = self.people_in = 0
        self.taken, self.shown = Latency(), Latency()
        self.changes = dict.fromkeys(AccountState, 0)  # how often sessions came into a state
        self.failed: dict[tuple[Direction, str], int] = {}  # by condition of the error
        self._log = FailureLog(clock, bridge)
        self._clock = clock
        self._measured = 0  # of ``rooms_in``, those whose time is known
        self._seen = self._totals()
        self._rings: dict[Span, deque[_Stretch]] = {
            span: deque(maxlen=kept) for span, (_, kept) in _KEPT.items()
        }
        self._recent: deque[tuple[float, int, int]] = deque(maxlen=int(60 / _TICK) + 1)
        self._timer: Cancellable | None = None

    # -- counting (hot) ----------------------------------------------------------------------------------------

    def room_taken(self, since: float) -> None:
        """The network has taken what was said in a room; ``since`` is the monotonic time at which it came to us."""
        self.rooms_out += 1
        seconds = self.monotonic() - since
        taken = self.taken
        # Where a network confirms nothing, it takes no time: a comparison costs less than a call.
        taken.counts[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
        taken.seconds += seconds

    def written(self, seconds: float) -> None:
        """All that waited for the XMPP server was written to it; the oldest of it had waited so long."""
        count = self.rooms_in - self._measured
        if count:
            self._measured = self.rooms_in
            self.shown.add(seconds, count)

    def link_up(self) -> None:
        """What was heard while there was no link was not written, and will be shown from the histories of rooms."""
        self._measured = self.rooms_in

    def entry_taken(self, seconds: float, *, room: bool) -> None:
        """The network has taken a message of the ledger, so long after it came to us."""
        if room:
            self.rooms_out += 1
        else:
            self.people_out += 1
        self.taken.add(max(0.0, seconds))

    def person_shown(self, seconds: float) -> None:
        """Something that somebody wrote was given to the user's server, so long after it came to us."""
        self.shown.add(max(0.0, seconds))

    def fail(self, direction: Direction, why: Refused, id_: str = "", hidden: Sequence[str] = ()) -> None:
        """A message does not get to where it should. ``hidden``: names that must not be told (see ``Failures``)."""
        key = direction, why.condition.value
        self.failed[key] = self.failed.get(key, 0) + 1
        cause = self.failures.note(direction, why, id_, hidden)
        if self.verbosity.debug:  # all of them are wanted, as all that other messages go through
            self.tell("message failed", id_, direction=direction.value, cause=cause)
        else:
            self._log.tell(direction, cause, id_[:255])

    def tell(self, step: str, message: str, **details: object) -> None:
        """Log a step of a message. To be called only if ``verbosity.debug``: it costs as much as a message does."""
        self.verbosity.tell(step, message, self.bridge, **details)

    # -- over time ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.stop()
        self._tick_later()

    def stop(self) -> None:
        self._log.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick_later(self) -> None:
        self._timer = self._clock.call_later(_TICK, self._due)

    def _due(self) -> None:
        self.tick()
        self._log.due()
        self._recent.append((self.monotonic(), self._seen.incoming, self._seen.outgoing))
        self._tick_later()

    def _totals(self) -> _Totals:
        return _Totals(
            self.rooms_in + self.people_in,
            self.rooms_out + self.people_out,
            sum(self.failed.values()),
            self.taken.copy(),
            self.shown.copy(),
        )

    def tick(self) -> None:
        """What has happened since the last time belongs to the stretches of now."""
        before, totals = self._seen, self._totals()
        self._seen = totals
        taken, shown = totals.taken.since(before.taken), totals.shown.since(before.shown)
        now = self._clock.now()
        for span, (length, _) in _KEPT.items():
            stretch = self._stretch(self._rings[span], int(now // length))
            stretch.incoming += totals.incoming - before.incoming
            stretch.outgoing += totals.outgoing - before.outgoing
            stretch.failed += totals.failed - before.failed
            stretch.taken.merge(taken)
            stretch.shown.merge(shown)
            stretch.latency.merge(taken)
            stretch.latency.merge(shown)

    @staticmethod
    def _stretch(ring: deque[_Stretch], number: int) -> _Stretch:
        # A clock that was set back adds to the latest until it has caught up.
        if not ring or ring[-1].number < number:
            ring.append(_Stretch(number, 0, 0, 0, Latency(), Latency(), Latency()))
        return ring[-1]

    def history(self, span: Span) -> list[Point]:
        """All stretches that are remembered, and those without anything between them; the last one is not over."""
        self.tick()
        length, kept = _KEPT[span]
        by_number = {each.number: each for each in self._rings[span]}
        last = max(by_number)
        first = max(min(by_number), last - kept + 1)
        return [_point(by_number.get(number), number * length) for number in range(first, last + 1)]

    def view(self) -> dict[Direction, TrafficView]:
        self.tick()
        now = self._clock.now() // _MINUTE
        lately = [each for each in self._rings[Span.HOUR] if each.number > now - _LATELY]
        taken, shown = Latency(), Latency()
        for each in lately:
            taken.merge(each.taken)
            shown.merge(each.shown)
        in_rate, out_rate = self._rates()
        seen = self._seen
        return {
            Direction.OUT: TrafficView(
                seen.outgoing,
                self._failed(Direction.OUT),
                out_rate,
                taken.quantile(0.5),
                taken.quantile(0.99),
            ),
            Direction.IN: TrafficView(
                seen.incoming, self._failed(Direction.IN), in_rate, shown.quantile(0.5), shown.quantile(0.99)
            ),
        }

    def _rates(self) -> tuple[float, float]:
        """Messages a second of the last minute, in and out."""
        if not self._recent:
            return 0.0, 0.0
        time, incoming, outgoing = self._recent[0]
        seconds = max(self.monotonic() - time, 1.0)
        return (self._seen.incoming - incoming) / seconds, (self._seen.outgoing - outgoing) / seconds

    def _failed(self, direction: Direction) -> int:
        return sum(count for (each, _), count in self.failed.items() if each is direction)


def _point(stretch: _Stretch | None, time: float) -> Point:
    if stretch is None:
        return Point(time)
    latency = stretch.latency
    return Point(
        time,
        stretch.incoming,
        stretch.outgoing,
        stretch.failed,
        latency.quantile(0.5),
        latency.quantile(0.99),
    )
