"""The routes there are: those of the configuration, and those of users' own accounts. Each lives in a task of its own; one
that fails is begun again, and harms no other.

Knows no protocol: who builds routes, and what they do, is theirs.
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from bridges.sms.traffic import Intake, Route
from gateway.bridge import Clock, Contained

_log = structlog.get_logger(__name__)

_AGAIN = 10.0  # seconds before a route that failed is begun again


class Routes:
    """Find them by name. ``run`` is their life."""

    def __init__(self, configured: Iterable[Route], clock: Clock) -> None:
        self._routes = {each.name: each for each in configured}
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._intake: Intake | None = None

    def find(self, name: str) -> Route | None:
        return self._routes.get(name)

    @property
    def all(self) -> Sequence[Route]:
        return list(self._routes.values())

    def add(self, route: Route) -> None:
        """One more from now on, in place of one of that name."""
        self.remove(route.name)
        self._routes[route.name] = route
        if self._group is not None:
            self._begin(route)

    def remove(self, name: str) -> None:
        self._routes.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def run(self, intake: Intake) -> None:
        """Until cancelled."""
        self._intake = intake
        async with asyncio.TaskGroup() as group:
            self._group = group
            for route in self._routes.values():
                self._begin(route)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    def _begin(self, route: Route) -> None:
        if self._group is not None and self._intake is not None:
            self._tasks[route.name] = self._group.create_task(
                self._live(route, self._intake), name=route.name
            )

    async def _live(self, route: Route, intake: Intake) -> None:
        while True:
            with Contained(_log, "a route failed and is begun again", route=route.name):
                await route.run(intake)
            await self._clock.sleep(_AGAIN)
