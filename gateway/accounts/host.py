"""The surroundings of one component's accounts and rooms: where their stanzas go, and what of them outlives the process.

Implements ``AccountContext``. Knows the stores and the address book; decides nothing.
"""

import base64
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from gateway.accounts.account import Account
from gateway.accounts.breaker import Breaker, BreakerPolicy
from gateway.accounts.context import ContactEvents, DeliveryEvents
from gateway.accounts.pacing import Backoff, BackoffPolicy, Pacer
from gateway.accounts.preferences import Preferences
from gateway.bridge import Account as BridgeAccount
from gateway.bridge import BadAddress, Bridge, Services
from gateway.chat.private import PrivateChats
from gateway.delivery.holding import Held
from gateway.history.recorder import Recorder
from gateway.ids import IdSource
from gateway.media.arrivals import Arrivals, Publish
from gateway.model import Address, AddressKind, Message, Occupant, Question, Refused
from gateway.ops.traffic import Traffic
from gateway.rooms.habits import USUAL, Habits
from gateway.rooms.history import Said
from gateway.rooms.invitations import invitations
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.slices import Slices
from gateway.storage.records import JoinedResource, StoredAccount, StoredRoom
from gateway.storage.stores import Stores
from gateway.texts import Languages
from gateway.xmpp import render, sharing
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import error_element, error_stanza
from gateway.xmpp.text import attribute

#: Account, sender, question, and where the answer goes.
Asked = Callable[[Account, str, Question, Callable[[str], None]], None]

_log = structlog.get_logger(__name__)

#: What the network itself says is for the user's eyes now: not for archives, not for other devices (XEP-0334, XEP-0280).


def _nothing() -> None:
    """Gives back a turn that was never taken."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the component hands to its host."""

    send: Callable[..., bool]
    spawn: Callable[[Awaitable[None]], None]
    status_changed: Callable[[Account], None]
    private: PrivateChats
    stamp: Callable[[], int]  # see ``Barrier``
    traffic: Traffic
    publish: Publish | None = None  # None: files of the foreign side cannot be passed on
    watched: Collection[str] = ()  # users whose rooms ``overheard`` listens to
    overheard: Callable[[Account, str, Message], None] = lambda account, room, message: None
    asked: Asked = lambda account, sender, question, answer: answer("")
    #: A network bans all of us: its name, its words, how many users so far, for how many seconds nobody logs in.
    cut_off: Callable[[str, str, int, float], None] = lambda network, words, users, seconds: None
    congested: Callable[[], bool] = lambda: False  # more waits to be written than the server reads
    languages: Languages = field(default_factory=lambda: Languages({}))
    habits: Habits = USUAL  # of users who have set nothing


