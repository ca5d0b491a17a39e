"""How many of us are on one server at a time: networks count connections from one host, and ban the host for more."""

from collections import Counter
from contextlib import AbstractContextManager

from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

_DELAY = 300.0  # seconds until somebody who found no place tries again


class Crowd:
    """Connections of all users by host, from dialling to the end."""

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()

    def place(self, host: str, network: str, most: int) -> AbstractContextManager[None]:
        """Be one of them; 0 for ``most`` is any number. Entering it raises ``SessionEnded`` if there is no place."""
        return _Place(self._present, host.lower(), network, most)


class _Place:
    """Held as long as the connection lives, so it is small: a generator would take a kilobyte."""

    __slots__ = ("_host", "_most", "_network", "_present")

    def __init__(self, present: Counter[str], host: str, network: str, most: int) -> None:
        self._present = present
        self._host = host
        self._network = network
        self._most = most

    def __enter__(self) -> None:
        there = self._present[self._host]
        if self._most and there >= self._most:
            text = (
                f"There are {there} users of this gateway on {self._network}, the most that may be there at a time. "
                "You are connected as soon as there is a place."
            )
            raise SessionEnded(Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.WAIT), delay=_DELAY)
        self._present[self._host] += 1

    def __exit__(self, *_: object) -> None:
        self._present[self._host] -= 1
        if not self._present[self._host]:
            del self._present[self._host]
