"""How much mail comes and goes: buckets that fill over an hour or a day, of users and of senders. In memory, and bounded."""

from dataclasses import dataclass

from gateway.bridge import Clock

_HOUR = 3600.0
_MOST = 50_000  # buckets that are remembered at a time


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """``most`` for each key in ``seconds``, all of them at once if need be."""

    def __init__(self, most: int, clock: Clock, seconds: float = _HOUR) -> None:
        self._most = most
        self._clock = clock
        self._seconds = seconds
        self._buckets: dict[str, _Bucket] = {}

    def allow(self, most: int) -> None:
        """So many from now on; what was taken stays taken."""
        for bucket in self._buckets.values():
            bucket.left += most - self._most
        self._most = most

    def free(self, key: str, count: int = 1) -> bool:
        """Whether so many more may come; takes nothing."""
        return self._bucket(key).left >= count

    def take(self, key: str, count: int = 1) -> bool:
        bucket = self._bucket(key)
        if bucket.left < count:
            return False
        bucket.left -= count
        self._buckets[key] = bucket
        return True

    def _bucket(self, key: str) -> _Bucket:
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST:
                self._prune(now)
            return _Bucket(self._most, now)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._most / self._seconds)
        bucket.at = now
        return bucket

    def _prune(self, now: float) -> None:
        """Forget those that are full again; if that is not enough, the ones least used."""
        for key in list(self._buckets):
            if self._bucket(key).left >= self._most:
                del self._buckets[key]
        for key in list(self._buckets)[: max(0, len(self._buckets) - _MOST // 2)]:
            del self._buckets[key]
