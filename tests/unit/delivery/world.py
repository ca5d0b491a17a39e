"""A ledger between a user's server and a network, both so small that they fit here, with a guillotine over every border.

Everything that leaves the gateway (a commit, a stanza, a call of the network) passes ``World.border``, which can end the
gateway's life, or the link's, at any one crossing. A second ``Gateway`` on the same database file is its restart.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from xml.etree.ElementTree import Element, fromstring

from sqlalchemy import Row, select

from gateway.accounts import account as accounts
from gateway.bridge import BadAddress, Capabilities
from gateway.clock import SystemClock
from gateway.delivery.entry import Entry, entry_of
from gateway.delivery.holding import Held
from gateway.delivery.outgoing import Outgoing
from gateway.delivery.service import Deliveries, DeliveryPolicy, DeliveryWiring
from gateway.ids import IdSource
from gateway.model import AccountState, AccountStatus, Address, AddressKind, DeliveryState, Message, Refused
from gateway.storage.database import Database, opened
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.errors import Trouble, trouble
from gateway.storage.schema import deliveries
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import error_stanza
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import COMPONENT, Stanza
from tests.fakes.clock import ManualClock, settle
from tests.waiting import eventually

BODY = f"{{{COMPONENT}}}body"
GATEWAY = "sms.localhost"
ALICE = "alice@localhost"
PHONE = f"{ALICE}/phone"
CAROL = "carol"
CAROLS = f"{CAROL}@{GATEWAY}"
NETWORK = "net"
PLAIN = Capabilities("sms", "SMS gateway")
FORWARDING = Capabilities("sms", "SMS gateway", store_and_forward=True, delivery_reports=True)
REPEATING = Capabilities(
    "sms", "SMS gateway", store_and_forward=True, delivery_reports=True, recognises_repeats=True
)


class Book:
    jid = GATEWAY

    def jid_of(self, address: Address) -> str:
        if " " in address.name:
            raise BadAddress("Names have no spaces.")
        return f"{address.name or address.network}@{GATEWAY}"


def parsed(xml: str) -> Element:
    return fromstring(f"<stream xmlns='{COMPONENT}'>{xml}</stream>")[0]


class Watched(Database):
    """``under_way``: how often it is asked something just now."""

    under_way = 0

    async def read(self, *asked: Any) -> Sequence[Row[Any]]:
        self.under_way += 1
        try:
            return await super().read(*asked)
        finally:
            self.under_way -= 1

    async def write_all(self, *asked: Any) -> int:
        self.under_way += 1
        try:
            return await super().write_all(*asked)
        finally:
            self.under_way -= 1


class Fated(DeliveryStore):
    """The real store; commits are borders, and can be refused."""

    def __init__(self, database: Database, gateway: "Gateway") -> None:
        super().__init__(database)
        self.gateway = gateway
        self.full = False
        self.saves = 0

    async def save(self, rows: Any, keys: Any = (), new_keys: Any = (), *, patience: float = 0.0) -> None:
        await self.gateway.border("before a commit")
        if self.full:
            raise trouble(Trouble.FULL, "The test's database")
        await super().save(rows, keys, new_keys, patience=patience)
        self.saves += 1
        await self.gateway.border("after a commit")


@dataclass
class UserServer:
    """The user's server and client: takes what is on the wire when it gets to it."""

    wire: deque[str] = field(default_factory=deque)
    received: list[Element] = field(default_factory=list)
    bounce: str = ""  # the condition it sends messages back with
    pongs: bool = True
    gone: bool = False  # the client that wrote is gone

    def messages(self) -> list[Element]:
        return [each for each in self.received if each.find(f"{{{COMPONENT}}}body") is not None]

    def errors(self, id_: str = "") -> list[Element]:
        return [
            each
            for each in self.received
            if each.get("type") == "error" and (not id_ or each.get("id") == id_)
        ]

    def receipts(self) -> list[str]:
        tag = "{urn:xmpp:receipts}received"
        return [found.get("id") for each in self.received if (found := each.find(tag)) is not None]

    def markers(self) -> list[str]:
        tag = "{urn:xmpp:chat-markers:0}displayed"
        return [found.get("id") for each in self.received if (found := each.find(tag)) is not None]


@dataclass
class Network:
    """The foreign side. ``taken`` is what it accepted, by our reference where it knows such."""

    accepts: bool = True
    refusal: Refused | None = None
    answers: bool = True
    parts: int = 1
    taken: list[tuple[str, str]] = field(default_factory=list)  # (reference, text)
    read: list[tuple[str, str]] = field(default_factory=list)
    tickets: list[Any] = field(default_factory=list)
    numbers: int = 0


