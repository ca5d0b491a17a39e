"""What somebody has to see to, told once an hour at most: in the log, and in a chat. Of a user's own account at a provider
that is the user; of all else the operator, where one is named."""

import re
from collections.abc import Callable

import structlog

from bridges.sms.people import People
from bridges.sms.privacy import shown
from gateway.bridge import Clock

_log = structlog.get_logger(__name__)

_AGAIN = 3600.0
_MOST = 1000
_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,}")  # error codes of providers are shorter


class Alarms:
    def __init__(self, operator: str, people: People, clock: Clock, whose: Callable[[str], str]) -> None:
        """``operator`` is ``Account.user`` of who is told, or empty; ``whose`` that of whose own account a route is, empty
        for all other routes."""
        self._operator = operator
        self._whose = whose
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
        _log.error("somebody has to see to something", route=route, what=_NUMBER.sub(_shortened, text))
        if owner := self._whose(route):
            self._people.notice(owner, "", f"[Your account at a provider] {text}")
        elif self._operator:
            self._people.notice(self._operator, "", f"[SMS{f', route {route}' if route else ''}] {text}")


def _shortened(number: re.Match[str]) -> str:
    return shown(number[0])
