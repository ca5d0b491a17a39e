"""How much mail comes: buckets that fill over an hour, of users and of senders. In memory, and bounded."""

from dataclasses import dataclass

from gateway.bridge import Clock

_HOUR = 3600.0
_MOST = 50_000  # buckets that are remembered at a time


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """``an_hour`` mails for each key, all of them at once if need be."""

    def __init__(self, an_hour: int, clock: Clock) -> None:
        self._an_hour = an_hour
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def free(self, key: str) -> bool:
        """Whether one more may come; takes nothing."""
        return self._bucket(key).left >= 1

    def take(self, key: str) -> bool:
        bucket = self._bucket(key)
        if bucket.left < 1:
            return False
        bucket.left -= 1
        self._buckets[key] = bucket
        return True

    def _bucket(self, key: str) -> _Bucket:
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST:
                self._prune(now)
            return _Bucket(self._an_hour, now)
        bucket.left = min(self._an_hour, bucket.left + (now - bucket.at) * self._an_hour / _HOUR)
        bucket.at = now
        return bucket

    def _prune(self, now: float) -> None:
        """Forget those that are full again; if that is not enough, the ones least used."""
        for key in list(self._buckets):
            if self._bucket(key).left >= self._an_hour:
                del self._buckets[key]
        for key in list(self._buckets)[: max(0, len(self._buckets) - _MOST // 2)]:
            del self._buckets[key]
