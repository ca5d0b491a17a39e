"""Whether the other side is still there: PING after a silence, and how long to wait for any sign of life.

Silence is counted in looks, three for each ``ping_after``: noting the time of every line would cost more than that.
"""

from bridges.irc.alarm import NEVER

_LOOKS = 3


class KeepAlive:
    """Set ``heard`` for every line received. Times are monotonic seconds."""

    __slots__ = ("_check_at", "_every", "_patience", "_pong_by", "_quiet", "heard")

    def __init__(self, ping_after: float, ping_timeout: float) -> None:
        self._every = ping_after / _LOOKS
        self._patience = ping_timeout
        self._check_at = self._pong_by = NEVER
        self._quiet = 0
        self.heard = False

    @property
    def next(self) -> float:
        """When to look again."""
        return min(self._check_at, self._pong_by)

    def start(self, now: float) -> None:
        self._check_at = now + self._every

    def dead(self, now: float) -> bool:
        """Whether a PING was not answered in time."""
        return now >= self._pong_by and not self.heard

    def look(self, now: float) -> bool:
        """Whether a PING is due."""
        if self.heard:
            self._pong_by = NEVER
        if now < self._check_at:
            return False
        self._quiet = 0 if self.heard else self._quiet + 1
        self.heard = False
        self._check_at = now + self._every
        if self._quiet < _LOOKS or self._pong_by != NEVER:
            return False
        self._pong_by = now + self._patience
        return True
