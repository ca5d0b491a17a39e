"""What ails the gateway, now: one sentence for each cause, for as long as it lasts.

Whoever notices a trouble reports it under a key and takes it back when it is over; everybody who shows how the gateway is
(health endpoints, the page, presence, the service manager) reads it here. Knows no cause by name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from gateway.bridge import Clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ailment:
    """``key`` is the cause in a word ("database", "link of irc"); ``bridge`` the one that suffers, empty for all of them.
    ``text`` says what is wrong and what to do. ``hard``: while it lasts, messages are not carried. ``since`` in Unix
    seconds."""

    key: str
    text: str
    bridge: str = ""
    hard: bool = True
    since: float = 0.0


Listener = Callable[[], None]


class Health:
    """See the module's text."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ailments: dict[str, Ailment] = {}
        self._listeners: list[Listener] = []
        self._usual: set[str] = set()  # keys of which the log says nothing

    def report(
        self, key: str, text: str, *, bridge: str = "", hard: bool = True, usual: bool = False
    ) -> None:
        """It is so from now on, or still; other words for the same key replace the earlier ones. ``usual``: it belongs to
        every start, and the log need not say so."""
        known = self._ailments.get(key)
        if known is not None and (known.text, known.bridge, known.hard) == (text, bridge, hard):
            return
        since = known.since if known is not None else self._clock.now()
        self._ailments[key] = Ailment(key, text, bridge, hard, since)
        if usual:
            self._usual.add(key)
        elif known is None or key in self._usual:
            self._usual.discard(key)
            _log.warning("degraded", cause=key, reason=text)
        self._tell()

    def clear(self, key: str) -> None:
        """It is over, or never was."""
        if self._ailments.pop(key, None) is not None:
            if key not in self._usual:
                _log.info("healed", cause=key)
            self._usual.discard(key)
            self._tell()

    def of(self, bridge: str) -> tuple[Ailment, ...]:
        """What one bridge suffers from."""
        return tuple(each for each in self if each.bridge in {"", bridge})

    @property
    def ready(self) -> bool:
        """Whether messages are carried, by all bridges."""
        return not any(each.hard for each in self)

    def __iter__(self) -> Iterator[Ailment]:
        return iter(tuple(self._ailments.values()))

    def listen(self, listener: Listener) -> None:
        """Be told of every change."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
