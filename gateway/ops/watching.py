"""All that watches over a running gateway, put together: sources of ``Health``, and who is told of it.

Wiring; what each does is said in its own file.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.bridge import Clock
from gateway.contacts.known import Standing
from gateway.fleet import Fleet
from gateway.ops.bulletin import Bulletin
from gateway.ops.health import Health
from gateway.ops.reporting import Reporting
from gateway.ops.service_manager import ServiceManager
from gateway.ops.watch_bridges import BridgeWatch
from gateway.ops.watch_database import DatabaseWatch
from gateway.ops.watch_links import LinkWatch
from gateway.ops.watch_machine import DATABASE, LAG_TOLD, LOOK, ClockWatch, DiskWatch, KeyWatch, LoopWatch
from gateway.secrets import SecretBox
from gateway.settings import Settings
from gateway.storage.database import Database
from gateway.tasks import Tasks
from gateway.xmpp.diagnosis import LinkState
from gateway.xmpp.lookout import Lookout

_MB = 1_000_000
#: Seconds at the end for a look at a disk that does not answer.
_HANGING = 1.0


class Watching:
    """``lookout`` is for the fleet, which is made with it; ``over`` begins once there is one. ``haste``: how many times
    faster than usual everything is looked at and told."""

    def __init__(self, health: Health, clock: Clock, haste: float = 1.0) -> None:
        self._health = health
        self._clock = clock
        self._haste = haste
        self._links = LinkWatch(health, clock)
        self._bulletin: Bulletin | None = None
        self._loop = LoopWatch(health, clock, LAG_TOLD / haste)

    @property
    def lag(self) -> float:
        """Seconds by which the event loop was late, the last time."""
        return self._loop.lag

    def lookout(self, bridge: str) -> Lookout:
        """What a bridge's component tells, and is told."""

        self._links.begun(bridge)

        def shown(admin: bool) -> Standing | None:
            return self._bulletin.standing(bridge, admin=admin) if self._bulletin is not None else None

        return Lookout(
            link=lambda status: self._links.changed(bridge, status),
            twin=lambda reason: self._links.twin(bridge, reason),
            standing=shown,
        )

    @asynccontextmanager
    async def over(
        self, fleet: Fleet, database: Database, box: SecretBox, manager: ServiceManager
    ) -> AsyncIterator[None]:
        """Watch for as long as the block lasts. What a watch fails of ends nothing else."""
        health, clock, settings, haste = self._health, self._clock, fleet.settings, self._haste
        look = LOOK / haste
        written = DatabaseWatch(database, health, clock, haste)
        database.listen(written.trouble)
        disks = DiskWatch(
            _places(settings), lambda: fleet.settings.operator.disk_free_mb * _MB, health, clock, look
        )
        watches = (
            written,
            disks,
            KeyWatch(settings.storage.key_file, box, health, clock, look),
            ClockWatch(health, clock, look),
            self._loop,
            BridgeWatch(fleet, health, clock, look),
            Reporting(fleet, database, health, manager, clock),
        )
        bulletin = self._bulletin = Bulletin(health, _Components(fleet), clock, haste)
        running = asyncio.create_task(_all([each.run() for each in watches]))
        try:
            yield
        finally:
            bulletin.close()
            running.cancel()
            await asyncio.wait([running], timeout=_HANGING)


async def _all(works: Sequence[Awaitable[None]]) -> None:
    async with Tasks() as tasks:
        for work in works:
            tasks.spawn(work)


def _places(settings: Settings) -> Sequence[tuple[str, Path]]:
    """Where data is kept."""
    places = [
        ("storage.directory", settings.storage.directory),
        ("media.directory", settings.media.directory),
    ]
    if (file := settings.storage.database_file) is not None:
        places.insert(0, (DATABASE, file))
    return places


@dataclass(frozen=True, slots=True)
class _Components:
    """``gateway.ops.bulletin.Voices``."""

    fleet: Fleet

    def speaking(self) -> Sequence[str]:
        return [name for name, each in self.fleet.items() if each.link.status.state is LinkState.UP]

    def tell_admins(self, bridge: str, text: str) -> None:
        component = self.fleet.get(bridge)
        if component is not None:
            for admin in sorted(component.access.policy.admins):
                component.tell_user(admin, text)

    def show(self, bridge: str) -> None:
        component = self.fleet.get(bridge)
        if component is not None:
            component.tasks.spawn(component.show_standing())
