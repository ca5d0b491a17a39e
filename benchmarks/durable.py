"""``python -m benchmarks.durable [DIRECTORY]``: what it costs that no message is lost. Committed messages a second, both
ways, through the delivery ledger on SQLite with synchronous=FULL; and how long one message alone waits for its commit.

In one process, without a link: stanzas go nowhere, but the server's pings come back. The database is a real one, in
DIRECTORY (or a temporary one), whose file system decides what a commit costs.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from xml.etree.ElementTree import Element, fromstring

from gateway.bridge import Capabilities, Ticket
from gateway.clock import SystemClock
from gateway.delivery.courier import SpoolLimits
from gateway.delivery.outgoing import Outgoing
from gateway.delivery.service import Deliveries, DeliveryPolicy, DeliveryWiring
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Message, MessageKind
from gateway.storage.database import opened
from gateway.storage.deliveries import DeliveryStore
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import COMPONENT, Stanza, parse_jid

MESSAGES, AT_ONCE, USERS = 20_000, 500, 50
NETWORK = "net"


class Names:
    """As much of a bridge as addresses need."""

    def address(self, text: str) -> Address:
        return Address(AddressKind.CONTACT, NETWORK, text)

    def text(self, address: Address) -> str:
        return address.name


class Network:
    """As much of an account and its session as the ledger needs: takes everything at once."""

    network = NETWORK
    connected = True

    def __init__(self, owner: str, turns: asyncio.Semaphore) -> None:
        self.owner = owner
        self.session = self
        self._turns = turns

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._turns.release()
        ticket.done((ticket.reference,))

    def room(self, name: str) -> None:
        return None


class Bench:
    def __init__(self, store: DeliveryStore) -> None:
        clock, rng = SystemClock(), random.Random(1)
        self.stanzas = 0
        self.iq = IqTracker(self.send, clock)
        self.turns = asyncio.Semaphore(AT_ONCE)
        owners = [f"user{number}@localhost" for number in range(USERS)]
        self.accounts = {owner: Network(owner, self.turns) for owner in owners}
        self.deliveries = Deliveries(
            DeliveryWiring(
                name="bench",
                capabilities=Capabilities("bench", "Benchmark"),
                book=AddressBook("gw.localhost", cast("Any", Names())),
                store=store,
                clock=clock,
                random=rng,
                ids=IdSource(clock, rng),
                iq=self.iq,
                send=self.send,
                spawn=cast("Any", asyncio.ensure_future),
                account=cast("Any", lambda owner, network: self.accounts.get(owner)),
                refuse=lambda stanza, why: sys.exit(why.text),
                service=lambda account, text: None,
                caught_up=lambda: True,
            ),
            DeliveryPolicy(spool=SpoolLimits(count=MESSAGES)),
        )

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        self.stanzas += 1
        if stanza.startswith("<iq"):
            asyncio.get_running_loop().call_soon(self._pong, fromstring(stanza))
        return True

    def _pong(self, ping: Element) -> None:
        pong = Element(f"{{{COMPONENT}}}iq", {"type": "result", "id": ping.get("id", "")})
        pong.set("from", ping.get("to", ""))
        self.iq.accept(Stanza(pong))

    async def inbound(self, count: int) -> None:
        """``AT_ONCE`` messages wait for their commit at any time, as with a busy network that is acknowledged."""
        accounts = list(self.accounts.values())

        async def one(worker: int) -> None:
            for number in range(count // AT_ONCE):
                message = Message(
                    "carol", "a message of usual length, more or less", foreign_id=f"{worker}-{number}"
                )
                await self.deliveries.committed(cast("Any", accounts[worker % USERS]), message)

        await asyncio.gather(*(one(worker) for worker in range(AT_ONCE)))

    async def outbound(self, count: int) -> None:
        """Users write, ``AT_ONCE`` messages ahead of the network."""
        stanzas = [_stanza(owner) for owner in self.accounts]
        address = Address(AddressKind.CONTACT, NETWORK, "carol")
        for number in range(count):
            await self.turns.acquire()
            self.deliveries.send(stanzas[number % USERS], address, Outgoing("a message of usual length"))
        for _ in range(AT_ONCE):
            await self.turns.acquire()

    async def alone(self, count: int) -> list[float]:
        """Milliseconds of a message that has no company."""
        account = next(iter(self.accounts.values()))
        times = []
        for number in range(count):
            begun = time.perf_counter()
            await self.deliveries.committed(
                cast("Any", account), Message("carol", "hi", foreign_id=f"a{number}")
            )
            times.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(0.01)
        return sorted(times)


def _stanza(owner: str) -> Stanza:
    stanza = Element(f"{{{COMPONENT}}}message", {"type": "chat", "id": "m1", "to": "carol@gw.localhost"})
    stanza.set("from", parse_jid(f"{owner}/phone").full)
    return Stanza(stanza)


async def measure(directory: Path) -> Sequence[str]:
    lines = []
    async with opened(f"sqlite:///{directory}/durable.db", clock=SystemClock()) as database:
        bench = Bench(DeliveryStore(database))
        async with bench.deliveries.running():
            bench.deliveries.up()
            for name, work in (("inbound", bench.inbound), ("outbound", bench.outbound)):
                commits, cpu, begun = database.counts.commits, time.process_time(), time.perf_counter()
                await work(MESSAGES)
                wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
                commits = database.counts.commits - commits
                lines.append(
                    f"{name:9} {MESSAGES / wall:8.0f} messages/s   {cpu / MESSAGES * 1e6:6.0f} us CPU each   "
                    f"{MESSAGES / max(1, commits):6.0f} to a commit"
                )
            times = await bench.alone(100)
            lines.append(
                f"alone     {times[50]:8.1f} ms median   {times[95]:.1f} ms of the slowest twentieth"
            )
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
