"""Lines that belong together (IRCv3 batch): which batches are open, within which, and what was gathered in them.

Knows no commands but BATCH itself. Bounded in count, age and size: what is too much is not lost, only taken line by line
from then on, as for a type that nobody knows (batch, "Specifications for batch types").
"""

from collections.abc import Collection, Sequence

from bridges.irc.alarm import NEVER, Alarm
from bridges.irc.protocol.line import Line
from gateway.bridge import Clock

MAX_OPEN = 64  # batches at a time; servers have one or two
MAX_DEPTH = 8
MAX_LINES = 500  # gathered in one batch
MAX_AGE = 60.0  # seconds for a batch from its beginning to its end

#: Batches whose lines repeat what was said before (chathistory, and the bouncers' own).
REPLAYS = frozenset(("chathistory", "znc.in/playback"))


class Batch:
    """One open batch. ``label`` and ``replay`` count for all that is in it."""

    __slots__ = ("began", "gathered", "label", "opening", "outer", "replay", "type")

    def __init__(self, opening: Line, kind: str, outer: "Batch | None", began: float) -> None:
        self.opening = opening
        self.type = kind
        self.outer = outer
        self.began = began
        self.label: str = opening.tags.get("label", "") or (outer.label if outer is not None else "")
        self.replay: bool = kind in REPLAYS or (outer is not None and outer.replay)
        self.gathered: list[Line] | None = None  # None: nothing is held back

    @property
    def params(self) -> Sequence[str]:
        """What the type adds: the target of a multi-line message, the servers of a netsplit."""
        return self.opening.params[2:]


class Batches:
    """The open batches of one connection. ``whole``: the types whose lines only make sense together."""

    __slots__ = ("_alarm", "_clock", "_open", "_whole")

    def __init__(self, clock: Clock, alarm: Alarm, whole: Collection[str]) -> None:
        self._clock = clock
        self._alarm = alarm
        self._whole = whole
        self._open: dict[str, Batch] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._open)

    def open(self, line: Line) -> list[Batch]:
        """``BATCH +reference type ...``. Returns those that had to be given up for it."""
        reference, kind = line.params[0][1:], line.params[1]
        given_up = [self._open.pop(reference)] if reference in self._open else []
        if len(self._open) >= MAX_OPEN:
            given_up.append(self._open.pop(next(iter(self._open))))
        outer = self.of(line)
        if outer is not None and _depth(outer) >= MAX_DEPTH:
            outer = None
        now = self._clock.monotonic()
        batch = self._open[reference] = Batch(line, kind, outer, now)
        if kind in self._whole:
            batch.gathered = []
        self._alarm.need(now + MAX_AGE)
        return given_up

    def close(self, line: Line) -> Batch | None:
        """``BATCH -reference``; None for one that is not open."""
        return self._open.pop(line.params[0][1:], None)

    def of(self, line: Line) -> Batch | None:
        """The batch that a line is in; None for lines outside, and for batches that nobody opened."""
        reference = line.tags.get("batch", "")
        return self._open.get(reference) if reference else None

    @staticmethod
    def gather(batch: Batch, line: Line) -> bool:
        """Hold ``line`` back until its batch ends; False if the batch takes no more, and nothing of it is to be held."""
        if batch.gathered is None or len(batch.gathered) >= MAX_LINES:
            return False
        batch.gathered.append(line)
        return True

    def expire(self, now: float) -> tuple[list[Batch], float]:
        """The batches that the server does not end, and when to look again."""
        overdue: list[Batch] = []
        while self._open:
            reference, batch = next(iter(self._open.items()))
            if batch.began + MAX_AGE > now:
                return overdue, batch.began + MAX_AGE
            overdue.append(self._open.pop(reference))
        return overdue, NEVER

    def clear(self) -> None:
        """The connection is over."""
        self._open.clear()


def _depth(batch: Batch) -> int:
    depth, outer = 1, batch.outer
    while outer is not None:
        depth, outer = depth + 1, outer.outer
    return depth
