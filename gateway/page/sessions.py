"""Who has signed in, and who guesses. Both are bounded: what is too much is forgotten, never kept."""

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from gateway.bridge import Clock

_SIGNED_IN = 12 * 3600.0  # seconds after which the token is asked for again
_SESSIONS = 32
_CLIENTS = 1_000  # whose guesses are remembered


def fingerprint(text: str) -> bytes:
    """What secrets are compared and found by, so that the time it takes tells nothing about them."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True, slots=True)
class Session:
    """``csrf`` has to come back with everything that changes something."""

    csrf: str
    until: float  # ``Clock.monotonic``


class Sessions:
    """Browsers that have shown the token, by the cookie they were given."""

    def __init__(self, clock: Clock, *, most: int = _SESSIONS, seconds: float = _SIGNED_IN) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._open: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self) -> str:
        """The cookie of a new session; the oldest ends if there are too many."""
        cookie = secrets.token_urlsafe(32)
        self._open[fingerprint(cookie)] = Session(
            secrets.token_urlsafe(24), self._clock.monotonic() + self._seconds
        )
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Session | None:
        key = fingerprint(cookie)
        session = self._open.get(key)
        if session is not None and session.until <= self._clock.monotonic():
            del self._open[key]
            return None
        return session

    def end(self, cookie: str) -> None:
        self._open.pop(fingerprint(cookie), None)


class _Bucket:
    """So many at once, then one in so many seconds (GCRA: only the time is kept at which it is full again)."""

    __slots__ = ("full",)

    def __init__(self) -> None:
        self.full = 0.0

    def wait(self, now: float, burst: int, seconds: float) -> float:
        """Seconds until there is one more."""
        return max(0.0, self.full - now - (burst - 1) * seconds)

    def take(self, now: float, seconds: float) -> None:
        self.full = max(self.full, now) + seconds


_BURST, _SECONDS = 5, 20.0
_BURST_TOTAL, _SECONDS_TOTAL = 60, 1.0


class Guesses:
    """How often a wrong token is heard: from one client (IPv6: one network), and from all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._total = _Bucket()
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until one more from ``client`` is heard; 0: now."""
        now, client = self._clock.monotonic(), _network(client)
        bucket = self._clients.get(client)
        own = bucket.wait(now, _BURST, _SECONDS) if bucket else 0.0
        return max(own, self._total.wait(now, _BURST_TOTAL, _SECONDS_TOTAL))

    def wrong(self, client: str) -> None:
        now, client = self._clock.monotonic(), _network(client)
        self._clients.setdefault(client, _Bucket()).take(now, _SECONDS)
        self._clients.move_to_end(client)
        self._total.take(now, _SECONDS_TOTAL)
        while len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)


def _network(client: str) -> str:
    try:
        parsed = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return client
