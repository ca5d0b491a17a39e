"""The composition root: builds everything from the settings, runs it in one task group, and ends it in order.

Order of the end: clients are told and sessions leave their networks, the links close, then the database, so that
everything said on the way out is still written down.
"""

import asyncio
import gc
import importlib.metadata
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from gateway.accounts.directory import AccountLimits
from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Capabilities, Clock, Schema, Services
from gateway.bridge.web import Serving
from gateway.clock import SystemClock
from gateway.config import ConfigError, Settings, load
from gateway.delivery.courier import SpoolLimits
from gateway.delivery.outbound import OutboundPolicy
from gateway.delivery.service import DeliveryPolicy
from gateway.doors.access import AccessPolicy, RegistrationMode
from gateway.history.service import ArchivePolicy
from gateway.limits import LimitPolicy, Limits
from gateway.logs import set_level
from gateway.loops import Loops
from gateway.media.metering import Metered
from gateway.media.service import MediaService
from gateway.secrets import SecretBox, SecretError
from gateway.settings import AccessSettings, BridgeSettings, DeliverySettings
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError
from gateway.storage.memory import BridgeMemory
from gateway.storage.retention import Retention, archive_rules, delivery_rules
from gateway.storage.stores import Stores
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import CannotServe, serving
from gateway.xmpp.component import Component, ComponentSettings

_log = structlog.get_logger(__name__)

