"""What the service manager is told (sd_notify(3)): that we are ready, how we are, and that we still turn.

One datagram each to the socket that it names in the environment; without one, nothing is told. Knows nothing of the gateway
but what it is given to say.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from gateway.bridge import Clock

_log = structlog.get_logger(__name__)

#: Seconds that what must not be lost may wait for room in the manager's queue; a sign of life does not.
_ROOM = 0.5
#: Characters of STATUS; systemctl shows one line.
_STATUS_MOST = 400


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """``address`` is that of the socket, empty for none; ``watchdog`` seconds within which a sign of life is expected, 0
    for no such wish."""

    clock: Clock
    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def of(cls, environ: Mapping[str, str], clock: Clock) -> "ServiceManager":
        """Whoever started us, if it said how it wants to be told."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        watchdog = int(microseconds) / 1e6 if meant and microseconds.isdecimal() else 0.0
        return cls(clock, environ.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self) -> None:
        self._tell("READY=1")

    def reloading(self) -> None:
        """``ready`` says that it is over."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(self.clock.monotonic() * 1e6)}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=Saying goodbye")

    def status(self, text: str) -> None:
        self._tell(f"STATUS={' '.join(text.split())[:_STATUS_MOST]}")

    def alive(self) -> None:
        self._tell("WATCHDOG=1", room=0.0)

    def _tell(self, *lines: str, room: float = _ROOM) -> None:
        if not self.address:
            return
        # A name in the abstract namespace begins with NUL and is written with "@".
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(room)
                out.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.debug("the service manager was not told", reason=str(error), what=lines[0])
