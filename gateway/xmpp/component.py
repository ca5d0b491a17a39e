"""One bridge on the XMPP network: its link, its routes, its accounts and rooms, put together and run.

Everything here is wiring: what each part is given, and the order of start, link loss and shutdown. Which part handles which
stanza is ``reception``'s to know.
"""

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from xml.etree.ElementTree import Element

import structlog

from gateway.accounts.account import Account
from gateway.accounts.directory import AccountLimits, Accounts
from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.accounts.presence_check import PresenceCheck
from gateway.accounts.restore import restore
from gateway.background import background
from gateway.bridge import Bridge, Forgets, Services
from gateway.chat.private import PrivateChats
from gateway.chat.speech import Speech
from gateway.chat.telling import Telling
from gateway.contacts.known import Standing, standing
from gateway.contacts.people import People
from gateway.delivery.service import Deliveries, DeliveryPolicy
from gateway.doors.access import Access, AccessPolicy
from gateway.doors.front import Doors
from gateway.history.service import ArchivePolicy
from gateway.ids import IdSource
from gateway.limits import LimitPolicy, Limits
from gateway.loops import Loops
from gateway.media.service import MediaService
from gateway.model import (
    AccountState,
    Address,
    Availability,
    Departure,
    Exit,
    Refused,
)
from gateway.ops.desk import Desk
from gateway.ops.traffic import Traffic
from gateway.rooms.asides import Asides
from gateway.rooms.events import Listeners
from gateway.rooms.list_commands import ListCommands
from gateway.rooms.service import RoomService
from gateway.storage.stores import Stores
from gateway.tasks import Tasks
from gateway.texts import Languages, Readers
from gateway.xmpp import basics, multicast
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.asking import Asking
from gateway.xmpp.caps import Caps
from gateway.xmpp.catalogs import Catalogs
from gateway.xmpp.discovery import Discovery
from gateway.xmpp.errors import error_stanza
from gateway.xmpp.guard import Guard
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.leaving import turning_away
from gateway.xmpp.link import LinkState, LinkStatus
from gateway.xmpp.lookout import Lookout
from gateway.xmpp.reception import Reception
from gateway.xmpp.router import Router
from gateway.xmpp.stanza import Stanza, parse_jid
from gateway.xmpp.wiring import (
    accounted,
    archived,
    exact,
    guarded,
    hosted,
    ledger,
    linked,
    offices,
    street,
    surroundings,
)

_log = structlog.get_logger(__name__)

