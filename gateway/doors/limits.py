"""Limits that admins change at run time: the configured values, and what is set in their place.

Owns the changes; what a limit means is the affair of ``AccountLimits`` and of ``gateway.limits``. Names are those of the
configuration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.accounts.directory import AccountLimits
from gateway.limits import LimitPolicy
from gateway.storage.access import AccessStore
from gateway.texts import Text


@dataclass(frozen=True, slots=True)
class Limit:
    """A number with a name for people. ``attribute`` is that of ``AccountLimits``, empty where ``LimitPolicy`` has one of
    the limit's own name; the latter can be 0, for no limit."""

    name: str
    label: Text
    attribute: str = ""
    most: int = 1_000_000

    @property
    def least(self) -> int:
        return 1 if self.attribute else 0


LIMITS = (
    Limit("max_accounts_total", Text("Connections of all users together"), "total"),
    Limit("accounts_per_user", Text("Networks that one user is on at a time"), "per_user"),
    Limit("rooms_per_account", Text("Rooms of one user on one network"), "rooms_per_account"),
    Limit("messages_per_minute", Text("Messages that one user sends in a minute")),
    Limit("messages_burst", Text("Messages that one user sends at once")),
    Limit("messages_per_second_total", Text("Messages that all users together send in a second")),
    Limit(
        "signals_per_minute", Text("Messages without text that one user sends in a minute: typing, receipts")
    ),
    Limit("joins_per_minute", Text("Rooms that one user joins in a minute")),
    Limit("joins_burst", Text("Rooms that one user joins at once")),
    Limit("new_contacts_per_hour", Text("New people whom one user writes to in an hour")),
    Limit("subscriptions_per_minute", Text("Contacts that one user adds in a minute")),
    Limit("subscriptions_burst", Text("Contacts that one user adds at once")),
    Limit("commands_per_minute", Text("Steps of commands that one user takes in a minute")),
    Limit("registrations_per_hour", Text("Attempts of one user to register in an hour")),
    Limit("media_bytes_per_day", Text("Bytes of files that one user sends and gets in a day"), most=10**15),
    Limit(
        "foreign_messages_per_minute", Text("Private messages that one user gets from one sender in a minute")
    ),
    Limit("foreign_messages_burst", Text("Private messages that one user gets from one sender at once")),
    Limit("foreign_messages_held", Text("Private messages that wait for one user; more are dropped")),
    Limit("archive_queries_per_minute", Text("Pages of archives that one user reads in a minute")),
    Limit("archive_queries_burst", Text("Pages of archives that one user reads at once")),
    Limit("errors_per_minute", Text("Errors that one user gets in a minute for what was too much")),
    Limit("loop_turns", Text("Times that a text may come round before it is cut")),
)


class RuntimeLimits:
    """``apply`` puts values into force. ``bridge`` is its name in the configuration."""

    def __init__(
        self,
        bridge: str,
        accounts: AccountLimits,
        policy: LimitPolicy,
        store: AccessStore,
        apply: Callable[[AccountLimits, LimitPolicy], None],
    ) -> None:
        self._accounts = accounts
        self._policy = policy
        self._bridge = bridge
        self._store = store
        self._apply = apply
        self._changed: dict[str, int] = {}

    async def restore(self) -> None:
        known = {limit.name for limit in LIMITS}
        stored = await self._store.limits(self._bridge)
        self._changed = {name: value for name, value in stored.items() if name in known}
        self._put_into_force()

    def configure(self, accounts: AccountLimits, policy: LimitPolicy) -> None:
        """The configuration says something else now; what was changed here stays."""
        self._accounts, self._policy = accounts, policy
        self._put_into_force()

    def configured(self, limit: Limit) -> int:
        value: int = getattr(
            self._accounts if limit.attribute else self._policy, limit.attribute or limit.name
        )
        return value

    def value(self, limit: Limit) -> int:
        """What holds now."""
        return self._changed.get(limit.name, self.configured(limit))

    async def change(self, values: Mapping[str, int | None]) -> None:
        """Set limits by name; None goes back to the configured value. Raises ``StorageError``, and then nothing changes."""
        await self._store.change_limits(self._bridge, values)
        for name, value in values.items():
            if value is None:
                self._changed.pop(name, None)
            else:
                self._changed[name] = value
        self._put_into_force()

    def _put_into_force(self) -> None:
        accounts: dict[str, int] = {}
        rates: dict[str, int] = {}
        for limit in LIMITS:
            if limit.name in self._changed:
                part = accounts if limit.attribute else rates
                part[limit.attribute or limit.name] = self._changed[limit.name]
        self._apply(replace(self._accounts, **accounts), replace(self._policy, **rates))
