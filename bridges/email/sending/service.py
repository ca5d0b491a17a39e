"""All that sends, put together: the queue, who is told, and what comes back."""

import asyncio
import random
import secrets
from pathlib import Path

from bridges.email.config import SmarthostSettings
from bridges.email.sending.bounces import Bounces, Changed
from bridges.email.sending.outcome import News, Outcome
from bridges.email.sending.queue import Queue
from bridges.email.sending.returned import Returns
from bridges.email.sending.rows import Job
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.smarthost import Connection, Smarthost
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import ReturnPaths
from gateway.bridge import Clock, Memory, Tables

_KEY = "return-path-key"


async def key(memory: Memory) -> bytes:
    """What return addresses are sealed with: made at the first start, and for ever the same."""
    kept = (await memory.recall("", "")).get(_KEY)
    if kept is None:
        kept = secrets.token_hex(32)
        await memory.remember("", "", _KEY, kept, secret=True)
    return bytes.fromhex(kept)


def smarthost(settings: SmarthostSettings, password: str, hello: str) -> Smarthost:
    """As the operator has set it. ``password`` was read from wherever it is; ``hello`` is used where none is set."""
    return Smarthost(
        settings.host,
        settings.port,
        settings.security,
        hello=settings.hello or hello,
        verify=settings.tls_verify,
        ca_file=settings.ca_file,
        username=settings.username,
        password=password,
        timeout=settings.timeout,
        local=settings.local,
    )


class Sending:
    """Of one bridge. ``run`` is its life, held by the caller, who calls ``stop`` before ending it."""

    def __init__(
        self,
        tables: Tables,
        bridge: str,
        directory: Path,
        smarthost: Smarthost,
        paths: ReturnPaths,
        news: News,
        bounce_changed: Changed,
        *,
        clock: Clock,
        chance: random.Random,
        connections: int = 4,
        reports_of_success: bool = True,
        schedule: Schedule | None = None,
    ) -> None:
        """``directory`` is where finished mails lie, and nothing else."""
        self.sendings = Sendings(tables, bridge)
        self.paths = paths
        self.teller = Teller(self.sendings, news, clock)
        self.bounces = Bounces(tables, bridge, bounce_changed)
        self.returns = Returns(self.sendings, self.bounces, self.teller, clock)
        self.queue = Queue(
            self.sendings,
            directory,
            lambda: Connection.open(smarthost),
            paths.address,
            _Watcher(self.teller, self.bounces, clock),
            clock=clock,
            chance=chance,
            connections=connections,
            place=smarthost.place,
            reports_of_success=reports_of_success,
            schedule=schedule,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.teller.run())
            group.create_task(self.queue.run())

    async def stop(self) -> None:
        await self.queue.stop()


class _Watcher:
    def __init__(self, teller: Teller, bounces: Bounces, clock: Clock) -> None:
        self._teller = teller
        self._bounces = bounces
        self._clock = clock

    def look(self) -> None:
        self._teller.look()

    async def failed(self, job: Job, outcome: Outcome) -> None:
        await self._bounces.note(job.owner, job.recipient, outcome, self._clock.now())
