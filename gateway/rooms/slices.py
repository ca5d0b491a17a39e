"""Long work of rooms, done in slices: one slice of one room in a turn of the loop, and none while more is waiting to be
written than the server has read. Knows nothing of the work.
"""

from collections import deque
from collections.abc import Callable

#: Does a slice of some work; whether there is more of it.
Step = Callable[[], bool]

#: Seconds until the server is looked at again when it does not read.
_PAUSE = 0.02


class Slices:
    """Of one component. ``later`` runs something after some seconds; ``congested``: whether to wait."""

    def __init__(
        self, later: Callable[[float, Callable[[], None]], object], congested: Callable[[], bool]
    ) -> None:
        self._later = later
        self._congested = congested
        self._waiting: deque[Step] = deque()
        self._scheduled = False

    @property
    def congested(self) -> bool:
        """Whether whatever can wait should."""
        return self._congested()

    def add(self, step: Step) -> None:
        """Call ``step`` in turns to come, until it says that it was the last one."""
        self._waiting.append(step)
        self._schedule(0.0)

    def _schedule(self, delay: float) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._later(delay, self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._congested():
            self._schedule(_PAUSE)
            return
        step, more = self._waiting.popleft(), True
        try:
            more = step()
        finally:
            if more:
                self._waiting.append(step)
            if self._waiting:
                self._schedule(0.0)
