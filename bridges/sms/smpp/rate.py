"""How fast a route may write: so many segments a second, and slower when the message centre says so.

Sans-I/O: times are those of a clock that never goes back. Knows no connections.
"""

from typing import Final

#: Seconds that follow one refusal after the other for want of room (ESME_RTHROTTLED, ESME_RMSGQFUL).
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0

# congestion_state (SMPP 5.0 §4.8.4.18): up to 90 is the best load there is, from 91 on it is too much, 100 is a jam.
_BEST: Final = 90
_JAM: Final = 100
_LEAST_SPACING: Final = 0.01
_MOST_SPACING: Final = 2.0


class Bucket:
    """``rate`` a second on average (0: without limit), and ``burst`` at once."""

    __slots__ = ("_burst", "_interval", "_next")

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        self._interval = 1.0 / rate if rate > 0 else 0.0
        self._burst = (max(1.0, burst) - 1.0) * self._interval
        self._next = float("-inf")  # when one more would be exactly on time

    def wait(self, now: float) -> float:
        """Seconds until one more is allowed."""
        return max(0.0, self._next - self._burst - now) if self._interval else 0.0

    def take(self, now: float) -> None:
        self._next = max(self._next, now) + self._interval

    def give_back(self) -> None:
        """The last was not used."""
        self._next -= self._interval


class Backoff:
    """Pauses of 1, 2, 4 .. 60 seconds, while everything is refused for want of room; the first that is taken ends them."""

    __slots__ = ("_begun", "_pause", "_until")

    def __init__(self) -> None:
        self._pause = 0.0
        self._begun = float("-inf")
        self._until = float("-inf")

    def refused(self, written: float, now: float) -> None:
        """What was written at ``written`` was not taken now. Refusals of what was written before a pause began do not
        lengthen it: a whole window comes back at once."""
        if written < self._begun:
            return
        self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
        self._begun, self._until = now, now + self._pause

    def taken(self, written: float) -> None:
        if written >= self._begun:
            self._pause = 0.0

    def wait(self, now: float) -> float:
        return max(0.0, self._until - now)

    @property
    def pausing(self) -> bool:
        """Whether the last that is known was a refusal: one message at a time is enough to find out more."""
        return self._pause > 0


class Congestion:
    """Spacing between messages that grows while the message centre says that it is nearly jammed, and shrinks after."""

    __slots__ = ("_last", "_spacing", "_until")

    def __init__(self) -> None:
        self._spacing = 0.0
        self._last = float("-inf")
        self._until = float("-inf")

    def heard(self, state: int, now: float) -> None:
        if state <= _BEST:
            self._spacing = self._spacing / 2 if self._spacing > _LEAST_SPACING else 0.0
            return
        self._spacing = min(_MOST_SPACING, max(_LEAST_SPACING, 2 * self._spacing))
        if state >= _JAM:
            self._until = max(self._until, now + FIRST_PAUSE)

    def take(self, now: float) -> None:
        self._last = now

    def wait(self, now: float) -> float:
        return max(0.0, self._until - now, self._last + self._spacing - now)
