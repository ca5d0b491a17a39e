"""What the desk tells of how things are: ``gateway.ops.operations.Numbers``, of the fleet as it is now."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.bridge import Clock
from gateway.fleet import Fleet
from gateway.ops.collecting import absent_view, bridge_view, resident
from gateway.ops.health import Health
from gateway.ops.metrics import exposition
from gateway.ops.status import BridgeView, FailureGroup, GatewayView, Point, Span, TraceView
from gateway.ops.tracing import Tracer
from gateway.ops.traffic import Traffic
from gateway.ops.transfers import Transfers
from gateway.storage.database import Database
from gateway.storage.stores import Stores


class Counting:
    """``fleet`` has the components of now, ``traffic`` that of all bridges that there have been, by name."""

    def __init__(
        self,
        fleet: Fleet,
        traffic: Mapping[str, Traffic],
        transfers: Transfers,
        database: Database,
        stores: Stores,
        health: Health,
        clock: Clock,
        version: str,
        *,
        log_level: Callable[[], str],
        lag: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._fleet = fleet
        self._traffic = traffic
        self._transfers = transfers
        self._database = database
        self._health = health
        self._clock = clock
        self._version = version
        self._log_level = log_level
        self._lag = lag
        self._started = clock.now()
        self._tracer = Tracer(fleet, stores)

    def status(self, sessions: int = 0) -> GatewayView:
        """See ``Desk.status``."""
        return GatewayView(
            version=self._version,
            pid=os.getpid(),
            started=self._started,
            now=self._clock.now(),
            ready=self._health.ready,
            log_level=self._log_level(),
            database=self._database.place,
            memory=resident(),
            ailments=tuple(self._health),
            bridges=tuple(self._views(sessions)),
        )

    def _views(self, sessions: int) -> Iterator[BridgeView]:
        for name, member in self._fleet.members.items():
            if member.component is not None:
                yield bridge_view(member.component, self._health, sessions, self._transfers.files(name))
            else:
                yield absent_view(member, self._health, self._traffic.get(name))

    def metrics(self) -> bytes:
        """See ``Desk.metrics``."""
        return exposition(
            self._fleet.values(),
            self._transfers,
            self._database,
            self._health,
            self._version,
            self._started,
            self._lag(),
        )

    def history(self, bridge: str, span: Span) -> Sequence[Point]:
        """See ``Desk.history``."""
        traffic = self._traffic.get(bridge)
        return traffic.history(span) if traffic is not None else ()

    def failures(self) -> Sequence[FailureGroup]:
        """See ``Desk.failures``."""
        groups = [group for each in self._traffic.values() for group in each.failures.groups()]
        return sorted(groups, key=lambda group: -group.last)

    async def trace(self, id_: str) -> Sequence[TraceView]:
        """See ``Desk.trace``. Raises ``StorageError``."""
        return await self._tracer.trace(id_)
