"""How many mails are taken over LMTP and committed: ``python -m benchmarks.mail_intake``.

The server and its database run in this process, the load (``mail_load``) in children, as a mail server would.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from random import Random

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.mail_load import bring
from bridges.email.addresses import Mailbox
from bridges.email.receiving.arrivals import Arrivals
from bridges.email.receiving.heading import Heading
from bridges.email.receiving.intake import Intake, IntakeLimits, Waiting
from bridges.email.receiving.lmtp import Limits, Listener
from bridges.email.receiving.originals import Originals
from bridges.email.receiving.replies import Reply
from bridges.email.receiving.residents import FirstContact, Resident
from bridges.email.schema import METADATA
from gateway.bridge import Migration, Schema, Sink
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened

_RECIPIENTS = [f"user{number}@gw.example" for number in range(10)]


class _Everybody:
    async def owner_of(self, mailbox: Mailbox) -> Resident | None:
        return Resident(mailbox.local)

    def addresses(self, owner: str) -> frozenset[str]:
        return frozenset({f"{owner}@gw.example"})

    def sink(self, owner: str) -> Sink | None:
        return None

    def policy(self, owner: str) -> FirstContact:
        return FirstContact.OPEN

    async def refuses_sender(self, owner: str, sender: Mailbox) -> Reply | None:
        return None

    async def refuses_mail(self, owner: str, mail: Heading) -> Reply | None:
        return None


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


async def _measure(directory: Path, mails: int, connections: int, size: int) -> None:
    clock = SystemClock()
    everybody = _Everybody()
    first = asyncio.Event()
    async with opened(f"sqlite:///{directory / 'mail.db'}", clock=clock) as database:
        await database.adopt("email", Schema(METADATA, (Migration(1, "all", _make),)), clock)
        arrivals = Arrivals(BridgeTables(database), "email")
        intake = Intake(
            arrivals,
            Originals(directory / "inbound", arrivals),
            everybody,
            everybody,
            clock,
            Random(),
            domains=["gw.example"],
            hostname="gw.example",
            returns=lambda mailbox: False,
            taken=lambda taken: first.set(),
            waiting=Waiting(),
            limits=IntakeLimits(10**12, 10**9, 10**9, 10**9),
        )
        listener = Listener(intake, "gw.example", Limits())
        port = await listener.open_tcp()
        context = get_context("spawn")
        loads = [
            context.Process(target=bring, args=(port, number, mails // connections, size, _RECIPIENTS))
            for number in range(connections)
        ]
        for load in loads:
            load.start()
        await first.wait()
        begun, cpu, before = time.perf_counter(), time.process_time(), intake.counts.kept
        await asyncio.gather(*(asyncio.to_thread(load.join) for load in loads))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        await listener.close()
        kept = intake.counts.kept - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{kept} mails of {size} octets on {connections} connections: {kept / seconds:.0f}/s, "
        f"{cpu / kept * 1e6:.0f} us of CPU each, {memory:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--directory", type=Path, help="where the database is made (a disk, not memory)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        uvloop.run(_measure(Path(directory), options.mails, options.connections, options.size))


if __name__ == "__main__":
    main()
