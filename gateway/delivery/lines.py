"""What waits to go to a network: a line for each conversation, in the order of writing.

Knows when a line is due; what is done with its messages then is ``outbound``'s business.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from gateway.bridge import Cancellable, Clock
from gateway.delivery.entry import Entry

#: Seconds until a message that the network refused for now is tried again; doubled each time up to the second.
FIRST_TRY, LAST_TRY = 30.0, 900.0

#: Owner, network, whether it is a room, and the peer.
Place = tuple[str, str, bool, str]


def place_of(entry: Entry) -> Place:
    return entry.owner, entry.network, entry.room, entry.peer


@dataclass(slots=True)
class _Line:
    entries: deque[Entry] = field(default_factory=deque)
    delay: float = FIRST_TRY
    timer: Cancellable | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Lines:
    """``due`` is called with a place whose messages are to be tried again."""

    def __init__(self, clock: Clock, due: Callable[[Place], None]) -> None:
        self._clock = clock
        self._due = due
        self._lines: dict[Place, _Line] = {}

    def __contains__(self, place: Place) -> bool:
        return place in self._lines

    @property
    def waiting(self) -> tuple[int, float | None]:
        """How many messages wait, and when the oldest of them was written."""
        heads = [line.entries[0].created for line in self._lines.values() if line.entries]
        return sum(len(line.entries) for line in self._lines.values()), min(heads, default=None)

    def put(self, entry: Entry, delay: float = FIRST_TRY) -> None:
        """Into its line, in the order of writing; a new line is tried after ``delay`` seconds."""
        line = self._lines.setdefault(place_of(entry), _Line(delay=delay))
        at = len(line.entries)
        while at and line.entries[at - 1].created > entry.created:
            at -= 1
        line.entries.insert(at, entry)

    def later(self, place: Place) -> None:
        """Try the line in a while, unless it is to be tried already."""
        line = self._lines[place]
        if line.timer is not None:
            return

        def due() -> None:
            line.timer = None
            self._due(place)

        line.timer = self._clock.call_later(line.delay, due)
        line.delay = min(line.delay * 2, LAST_TRY)

    def now(self, owner: str, network: str) -> None:
        """Try all lines of an account."""
        for place, line in list(self._lines.items()):
            if place[:2] == (owner, network):
                line.delay = FIRST_TRY
                line.stop()
                self._due(place)

    def take(self, place: Place) -> tuple[Collection[Entry], float]:
        """A line's messages, which wait no longer, and the delay if they have to be put back."""
        line = self._lines.pop(place, None)
        if line is None:
            return (), FIRST_TRY
        line.stop()
        return line.entries, line.delay

    def overdue(self, horizon: float) -> Iterator[Entry]:
        """Let go what was written before ``horizon``, and lines in which nothing waits."""
        for place, line in list(self._lines.items()):
            while line.entries and line.entries[0].created < horizon:
                yield line.entries.popleft()
            if not line.entries:
                line.stop()
                self._lines.pop(place, None)

    def forget(self, owner: str) -> None:
        for place in [place for place in self._lines if place[0] == owner]:
            self._lines.pop(place).stop()
