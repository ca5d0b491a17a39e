"""Names in rosters: what the network calls somebody, given to roster items that the user has not named, where the server
lets us (XEP-0356). News is gathered for a moment, so that a login that describes five hundred people reads the roster once.
"""

from collections.abc import Awaitable, Callable

import structlog

from gateway.bridge import Clock
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.privilege import Right
from gateway.xmpp.privileges import Privileges
from gateway.xmpp.roster import Rosters
from gateway.xmpp.stanza import parse_jid

_log = structlog.get_logger(__name__)

_GATHER = 2.0  # seconds


class RosterNames:
    """``spawn`` runs work in a task that somebody holds."""

    def __init__(
        self, privileges: Privileges, rosters: Rosters, clock: Clock, spawn: Callable[[Awaitable[None]], None]
    ) -> None:
        self._privileges = privileges
        self._rosters = rosters
        self._clock = clock
        self._spawn = spawn
        self._wanted: dict[str, dict[str, tuple[str, str]]] = {}

    def want(self, user: str, jid: str, old: str, new: str) -> None:
        """``jid`` is called ``new`` now, and was ``old`` (perhaps empty) before."""
        domain = parse_jid(user).domain
        if not all(self._privileges.may(domain, each) for each in (Right.ROSTER_GET, Right.ROSTER_SET)):
            return
        names = self._wanted.get(user)
        if names is None:
            names = self._wanted[user] = {}
            self._clock.call_later(_GATHER, lambda: self._spawn(self._give(user)))
        known = names.get(jid)
        names[jid] = (known[0] if known is not None else old, new)

    async def _give(self, user: str) -> None:
        names = self._wanted.pop(user, {})
        try:
            renamed = await self._rosters.rename(user, names)
        except RefusedError as error:
            _log.info("roster names not given", user=user, reason=str(error))
        else:
            if renamed:
                _log.debug("roster names given", user=user, count=renamed)
