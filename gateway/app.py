"""The composition root: builds everything from the settings, runs it in one task group, and ends it in order.

Order of the end: clients are told and sessions leave their networks, the links close, then the database, so that
everything said on the way out is still written down. All of it together takes ten seconds at most.

Exit statuses: 0 after SIGINT or SIGTERM; 1 where the gateway cannot start, for a reason that is told; 75 to be started
again, because somebody asked for that (SIGUSR1) or because of a fault while it ran, which is in the log.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import structlog

from gateway import collector
from gateway.assembly import Shared, version
from gateway.bridge import Clock, Finding, Schema, Verbosity
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.control import server as control
from gateway.doctor.round import live
from gateway.ending import Deadline
from gateway.fleet import Fleet, Served
from gateway.loops import Loops
from gateway.media.service import MediaService
from gateway.member import leaves
from gateway.ops.desk import Login
from gateway.ops.health import Health
from gateway.ops.numbers import Counting
from gateway.ops.operations import Operations
from gateway.ops.service_manager import ServiceManager
from gateway.ops.transfers import Transfers
from gateway.ops.watching import Watching
from gateway.reloading import Reloading, rules
from gateway.secrets import SecretBox, SecretError
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError
from gateway.storage.retention import Retention
from gateway.storage.stores import Stores
from gateway.web.bridges import bridge_routes
from gateway.web.clients import Clients
from gateway.web.server import CannotServe, serving
from gateway.web.tally import Listeners

_log = structlog.get_logger(__name__)

START_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: whoever watches over us is to start us again."""
#: Seconds in which links are tried before the service manager hears that we are ready all the same.
_TRIED = 20.0


def run(settings: Settings, path: Path, haste: float = 1.0) -> int:
    """Run the gateway until SIGINT or SIGTERM, or SIGUSR1 if it is to be started again; the exit status. SIGHUP reads
    ``path`` again. ``haste``: how many times as often as usual it looks whether all is well, and tells of it. Raises what
    keeps it from starting."""

    def read() -> Settings:
        return load(path, os.environ)

    # Whatever we were started with: nobody else reads what we keep. Sockets for others get their modes explicitly.
    os.umask(0o077)
    deadline = Deadline()
    try:
        return _loop()(serve(settings, read, deadline, path, haste))
    finally:
        deadline.lift()


def _loop() -> Callable[[Coroutine[None, None, int]], int]:
    """What runs us: uvloop where there is one; it does not install everywhere."""
    try:
        fast: Callable[[Coroutine[None, None, int]], int] = import_module("uvloop").run
    except ImportError:
        return asyncio.run
    return fast


