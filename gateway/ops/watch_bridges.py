"""What bridges cannot do just now, as ailments: a mail server that takes nothing, a route to phones that is down.

They are soft: what is to be sent waits, and all else goes on.
"""

from collections.abc import Mapping
from typing import cast

import structlog

from gateway.bridge import Ailing, Clock, Contained
from gateway.ops.health import Health
from gateway.xmpp.component import Component

_log = structlog.get_logger(__name__)

#: Seconds between two looks.
LOOK = 5.0


class BridgeWatch:
    """``components`` are those that there are, by the names of their bridges."""

    def __init__(
        self, components: Mapping[str, Component], health: Health, clock: Clock, look: float = LOOK
    ) -> None:
        self._components = components
        self._health = health
        self._clock = clock
        self._pause = look
        self._reported: frozenset[str] = frozenset()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(self._pause)
            self.look()

    def look(self) -> None:
        found: set[str] = set()
        for name, component in self._components.items():
            # One that fails at it keeps nobody from hearing of the others.
            with Contained(_log, "a bridge does not tell what ails it", bridge=name):
                found |= self._look_at(name, component)
        for key in self._reported - found:
            self._health.clear(key)
        self._reported = frozenset(found)

    def _look_at(self, name: str, component: Component) -> set[str]:
        """Report what ails it; the keys of that."""
        if not component.bridge.capabilities.ailing:
            return set()
        ailments = cast("Ailing", component.bridge).ailments()
        for cause, text in ailments.items():
            self._health.report(f"{cause} of {name}", text, bridge=name, hard=False)
        return {f"{cause} of {name}" for cause in ailments}
