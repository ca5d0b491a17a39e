"""How many of us are on one server at a time: networks count connections from one host, and ban the host for more."""

import asyncio
from collections import Counter, deque
from contextlib import AbstractContextManager

from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

_DELAY = 300.0  # seconds until somebody who found no place tries again, if none becomes free before


class Crowd:
    """Connections of all users by host, from dialling to the end, and those who wait for a place."""

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def place(self, host: str, network: str, most: int) -> AbstractContextManager[None]:
        """Be one of them; 0 for ``most`` is any number. Entering it raises ``SessionEnded`` if there is no place."""
        return _Place(self, host.lower(), network, most)

    def come(self, host: str, network: str, most: int) -> None:
        there = self._present[host]
        if most and there >= most:
            text = (
                f"There are {there} users of this gateway on {network}, the most that may be there at a time. "
                "Rooms that you stay in are entered as soon as there is a place; for others try again later."
            )
            why = Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.WAIT)
            raise SessionEnded(why, delay=_DELAY, sooner=self._somebody_leaves(host))
        self._present[host] += 1

    def go(self, host: str) -> None:
        self._present[host] -= 1
        if not self._present[host]:
            del self._present[host]
        waiting = self._waiting.get(host)
        while waiting:
            place = waiting.popleft()
            if not place.done():
                place.set_result(None)
                break
        if not waiting:
            self._waiting.pop(host, None)

    def _somebody_leaves(self, host: str) -> asyncio.Future[None]:
        waiting = self._waiting.setdefault(host, deque())
        while waiting and waiting[0].done():  # gave up
            waiting.popleft()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(place)
        return place


class _Place:
    """Held as long as the connection lives, so it is small: a generator would take a kilobyte."""

    __slots__ = ("_crowd", "_host", "_most", "_network")

    def __init__(self, crowd: Crowd, host: str, network: str, most: int) -> None:
        self._crowd = crowd
        self._host = host
        self._network = network
        self._most = most

    def __enter__(self) -> None:
        self._crowd.come(self._host, self._network, self._most)

    def __exit__(self, *_: object) -> None:
        self._crowd.go(self._host)
