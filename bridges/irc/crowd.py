"""How many of us are on one server at a time: networks count connections from one host, and ban the host for more. And when
one was banned last, which whoever thinks of calling there without need should know.
"""

import asyncio
from collections import Counter, deque
from contextlib import AbstractContextManager
from dataclasses import dataclass

from gateway.bridge import Clock, SessionEnded
from gateway.model import Condition, ErrorType, Refused

_HOSTS_KEPT = 500  # of those that banned somebody
_DELAY = 300.0  # seconds until somebody who found no place tries again, if none becomes free before


@dataclass(frozen=True, slots=True)
class Ban:
    """``words`` are the server's, without whom it meant; ``time`` in monotonic seconds."""

    words: str
    time: float


class Crowd:
    """Connections of all users by host, from dialling to the end, and those who wait for a place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bans: dict[str, Ban] = {}
        self._present: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def place(self, host: str, network: str, most: int) -> AbstractContextManager[None]:
        """Be one of them; 0 for ``most`` is any number. Entering it raises ``SessionEnded`` if there is no place."""
        return _Place(self, host.lower(), network, most)

    def present(self, host: str) -> int:
        """How many there are."""
        return self._present[host.lower()]

    def hosts(self) -> int:
        """How many hosts somebody is on."""
        return len(self._present)

    def ban(self, host: str) -> Ban | None:
        """The last one of somebody there, if any."""
        return self._bans.get(host.lower())

    def banned(self, host: str, words: str) -> None:
        self._bans.pop(host, None)
        self._bans[host] = Ban(words, self._clock.monotonic())
        if len(self._bans) > _HOSTS_KEPT:
            del self._bans[next(iter(self._bans))]

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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._crowd.go(self._host)
        if isinstance(error, SessionEnded) and error.ban:
            self._crowd.banned(self._host, error.ban)
