"""What bridges cannot do just now, as ailments: a mail server that takes nothing, a route to phones that is down.

They are soft: what is to be sent waits, and all else goes on.
"""

from collections.abc import Mapping
from typing import cast

from gateway.bridge import Ailing, Clock
from gateway.ops.health import Health
from gateway.xmpp.component import Component

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
            if not component.bridge.capabilities.ailing:
                continue
            for cause, text in cast("Ailing", component.bridge).ailments().items():
                key = f"{cause} of {name}"
                found.add(key)
                self._health.report(key, text, bridge=name, hard=False)
        for key in self._reported - found:
            self._health.clear(key)
        self._reported = frozenset(found)
