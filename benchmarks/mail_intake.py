"""How many mails are taken over LMTP and committed: ``python -m benchmarks.mail_intake``.

Its own load, over loopback, speaks LMTP as Postfix does: commands of a mail in one write (PIPELINING), the next mail after
the answer. The server and its database run in this process, the load in a child, as a mail server would.
"""

import argparse
import asyncio
import resource
import socket
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from random import Random

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

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

_LINE = b"The quick brown fox jumps over the lazy dog, and then it goes home.\r\n"


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


def _load(port: int, number: int, mails: int, size: int) -> None:
    """One connection that brings ``mails`` mails."""
    body = _LINE * max(1, (size - 300) // len(_LINE))
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        answers.readline()
        connection.sendall(b"LHLO load.example\r\n")
        while answers.readline()[3:4] == b"-":
            pass
        for mail in range(mails):
            connection.sendall(
                b"MAIL FROM:<load@example.org> SIZE=%d\r\nRCPT TO:<user%d@gw.example>\r\nDATA\r\n"
                % (size, mail % 10)
            )
            replies = [answers.readline()[:3] for _ in range(3)]
            connection.sendall(
                b"From: Load <load@example.org>\r\nTo: user@gw.example\r\nSubject: Mail %d\r\n"
                b"Message-ID: <%d.%d@load.example>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\n%s.\r\n"
                % (mail, number, mail, body)
            )
            if [*replies, answers.readline()[:3]] != [b"250", b"250", b"354", b"250"]:
                sys.exit(f"mail {mail} was not taken: {replies}")
        connection.sendall(b"QUIT\r\n")


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
            context.Process(target=_load, args=(port, number, mails // connections, size))
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
