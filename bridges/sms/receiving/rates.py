"""How much one sender may bring in a minute. In memory, one number a sender (GCRA), and bounded."""

from collections import OrderedDict

from gateway.bridge import Clock

_MINUTE = 60.0
_MOST = 50_000  # senders that are remembered at a time


class Rates:
    """``most`` for each key in a minute, all of them at once if need be."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._step = _MINUTE / most
        self._clock = clock
        self._full: OrderedDict[object, float] = OrderedDict()  # when the bucket of a key is full again

    def allow(self, most: int) -> None:
        """So many from now on; what was taken stays taken."""
        self._step = _MINUTE / most

    def take(self, key: object) -> bool:
        now = self._clock.monotonic()
        full = max(now, self._full.get(key, 0.0)) + self._step
        if full - now > _MINUTE + 1e-9:
            return False
        self._full[key] = full
        self._full.move_to_end(key)
        while self._full and (len(self._full) > _MOST or next(iter(self._full.values())) <= now):
            self._full.popitem(last=False)
        return True
