"""Mails of users who send through servers of their own: for each of them a queue before that server.

A lane's name is its user's; what has no return address (receipts, RFC 8098 §3) has a lane of its own beside it, and one
before the operator's smarthost, ``null``. A queue is made when there is something in it, and lives as long as the user's
session: most users send nothing most of the time.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Executable

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.outgoing import Finished, Outbox
from bridges.email.sending.queue import Connect, Keeper, Queue, Watcher
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.store import Sendings
from bridges.email.sending.verp import new_row
from gateway.bridge import Clock, NotStored, Values, Verbosity

_log = structlog.get_logger(__name__)

#: Before the name of a lane: the null return path.
NULL = "<>"
_NEVER = -1.0
_GOODBYE = 3.0  # seconds for mails that are being handed over when a session ends
#: Somebody else's server, which has no need of us: fewer looks, and more patience than with the operator's own.
_SCHEDULE = replace(Schedule(), after_trouble=(5.0, 30.0, 60.0, 300.0, 600.0), sweep=600.0)


class Lanes:
    """``composing.outgoing.Outbox`` that knows which way a mail goes. ``ours`` tells addresses of the gateway: only from
    those is mail sent through the operator's smarthost, whose queue is ``main``."""

    def __init__(
        self,
        sendings: Sendings,
        directory: Path,
        main: Outbox,
        null: Outbox,
        watcher: Watcher,
        ours: Callable[[Mailbox], bool],
        *,
        clock: Clock,
        chance: random.Random,
        verbosity: Verbosity | None = None,
        bridge: str = "",
    ) -> None:
        self.verbosity = verbosity or Verbosity()
        self.bridge = bridge
        self.sendings = sendings
        self.directory = directory
        self.watcher = watcher
        self.clock = clock
        self.chance = chance
        self._main = main
        self._null = null
        self._ours = ours
        self._open: dict[str, Lane] = {}  # by user

    async def submit(self, finished: Finished, *also: tuple[Executable, Values]) -> None:
        if self._ours(parse(finished.sender.address)):
            await self._main.submit(finished, *also)
        else:
            await self.put(finished.owner, finished, *also)

    async def put(self, name: str, finished: Finished, *also: tuple[Executable, Values]) -> None:
        """Into a lane, whether its user is here or not. Raises ``NotStored``."""
        if name == NULL:
            await self._null.submit(finished, *also)
            return
        lane = self._open.get(finished.owner)
        if lane is not None:
            await lane.queue(name).submit(finished, *also)
            return
        rows = [new_row(self.chance) for _ in finished.recipients]
        await self.sendings.take(finished, rows, name, also)
        lane = self._open.get(finished.owner)
        if lane is not None:  # its user came meanwhile, and it may have looked before there was anything
            lane.queue(name).look()

    def opened(self, lane: "Lane") -> None:
        self._open[lane.owner] = lane

    def closed(self, lane: "Lane") -> None:
        if self._open.get(lane.owner) is lane:
            del self._open[lane.owner]


class Lane:
    """One user's. ``keeper`` puts with the sent mails what was sent, where the server does not."""

    def __init__(
        self,
        lanes: Lanes,
        owner: str,
        sender: Mailbox,
        place: str,
        connect: Connect,
        keeper: Keeper | None,
    ) -> None:
        self.owner = owner
        self._lanes = lanes
        self._sender = sender
        self._place = place
        self._connect = connect
        self._keeper = keeper
        self._queues: dict[str, Queue] = {}
        self._starting: asyncio.Queue[Queue] = asyncio.Queue()

    def queue(self, name: str) -> Queue:
        """The one of that name, which begins if it has not."""
        found = self._queues.get(name)
        if found is None:
            found = self._queues[name] = self._made(name)
            self._starting.put_nowait(found)
        return found

    def _made(self, name: str) -> Queue:
        lanes, null = self._lanes, name.startswith(NULL)
        return Queue(
            lanes.sendings,
            lanes.directory,
            self._connect,
            (lambda row, now: "") if null else (lambda row, now: self._sender.envelope),
            lanes.watcher,
            clock=lanes.clock,
            chance=lanes.chance,
            connections=1,
            place=self._place,
            reports_of_success=not null,
            lane=name,
            schedule=_SCHEDULE,
            keeper=None if null else self._keeper,
            verbosity=lanes.verbosity,
            bridge=lanes.bridge,
        )

    async def run(self) -> None:
        """Until cancelled; then what is being handed over has a moment."""
        self._lanes.opened(self)
        try:
            for name in (self.owner, NULL + self.owner):
                if await self._waits(name):
                    self.queue(name)
            async with asyncio.TaskGroup() as group:
                while True:
                    queue = await self._starting.get()
                    group.create_task(queue.run(_GOODBYE))
        finally:
            self._lanes.closed(self)

    async def _waits(self, name: str) -> bool:
        try:
            return await self._lanes.sendings.earliest(name, _NEVER) is not None
        except NotStored:
            return True  # whoever sends finds out
