"""All of media put together for one process: what the bridges are lent, and what each component publishes with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from gateway.bridge import Clock
from gateway.media.dialling import Dialler, Resolve, system_resolve
from gateway.media.fetch import Fetcher, FileLimits
from gateway.media.pictures import PictureLimits, Pictures
from gateway.media.publishing import Publisher, Way
from gateway.media.slots import Slots
from gateway.media.spool import Spool
from gateway.media.store import OwnStore, OwnStoreWay, StorePolicy
from gateway.media.tally import Carried, Place
from gateway.media.targets import Targets, Trusted
from gateway.media.transfers import Transfers
from gateway.media.upload import Upload
from gateway.settings import MediaSettings
from gateway.storage.files import FileStore
from gateway.web.files import file_routes
from gateway.web.server import CannotServe

_MB = 1_000_000


class MediaService:
    """Made by ``opened``. ``fetcher`` is lent to the bridges."""

    def __init__(
        self,
        settings: MediaSettings,
        files: FileStore,
        clock: Clock,
        agent: str,
        resolve: Resolve = system_resolve,
    ) -> None:
        trusted = Trusted.of(settings.trusted_hosts)
        self.settings = settings
        self._clock = clock
        self._guarded = Dialler(Targets(trusted), resolve, agent=agent)
        self._own = Dialler(Targets(trusted, own=True), resolve, agent=agent)
        self._spool = Spool(settings.directory / "passing")
        self._pictures = Pictures(_pictured(settings))
        # Two counts: files that come must not wait for files that go.
        self._outgoing = Transfers(per_user=settings.transfers_per_user, total=settings.transfers_total)
        self._incoming = Transfers(per_user=settings.transfers_per_user, total=settings.transfers_total)
        self.fetcher = Fetcher(
            self._guarded,
            self._spool,
            self._pictures,
            self._incoming,
            FileLimits(_bytes(settings.max_file_mb), settings.timeout_seconds),
        )
        self._carried: dict[str, Carried] = {}
        self._store: OwnStore | None = None
        if settings.public_url:
            self._store = OwnStore(settings.directory / "given", files, clock, _kept(settings))

    def reconfigure(self, settings: MediaSettings) -> None:
        """These hold for files that come from now on: all but ``upload_service`` and what says where files are and who gives
        them out, which nobody asks for again."""
        old, self.settings = self.settings, settings
        trusted = Trusted.of(settings.trusted_hosts)
        self._guarded.targets.trusted = self._own.targets.trusted = trusted
        self._pictures.limits = _pictured(settings)
        self.fetcher.limits = FileLimits(_bytes(settings.max_file_mb), settings.timeout_seconds)
        per_user, total = settings.transfers_per_user, settings.transfers_total
        if (per_user, total) != (old.transfers_per_user, old.transfers_total):
            for each in (self._outgoing, self._incoming):
                each.allow(per_user=per_user, total=total)
        if self._store is not None:
            self._store.policy = _kept(settings)

    def carried(self, bridge: str) -> Carried:
        """What is counted of the bridge of that name, whichever of its lives this is."""
        return self._carried.setdefault(bridge, Carried())

    def publisher(self, bridge: str, component: Slots, user: Slots | None = None) -> Publisher:
        """For one component: ``component`` asks for slots in its name, ``user`` in the user's (XEP-0356) where that can be
        done."""

        def ways() -> list[Way]:
            found: list[Way] = []
            if self.settings.upload:
                seconds = self.settings.timeout_seconds
                found.append(Upload(Place.COMPONENT, component, self._own, self._clock, seconds=seconds))
                if user is not None:
                    # Any server may grant us rights, so its links are a stranger's.
                    found.append(Upload(Place.USER, user, self._guarded, self._clock, seconds=seconds))
            if self._store is not None:
                found.append(OwnStoreWay(self._store, bridge))
            return found

        return Publisher(
            ways,
            self._spool,
            self._pictures,
            self._outgoing,
            self._clock.monotonic,
            self.carried(bridge),
            size=lambda: _bytes(self.settings.max_file_mb),
        )

    def routes(self) -> list[web.RouteDef]:
        """What the gateway's web server has to serve for files."""
        return file_routes(self._store, self._clock) if self._store is not None else []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Directories made and old files being deleted, for as long as the block lasts. Raises
        ``CannotServe``."""
        async with AsyncExitStack() as stack:
            await self._prepare()
            if self._store is not None:
                cleaning = asyncio.create_task(self._store.run())
                stack.push_async_callback(_ended, cleaning)
            yield

    async def _prepare(self) -> None:
        try:
            await self._spool.prepare()
            if self._store is not None:
                await self._store.prepare()
        except OSError as error:
            place = self.settings.directory
            raise CannotServe(
                f"{place} cannot be used for files (media.directory): {error.strerror}. Let the gateway's user write there."
            ) from error


def _bytes(mb: float) -> int:
    return int(mb * _MB)


def _pictured(settings: MediaSettings) -> PictureLimits:
    return PictureLimits() if settings.previews else PictureLimits(decoded=0)


def _kept(settings: MediaSettings) -> StorePolicy:
    return StorePolicy(
        settings.public_url,
        settings.keep_days,
        _bytes(settings.quota_user_mb),
        _bytes(settings.quota_total_mb),
    )


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
