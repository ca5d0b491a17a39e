"""A ledger in a process of its own, which can be killed. All that it does to the world goes through a pipe.

To it: ``write ID`` (the user writes), ``push ID`` (the network has a message and waits until we have it), ``stanza XML`` (of
the server), ``done REFERENCE`` (the network has it), ``flush`` (write all down). From it: ``ready``, ``stanza XML``,
``tell REFERENCE TEXT``, ``kept ID``, ``flushed``.
"""

import asyncio
import random
from collections.abc import Awaitable
from multiprocessing.connection import Connection
from typing import Any, cast

from gateway.accounts.account import Account
from gateway.clock import SystemClock
from gateway.delivery.outgoing import Outgoing
from gateway.delivery.service import Deliveries, DeliveryPolicy, DeliveryWiring
from gateway.ids import IdSource
from gateway.model import AccountState, AccountStatus, Address, AddressKind, Message
from gateway.storage.database import opened
from gateway.storage.deliveries import DeliveryStore
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import Stanza
from tests.unit.delivery.world import ALICE, CAROL, CAROLS, NETWORK, PHONE, REPEATING, Book, parsed


class Mortal:
    """The network's session, the account and the link in one."""

    owner, network, connected = ALICE, NETWORK, True
    status = AccountStatus(AccountState.CONNECTED)

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.session = self
        self.tickets: dict[str, Any] = {}
        self.tasks: set[asyncio.Future[None]] = set()
        self.orders: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @property
    def known(self) -> Account:
        """Ourselves, as the ledger knows an account."""
        return cast("Account", self)

    def say(self, *words: str) -> bool:
        self.pipe.send(words)
        return True

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        return self.say("stanza", stanza)

    def tell(self, contact: str, text: str, kind: object, ticket: Any) -> None:
        self.tickets[ticket.reference] = ticket
        self.say("tell", ticket.reference, text)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def live(self, url: str) -> None:
        loop, clock, rng = asyncio.get_running_loop(), SystemClock(), random.Random()
        loop.add_reader(self.pipe.fileno(), lambda: self.orders.put_nowait(self.pipe.recv()))
        iq = IqTracker(self.send, clock)
        async with opened(url, clock=clock) as database:
            wiring = DeliveryWiring(
                name="sms",
                capabilities=REPEATING,
                book=cast("AddressBook", Book()),
                store=DeliveryStore(database),
                clock=clock,
                random=rng,
                ids=IdSource(clock, rng),
                iq=iq,
                send=self.send,
                spawn=self.spawn,
                account=lambda owner, network: self.known,
                refuse=lambda stanza, why: None,
                service=lambda account, text: None,
                caught_up=lambda: True,
            )
            deliveries = Deliveries(wiring, DeliveryPolicy())
            async with deliveries.running():
                await deliveries.restore()
                deliveries.up()
                deliveries.online(self.known)
                self.say("ready")
                while True:
                    self.obey(deliveries, iq, *await self.orders.get())

    def obey(self, deliveries: Deliveries, iq: IqTracker, order: str, what: str) -> None:
        if order == "write":
            xml = f"<message type='chat' id='{what}' from='{PHONE}' to='{CAROLS}'><body>text of {what}</body></message>"
            address = Address(AddressKind.CONTACT, NETWORK, CAROL)
            deliveries.send(Stanza(parsed(xml)), address, Outgoing(f"text of {what}"))
        elif order == "push":
            self.spawn(self.keep(deliveries, what))
        elif order == "stanza":
            iq.accept(Stanza(parsed(what)))
        elif order == "done":
            self.tickets.pop(what).done([f"f-{what}"])
        elif order == "flush":
            self.spawn(self.flush(deliveries))

    async def keep(self, deliveries: Deliveries, id_: str) -> None:
        await deliveries.committed(self.known, Message(CAROL, f"text of {id_}", foreign_id=id_))
        self.say("kept", id_)

    async def flush(self, deliveries: Deliveries) -> None:
        await deliveries.flush()
        self.say("flushed", "")


def live(url: str, pipe: Connection) -> None:
    asyncio.run(Mortal(pipe).live(url))
