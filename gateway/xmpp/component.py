"""One bridge on the XMPP network: its link, its routes, its accounts and rooms, put together and run.

Everything here is wiring: which handler sees which stanza, by what the addressed JID names, and the order of start, link
loss and shutdown.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import structlog

from gateway.accounts.account import Account
from gateway.accounts.directory import AccountLimits, Accounts
from gateway.accounts.host import Host, Wiring
from gateway.accounts.pacing import BackoffPolicy, Pacer
from gateway.accounts.presence_check import PresenceCheck
from gateway.accounts.restore import restore
from gateway.bridge import BadAddress, Bridge, Clock, Services
from gateway.chat.payloads import MODERATE
from gateway.chat.private import PrivateChats
from gateway.chat.speech import Speech, encrypted
from gateway.chat.telling import Telling
from gateway.contacts.known import Standing
from gateway.contacts.people import People, Surroundings
from gateway.delivery.outbound import not_connected
from gateway.delivery.service import Deliveries, DeliveryPolicy, DeliveryWiring
from gateway.doors.access import Access, AccessPolicy
from gateway.doors.front import Doors, Street
from gateway.ids import IdSource
from gateway.limits import LimitPolicy, Limits
from gateway.loops import Loops
from gateway.media.arrivals import Publish
from gateway.media.metering import metered
from gateway.media.service import MediaService
from gateway.model import (
    GATEWAY,
    AccountState,
    Address,
    AddressKind,
    Condition,
    Departure,
    Exit,
    Refused,
)
from gateway.rooms.service import RoomService
from gateway.rooms.tickets import ErrorOnly
from gateway.storage.stores import Stores
from gateway.tasks import Tasks
from gateway.texts import Languages
from gateway.xmpp import basics, render, sharing
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.caps import Caps
from gateway.xmpp.discovery import Discovery
from gateway.xmpp.errors import error_stanza
from gateway.xmpp.guard import Guard, GuardWiring
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.link import Link, LinkState, LinkStatus
from gateway.xmpp.router import Reply, RequestHandler, Router
from gateway.xmpp.stanza import Stanza, parse_jid
from gateway.xmpp.upload import publish_with

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
    archive: bool = True
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    siblings: frozenset[str] = frozenset()  # domains of the other components of this process
    languages: Languages = field(default_factory=Languages.installed)


class Component:
    """See the module's text. ``run`` once; ``close`` ends it. ``media`` and ``loops`` are shared with the other
    components."""

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
    ) -> None:
        self.settings = settings
        self.jid = settings.jid
        self.bridge = bridge
        self._stores = stores
        self._stop = asyncio.Event()
        self._tasks = Tasks()
        self.book = AddressBook(settings.jid, bridge)
        self.link = Link(
            jid=settings.jid,
            secret=settings.secret,
            host=settings.host,
            port=settings.port,
            clock=services.clock,
            random=services.random,
            on_stanza=self._on_stanza,
            on_status=self._on_link,
        )
        self.send = self.link.send
        self.access = Access(settings.name, settings.access, stores.access)
        self.allowed = self.access.allowed
        self.iq = IqTracker(self.link.send, services.clock)
        self.people = People(self._surroundings(services))
        usage = usage or Limits(LimitPolicy(), services.clock)
        self.guard = Guard(self._guarded(services.clock, usage, loops or Loops(services.clock)))
        self.router = Router(
            self.link.send, services.clock, barred=self.access.barred, admit=self.guard.admit
        )
        ids = IdSource(services.clock, services.random)
        self.chats = PrivateChats(bridge, self.book, services.clock, ids, self.link.send)
        self.deliveries = Deliveries(self._ledger(services), settings.delivery)
        host = self.host = Host(
            settings.name,
            bridge,
            self.book,
            services,
            stores,
            pacer,
            settings.backoff,
            Wiring(
                self.link.send,
                self._tasks.spawn,
                self._status_changed,
                self.chats,
                self.deliveries.barrier.stamp,
                self._publish(media, services),
                self.guard.watched,
                self.guard.overheard,
            ),
            self.people.contacts,
            self.guard.before(self.deliveries),
            archive=settings.archive,
        )
        self.accounts = Accounts(host, settings.limits)
        self.speech = Speech(bridge.capabilities, services.clock)
        self.telling = Telling(self, self.chats, self.accounts.find, files=bridge.capabilities.attachments)
        self.rooms = RoomService(self.accounts, self, settings.linger, services.clock)
        self._check = PresenceCheck(self.accounts, self.book, self.iq, self.rooms.gone)
        self.doors = Doors(self._street(services), self.people.commands.available)
        self._discovery = Discovery(
            settings.title,
            bridge.capabilities,
            self.book,
            self.accounts,
            features=self.doors.features,
            forms=self.doors.forms,
        )
        self._caps = Caps("urn:causeway:gateway")
        self._was_up = self._up = False
        self._routes(services)

    def _publish(self, media: MediaService | None, services: Services) -> Publish | None:
        if media is None:
            return None
        privileges = self.people.privileges
        publish = publish_with(media, self.settings.name, self.jid, self.iq, services.clock, privileges)
        return metered(publish, self.guard.limits)

    def _guarded(self, clock: Clock, limits: Limits, loops: Loops) -> GuardWiring:
        return GuardWiring(
            name=self.settings.name,
            bridge=self.bridge,
            book=self.book,
            clock=clock,
            limits=limits,
            loops=loops,
            own=self.settings.siblings | {self.jid},
            send=self.link.send,
            admins=lambda: self.access.policy.admins,
            returned=self.people.elsewhere.returned,
            tell=self._tell_user,
            notify=self._notify,
        )

    def _ledger(self, services: Services) -> DeliveryWiring:
        return DeliveryWiring(
            name=self.settings.name,
            capabilities=self.bridge.capabilities,
            book=self.book,
            store=self._stores.deliveries,
            clock=services.clock,
            random=services.random,
            ids=IdSource(services.clock, services.random),
            iq=self.iq,
            send=self.link.send,
            spawn=self._tasks.spawn,
            account=self._account,
            refuse=self.refuse,
            service=self._service,
            caught_up=lambda: not self._check.busy,
            heard=self.chats.heard,
            taken=self.chats.taken,
        )

    def _service(self, account: Account, text: str) -> None:
        self.host.service(account, text)

    def _surroundings(self, services: Services) -> Surroundings:
        return Surroundings(
            name=self.settings.name,
            title=self.settings.title,
            bridge=self.bridge,
            book=self.book,
            stores=self._stores,
            clock=services.clock,
            ids=IdSource(services.clock, services.random),
            iq=self.iq,
            send=self.link.send,
            spawn=self._tasks.spawn,
            account=self._account,
            accounts=self._accounts_of,
            caps=self._caps_of,
            admin=self.access.admin,
            allowed=self.allowed,
            gateway_standing=self._gateway_standing,
        )

    def _gateway_standing(self, owner: str) -> Standing:
        return self.doors.standing(owner)

    def _street(self, services: Services) -> Street:
        return Street(
            name=self.settings.name,
            title=self.settings.title,
            bridge=self.bridge,
            book=self.book,
            stores=self._stores,
            clock=services.clock,
            ids=IdSource(services.clock, services.random),
            accounts=self.accounts,
            access=self.access,
            limits=self.settings.limits,
            usage=self.guard.limits,
            languages=self.settings.languages,
            send=self.link.send,
            refuse=self.refuse,
            spawn=self._tasks.spawn,
            ask_to_see=lambda owner: self.people.subscriptions.ask(owner, ""),
            standing_changed=lambda owner: self.people.subscriptions.changed(owner, "", GATEWAY),
            end_subscriptions=self.people.forget,
            forget_user=self._forget_user,
        )

    def _routes(self, services: Services) -> None:
        router = self.router
        self.people.register(router)
        router.on("iq", "", "result", self.iq.accept)
        router.on("iq", "", "error", self.iq.accept)
        for type_ in ("groupchat", "chat", "normal", "error"):
            router.on("message", "", type_, self._message)
        router.on("presence", "*", "*", self._presence)
        router.on("iq", basics.PING, "get", self._ping)
        router.on("iq", basics.VERSION, "get", self._ours(basics.version("Causeway", services.version)))
        router.on("iq", basics.TIME, "get", self._ours(basics.time(services.clock)))
        router.on("iq", render.MUC_ADMIN, "set", self._in_room(self.rooms.admin))
        router.on("iq", MODERATE, "set", self._in_room(self.rooms.moderate))
        self.doors.register(router, [self._caps.answering(self._discovery.info)], [self._discovery.items])

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Restore what was there, then serve until ``close``."""
        await self.people.restore()
        async with self.deliveries.running(), self._tasks:
            await self.deliveries.restore()
            await self.doors.restore()
            await restore(
                self.settings.name,
                self.jid,
                self.accounts,
                self._stores,
                self.settings.linger,
                seen=self.deliveries.confirmed_before,
            )
            self._tasks.spawn(self.link.run(), vital=True)
            started()
            await self._stop.wait()

    async def close(self, reason: str) -> None:
        """Tell everybody (XEP-0045 §9.9: status 332), end the sessions politely, then the link. What is wanted stays stored:
        the next start restores it."""
        self.speech.corrections.flush_all()
        farewell = self.people.subscriptions.farewell()
        for account in self.accounts:
            for room in account.rooms.values():
                farewell.extend(room.farewell(Departure(Exit.SHUTDOWN, reason)))
            account.close(reason)
        await self.router.close()
        self.doors.close()
        self.guard.close()
        await self.deliveries.finish()
        self.iq.fail_all("The gateway is shutting down.")
        self._stop.set()
        await self.link.close(farewell)

    def _on_link(self, status: LinkStatus) -> None:
        if status.state is LinkState.UP:
            self.people.link_up()
            self.doors.link_up()
            self.deliveries.up()
            self._check.start()
            self._was_up = self._up = True
            return
        if self._up:
            self._up = False
            self._link_lost(self.deliveries.lost())
        if self._was_up:
            self.iq.fail_all("The link to the XMPP server was lost.")
            self.people.link_lost()

    def _link_lost(self, epoch: int) -> None:
        self._check.stop()
        for account in self.accounts:
            for room in account.rooms.values():
                room.link_lost(epoch)

    def _on_stanza(self, element: Element) -> None:
        if self.people.unconcerned(element):
            return
        self.router.dispatch(element)

    # -- stanzas by what they are addressed to -----------------------------------------------------------------

    def _message(self, stanza: Stanza) -> None:
        address = self._target(stanza)
        if address is None:
            return
        if address.kind is AddressKind.ROOM:
            self.rooms.message(stanza, address)
        elif stanza.type == "error":
            if not self.deliveries.bounced(stanza):
                self.rooms.gone(stanza.sender)
        elif stanza.text("body") or sharing.read(stanza) is not None:
            self._chat(stanza, address)
        elif not self.deliveries.marked(stanza, address) and address.kind is AddressKind.CONTACT:
            self.telling.heard(stanza, address)

    def _chat(self, stanza: Stanza, address: Address) -> None:
        """A message with a body to the gateway, to a network or to a contact."""
        if address.kind is AddressKind.CONTACT:
            self.telling.heard(stanza, address)
            return
        _, found = self.speech.read(stanza.element)
        if found is not None and found.encryption is not None:
            self.refuse(stanza, encrypted(found.encryption))
            return
        if address.kind is AddressKind.GATEWAY or (
            address.kind is AddressKind.NETWORK and not self.bridge.capabilities.instructions
        ):
            self.doors.bot.heard(stanza)
            return
        body = stanza.text("body") or ""
        account = self.accounts.find(stanza.sender.bare, address.network)
        if account is None or account.session is None or not account.connected:
            self.refuse(stanza, not_connected(account, address.network))
        else:
            account.session.instruct(body, ErrorOnly(stanza, self.refuse))

    def _presence(self, stanza: Stanza) -> None:
        try:
            address = self.book.address(stanza.to.local)
        except BadAddress as error:
            # Presence is not the place for explanations, but for joining a room: there the user waits for one.
            if stanza.child("x", render.MUC) is not None:
                why = Refused(Condition.JID_MALFORMED, str(error))
                self.refuse(stanza, why, f"<x xmlns='{render.MUC}'/>")
            else:
                self.people.subscriptions.refuse(stanza)
            return
        if stanza.type == "available":
            self.deliveries.reachable(stanza.sender.bare)
        if address.kind is AddressKind.ROOM:
            self.rooms.presence(stanza, address)
        else:
            self.people.presence(stanza, address)
            if address.kind is AddressKind.GATEWAY:
                self.doors.presence(stanza)

    def _ping(self, stanza: Stanza, reply: Reply) -> None:
        address = self._target(stanza, reply)
        if address is None:
            return
        if address.kind is AddressKind.ROOM:
            self.rooms.ping(stanza, reply, address)
        elif address.kind is AddressKind.CONTACT:
            reply.error(Refused(Condition.FEATURE_NOT_IMPLEMENTED, "Users of this network cannot be pinged."))
        else:
            reply.result()

    def _in_room(self, handler: Callable[[Stanza, Reply, Address], None]) -> RequestHandler:
        """``handler`` for addresses that are rooms."""

        def answer(stanza: Stanza, reply: Reply) -> None:
            address = self._target(stanza, reply)
            if address is None:
                return
            if address.kind is AddressKind.ROOM:
                handler(stanza, reply, address)
            else:
                reply.error(Refused(Condition.SERVICE_UNAVAILABLE, "This address is not a room."))

        return answer

    def _ours(self, handler: RequestHandler) -> RequestHandler:
        """``handler`` for addresses that are software of ours, not somebody's client."""

        def answer(stanza: Stanza, reply: Reply) -> None:
            address = self._target(stanza, reply)
            if address is None:
                return
            if address.kind is AddressKind.CONTACT or stanza.to.resource:
                reply.error(Refused(Condition.SERVICE_UNAVAILABLE, "This network cannot be asked that."))
            else:
                handler(stanza, reply)

        return answer

    def _target(self, stanza: Stanza, reply: Reply | None = None) -> Address | None:
        """What the stanza is addressed to; one that no address of the bridge can have is refused here."""
        try:
            return self.book.address(stanza.to.local)
        except BadAddress as error:
            why = Refused(Condition.JID_MALFORMED, str(error))
            if reply is not None:
                reply.error(why)
            else:
                self.refuse(stanza, why)
            return None

    # -- what services need ------------------------------------------------------------------------------------

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None:
        redirect = self.book.jid_of(why.address) if why.address is not None else None
        answer = error_stanza(stanza, why, redirect=redirect, extra=extra)
        if answer is not None:
            self.send(answer, keep=True)

    def reconfigure(self, access: AccessPolicy) -> None:
        """What can change while running."""
        self.access.policy = access

    def _tell_user(self, user: str, text: str) -> None:
        self.doors.tell(user, text)

    def _notify(self, account: Account, text: str) -> None:
        self.host.service(account, text)

    def address_of(self, local: str) -> Address:
        return self.book.address(local)

    def _account(self, owner: str, network: str) -> Account | None:
        return self.accounts.find(owner, network)

    def _accounts_of(self, owner: str) -> list[Account]:
        return self.accounts.of(owner)

    def _caps_of(self, address: Address) -> str:
        """The XEP-0115 element of one of our addresses."""
        target = parse_jid(self.book.jid_of(address))
        info = self._discovery.info(target, "", target)
        return self._caps.element(info) if info is not None else ""

    def _forget_user(self, owner: str) -> None:
        self.deliveries.forget(owner)
        self.chats.forget(owner)

    def _status_changed(self, account: Account) -> None:
        status = account.status
        # The steps on the way to a state are many when many log in at once, and of interest to few.
        log = _log.debug if status.state in _ON_THE_WAY else _log.info
        log(
            "account",
            bridge=self.settings.name,
            user=account.owner,
            network=account.network,
            state=status.state,
            reason=status.reason,
        )
        if status.state is AccountState.CONNECTED:
            self.deliveries.online(account)
        self.people.account_changed(account)
        self.doors.status_changed(account)
