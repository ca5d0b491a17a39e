"""What the operator has to see to, told once an hour at most: in the log, and in a chat where one is named."""

import structlog

from bridges.sms.people import People
from gateway.bridge import Clock

_log = structlog.get_logger(__name__)

_AGAIN = 3600.0
_MOST = 1000


class Alarms:
    def __init__(self, operator: str, people: People, clock: Clock) -> None:
        """``operator`` is ``Account.user`` of who is told, or empty."""
        self._operator = operator
        self._people = people
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}

    def __call__(self, route: str, text: str) -> None:
        """``route`` is empty for what is about none."""
        now, key = self._clock.now(), (route, text)
        if now - self._told.get(key, -_AGAIN) < _AGAIN:
            return
        if len(self._told) >= _MOST:
            self._told.clear()
        self._told[key] = now
        _log.error("the operator has to see to something", route=route, what=text)
        if self._operator:
            self._people.notice(self._operator, "", f"[SMS{f', route {route}' if route else ''}] {text}")
