"""One timer for all deadlines of a session, so that a thousand idle sessions cost next to nothing."""

from collections.abc import Callable

from gateway.bridge import Cancellable, Clock

NEVER = float("inf")


class Alarm:
    """``ring`` is given the time (monotonic seconds) and returns when it wants to be called next."""

    __slots__ = ("_at", "_clock", "_ring", "_stopped", "_timer")

    def __init__(self, clock: Clock, ring: Callable[[float], float]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: Cancellable | None = None
        self._at = NEVER
        self._stopped = False

    def need(self, at: float) -> None:
        """Ring at ``at`` (monotonic seconds) or before."""
        if at >= self._at or self._stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = self._clock.call_later(max(at - self._clock.monotonic(), 0.0), self._rung)

    def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rung(self) -> None:
        self._timer = None
        self._at = NEVER
        self.need(self._ring(self._clock.monotonic()))
