"""How often somebody may do something: one bucket for each name, forgotten once it is full again."""

from gateway.bridge import Clock

_NAMES = 10_000  # remembered at a time


class Allowance:
    """``burst`` times at once, and ``per_second`` after that."""

    def __init__(self, clock: Clock, *, burst: int, per_second: float) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._per_second = per_second
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was; latest last

    def take(self, name: str) -> bool:
        """Whether once more is allowed; then it counts."""
        now = self._clock.monotonic()
        left, since = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        allowed = left >= 1.0
        self._buckets[name] = (left - 1.0 if allowed else left, now)
        self._forget(now)
        return allowed

    def _forget(self, now: float) -> None:
        """Drop the buckets that have been left alone for longest, as far as they are full or too many."""
        full_after = self._burst / self._per_second
        while self._buckets:
            name, (_, since) = next(iter(self._buckets.items()))
            if now - since < full_after and len(self._buckets) <= _NAMES:
                return
            del self._buckets[name]