_ON_THE_WAY = frozenset({AccountState.WAITING, AccountState.CONNECTING})


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """What the operator decided for this component."""

    name: str  # in the configuration
    title: str  # for people
    jid: str
    secret: str
    host: str
    port: int
    access: AccessPolicy = field(default_factory=AccessPolicy)
    limits: AccountLimits = field(default_factory=AccountLimits)
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    linger: float = 300.0
    archive: ArchivePolicy = field(default_factory=ArchivePolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    persistent: bool = False  # users who have not said otherwise stay in rooms without a client
    siblings: Set[str] = frozenset()  # domains of the components of this process, always those of now
    languages: Languages = field(default_factory=Languages.installed)


class Component:
    """See the module's text. ``run`` once; ``close`` ends it. ``media`` and ``loops`` are shared with the other
    components; ``desk`` is what admins are shown and do beyond this component; ``traffic`` outlives it."""

    def __init__(
        self,
        settings: ComponentSettings,
        bridge: Bridge,
        services: Services,
        stores: Stores,
        pacer: Pacer,
        media: MediaService | None = None,
        usage: Limits | None = None,
        loops: Loops | None = None,
        desk: Desk | None = None,
        lookout: Lookout | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self.settings = settings
        self.desk = desk
        self._pacer = pacer
        self._lookout = lookout = lookout or Lookout()
        self.jid = settings.jid
        self.readers = Readers(settings.languages)
        self.bridge = bridge
        self.stores = stores
        self.traffic = traffic or Traffic(services.clock, settings.name, services.verbosity)
        self.failed = accounted(self.traffic)
        self._stop = asyncio.Event()
        self.tasks = Tasks()
        self.book = AddressBook(settings.jid, bridge)
        self.link = linked(self, services, self._on_stanza, self._on_link, lookout)
        self.send = self.link.send
        self.access = Access(settings.name, settings.access, stores.access)
        self.allowed = self.access.allowed
        self.iq = IqTracker(self.link.send, services.clock)
        self.archives = archived(self, services)
        self.people = People(surroundings(self, services))
        usage = usage or Limits(LimitPolicy(), services.clock)
        self.guard = Guard(guarded(self, services.clock, usage, loops or Loops(services.clock)))
        self.router = Router(
            self.link.send,
            services.clock,
            barred=self.access.barred,
            admit=self.guard.admit,
            languages=settings.languages,
            refused=self.failed,
        )
        self._heard: Callable[[Element], None] = self.router.dispatch
        ids = IdSource(services.clock, services.random)
        self.asides = Asides(self.account)
        self.chats = PrivateChats(
            bridge,
            self.book,
            services.clock,
            ids,
            self.link.send,
            self.archives.recorder,
            self.asides.copies,
        )
        self.listeners = Listeners(partial(self.iq.request_cb, sender=settings.jid))
        self.deliveries = Deliveries(ledger(self, services), settings.delivery)
        self.host = hosted(self, services, pacer, media, self._status_changed)
        self.accounts = Accounts(self.host, settings.limits)
        self.speech = Speech(bridge.capabilities, services.clock, exact(bridge))
        self.telling = Telling(self, self.chats, self.accounts.find, files=bridge.capabilities.attachments)
        self.asking = Asking(bridge.capabilities, self.accounts, self.book, self.iq, settings.title)
        self.rooms = RoomService(self.accounts, self, settings.linger, services.clock)
        self.check = PresenceCheck(
            self.accounts, self.book, self.iq, self.rooms.gone, self.listeners.met_again
        )
        lists = ListCommands(self.book, self.accounts)
        self.doors = Doors(street(self, services), self.people.commands.available, lists.available)
        self._discovery = Discovery(
            settings.title,
            bridge,
            self.book,
            self.accounts,
            features=self.doors.features | multicast.features(bridge.capabilities),
            archives=self.archives.features,
            forms=self.doors.forms,
        )
        self._catalogs = Catalogs(bridge, self.book, self.accounts, services.clock)
        self._caps = Caps("urn:causeway:gateway")
        self._was_up = self._up = False
        self._routes(services)

    def service(self, account: Account, text: str) -> None:
        self.host.service(account, text)

    def gateway_standing(self, owner: str) -> Standing:
        shown = self.doors.standing(owner)
        if shown.availability is not Availability.UNAVAILABLE:
            shown = self._lookout.standing(owner in self.access.policy.admins) or shown
        said = self.readers.say(shown.status, owner)
        return shown if said == shown.status else standing(shown.availability, said)

    def _routes(self, services: Services) -> None:
        router = self.router
        self.people.register(router)
        router.on("iq", "", "result", self.iq.accept)
        router.on("iq", "", "error", self.iq.accept)
        version = basics.version("Causeway", services.version)
        Reception(offices(self)).register(router, version, basics.time(services.clock))
        self.archives.register(router)
        self.doors.register(
            router,
            [self._caps.answering(self._discovery.info)],
            [self._catalogs.items, self._discovery.items],
        )

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Restore what was there, then serve until ``close``."""
        await self.people.restore()
        own = background(self.settings.name, self.bridge, self._lookout.faulty)
        async with self.deliveries.running(), self.tasks, own:
            await self.deliveries.restore()
            await self.doors.restore()
            await restore(
                self.settings.name,
                self.jid,
                self.accounts,
                self.stores,
                self.settings.linger,
                seen=self.deliveries.confirmed_before,
            )
            self.tasks.spawn(self.link.run(), vital=True)
            started()
            await self._stop.wait()

    async def close(self, reason: str, *, farewell: bool = True) -> None:
        """Tell everybody (XEP-0045 §9.9: status 332), end the sessions politely, then the link. What is wanted stays stored:
        the next start restores it. Without ``farewell`` nobody is told: clients are in their rooms when we are back, which
        will be at once."""
        if self.speech.corrections.flush_all():
            await self.deliveries.settle()
        last_words = self.people.subscriptions.farewell() if farewell else []
        if self.bridge.capabilities.store_and_forward:
            self.deliveries.leaving((each.owner, each.network) for each in self.accounts)
        else:
            self._turn_away()
        for account in self.accounts:
            if farewell:
                for room in account.rooms.values():
                    last_words.extend(room.farewell(Departure(Exit.SHUTDOWN, reason)))
            account.close(reason)
        await self.router.close()
        self.doors.close()
        self.guard.close()
        await self.deliveries.decided()  # whoever is to be told that it was not kept can be told still
        await self.deliveries.finish()
        self._turn_away()  # from here on nothing is written down any more
        self.iq.fail_all("The gateway is shutting down.")
        self._stop.set()
        await self.link.close(last_words)

    def _turn_away(self) -> None:
        self._heard = turning_away(self.router.dispatch, self.refuse)

    def _on_link(self, status: LinkStatus) -> None:
        self._lookout.link(status)
        if status.state is LinkState.UP:
            self.traffic.link_up()
            self.people.link_up()
            self.doors.link_up()
            self.deliveries.up()
            self.check.start()
            self._was_up = self._up = True
            return
        if self._up:
            self._up = False
            self._link_lost(self.deliveries.lost())
        if self._was_up:
            self.iq.fail_all("The link to the XMPP server was lost.")
            self.people.link_lost()

    def _link_lost(self, epoch: int) -> None:
        self.check.stop()
        for account in self.accounts:
            for room in account.rooms.values():
                room.link_lost(epoch)

    def _on_stanza(self, element: Element) -> None:
        if not self.people.unconcerned(element):
            self._heard(element)

    # -- what services need ------------------------------------------------------------------------------------

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None:
        redirect = self.book.jid_of(why.address) if why.address is not None else None
        answer = error_stanza(stanza, why, redirect=redirect, extra=extra, languages=self.settings.languages)
        if answer is not None:
            self.failed(stanza, why)
            self.send(answer, keep=True)

    def reconfigure(self, settings: ComponentSettings, usage: LimitPolicy, pacing: PacingPolicy) -> None:
        """Other settings hold from now on, where that needs no other component: who may come in, limits (what admins set in
        their place stays), how long things wait."""
        self.access.policy = settings.access
        self.doors.limits.configure(settings.limits, usage)
        self.rooms.linger = settings.linger
        self.deliveries.apply(settings.delivery)
        self._pacer.apply(pacing)

    async def show_standing(self) -> None:
        """The trouble that the gateway shows itself to be in is another one now."""
        await self.people.subscriptions.gateway_changed()

    def tell_user(self, user: str, text: str) -> None:
        self.doors.tell(user, text)

    def notify(self, account: Account, text: str) -> None:
        self.host.service(account, text)

    def address_of(self, local: str) -> Address:
        return self.book.address(local)

    def account(self, owner: str, network: str) -> Account | None:
        return self.accounts.find(owner, network)

    def accounts_of(self, owner: str) -> list[Account]:
        return self.accounts.of(owner)

    def caps_of(self, owner: str, address: Address) -> str:
        """The XEP-0115 element of one of our addresses, as a user sees it."""
        info = self._discovery.info(parse_jid(self.book.jid_of(address)), "", parse_jid(owner))
        return self._caps.element(info) if info is not None else ""

    def forget_user(self, owner: str) -> None:
        self.accounts.forget(owner)
        self.deliveries.forget(owner)
        self.chats.forget(owner)
        self.asides.forget(owner)
        if self.bridge.capabilities.forgets:
            cast("Forgets", self.bridge).forget(owner)

    def _status_changed(self, account: Account) -> None:
        status = account.status
        log = _log.debug if status.state in _ON_THE_WAY else _log.info  # many at once, of interest to few
        log(
            "account",
            bridge=self.settings.name,
            user=account.owner,
            network=account.network,
            state=status.state,
            reason=status.reason,
        )
        self.traffic.changes[status.state] += 1
        if status.state is AccountState.CONNECTED:
            self.deliveries.online(account)
        self.people.account_changed(account)
        self.doors.status_changed(account)
