"""What the service manager hears of a gateway that runs: how it is, in a line, and that it is alive.

A gateway whose loop stands still, or that has nobody left who writes, says nothing any more, and is started again.
"""

from collections import Counter

from gateway.bridge import Clock
from gateway.fleet import Fleet
from gateway.model import AccountState
from gateway.ops.health import Health
from gateway.ops.service_manager import ServiceManager
from gateway.storage.database import Database

#: Seconds between two looks where no watchdog wants to know sooner.
_LOOK = 5.0


class Reporting:
    """See the module's text."""

    def __init__(
        self, fleet: Fleet, database: Database, health: Health, manager: ServiceManager, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._database = database
        self._health = health
        self._manager = manager
        self._clock = clock
        self._told = ""

    async def run(self) -> None:
        """For ever."""
        watchdog = self._manager.watchdog
        pause = min(_LOOK, watchdog / 2) if watchdog else _LOOK
        while True:
            if watchdog and self._database.alive:
                self._manager.alive()
            if (line := self.line()) != self._told:
                self._told = line
                self._manager.status(line)
            await self._clock.sleep(pause)

    def line(self) -> str:
        """How the gateway is: links, sessions, and what is wrong."""
        links = Counter(member.up for member in self._fleet.members.values())
        sessions = Counter(
            account.status.state is AccountState.CONNECTED
            for component in self._fleet.values()
            for account in component.accounts
        )
        well = f"{links[True]} of {links.total()} links up, {sessions[True]} of {sessions.total()} sessions connected"
        wrong = sorted(self._health, key=lambda each: not each.hard)
        return "; ".join([well, *(each.text for each in wrong)])