#: Seconds for the whole farewell; a service manager kills soon after.
_SHUTDOWN_SECONDS = 10.0
START_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: whoever watches over us is to start us again."""
_DAY = 86_400.0
#: When the garbage collector looks: at the young after so many new objects, at the middle-aged after so many such looks,
#: and so on. Messages leave no cycles, and what sessions and rooms are made of stays, so looking is mostly in vain: with
#: Python's own 700 a thousand logins take a fifth longer. A look at 50,000 takes 8 ms; one at everything (60 ms with 200,000
#: occupants) comes only when there is a quarter more than at the last. Sessions are not frozen: theirs are the cycles.
_COLLECT = (50_000, 20, 50)


def run(settings: Settings, path: Path) -> int:
    """Run the gateway until SIGINT or SIGTERM, or SIGUSR1 if it is to be started again; the exit status. SIGHUP reads
    ``path`` again."""

    def reload() -> Settings:
        return load(path, os.environ)

    try:
        import uvloop  # noqa: PLC0415 - optional: it does not install everywhere
    except ImportError:
        return asyncio.run(serve(settings, reload))
    return uvloop.run(serve(settings, reload))


async def serve(settings: Settings, reload: Callable[[], Settings]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything else: a service manager may change its mind at once.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(settings, SystemClock(), reload)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)

    def restart() -> None:
        gateway.restarting = True
        stop.set()

    loop.add_signal_handler(signal.SIGUSR1, restart)
    try:
        await gateway.run(stop)
    except* (StorageError, SecretError, CannotServe) as failures:
        # One cause, though every component meets it: it is told once, as a sentence.
        raise next(_leaves(failures)) from None
    return START_AGAIN if gateway.restarting else 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


class Gateway:
    """All components of one configuration, with what they share."""

    def __init__(self, settings: Settings, clock: Clock, read: Callable[[], Settings] | None = None) -> None:
        """``read`` reads the configuration again."""
        self._settings = settings
        self._read = read
        self._clock = clock
        self.restarting = False  # clients are not to notice more of the end than they must
        self._components: list[Component] = []

    async def run(self, stop: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            storage = self._settings.storage
            # First: without it, not even an empty database is left behind.
            secrets = SecretBox.load(storage.key_file)
            database = await stack.enter_async_context(opened(storage.database, clock=self._clock))
            schemas = await self._adopted(database)
            stores = Stores.of(database, secrets, self._clock, schemas)
            media = MediaService(self._settings.media, stores.files, self._clock, _agent())
            await stack.enter_async_context(media.running())
            served = self._build(stores, media, BridgeTables(database))
            await self._serve(stack, [*media.routes(), *served])
            async with asyncio.TaskGroup() as group:
                rules = archive_rules(storage.archive_days, storage.archive_messages)
                rules += delivery_rules(self._settings.delivery.keep_days)
                retention = Retention(database, rules, self._clock)
                background = group.create_task(retention.run())
                running = [group.create_task(component.run()) for component in self._components]
                # What exists now stays: the collector need not look at it again.
                gc.collect()
                gc.freeze()
                gc.set_threshold(*_COLLECT)
                _log.info("gateway started", bridges=[each.settings.name for each in self._components])
                await stop.wait()
                _log.info("gateway stops")
                await self._farewell()
                await asyncio.wait(running, timeout=_SHUTDOWN_SECONDS)
                for task in (background, *running):
                    task.cancel()
        _log.info("gateway stopped")

    async def _serve(self, stack: AsyncExitStack, routes: list[web.RouteDef]) -> None:
        """The web server, for as long as ``stack`` lasts, if there is to be one. Raises ``CannotServe``."""
        if self._settings.web.listen:
            host, port = self._settings.web.address
            await stack.enter_async_context(serving(host, port, routes))

    async def _farewell(self) -> None:
        reason = "The gateway is shutting down."
        async with asyncio.timeout(_SHUTDOWN_SECONDS), asyncio.TaskGroup() as group:
            for component in self._components:
                group.create_task(component.close(reason, farewell=not self.restarting))

    async def _adopted(self, database: Database) -> list[Schema]:
        """The tables of the configured bridges, as they are today."""
        plugins = {each.kind: each.plugin for each in self._settings.bridges}
        schemas = {kind: plugin.schema for kind, plugin in plugins.items() if plugin.schema is not None}
        for kind, schema in schemas.items():
            await database.adopt(kind, schema, self._clock)
        return list(schemas.values())

    def _build(self, stores: Stores, media: MediaService, tables: BridgeTables) -> list[web.RouteDef]:
        """Make all components; gives the routes of bridges that answer requests."""
        served: dict[str, Serving] = {}
        limits = self._settings.limits
        loops = Loops(self._clock)
        for settings in self._settings.bridges:
            pacing = PacingPolicy(
                limits.concurrent_logins, 1 / limits.logins_per_second, limits.concurrent_logins_total
            )
            usage = Limits(self._usage(), self._clock)
            fetcher = Metered(media.fetcher, usage)
            memory = BridgeMemory(stores.memory, settings.name)
            services = Services(
                self._clock,
                random.SystemRandom(),
                _version(),
                fetcher,
                memory,
                settings.name,
                tables,
                _directory(self._settings.storage.directory, settings),
                self._settings.web.of_bridge(settings.name),
            )
            bridge = settings.plugin.build(settings.own, services)
            component = Component(
                self._component_settings(settings, bridge.capabilities),
                bridge,
                services,
                stores,
                Pacer(pacing, self._clock),
                media,
                usage,
                loops,
                self.reload,
            )
            self._components.append(component)
            if bridge.capabilities.web:
                served[settings.name] = cast("Serving", bridge)  # the capability says that it is
        return bridge_routes(served, Clients(self._settings.web.trusted_proxies))

    def _usage(self) -> LimitPolicy:
        configured = self._settings.limits
        return LimitPolicy(**{each.name: getattr(configured, each.name) for each in fields(LimitPolicy)})

    def _component_settings(self, bridge: BridgeSettings, capabilities: Capabilities) -> ComponentSettings:
        settings, limits = self._settings, self._settings.limits
        return ComponentSettings(
            name=bridge.name,
            title=bridge.title or capabilities.gateway_name,
            jid=bridge.jid,
            secret=bridge.secret.get_secret_value(),
            host=settings.xmpp.host,
            port=settings.xmpp.port,
            access=_access(settings.access),
            limits=AccountLimits(
                total=limits.max_accounts_total,
                per_user=limits.accounts_per_user,
                rooms_per_account=limits.rooms_per_account,
                history=limits.history_max,
            ),
            backoff=BackoffPolicy(),
            linger=limits.linger_seconds,
            archive=ArchivePolicy(settings.storage.archive_days > 0, settings.storage.record_history),
            delivery=_delivery_policy(settings.delivery),
            persistent=bridge.persistent,
            siblings=frozenset(each.jid for each in settings.bridges),
        )

    def reload(self) -> str:
        """At SIGHUP or an admin's word: access and log level change at once; the rest needs a restart, and the log says so.
        What is wrong with the configuration, if anything; then nothing changes."""
        if self._read is None:
            return "It was not read from a file."
        try:
            settings = self._read()
        except ConfigError as error:
            _log.error("configuration not reloaded", reason=str(error))
            return str(error)
        set_level(settings.log.level)
        fixed = [
            name
            for name in ("xmpp", "storage", "limits", "web", "media", "delivery", "bridges")
            if getattr(settings, name) != getattr(self._settings, name)
        ]
        self._settings = replace(self._settings, access=settings.access, log=settings.log)
        for component in self._components:
            component.reconfigure(_access(settings.access))
        _log.info("configuration reloaded", needs_restart=fixed)
        return ""


def _directory(parent: Path, settings: BridgeSettings) -> Path:
    """Only bridges with tables keep files; whose name is in the configuration is fit for a directory."""
    place = parent / settings.name
    if settings.plugin.schema is not None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _version() -> str:
    return importlib.metadata.version("causeway")


def _agent() -> str:
    """What web servers are told that asks them."""
    return f"Causeway/{_version()}"


def _access(settings: AccessSettings) -> AccessPolicy:
    return AccessPolicy(
        admins=frozenset(settings.admins),
        allowed_domains=frozenset(settings.allow_domains),
        denied=frozenset(settings.deny),
        registration=RegistrationMode(settings.registration),
        contact=settings.contact,
    )


def _delivery_policy(settings: DeliverySettings) -> DeliveryPolicy:
    spool = SpoolLimits(count=settings.waiting_messages, age=settings.waiting_days * _DAY)
    outbound = OutboundPolicy(
        settings.waiting_messages,
        settings.retry_days * _DAY,
        settings.receipts_on_acceptance,
        settings.report_days * _DAY,
    )
    return DeliveryPolicy(spool, outbound)
