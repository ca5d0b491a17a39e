"""The delivery ledger of one component, put together: what the component, the accounts and the rooms see of it.

Life: ``running`` around everything that may make messages, ``restore`` before anything does, ``up`` and ``lost`` with the
link.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.accounts.account import Account
from gateway.bridge import Cancellable, Capabilities, Clock
from gateway.delivery import words
from gateway.delivery.courier import Courier, Parcel, SpoolLimits
from gateway.delivery.drafts import Draft
from gateway.delivery.entry import Entry, entry_of
from gateway.delivery.holding import Held
from gateway.delivery.inbound import Copies, Inbound
from gateway.delivery.journal import Journal
from gateway.delivery.marks import ReadMarks
from gateway.delivery.notices import Notices
from gateway.delivery.outbound import Outbound, OutboundPolicy
from gateway.delivery.outgoing import Outgoing
from gateway.ids import IdSource
from gateway.model import Address, DeliveryState, Message, Refused
from gateway.ops.traffic import Traffic
from gateway.storage.deliveries import DeliveryStore
from gateway.tasks import Tasks
from gateway.texts import Languages, Readers
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.barrier import Barrier
from gateway.xmpp.errors import read_error
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import Stanza

_SWEEP_SECONDS = 15.0
#: Seconds between two notes of how far the server has come.
_MARK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """What the operator decided."""

    spool: SpoolLimits = field(default_factory=SpoolLimits)
    outbound: OutboundPolicy = field(default_factory=OutboundPolicy)


@dataclass(frozen=True, slots=True)
class DeliveryWiring:
    """What the component lends to its ledger."""

    name: str  # of the bridge in the configuration
    capabilities: Capabilities
    book: AddressBook
    store: DeliveryStore
    clock: Clock
    random: random.Random
    ids: IdSource
    iq: IqTracker
    send: Callable[..., bool]
    spawn: Callable[[Awaitable[None]], None]
    account: Callable[[str, str], Account | None]
    refuse: Callable[[Stanza, Refused], None]
    service: Callable[[Account, str], None]
    caught_up: Callable[[], bool]  # whether no client is behind since the link was lost
    heard: Callable[[Entry], None] = lambda entry: None  # of inbound messages that are new
    copies: Copies = lambda owner, network, peer: ()
    #: Ready XML that says who writes, where the user may not know.
    introduce: Callable[[Entry], str] = lambda entry: ""
    taken: Callable[[Entry], None] = lambda entry: None  # of messages to contacts that the network has taken
    readers: Readers = field(default_factory=lambda: Readers(Languages({})))
    traffic: Traffic | None = None


class Deliveries:
    """See the module's text."""

    def __init__(self, wiring: DeliveryWiring, policy: DeliveryPolicy) -> None:
        w = self._wiring = wiring
        self.confirmed_before: float | None = None  # until when an earlier process's words had arrived
        self.barrier = Barrier(w.book.jid, w.iq, w.clock, self._confirmed)
        self._traffic = traffic = w.traffic or Traffic(w.clock, w.name)
        self._journal = Journal(w.store, w.clock)
        self.courier = Courier(self, w.send, self.barrier, w.clock, w.random, policy.spool)
        self._notices = Notices(
            w.book.jid,
            journal=self._journal,
            courier=self.courier,
            iq=w.iq,
            clock=w.clock,
            readers=w.readers,
        )
        self._marks = ReadMarks(w.account) if w.capabilities.read_marks else None
        self.inbound = Inbound(
            w.name,
            book=w.book,
            journal=self._journal,
            store=w.store,
            courier=self.courier,
            clock=w.clock,
            ids=w.ids,
            send=w.send,
            spawn=w.spawn,
            mark_read=self._marks.read if self._marks is not None else None,
            heard=w.heard,
            introduce=w.introduce,
            copies=w.copies,
            traffic=traffic,
        )
        self.outbound = Outbound(
            w.name,
            w.capabilities,
            policy.outbound,
            journal=self._journal,
            store=w.store,
            notices=self._notices,
            clock=w.clock,
            ids=w.ids,
            account=w.account,
            refuse=w.refuse,
            service=w.service,
            spawn=w.spawn,
            taken=w.taken,
            traffic=traffic,
        )
        self._sweeper: Cancellable | None = None
        self._marked = 0.0

    # -- life --------------------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """What an earlier process left undone. Raises ``StorageError``."""
        self.confirmed_before = await self._wiring.store.marked(self._wiring.name)
        for row in await self._wiring.store.active(self._wiring.name):
            entry = entry_of(row)
            (self.inbound if entry.inbound else self.outbound).restore(entry)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The ledger is written while the block lasts, and to its end."""
        async with Tasks() as tasks:
            tasks.spawn(self._journal.run(), vital=True)
            self._sweep_later()
            self._traffic.start()
            try:
                yield
            finally:
                self._traffic.stop()
                if self._sweeper is not None:
                    self._sweeper.cancel()
                self._journal.close()

    def up(self) -> None:
        """The link is up."""
        self.barrier.up()
        self.courier.up()
        self._notices.up()

    def lost(self) -> int:
        """The link is down; the first epoch (see ``Barrier``) of which the server may not have got everything."""
        self._notices.lost()
        self.courier.lost()
        return self.barrier.lost()

    def leaving(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Sessions end now: what these accounts (user, network) write is kept for the next start."""
        self.outbound.leaving(accounts)

    async def finish(self) -> None:
        """Before the link is closed: what the server has needs not be sent again by the next process."""
        await self.barrier.finish()

    @property
    def uncommitted(self) -> int:
        """Messages that wait for their commit."""
        return self._journal.waiting

    def apply(self, policy: DeliveryPolicy) -> None:
        """Another policy holds from now on."""
        self.courier.limits = policy.spool
        self.outbound.apply(policy.outbound)

    async def flush(self) -> None:
        """Return when everything so far is written."""
        await self._journal.flush()

    async def settle(self, seconds: float = 3.0) -> None:
        """As ``flush``, but return after so many seconds at the latest."""
        await self._within(seconds, self._journal.flush())

    async def decided(self, seconds: float = 3.0) -> None:
        """Return when of all messages it is known whether they are safe, or after so many seconds."""
        await self._within(seconds, self._journal.decided())

    async def _within(self, seconds: float, work: Coroutine[None, None, None]) -> None:
        over = asyncio.Event()
        timer = self._wiring.clock.call_later(seconds, over.set)
        waits = [asyncio.ensure_future(each) for each in (work, over.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _sweep_later(self) -> None:
        self._sweeper = self._wiring.clock.call_later(_SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self.courier.expire()
        self.inbound.sweep()
        self.outbound.sweep()
        self._sweep_later()

    def _confirmed(self, epoch: int, when: float) -> None:
        self.courier.confirmed(epoch)
        if when - self._marked >= _MARK_SECONDS and self._wiring.caught_up():
            self._marked = when
            self._wiring.store.mark(self._wiring.name, when)

    def forget(self, owner: str) -> None:
        """Let go of everything about a user, whose rows are being erased."""
        self.courier.discard(owner)
        self.inbound.forget(owner)
        self.outbound.forget(owner)
        self._notices.forget(owner)
        if self._marks is not None:
            self._marks.forget(owner)

    # -- accounts ----------------------------------------------------------------------------------------------

    def received(self, account: Account, message: Message, extra: str = "", held: Held | None = None) -> None:
        self.inbound.received(account, message, extra, held)

    def hold(self, account: Account, message: Message, extra: str = "") -> Held:
        return self.inbound.hold(account, message, extra)

    def drop(self, held: Held) -> None:
        self.inbound.drop(held)

    async def committed(self, account: Account, message: Message, extra: str = "") -> None:
        await self.inbound.committed(account, message, extra)

    def reported(self, account: Account, foreign_id: str, state: DeliveryState, why: Refused | None) -> None:
        self.outbound.reported(account, foreign_id, state, why)

    def withdrawn(self, account: Account, foreign_id: str) -> None:
        self.outbound.withdrawn(account, foreign_id)

    def online(self, account: Account) -> None:
        self.outbound.online(account)
        if self._marks is not None:
            self._marks.online(account)

    # -- stanzas -----------------------------------------------------------------------------------------------

    def send(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> None:
        """A message of a user's to a contact; see ``Outbound.send``."""
        self._wiring.readers.wrote(stanza.sender.bare, stanza.lang)
        self.outbound.send(stanza, address, outgoing)

    def draft(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> Draft | None:
        """A message of a user's that may still be replaced; see ``Outbound.draft``."""
        return self.outbound.draft(stanza, address, outgoing)

    def bounced(self, stanza: Stanza, jid: str = "") -> bool:
        """A message of type error: whether it was about one of ours, which is taken care of then. ``jid`` is the contact's
        own address where the message came from an occupant's."""
        why = read_error(stanza.element)
        return self.inbound.bounced(stanza.sender.bare, jid or stanza.to.full, stanza.id, why)

    def marked(self, stanza: Stanza, address: Address, jid: str = "") -> bool:
        """A message without a body: whether it is a receipt or a marker, which is taken care of then. ``jid`` as above."""
        found = words.marked(stanza)
        if found is not None:
            id_, read = found
            self.inbound.marked(stanza.sender.bare, jid or stanza.to.bare, address.network, id_, read=read)
        return found is not None

    def reachable(self, owner: str) -> None:
        """A client of the user has become available."""
        self.courier.reachable(owner)

    # -- the courier's depot -----------------------------------------------------------------------------------

    def stanzas(self, parcel: Parcel) -> list[str]:
        if not parcel.words:
            return self.inbound.stanzas(parcel.entry, late=parcel.late)
        if parcel.entry.inbound:
            return self.inbound.loss(parcel.entry)
        return self._notices.stanzas(parcel)

    def arrived(self, parcel: Parcel) -> None:
        if not parcel.words:
            self.inbound.arrived(parcel.entry)
        elif parcel.entry.inbound:
            self.inbound.told(parcel.entry)
        else:
            self._notices.arrived(parcel)

    def written(self, parcel: Parcel) -> None:
        if self._traffic.verbosity.debug:
            self._traffic.tell("message written to the XMPP server", parcel.entry.id, words=parcel.words)
        if not parcel.words and not parcel.late:
            self._traffic.person_shown(self._wiring.clock.now() - parcel.entry.created)

    def dropped(self, parcel: Parcel) -> None:
        self.inbound.dropped(parcel.entry)
