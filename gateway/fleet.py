"""The components of a running gateway, by the names of their bridges: made of the settings, run, restarted, ended.

A bridge that fails takes no other along. Only what keeps all of them from their first start (the database, the key) ends the
gateway.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import structlog

from gateway import collector, logs
from gateway.accounts.pacing import Backoff, BackoffPolicy
from gateway.assembly import Shared, component
from gateway.bridge.web import Serving
from gateway.member import CannotBegin, Member
from gateway.ops.desk import Desk, DeskError
from gateway.ops.health import Health
from gateway.settings import BridgeSettings, Settings
from gateway.storage.database import Database
from gateway.storage.errors import StorageError
from gateway.xmpp.component import Component
from gateway.xmpp.diagnosis import LinkState, LinkStatus
from gateway.xmpp.lookout import Lookout

_log = structlog.get_logger(__name__)

#: Of a bridge that fails: seconds until it is made anew.
_AGAIN = BackoffPolicy(first=2.0, longest=300.0, stable=600.0)


class Fleet(Mapping[str, Component]):
    """The components that there are now. ``settings`` are what the next component is made of. ``watch`` gives what is to
    be told of each bridge, by name."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        database: Database,
        health: Health,
        watch: Callable[[str], Lookout] = lambda name: Lookout(),
    ) -> None:
        self.settings = settings
        self.members: dict[str, Member] = {}
        self._shared = shared
        self._database = database
        self._health = health
        self._watch = watch
        self._desk: Desk | None = None
        self._random = random.SystemRandom()
        self._group = asyncio.TaskGroup()
        self._over = asyncio.Event()

    # -- the components ----------------------------------------------------------------------------------------

    def kind_of(self, name: str) -> str:
        """What kind of gateway the bridge of that name is."""
        return self[name].bridge.capabilities.gateway_type

    def __getitem__(self, name: str) -> Component:
        found = self.members[name].component
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name, member in self.members.items() if member.component is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def member(self, name: str) -> Member:
        """Raises ``DeskError``."""
        if name not in self.members:
            raise DeskError(f"There is no bridge {name!r}; there is {', '.join(self.members)}.")
        return self.members[name]

    def of(self, name: str) -> Component:
        """Raises ``DeskError`` where there is no such bridge, or no component of it now."""
        found = self.member(name).component
        if found is None:
            raise DeskError(f"The bridge {name} is being started; try again in a moment.")
        return found

    # -- life --------------------------------------------------------------------------------------------------

    def prepare(self, desk: Desk) -> None:
        """Make all components; what that raises keeps the gateway from starting."""
        self._desk = desk
        for settings in self.settings.bridges:
            self._member(settings).prepare()

    def set_log_level(self, level: logs.Level) -> None:
        """Of all that is logged, single messages of single bridges too."""
        logs.set_level(level)
        self._shared.verbosity.debug = level == "debug"

    async def run(self) -> None:
        """Until ``end``. Raises what keeps the gateway from starting."""
        async with self._group:
            for member in self.members.values():
                self._group.create_task(member.run())
            await self._over.wait()

    async def tried(self) -> None:
        """Return when every bridge has tried its link to the XMPP server, or has failed before that."""
        for member in list(self.members.values()):
            await member.tried.wait()

    async def end(self, reason: str, *, farewell: bool) -> None:
        """All of them, at once; ``run`` returns."""
        ends = [each.end(reason, farewell=farewell) for each in self.members.values()]
        await asyncio.gather(*ends)
        self._over.set()

    async def restart(self, name: str) -> None:
        """See ``Desk.restart``. Raises ``DeskError``: nothing has happened then, or the bridge is still being started."""
        member = self.member(name)
        try:
            await self._database.flush()
        except StorageError as error:
            raise DeskError(
                f"{name} was not restarted, for it would forget who is in which room. {error}"
            ) from error
        self._shared.domains.discard(member.settings.jid)
        member.settings = next((each for each in self.settings.bridges if each.name == name), member.settings)
        collector.thaw()
        try:
            await member.restart("The gateway is restarted.")
        except CannotBegin as error:
            raise DeskError(f"{name} did not start: {error}.") from error
        finally:
            collector.settle()

    async def add(self, settings: BridgeSettings) -> None:
        """A bridge more. Its tables are there already. Raises what its plugin raises where it cannot be made."""
        member = self._member(settings)
        try:
            member.prepare()
        except BaseException:
            del self.members[settings.name]
            raise
        self._group.create_task(member.run())

    async def remove(self, name: str) -> None:
        """End a bridge for good; what it has stored stays."""
        member = self.members[name]
        collector.thaw()
        await member.end("This gateway is not offered any more.", farewell=True)
        del self.members[name]
        self._shared.domains.discard(member.settings.jid)
        self._health.clear(f"bridge {name}")

    def _member(self, settings: BridgeSettings) -> Member:
        backoff = Backoff(_AGAIN, self._random)
        member = Member(settings, self._component, self._health, self._shared.clock, backoff)
        self.members[settings.name] = member
        return member

    def _component(self, member: Member) -> Component:
        watched = self._watch(member.name)

        def link(status: LinkStatus) -> None:
            member.link_changed(status)
            watched.link(status)

        def faulty(error: Exception) -> None:
            watched.faulty(error)
            member.fault(error)

        lookout = Lookout(link, watched.twin, faulty, watched.standing)
        try:
            return component(self.settings, member.settings, self._shared, self._desk, lookout)
        except BaseException:
            watched.link(LinkStatus(LinkState.CLOSED))  # there will be none to wait for
            raise


class Served(Mapping[str, Serving]):
    """The bridges that answer requests from outside, as they are now."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __getitem__(self, name: str) -> Serving:
        bridge = self._fleet[name].bridge
        if not bridge.capabilities.web:
            raise KeyError(name)
        return cast("Serving", bridge)  # the capability says that it is

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._fleet if self._fleet[name].bridge.capabilities.web)

    def __len__(self) -> int:
        return sum(1 for _ in self)
