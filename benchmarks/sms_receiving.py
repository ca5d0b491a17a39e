"""How many texts are taken, committed before they are acknowledged, and shown: ``python -m benchmarks.sms_receiving``.

Routes bring texts as fast as they are taken, so many at a time as their windows hold; each waits for its commit. A share of
them are pieces of long messages, for users of personal numbers, a team and a pool. The core behind the sinks is none: it
keeps nothing, for its own rows are measured elsewhere (``benchmarks.durable``).
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.numbers import OurNumber
from bridges.sms.receiving.intake import IntakeLimits
from bridges.sms.receiving.receiving import Neighbours, Receiving, Terms
from bridges.sms.schema import METADATA
from bridges.sms.settings import Mode
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Report
from gateway.bridge import Blob, MediaError, Migration, Schema, Services
from gateway.clock import SystemClock
from gateway.model import Attachment, Condition, Message, Refused
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened

_SENDERS = 500


class _Users:
    """Everybody around receiving: twenty users with a number each, whose clients are there."""

    def __init__(self) -> None:
        self.shown = 0
        self.expected = 0
        self.all_shown = asyncio.Event()
        self._numbers = {
            f"+1555000{user:04}": OurNumber(
                f"+1555000{user:04}", Mode.PERSONAL, ("load",), (f"user{user}@x",)
            )
            for user in range(20)
        }

    @property
    def numbers(self) -> list[str]:
        return list(self._numbers)

    def find(self, number: str) -> OurNumber | None:
        return self._numbers.get(number)

    def sink(self, owner: str) -> Any:
        return self

    def name(self, owner: str) -> str:
        return owner

    async def heard(self, owner: str, party: str, number: str, name: str) -> None:
        """Nothing is new."""

    async def reported(self, report: Report) -> None:
        raise AssertionError("there are no reports here")

    async def answer(self, ours: str, theirs: str, text: str, reference: str) -> None:
        raise AssertionError("there are no answers here")

    async def fetch(self, attachment: Attachment, owner: str, route: str) -> Blob:
        raise MediaError(Refused(Condition.ITEM_NOT_FOUND, "There are no files here."))

    def trouble(self, route: str, text: str) -> None:
        raise AssertionError(text)

    async def direct_committed(self, message: Message) -> None:
        self.shown += 1
        if self.shown >= self.expected:
            self.all_shown.set()


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


def _load(messages: int, long: float, numbers: list[str], random: Random) -> tuple[list[Inbound], int]:
    """Texts of GSM and UCS-2, with three pieces a long one, each sender's in order. And how many messages they are."""
    made: list[Inbound] = []
    count = 0
    while len(made) < messages:
        count += 1
        sender, ours = f"+1555777{random.randrange(_SENDERS):04}", random.choice(numbers)
        if random.random() < long:
            for number in (1, 2, 3):
                part = Concatenation(str(count % 65536), 3, number, 16)
                data = ("Привет 😀 " * 7).encode("utf-16-be")
                made.append(
                    Inbound("load", sender, ours, data=data, alphabet=Alphabet.UCS2, concatenation=part)
                )
        else:
            data = b"The quick brown fox jumps over the lazy dog, and then it goes home. Number %d." % count
            made.append(Inbound("load", sender, ours, data=data, alphabet=Alphabet.GSM, id=f"id{count}"))
    return made, count


async def _bring(receiving: Receiving, load: Iterator[Inbound], waits: list[float]) -> None:
    for inbound in load:
        begun = time.perf_counter()
        await receiving.intake.received(inbound)
        waits.append(time.perf_counter() - begun)


async def _measure(directory: Path, pdus: int, window: int, long: float) -> None:
    clock, users = SystemClock(), _Users()
    load, messages = _load(pdus, long, users.numbers, Random(1))
    users.expected = messages
    async with opened(f"sqlite:///{directory / 'sms.db'}", clock=clock) as database:
        await database.adopt("sms", Schema(METADATA, (Migration(1, "all", _make),)), clock)
        services = Services(clock, Random(2), "bench", name="sms", tables=BridgeTables(database))
        terms = Terms("US", intake=IntakeLimits(waiting=10**9, rate=10**9))
        receiving = Receiving(services, terms, Neighbours(users, users, users, users, users, users.trouble))
        running = asyncio.create_task(receiving.run())
        waits: list[float] = []
        source = iter(load)
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(_bring(receiving, source, waits) for _ in range(window)))
        taken = time.perf_counter() - begun
        await users.all_shown.wait()
        await receiving.close()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        running.cancel()
        await asyncio.wait([running])
    waits.sort()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(load)} PDUs ({messages} messages), {window} at a time: {len(load) / taken:.0f} PDUs/s committed before they "
        f"are acknowledged (p50 {waits[len(waits) // 2] * 1e3:.1f} ms, p99 {waits[len(waits) * 99 // 100] * 1e3:.1f} ms); "
        f"{len(load) / seconds:.0f} PDUs/s and {messages / seconds:.0f} messages/s until the last was shown; "
        f"{cpu / len(load) * 1e6:.0f} us of CPU for each PDU, {memory:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pdus", type=int, default=20_000)
    parser.add_argument(
        "--window", type=int, default=50, help="unacknowledged at a time, of all binds together"
    )
    parser.add_argument("--long", type=float, default=0.1, help="share of messages that come in three pieces")
    parser.add_argument("--directory", type=Path, help="where the database is made (a disk, not memory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        uvloop.run(_measure(Path(directory), options.pdus, options.window, options.long))


if __name__ == "__main__":
    main()
