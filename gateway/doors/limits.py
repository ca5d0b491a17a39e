"""Limits that admins change at run time: the configured values, and what is set in their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.accounts.directory import AccountLimits
from gateway.storage.access import AccessStore
from gateway.texts import Text


@dataclass(frozen=True, slots=True)
class Limit:
    """A number with a name for people. ``attribute`` is that of ``AccountLimits``."""

    name: str
    attribute: str
    label: Text
    most: int = 1_000_000


LIMITS = (
    Limit("connections", "total", Text("Connections of all users together")),
    Limit("connections-per-user", "per_user", Text("Connections of one user")),
    Limit("rooms-per-connection", "rooms_per_account", Text("Rooms of one user on one network")),
)


class Limits:
    """``apply`` puts them into force. ``bridge`` is its name in the configuration."""

    def __init__(
        self,
        bridge: str,
        configured: AccountLimits,
        store: AccessStore,
        apply: Callable[[AccountLimits], None],
    ) -> None:
        self.configured = configured
        self._bridge = bridge
        self._store = store
        self._apply = apply
        self._changed: dict[str, int] = {}

    async def restore(self) -> None:
        known = {limit.name for limit in LIMITS}
        stored = await self._store.limits(self._bridge)
        self._changed = {name: value for name, value in stored.items() if name in known}
        self._apply(self.effective)

    @property
    def effective(self) -> AccountLimits:
        changes = {
            limit.attribute: self._changed[limit.name] for limit in LIMITS if limit.name in self._changed
        }
        return replace(self.configured, **changes)

    def changed(self, limit: Limit) -> int | None:
        """What is set in place of the configured value."""
        return self._changed.get(limit.name)

    def default(self, limit: Limit) -> int:
        value: int = getattr(self.configured, limit.attribute)
        return value

    async def change(self, values: Mapping[str, int | None]) -> None:
        """Set limits by name; None goes back to the configured value. Raises ``StorageError``, and then nothing changes."""
        await self._store.change_limits(self._bridge, values)
        for name, value in values.items():
            if value is None:
                self._changed.pop(name, None)
            else:
                self._changed[name] = value
        self._apply(self.effective)
