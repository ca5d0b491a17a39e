"""Users who may not send mail until an admin allows it again. Kept with the bridge's memory; few, and read once."""

from collections.abc import Mapping

import structlog

from gateway.bridge import Services

_log = structlog.get_logger(__name__)

_NAME, _PARDONED = "suspended", "pardoned"
_PARDON = 7 * 86_400.0  # seconds in which the same failures do not count again


class Suspensions:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._reasons: dict[str, str] = {}
        self._pardons: dict[str, float] = {}

    async def learn(self, owner: str) -> None:
        """Of a user, before anybody asks. Raises ``NotStored``."""
        kept = await self._services.memory.recall(owner, "")
        if _NAME in kept:
            self._reasons[owner] = kept[_NAME]
        if _PARDONED in kept:
            self._pardons[owner] = float(kept[_PARDONED])

    def suspended(self, owner: str) -> bool:
        return owner in self._reasons

    @property
    def reasons(self) -> Mapping[str, str]:
        """By owner."""
        return self._reasons

    async def suspend(self, owner: str, why: str) -> bool:
        """False if an admin has pardoned it lately."""
        if self._services.clock.now() - self._pardons.get(owner, 0.0) < _PARDON:
            return False
        await self._services.memory.remember(owner, "", _NAME, why)
        self._reasons[owner] = why
        _log.warning("a user may not send mail any more", user=owner, reason=why)
        return True

    async def pardon(self, owner: str) -> bool:
        """Whether there was something to pardon."""
        now = self._services.clock.now()
        if self._reasons.pop(owner, None) is None:
            return False
        await self._services.memory.forget(owner, "", _NAME)
        await self._services.memory.remember(owner, "", _PARDONED, str(now))
        self._pardons[owner] = now
        return True

    def forget(self, owner: str) -> None:
        """The user's data was erased."""
        self._reasons.pop(owner, None)
        self._pardons.pop(owner, None)