class Host:
    """``name`` is the bridge's name in the configuration; it is part of every stored key."""

    def __init__(
        self,
        name: str,
        bridge: Bridge,
        book: AddressBook,
        services: Services,
        stores: Stores,
        pacer: Pacer,
        backoff: BackoffPolicy,
        wiring: Wiring,
        contacts: ContactEvents,
        deliveries: DeliveryEvents,
        *,
        recorder: Recorder,
    ) -> None:
        self.name = name
        self.bridge = bridge
        self.preferences = Preferences(name, bridge, stores, wiring.habits)
        self.clock = services.clock
        self.ids = IdSource(services.clock, services.random)
        self._languages = wiring.languages
        self.slices = Slices(services.clock.call_later, wiring.congested)
        self.send = wiring.send
        self.spawn = wiring.spawn
        self.status_changed = wiring.status_changed
        self.stamp = wiring.stamp
        self.traffic = wiring.traffic
        self.arrivals = Arrivals(wiring.publish, wiring.spawn)
        self.watched = wiring.watched
        self.overheard = wiring.overheard
        self.asked = wiring.asked
        self.now = services.clock.now
        self.contacts = contacts
        self.deliveries = deliveries
        self.private = wiring.private
        self.occupant_jid_attr: Callable[[str, Occupant], str] = book.occupant_jid_attr
        self._book = book
        self._random = services.random
        self._stores = stores
        self._pacer = pacer
        self.breaker = Breaker(BreakerPolicy(), services.clock, wiring.cut_off)
        self._backoff = backoff
        self._recorder = recorder
        # Hot: these are the recorder's own.
        self.archive: Callable[[Room, Said, str], None] = recorder.said
        self.archive_act: Callable[[Room, str, str, str, str], None] = recorder.done
        self.unarchive: Callable[[Room, str, str], None] = recorder.taken_back

    def occupant_id(self, network: str, room: str, stable: str) -> str:
        return self._stores.pseudonym("occupant", self.name, network, room, stable)

    def visitor_id(self, network: str, room: str, seen: str) -> str:
        return self._stores.pseudonym("visitor", self.name, network, room, seen)

    def turn(self, network: str) -> AbstractAsyncContextManager[Callable[[], None]]:
        if self.bridge.capabilities.local_sessions:
            return nullcontext(_nothing)
        return self._pacer.turn(network)

    def backoff(self) -> Backoff:
        return Backoff(self._backoff, self._random)

    async def described(self, owner: str, network: str, nick: str) -> BridgeAccount:
        mine = await self.preferences.everything(owner, network)
        return BridgeAccount(
            owner, network, nick, mine.network, mine.common, mine.rooms, owner, self.token(owner)
        )

    def token(self, owner: str) -> str:
        """See ``gateway.bridge.Account``."""
        name = bytes.fromhex(self._stores.pseudonym("token", self.name, owner))
        return base64.b32encode(name).decode("ascii").rstrip("=").lower()

    async def known(self) -> list[tuple[str, str, str]]:
        """All stored accounts: owner, network and nick."""
        return await self._stores.accounts.nicks(self.name)

    async def habits(self, account: Account, room: Room | None = None) -> Habits:
        name = room.address.name if room is not None else ""
        return await self.preferences.habits(account.owner, account.network, name)

    # -- stanzas -----------------------------------------------------------------------------------------------

    def refuse_join(self, attendee: Attendee, why: Refused) -> None:
        """XEP-0045 §7.2: a presence error from the occupant JID that was asked for."""
        muc = f"<x xmlns='{render.MUC}'/>"
        redirect = self._jid_or_none(why.address)
        if attendee.join is not None:
            stanza = error_stanza(attendee.join, why, redirect=redirect, extra=muc, languages=self._languages)
        else:
            stanza = (
                f"<presence type='error' from='{attendee.room_attr}/{attribute(attendee.nick)}' "
                f"to='{attendee.jid_attr}'>{muc}{error_element(why, redirect=redirect)}</presence>"
            )
        if stanza is not None:
            self.send(stanza, keep=True)

    def direct(self, account: Account, message: Message, held: Held | None = None) -> None:
        """A private message, to whichever client of the user reads it (bare JID): from here on it is the ledger's."""
        self.deliveries.received(account, *self._shown(account, message), held)

    def hold(self, account: Account, message: Message) -> Held:
        return self.deliveries.hold(account, *self._shown(account, message))

    async def direct_committed(self, account: Account, message: Message) -> None:
        await self.deliveries.committed(account, *self._shown(account, message))

    def _shown(self, account: Account, message: Message) -> tuple[Message, str]:
        """A message as the user's clients see it, and ready XML that goes with its text."""
        if message.attachments:
            return message, sharing.payload(message.attachments[0])
        return self.private.dressed(account.owner, account.network, message)

    def service(self, account: Account, text: str) -> None:
        """To every client that is in a room of the network, or to the user where none is."""
        sender = attribute(self._book.jid_of(Address(AddressKind.NETWORK, account.network)))
        clients = {each.jid_attr: None for room in account.rooms.values() for each in room.attendees.values()}
        for client in clients or {attribute(account.owner): None}:
            self.send(render.chat(sender, client, self.ids.next(), text, render.UNCOPIED), keep=True)

    def invited(self, account: Account, name: str, actor: str, reason: str) -> None:
        """To every client that is in a room of the network, or to the user where none is."""
        room = self._jid_or_none(Address(AddressKind.ROOM, account.network, name))
        if room is None:
            self.service(account, f"{actor or account.network} invites you to {name}, which has no address.")
            return
        clients = {each.jid_attr: None for room in account.rooms.values() for each in room.attendees.values()}
        for stanza in invitations(attribute(room), clients or (attribute(account.owner),), actor, reason):
            self.send(stanza, keep=True)

    def _jid_or_none(self, address: Address | None) -> str | None:
        if address is None:
            return None
        try:
            return self._book.jid_of(address)
        except BadAddress:
            return None

    # -- what outlives us --------------------------------------------------------------------------------------

    async def earlier(self, account: Account, room: Room) -> list[Said]:
        return await self._recorder.earlier(room, room.history.limit)

    def remember_account(self, account: Account, stopped: str = "") -> None:
        self._stores.accounts.post_save(
            StoredAccount(
                self.name,
                account.owner,
                account.network,
                account.wanted_nick,
                stopped=bool(stopped),
                reason=str(stopped),
                created=self.now(),
            )
        )

    def remember_room(self, account: Account, room: Room) -> None:
        self._stores.rooms.save(
            StoredRoom(
                self.name,
                account.owner,
                account.network,
                room.key,
                room.address.name,
                account.wanted_nick,
                room.password or None,
                room.persistent,
            )
        )

    def forget_room(self, account: Account, room: Room) -> None:
        self._stores.rooms.forget(self.name, account.owner, account.network, room.key)

    def remember_attendee(self, account: Account, room: Room, attendee: Attendee) -> None:
        self._stores.rooms.resource_joined(
            self.name,
            account.owner,
            account.network,
            room.key,
            JoinedResource(attendee.jid, attendee.room_local, attendee.nick),
        )

    def forget_attendee(self, account: Account, room: Room, attendee: Attendee) -> None:
        self._stores.rooms.resource_left(self.name, account.owner, account.network, room.key, attendee.jid)
