"""A circuit breaker: what has failed several times in a row is not tried again for a while, and then once."""

from collections.abc import Callable
from dataclasses import dataclass

#: Failures in a row before it opens, and seconds it then stays open: doubled each time the trial fails.
_FAILURES = 3
_FIRST, _LONGEST = 60.0, 3600.0


@dataclass(slots=True)
class Breaker:
    """``monotonic`` gives seconds. Ask ``closed`` before each attempt, tell ``succeeded`` or ``failed`` after it."""

    monotonic: Callable[[], float]
    failures: int = 0
    pause: float = 0.0
    until: float = 0.0
    trying: bool = False  # half open: one attempt is under way

    def closed(self) -> bool:
        """Whether an attempt may be made now. Half open, the first to ask gets to try."""
        if not self.pause:
            return True
        if self.trying or self.monotonic() < self.until:
            return False
        self.trying = True
        return True

    @property
    def open_for(self) -> float:
        """Seconds until the next trial; 0 if it is closed."""
        return max(0.0, self.until - self.monotonic()) if self.pause else 0.0

    def succeeded(self) -> None:
        self.failures, self.pause, self.trying = 0, 0.0, False

    def failed(self) -> None:
        self.failures += 1
        self.trying = False
        if self.pause or self.failures >= _FAILURES:
            self.pause = min(_LONGEST, self.pause * 2 or _FIRST)
            self.until = self.monotonic() + self.pause