async def serve(
    settings: Settings,
    read: Callable[[], Settings],
    deadline: Deadline | None = None,
    path: Path | None = None,
    haste: float = 1.0,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    clock = SystemClock()
    gateway = Gateway(settings, clock, read, ServiceManager.of(os.environ, clock), path, haste)

    def end(status: int) -> None:
        gateway.restarting = status == START_AGAIN
        if deadline is not None:
            deadline.set(status)
        stop.set()

    # Before anything else: a service manager may change its mind at once.
    for number, status in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGUSR1, START_AGAIN)):
        loop.add_signal_handler(number, end, status)
    loop.add_signal_handler(signal.SIGHUP, gateway.hang_up)
    running = asyncio.create_task(gateway.run(stop))
    await asyncio.wait([running])
    failure = running.exception()
    if failure is None:
        return START_AGAIN if gateway.restarting else 0
    for cause in leaves(failure):
        # One cause, though every component meets it: it is told once, as a sentence.
        if not gateway.started and isinstance(cause, StorageError | SecretError | CannotServe):
            raise cause
    if not gateway.started:
        raise failure
    _log.critical("the gateway failed, and is to be started again", exc_info=failure)
    return START_AGAIN


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a gateway is made of."""

    secrets: SecretBox
    database: Database
    shared: Shared
    fleet: Fleet
    retention: Retention
    watching: Watching
    operations: Operations
    listeners: Listeners


class Gateway:
    """All components of one configuration, with what they share."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        read: Callable[[], Settings] | None = None,
        manager: ServiceManager | None = None,
        path: Path | None = None,
        haste: float = 1.0,
    ) -> None:
        """``read`` reads the configuration again, from ``path``; ``manager`` is whoever watches over the process. ``haste``
        see ``Watching``."""
        self._settings = settings
        self._manager = manager or ServiceManager(clock)
        self._read = read
        self._path = path
        self._haste = haste
        self._clock = clock
        self._wanted = asyncio.Event()  # to read the configuration again
        self.restarting = False  # clients are not to notice more of the end than they must
        self.started = False

    def hang_up(self) -> None:
        """SIGHUP. Several in a row are one."""
        self._wanted.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. Raises what keeps it from starting."""
        async with AsyncExitStack() as stack:
            parts = await self._built(stack)
            await self._serve(stack, parts)
            await self._doors(stack, parts)
            await stack.enter_async_context(
                parts.watching.over(parts.fleet, parts.database, parts.secrets, self._manager)
            )
            await self._live(parts, stop)
        _log.info("gateway stopped")

    async def _built(self, stack: AsyncExitStack) -> _Parts:
        """All that there is, for as long as ``stack`` lasts; nobody can reach it yet."""
        settings, clock = self._settings, self._clock
        # First: without it, not even an empty database is left behind.
        secrets = SecretBox.load(settings.storage.key_file)
        database = await stack.enter_async_context(opened(settings.storage.database, clock=clock))
        schemas = await self._adopted(database)
        stores = Stores.of(database, secrets, clock, schemas)
        media = MediaService(settings.media, stores.files, clock, f"Causeway/{version()}")
        await stack.enter_async_context(media.running())
        health = Health(clock)
        watching = Watching(health, clock, self._haste)
        verbosity = Verbosity(settings.log.level == "debug")
        clients = Clients(settings.web.trusted_proxies)
        tables = BridgeTables(database)
        shared = Shared(clock, stores, tables, media, Loops(clock), clients, verbosity=verbosity)
        fleet = Fleet(settings, shared, database, health, watching.lookout)
        retention = Retention(database, rules(settings), clock)
        listeners = Listeners()
        operations = self._operations(database, health, shared, fleet, retention, watching, listeners)
        fleet.prepare(operations)
        return _Parts(secrets, database, shared, fleet, retention, watching, operations, listeners)

    def _operations(
        self,
        database: Database,
        health: Health,
        shared: Shared,
        fleet: Fleet,
        retention: Retention,
        watching: Watching,
        listeners: Listeners,
    ) -> Operations:
        """What operators see and do, by whatever door they come in."""

        def doctor(bridge: str, login: Login | None = None) -> AsyncIterator[Finding]:
            return live(fleet.settings, self._path, fleet, database, bridge, login)

        counting = Counting(
            fleet,
            shared.traffic,
            Transfers(shared.media, listeners),
            database,
            shared.stores,
            health,
            self._clock,
            version(),
            log_level=lambda: operations.log_level,
            lag=lambda: watching.lag,
        )
        reloading = Reloading(fleet, shared, database, retention, self._read)
        operations = Operations(fleet, health, reloading, self._manager, counting, doctor)
        return operations

    async def _live(self, parts: _Parts, stop: asyncio.Event) -> None:
        """Until ``stop``, or until something fails that nothing works without."""
        fleet, database = parts.fleet, parts.database
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(parts.retention.run()),
                group.create_task(self._reload(parts.operations)),
                group.create_task(self._ready(fleet)),
                group.create_task(_writing(database)),
                group.create_task(fleet.run()),
            ]
            collector.settle()
            self.started = True
            _log.info("gateway started", bridges=list(fleet))
            await stop.wait()
            _log.info("gateway stops")
            self._manager.stopping()
            database.hurry()
            await fleet.end("The gateway is shutting down.", farewell=not self.restarting)
            for task in background:
                task.cancel()

    async def _serve(self, stack: AsyncExitStack, parts: _Parts) -> None:
        """The web server, for as long as ``stack`` lasts, if there is to be one. Raises ``CannotServe``."""
        if self._settings.web.listen:
            host, port = self._settings.web.address
            routes = bridge_routes(Served(parts.fleet), parts.shared.clients, parts.fleet.kind_of)
            routes = [*parts.shared.media.routes(), *routes]
            await stack.enter_async_context(serving(host, port, routes, tally=parts.listeners.web))

    async def _doors(self, stack: AsyncExitStack, parts: _Parts) -> None:
        """What operators come in by. Raises ``CannotServe``."""
        settings, desk = self._settings.operator, parts.operations
        await stack.enter_async_context(control.serving(settings.socket, desk))
        if settings.listen:
            # Many have no page, and it brings much along.
            page = import_module("gateway.page")
            await stack.enter_async_context(
                page.serving(settings, parts.shared.clients, desk, self._clock, parts.listeners.page)
            )

    async def _ready(self, fleet: Fleet) -> None:
        """Tell the service manager once every link has been tried: what is wrong then is told, and no reason not to start.
        A server that does not answer at all is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TRIED):
                await fleet.tried()
        self._manager.ready()
        _log.info("gateway ready", links=[name for name, each in fleet.members.items() if each.up])

    async def _adopted(self, database: Database) -> list[Schema]:
        """The tables of the configured bridges, as they are today."""
        plugins = {each.kind: each.plugin for each in self._settings.bridges}
        schemas = {kind: plugin.schema for kind, plugin in plugins.items() if plugin.schema is not None}
        for kind, schema in schemas.items():
            await database.adopt(kind, schema, self._clock)
        return list(schemas.values())

    async def _reload(self, operations: Operations) -> None:
        """One reading after the other, whenever SIGHUP has come."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await operations.reload("SIGHUP")


async def _writing(database: Database) -> None:
    """Raises if nobody writes any more: then all would be promised and nothing kept."""
    await database.ended()
    raise RuntimeError("the database's writer has ended")
