"""Whether somebody sets the clock while we run: the time of day, beside the time that passes by itself.

What waits for a time of day that was reckoned by the clock of before would wait for as long as the clock was set back.
"""

from gateway.bridge.services import Clock

#: Seconds that the clock may be off at once: daemons that keep it right step by no more, or slew.
STEP = 5.0


class Steps:
    """Of one who asks now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset = self._now()  # of the time of day from the time that passes

    def taken(self) -> float:
        """Seconds by which the clock was set since this was asked last; negative: back. 0 for what is no step."""
        before, self.offset = self.offset, self._now()
        step = self.offset - before
        return step if abs(step) > STEP else 0.0

    def _now(self) -> float:
        return self._clock.now() - self._clock.monotonic()
