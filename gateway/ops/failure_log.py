"""Messages that failed, in the log: id, bridge and cause of each: so many lines a minute, and how many more there were.

Never what a message says, nor an address or number of anybody: causes are freed of them (``gateway.ops.failures``).
"""

import structlog

from gateway.bridge import Clock
from gateway.ops.status import Direction

_MINUTE = 60.0
#: Lines a minute, for one cause and for all: a flood fills neither the disk nor the view.
_OF_CAUSE, _OF_ALL = 5, 30
_COUNTED = 20  # causes a minute whose lines are left out; those of more are counted together
_OTHERS = "others"

_log = structlog.get_logger(__name__)


class FailureLog:
    """Of one bridge. Whoever has it calls ``due`` now and then."""

    __slots__ = ("_bridge", "_clock", "_end", "_left_out", "_lines", "_told")

    def __init__(self, clock: Clock, bridge: str) -> None:
        self._clock = clock
        self._bridge = bridge
        self._end = 0.0  # of this minute
        self._lines = 0
        self._told: dict[tuple[Direction, str], int] = {}
        self._left_out: dict[tuple[Direction, str], int] = {}

    def tell(self, direction: Direction, cause: str, id_: str) -> None:
        self.due()
        key = direction, cause
        told = self._told.get(key, 0)
        if self._lines < _OF_ALL and told < _OF_CAUSE:
            self._told[key] = told + 1
            self._lines += 1
            _log.info(
                "message failed", message=id_, bridge=self._bridge, direction=direction.value, cause=cause
            )
            return
        if key not in self._left_out and len(self._left_out) >= _COUNTED:
            key = direction, _OTHERS
        self._left_out[key] = self._left_out.get(key, 0) + 1

    def due(self) -> None:
        """If the minute is over, say what was left out of it."""
        now = self._clock.monotonic()
        if now >= self._end:
            self.end()
            self._end = now + _MINUTE

    def end(self) -> None:
        """Say what was left out."""
        left_out, self._left_out = self._left_out, {}
        self._told.clear()
        self._lines = 0
        for (direction, cause), count in left_out.items():
            _log.info(
                "more messages failed",
                count=count,
                bridge=self._bridge,
                direction=direction.value,
                cause=cause,
            )
