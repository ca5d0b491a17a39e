"""The configuration is read again while the gateway runs: what has changed, what of it can hold at once, and what needs a
restart, of one bridge or of all.

Compares with what is in force, not with what was read last: what waits for a restart is named again each time.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar, cast

import structlog
from pydantic import BaseModel

from gateway.assembly import Shared, component_settings, limit_policy, pacing_policy
from gateway.bridge import Contained, Reconfigures
from gateway.bridge.fields import different, taken_over
from gateway.config import ConfigError, Settings
from gateway.fleet import Fleet
from gateway.member import Member, cause
from gateway.ops.desk import Reloaded
from gateway.settings import BridgeSettings
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.storage.retention import Retention, Rule, archive_rules, delivery_rules
from gateway.xmpp.component import Component

_log = structlog.get_logger(__name__)

_ALL = frozenset({"*"})
#: What holds at once, by table. Of the others some hold for a bridge that is restarted, the rest for the gateway that is.
_LIVE: Mapping[str, frozenset[str]] = {
    "xmpp": frozenset(),
    "storage": frozenset({"archive_days", "archive_messages"}),
    "log": frozenset({"level"}),
    "limits": _ALL,
    "access": _ALL,
    "web": frozenset({"trusted_proxies"}),
    "operator": frozenset({"disk_free_mb"}),
    "media": frozenset(
        {
            "max_file_mb",
            "timeout_seconds",
            "transfers_per_user",
            "transfers_total",
            "trusted_hosts",
            "upload",
            "previews",
            "keep_days",
            "quota_user_mb",
            "quota_total_mb",
        }
    ),
    "delivery": _ALL,
}
_T = TypeVar("_T", bound=BaseModel)

#: Attributes of ``BridgeSettings``, and the keys they are set by.
_COMMON = {
    "kind": "kind",
    "jid": "jid",
    "secret": "secret",
    "title": "name",
    "persistent": "persistent_by_default",
}


class Reloading:
    """``read`` reads the configuration, None where there is none to read. What is in force is ``fleet.settings`` and that of
    its members."""

    def __init__(
        self,
        fleet: Fleet,
        shared: Shared,
        database: Database,
        retention: Retention,
        read: Callable[[], Settings] | None,
    ) -> None:
        self._fleet = fleet
        self._database = database
        self._shared = shared
        self._retention = retention
        self._read = read
        self._one = asyncio.Lock()

    async def again(self) -> Reloaded:
        """Read it, and do what can be done. One at a time."""
        async with self._one:
            if self._read is None:
                return Reloaded("It was not read from a file.")
            # What runs goes on, whatever is wrong.
            with Contained(_log, "the configuration could not be read") as reading:
                try:
                    settings = await asyncio.to_thread(self._read)
                    await self._adopt(settings.bridges)
                except (ConfigError, StorageError) as error:
                    return Reloaded(str(error))
            if reading.fault is not None:
                return Reloaded(f"It could not be read ({cause(reading.fault)}); the log tells more.")
            return await self._apply(settings)

    async def _adopt(self, bridges: Sequence[BridgeSettings]) -> None:
        """There are tables for kinds of bridges that are new."""
        known = {member.settings.kind for member in self._fleet.members.values()}
        for kind, plugin in {each.kind: each.plugin for each in bridges if each.kind not in known}.items():
            if plugin.schema is not None:
                await self._database.adopt(kind, plugin.schema, self._shared.clock)
                self._shared.stores.owned.adopt(plugin.schema)

    async def _apply(self, new: Settings) -> Reloaded:
        """Whatever a part of it meets, the others are put in force, and what runs goes on."""
        changed: list[str] = []
        restart: list[str] = []
        failed: list[str] = []
        with _apart("The tables beside the bridges", failed):
            self._tables(new, changed, restart)
        for name, component in self._fleet.items():
            with _apart(f"What holds for bridges.{name}", failed):
                self._component(name, component)
        names = {each.name for each in new.bridges}
        for name in [name for name in self._fleet.members if name not in names]:
            with _apart(f"The end of bridges.{name}", failed):
                await self._fleet.remove(name)
                changed.append(f"bridges.{name} is not there any more.")
        for bridge in new.bridges:
            with _apart(f"bridges.{bridge.name}", failed):
                member = self._fleet.members.get(bridge.name)
                if member is None:
                    changed.append(await self._added(bridge))
                else:
                    self._bridge(member, bridge, changed, restart)
        return Reloaded("", tuple(changed), tuple(restart), tuple(failed))

    # -- tables ------------------------------------------------------------------------------------------------

    def _tables(self, new: Settings, changed: list[str], restart: list[str]) -> None:
        """All but the bridges."""
        now = self._fleet.settings

        def held(table: str, old: _T, wanted: _T) -> _T:
            keys = different(old, wanted)
            at_once = [key for key in keys if _live(table, key) and _can(key, old, wanted)]
            restart.extend(f"{table}.{key}" for key in keys if key not in at_once)
            if at_once:
                changed.append(f"{table}: {', '.join(at_once)}.")
            return old.model_copy(update={key: getattr(wanted, key) for key in at_once})

        settings = self._fleet.settings = Settings(
            xmpp=held("xmpp", now.xmpp, new.xmpp),
            storage=held("storage", now.storage, new.storage),
            log=held("log", now.log, new.log),
            limits=held("limits", now.limits, new.limits),
            access=held("access", now.access, new.access),
            web=held("web", now.web, new.web),
            operator=held("operator", now.operator, new.operator),
            media=held("media", now.media, new.media),
            delivery=held("delivery", now.delivery, new.delivery),
            bridges=new.bridges,
        )
        self._fleet.set_log_level(settings.log.level)
        self._retention.rules = rules(settings)
        self._shared.media.reconfigure(settings.media)
        self._shared.clients.trust(settings.web.trusted_proxies)

    def _component(self, name: str, component: Component) -> None:
        """What is in force for all bridges, for one that runs."""
        settings, member = self._fleet.settings, self._fleet.members[name]
        wanted_now = component_settings(
            settings, member.settings, component.bridge.capabilities, component.settings.siblings
        )
        component.reconfigure(wanted_now, limit_policy(settings.limits), pacing_policy(settings.limits))

    # -- bridges -----------------------------------------------------------------------------------------------

    async def _added(self, bridge: BridgeSettings) -> str:
        # Whatever a plugin meets, the other bridges go on.
        with Contained(_log, "a bridge could not be added", bridge=bridge.name) as adding:
            await self._fleet.add(bridge)
        if adding.fault is not None:
            return f"bridges.{bridge.name} could not be added ({cause(adding.fault)}); the log tells more."
        return f"bridges.{bridge.name} was added."

    def _bridge(self, member: Member, new: BridgeSettings, changed: list[str], restart: list[str]) -> None:
        """One that was there before."""
        old, component = member.settings, self._fleet.get(member.name)
        if component is None:
            member.settings = new  # what is made next is made of it
            return
        waiting = [key for name, key in _COMMON.items() if getattr(old, name) != getattr(new, name)]
        keys = different(old.own, new.own) if old.kind == new.kind else []
        waits = set(keys)
        if keys and component.bridge.capabilities.reconfigures:
            # The capability says that it can (``gateway.bridge.Reconfigures``).
            bridge = cast("Reconfigures", component.bridge)
            # If it fails, the bridge goes on with what it has.
            with Contained(_log, "a bridge did not take other settings", bridge=member.name):
                waits = set(bridge.reconfigure(new.own))
        # A bridge may name a table as a whole.
        needed = [key for key in keys if key in waits or key.partition(".")[0] in waits]
        taken = [key for key in keys if key not in needed]
        if taken:
            changed.append(f"bridges.{member.name}: {', '.join(taken)}.")
            member.settings = replace(old, own=taken_over(old.own, new.own, taken))
        waiting += needed
        restart += [f"bridges.{member.name}.{key}" for key in waiting]


@contextmanager
def _apart(part: str, failed: list[str]) -> Iterator[None]:
    """What goes wrong in the block is told in ``failed``, and ends nothing else."""
    with Contained(_log, "a part of the configuration is not in force", part=part) as work:
        yield
    if work.fault is not None:
        failed.append(f"{part} could not be put in force ({cause(work.fault)}); the log tells more.")


def _live(table: str, key: str) -> bool:
    live = _LIVE[table]
    return live is _ALL or key in live


def _can(key: str, old: BaseModel, new: BaseModel) -> bool:
    """Whether this change of a live key can be made now: components know at their start whether there are archives."""
    return key != "archive_days" or bool(getattr(old, key)) == bool(getattr(new, key))


def rules(settings: Settings) -> tuple[Rule, ...]:
    """What old rows are deleted by."""
    storage = settings.storage
    archives = archive_rules(storage.archive_days, storage.archive_messages)
    return (*archives, *delivery_rules(settings.delivery.keep_days))