class Session:
    def __init__(self, gateway: "Gateway") -> None:
        self.gateway = gateway
        self.network = gateway.world.network

    def tell(self, contact: str, text: str, kind: object, ticket: Any) -> None:
        if not self.gateway.cross("before the network is called"):
            return
        network = self.network
        network.taken.append((ticket.reference, text))
        network.tickets.append(ticket)
        if not self.gateway.cross("after the network is called") or not network.answers:
            return
        if network.refusal is not None:
            network.taken.pop()
            ticket.refused(network.refusal)
            return
        ids = [f"f{network.numbers + each}" for each in range(network.parts)]
        network.numbers += network.parts
        asyncio.get_running_loop().call_soon(self._done, ticket, ids)

    def _done(self, ticket: Any, ids: Sequence[str]) -> None:
        if self.gateway.cross("before the ticket is done"):
            ticket.done(ids)
            self.gateway.cross("after the ticket is done")

    def mark_read(self, contact: str, foreign_id: str) -> None:
        self.network.read.append((contact, foreign_id))


class Account:
    owner = ALICE
    network = NETWORK

    def __init__(self, gateway: "Gateway") -> None:
        self.session: Session | None = Session(gateway)
        self.connected = True
        self.status = AccountStatus(AccountState.CONNECTED)

    def room(self, name: str) -> None:
        return None


@dataclass
class World:
    """What outlives a gateway."""

    url: str
    clock: ManualClock = field(default_factory=ManualClock)
    server: UserServer = field(default_factory=UserServer)
    network: Network = field(default_factory=Network)
    fatal: int = 0  # the crossing that ends it; 0: none
    fate: str = "kill"  # or "link"
    crossings: list[str] = field(default_factory=list)
    generations: int = 0

    async def rows(self) -> list[Entry]:
        async with opened(self.url, clock=SystemClock()) as database:
            return [
                entry_of(row)
                for row in await database.read(select(deliveries).order_by(deliveries.c.created))
            ]


