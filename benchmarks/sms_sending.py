"""``python -m benchmarks.sms_sending [DIRECTORY]``: what it costs that no text message is lost or sent twice. From
``submit`` to a committed outcome whose report is matched and told, over a route that answers at once; and how long a message
takes until it is given to the route.

In one process, without a network. The database is a real SQLite with synchronous=FULL, in DIRECTORY (or a temporary one).
"""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.schema import METADATA
from bridges.sms.sending.messages import Outgoing, Tidings
from bridges.sms.sending.sender import Sender
from bridges.sms.traffic import Accepted, Intake, Outcome, Report, Route, Stage, Submission, Turn, Ways
from gateway.bridge import Migration, Schema
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened

MESSAGES, AHEAD, USERS = 10_000, 500, 50
PACED, PACE = 500, 100.0


class Instant:
    """A ``Route`` that takes everything at once, in hexadecimal, and whose reports come right after, in decimal."""

    name = "instant"
    ways = Ways()

    def __init__(self) -> None:
        self.count = 0x1000000
        self.reports: asyncio.Queue[Report] = asyncio.Queue()
        self.written: dict[str, float] = {}
        self._grown = asyncio.Event()

    def pieces(self, submission: Submission) -> int:
        return 1

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        yield self

    async def send(self, submission: Submission, piece: int) -> Outcome:
        self.written[submission.reference] = time.perf_counter()
        self._grown.set()
        self.count += 1
        report = Report("instant", Stage.DELIVERED, str(self.count), recipient=submission.recipients[0])
        self.reports.put_nowait(report)
        return Accepted(f"{self.count:X}")

    async def until(self, count: int) -> None:
        """So many messages have been written."""
        while len(self.written) < count:
            self._grown.clear()
            await self._grown.wait()

    async def run(self, intake: Intake) -> None:
        raise AssertionError("nobody lets it live")

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        return None

    async def trial(self) -> Sequence[str]:
        return ()


class Bench:
    """``Choosing`` and ``News`` in one."""

    def __init__(self, tables: BridgeTables) -> None:
        self.instant = Instant()
        self.told_at = asyncio.Semaphore(AHEAD)
        self.told_of = 0
        self.sender = Sender(
            tables,
            "bench",
            self,
            self,
            lambda route, text: sys.exit(text),
            clock=SystemClock(),
            chance=random.Random(1),
        )

    def candidates(self, owner: str, sender: str, recipients: Sequence[str]) -> Sequence[Route]:
        return (self.instant,)

    def route(self, name: str) -> Route | None:
        return self.instant

    async def told(self, tidings: Tidings) -> bool:
        self.told_of += 1
        self.told_at.release()
        return True

    def outgoing(self, number: int) -> Outgoing:
        theirs = f"+1555{number % 9000:07}"
        owner = f"user{number % USERS}@localhost"
        return Outgoing(
            owner, theirs, "+15550001111", (theirs,), "a message of usual length, more or less", str(number)
        )

    async def reports(self) -> None:
        """Several at the same time, as several binds bring them."""

        async def bring() -> None:
            while True:
                await self.sender.reported(await self.instant.reports.get())

        await asyncio.gather(*(bring() for _ in range(50)))

    async def flood(self, count: int, first: int = 0) -> None:
        """Messages are submitted, at most ``AHEAD`` before what became of them was told."""
        for number in range(first, first + count):
            await self.told_at.acquire()
            self.sender.submit(self.outgoing(number))
        for _ in range(AHEAD):
            await self.told_at.acquire()
        for _ in range(AHEAD):
            self.told_at.release()

    async def paced(self, count: int, first: int) -> list[float]:
        """Milliseconds from ``submit`` until the route is given the message."""
        begun: dict[str, float] = {}
        submitted = []
        start = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / PACE - time.perf_counter()))
            at = time.perf_counter()
            future = self.sender.submit(self.outgoing(first + number))
            future.add_done_callback(lambda done, at=at: begun.__setitem__(done.result(), at))
            submitted.append(future)
        await asyncio.gather(*submitted)
        await self.instant.until(first + count)
        return sorted((self.instant.written[id] - at) * 1000 for id, at in begun.items())


async def _create(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all)


async def measure(directory: Path) -> Sequence[str]:
    lines = []
    async with opened(f"sqlite:///{directory}/sms.db", clock=SystemClock()) as database:
        await database.adopt(
            "sms", Schema(METADATA, (Migration(1, "today's tables", _create),)), SystemClock()
        )
        bench = Bench(BridgeTables(database))
        tasks = [asyncio.create_task(bench.sender.run()), asyncio.create_task(bench.reports())]
        await bench.flood(AHEAD)
        commits, cpu, begun = database.counts.commits, time.process_time(), time.perf_counter()
        await bench.flood(MESSAGES, first=AHEAD)
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        commits = database.counts.commits - commits
        lines.append(
            f"flood   {MESSAGES / wall:8.0f} messages/s taken, written, reported and told   "
            f"{cpu / MESSAGES * 1e6:6.0f} us CPU each   {MESSAGES / max(1, commits):6.0f} to a commit"
        )
        times = await bench.paced(PACED, first=AHEAD + MESSAGES)
        lines.append(
            f"paced   {times[len(times) // 2]:8.1f} ms median, {times[int(len(times) * 0.99)]:.1f} ms p99 "
            f"from submit to the route, at {PACE:.0f}/s"
        )
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return lines


def main() -> None:
    if len(sys.argv) > 1:
        lines = asyncio.run(measure(Path(sys.argv[1])))
    else:
        with TemporaryDirectory() as directory:
            lines = asyncio.run(measure(Path(directory)))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
