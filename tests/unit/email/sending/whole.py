"""All that sends, put together as the bridge does it."""

import asyncio
import random
from pathlib import Path

from bridges.email.adapters import Watching
from bridges.email.sending.bounces import Bounces, Changed
from bridges.email.sending.outcome import News
from bridges.email.sending.queue import Queue
from bridges.email.sending.returned import Returns
from bridges.email.sending.schedule import Schedule
from bridges.email.sending.smarthost import Connection, Smarthost
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import ReturnPaths
from gateway.bridge import Tables
from gateway.clock import SystemClock


class Sending:
    def __init__(
        self,
        tables: Tables,
        directory: Path,
        smarthost: Smarthost,
        paths: ReturnPaths,
        news: News,
        changed: Changed,
        connections: int,
        schedule: Schedule,
    ) -> None:
        clock = SystemClock()
        self.sendings = Sendings(tables, "mail")
        self.teller = Teller(self.sendings, news, clock)
        self.bounces = Bounces(tables, "mail", changed)
        self.returns = Returns(self.sendings, self.bounces, self.teller, clock)
        self.queue = Queue(
            self.sendings,
            directory,
            lambda: Connection.open(smarthost),
            paths.address,
            Watching(self.teller, self.bounces, clock.now),
            clock=clock,
            chance=random.Random(),
            connections=connections,
            place=smarthost.place,
            schedule=schedule,
        )

    async def run(self, grace: float) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.teller.run())
            group.create_task(self.queue.run(grace))
