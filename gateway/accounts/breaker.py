"""The circuit breaker of a network: when it bans one user after the other with the same words, it means all of us.

CLOSED -- the same ban for several users --> OPEN for a while -- one try --> CLOSED, or OPEN for longer. While it is open
nobody logs in, so that the gateway does not earn a longer ban. Knows neither sessions nor how admins are told.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.bridge import Clock, SessionEnded
from gateway.model import Condition, ErrorType, Refused
from gateway.texts import Text

#: Users name networks: those that were banned longest ago are forgotten beyond this number.
_NETWORKS_KEPT = 500
#: Bans of one network that are remembered within the window.
_BANS_KEPT = 100


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """``users`` banned within ``window`` seconds open it, for ``first`` seconds, doubling up to ``longest``. A try that has
    no result after ``patience`` seconds does not hold up another."""

    users: int = 3
    window: float = 600.0
    first: float = 600.0
    longest: float = 6 * 3600.0
    patience: float = 120.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A network that is cut off: with which words, how many users it has banned, and for how many more seconds."""

    network: str
    words: str
    users: int
    seconds: float


@dataclass(slots=True)
class _Open:
    until: float  # monotonic seconds
    period: float
    words: str
    users: int
    trying_until: float = 0.0  # somebody is trying


class Breaker:
    """For all networks of one bridge. ``opened(network, words, users, seconds)`` is called whenever one is cut off."""

    def __init__(
        self, policy: BreakerPolicy, clock: Clock, opened: Callable[[str, str, int, float], None]
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._opened = opened
        self._bans: dict[str, list[tuple[float, str, str]]] = {}  # by network: when, ban, user
        self._open: dict[str, _Open] = {}

    def bar(self, network: str) -> SessionEnded | None:
        """Why nobody may log in to the network now; None if one may."""
        cut = self._open.get(network)
        if cut is None:
            return None
        now = self._clock.monotonic()
        left = max(cut.until, cut.trying_until) - now
        if left <= 0:
            return None
        return SessionEnded(
            Refused(
                Condition.SERVICE_UNAVAILABLE,
                Text(
                    "{network} turns away all users of this gateway at the moment ({words}). Its operators know. You are "
                    "connected again when the network lets us.",
                    network=network,
                    words=cut.words,
                ),
                ErrorType.WAIT,
            ),
            delay=left,
        )

    def cuts(self) -> list[Cut]:
        """All networks that are cut off now, or wait for what comes of a try."""
        now = self._clock.monotonic()
        return [
            Cut(network, cut.words, cut.users, max(0.0, max(cut.until, cut.trying_until) - now))
            for network, cut in sorted(self._open.items())
        ]

    def reset(self, network: str) -> bool:
        """At an operator's word: everybody may log in. Whether it was cut off."""
        self._bans.pop(network, None)
        return self._open.pop(network, None) is not None

    def trying(self, network: str) -> None:
        """Somebody whom ``bar`` let pass is about to log in: the others wait for what comes of it."""
        cut = self._open.get(network)
        if cut is not None:
            cut.trying_until = self._clock.monotonic() + self._policy.patience

    def welcomed(self, network: str) -> None:
        """The network has let somebody in."""
        self._open.pop(network, None)
        self._bans.pop(network, None)

    def ended(self, network: str, owner: str, ban: str) -> None:
        """A session is over; ``ban`` says with which ban, if it was one."""
        cut = self._open.get(network)
        if ban:
            self._banned(network, owner, ban, cut)
        elif cut is not None:
            cut.trying_until = 0.0

    def _banned(self, network: str, owner: str, ban: str, cut: _Open | None) -> None:
        now = self._clock.monotonic()
        if cut is not None:
            if now >= cut.until:  # the try failed
                self._cut(network, ban, cut.users + 1, min(self._policy.longest, cut.period * 2))
            return
        since = now - self._policy.window
        bans = [each for each in self._bans.pop(network, []) if each[0] > since]
        self._bans[network] = [*bans[-_BANS_KEPT:], (now, ban, owner)]
        if len(self._bans) > _NETWORKS_KEPT:
            del self._bans[next(iter(self._bans))]
        users = {user for _, each, user in self._bans[network] if each == ban}
        if len(users) >= self._policy.users:
            self._cut(network, ban, len(users), self._policy.first)

    def _cut(self, network: str, words: str, users: int, seconds: float) -> None:
        if len(self._open) >= _NETWORKS_KEPT:
            del self._open[next(iter(self._open))]
        self._open[network] = _Open(self._clock.monotonic() + seconds, seconds, words, users)
        self._bans.pop(network, None)
        self._opened(network, words, users, seconds)