class Gateway:
    """One life of the gateway's ledger."""

    def __init__(
        self, world: World, capabilities: Capabilities, database: Watched, policy: DeliveryPolicy
    ) -> None:
        world.generations += 1
        self.world = world
        self.capabilities = capabilities
        self.dead = False
        self.link = False
        self.connected = True
        self.refusals: list[Refused] = []
        self.notes: list[str] = []
        self.database = database
        self.store = Fated(database, self)
        self._spawned: list[asyncio.Future[None]] = []
        rng = random.Random(world.generations)
        self.iq = IqTracker(self.send, world.clock)
        self.account: Account | None = Account(self)
        self.deliveries = Deliveries(
            DeliveryWiring(
                name="sms",
                capabilities=capabilities,
                book=cast("AddressBook", Book()),
                store=self.store,
                clock=world.clock,
                random=rng,
                ids=IdSource(world.clock, rng),
                iq=self.iq,
                send=self.send,
                spawn=self._spawn,
                account=lambda owner, network: self.known if owner == ALICE and self.account else None,
                refuse=self._refuse,
                service=lambda account, text: self.notes.append(text),
                caught_up=lambda: True,
            ),
            policy,
        )

    @property
    def known(self) -> accounts.Account:
        """The account, as the ledger knows it."""
        return cast("accounts.Account", self.account)

    # -- borders -----------------------------------------------------------------------------------------------

    def cross(self, name: str) -> bool:
        """Whether the gateway lives on."""
        if self.dead:
            return False
        world = self.world
        world.crossings.append(name)
        if len(world.crossings) == world.fatal:
            if world.fate == "kill":
                self.dead = True
                return False
            asyncio.get_running_loop().call_soon(self.lose_link)
        return True

    async def border(self, name: str) -> None:
        if not self.cross(name):
            await asyncio.get_running_loop().create_future()  # a dead process waits for nothing

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        if not self.link or not self.cross("before a stanza"):
            return False
        self.world.server.wire.append(stanza)
        self.cross("after a stanza")
        return True

    def _refuse(self, stanza: Stanza, why: Refused) -> None:
        self.refusals.append(why)
        answer = error_stanza(stanza, why)
        assert answer is not None
        self.send(answer)

    def _spawn(self, work: Awaitable[None]) -> None:
        self._spawned.append(asyncio.ensure_future(work))

    # -- what happens to it ------------------------------------------------------------------------------------

    def raise_link(self) -> None:
        if not self.link and not self.dead:
            self.link = True
            self.deliveries.up()

    def lose_link(self) -> None:
        if self.link:
            self.link = False
            self.world.server.wire.clear()
            self.deliveries.lost()
            self.iq.fail_all("lost")

    def go_offline(self, reason: str = "The network is away.") -> None:
        assert self.account is not None
        self.account.connected = False
        self.account.status = AccountStatus(AccountState.TRANSIENT_DISCONNECT, reason)

    def come_online(self) -> None:
        assert self.account is not None
        self.account.connected = True
        self.account.status = AccountStatus(AccountState.CONNECTED)
        self.deliveries.online(self.known)

    def write(self, text: str, id_: str, *, to: str = CAROLS, extra: str = "", sender: str = PHONE) -> None:
        """The user writes to carol."""
        if self.dead:
            return
        xml = (
            f"<message type='chat' id='{id_}' from='{sender}' to='{to}'><body>{text}</body>{extra}</message>"
        )
        stanza = Stanza(parsed(xml))
        self.deliveries.send(stanza, Address(AddressKind.CONTACT, NETWORK, CAROL), Outgoing(text))

    def hear(self, text: str, foreign_id: str = "", time: float | None = None) -> None:
        """carol writes to the user."""
        self.deliveries.received(self.known, Message(CAROL, text, foreign_id=foreign_id, time=time))

    def hold(self, text: str, foreign_id: str = "") -> Held:
        """carol's message cannot be shown yet; so much of it is safe."""
        return self.deliveries.hold(self.known, Message(CAROL, text, foreign_id=foreign_id))

    def release(self, held: Held, text: str) -> None:
        """Now it can."""
        if not self.dead:
            message = Message(CAROL, text, foreign_id=held.entry.foreign_id)
            self.deliveries.received(self.known, message, "", held)

    async def hear_committed(self, text: str, foreign_id: str) -> None:
        await self.deliveries.committed(self.known, Message(CAROL, text, foreign_id=foreign_id))

    def report(self, foreign_id: str, state: DeliveryState, why: Refused | None = None) -> None:
        if not self.dead:
            self.deliveries.reported(self.known, foreign_id, state, why)

    def withdraw(self, foreign_id: str) -> None:
        if not self.dead:
            self.deliveries.withdrawn(self.known, foreign_id)

    def client_says(self, payload: str, *, sender: str = PHONE, to: str = CAROLS) -> None:
        """A message of the user's client without a body: a receipt, a marker."""
        xml = f"<message type='chat' from='{sender}' to='{to}'>{payload}</message>"
        self.deliveries.marked(Stanza(parsed(xml)), Address(AddressKind.CONTACT, NETWORK, CAROL))

    def serve(self) -> None:
        """The user's server takes what is on the wire and answers."""
        server = self.world.server
        while server.wire:
            stanza = parsed(server.wire.popleft())
            if stanza.tag.endswith("}iq"):
                self._answer(stanza)
            elif server.bounce and stanza.get("type") == "chat" and stanza.get("to") == ALICE:
                error = f"<error type='cancel'><{server.bounce} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
                if not self.dead:
                    self.deliveries.bounced(
                        Stanza(
                            parsed(
                                f"<message type='error' from='{ALICE}' to='{stanza.get('from')}' "
                                f"id='{stanza.get('id')}'>{error}</message>"
                            )
                        )
                    )
            else:
                server.received.append(stanza)

    def _answer(self, iq: Element) -> None:
        server = self.world.server
        if self.dead or not server.pongs:
            return
        kind, inner = "result", ""
        if server.gone and iq.get("to") == PHONE:
            kind = "error"
            inner = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        answer = (
            f"<iq type='{kind}' id='{iq.get('id')}' from='{iq.get('to')}' to='{iq.get('from')}'>{inner}</iq>"
        )
        self.iq.accept(Stanza(parsed(answer)))

    async def rest(self, seconds: float = 0.0) -> None:
        """Let everybody get on with it, for so many seconds of the clock."""
        for _ in range(3):
            await self._quiet()
        step = 0.25 if seconds <= 20 else seconds / 80
        done = 0.0
        while done < seconds and not self.dead:
            await self.world.clock.advance(step)
            done += step
            await self._quiet()

    async def _quiet(self) -> None:
        """Until the database's thread and the wire have nothing to do."""
        for _ in range(100):
            before = (len(self.world.crossings), self.store.saves, len(self.world.server.received))
            self.serve()
            await settle(3)
            await eventually(lambda: self.dead or not self.database.under_way)
            if self.dead:
                return
            after = (len(self.world.crossings), self.store.saves, len(self.world.server.received))
            if before == after and not self.deliveries.uncommitted:
                return


@asynccontextmanager
async def living(
    world: World,
    capabilities: Capabilities = PLAIN,
    policy: DeliveryPolicy | None = None,
    *,
    link: bool = True,
) -> AsyncIterator[Gateway]:
    """A gateway until the block ends; a dead one leaves nothing behind but its database."""
    async with AsyncExitStack() as stack:
        database = await Watched.open(world.url, clock=SystemClock(), busy_timeout=0.1)
        writing = asyncio.create_task(database.run())
        stack.push_async_callback(_close, database, writing)
        gateway = Gateway(world, capabilities, database, policy or DeliveryPolicy())
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        over = asyncio.Event()

        async def live() -> None:
            async with gateway.deliveries.running():
                await gateway.deliveries.restore()
                started.set_result(None)
                await over.wait()

        life = asyncio.create_task(live())
        await started
        if link:
            gateway.raise_link()
        try:
            yield gateway
        finally:
            if gateway.dead:
                await eventually(lambda: not database.under_way)
                life.cancel()
            over.set()
            waiting = asyncio.gather(life, return_exceptions=gateway.dead)
            await eventually(waiting.done, meanwhile=lambda: world.clock.advance(0.1))
            await waiting


async def _close(database: Database, writing: "asyncio.Task[None]") -> None:
    await database.close()
    await writing
