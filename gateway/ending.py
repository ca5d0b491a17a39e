"""The last resort of an orderly end: whatever hangs, the process is gone in time.

What can hang beyond everything that is bounded is a thread: a name that is being resolved, a file on a server that is away.
No task can be made to let go of one, and Python waits for them all.
"""

import os
import threading

import structlog

_log = structlog.get_logger(__name__)

#: Seconds for everything that is done at the end; a service manager kills soon after.
SECONDS = 10.0


class Deadline:
    """From ``set`` on, the process ends after ``seconds`` with ``status``, unless it has ended before."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def set(self, status: int) -> None:
        """The first call counts."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, self._over, (status,))
            self._timer.daemon = True
            self._timer.start()

    def lift(self) -> None:
        """It has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _over(self, status: int) -> None:
        _log.error("the gateway did not end in time, and is ended", seconds=self._seconds)
        os._exit(status)
