"""How many of us are on one server at a time: networks count connections from one host, and ban the host for more."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

_DELAY = 300.0  # seconds until somebody who found no place tries again


class Crowd:
    """Connections of all users by host, from dialling to the end."""

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()

    @contextmanager
    def place(self, host: str, network: str, most: int) -> Iterator[None]:
        """Be one of them; 0 for ``most`` is any number. Raises ``SessionEnded`` if there is no place."""
        host = host.lower()
        if most and self._present[host] >= most:
            text = (
                f"There are {self._present[host]} users of this gateway on {network}, the most that may be there at a time. "
                "You are connected as soon as there is a place."
            )
            raise SessionEnded(Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.WAIT), delay=_DELAY)
        self._present[host] += 1
        try:
            yield
        finally:
            self._present[host] -= 1
            if not self._present[host]:
                del self._present[host]
