"""All that has to do with people on one component: their presence, names and pictures, and the users' subscriptions to them.

Wiring: what one of the services needs of another goes through here. What each does is said in its own file.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.accounts.account import Account
from gateway.bridge import BadAddress, Bridge, Clock
from gateway.contacts.commands import ContactCommands
from gateway.contacts.known import AWAY, Standing, standing
from gateway.contacts.names import RosterNames
from gateway.contacts.service import ContactService
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Availability, Contact, Message
from gateway.storage.records import StoredSubscription
from gateway.storage.stores import Stores
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.elsewhere import SentElsewhere
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.presence import Subscriptions
from gateway.xmpp.privileges import Privileges
from gateway.xmpp.profiles import Profiles
from gateway.xmpp.render import MUC
from gateway.xmpp.roster import Rosters
from gateway.xmpp.router import Router
from gateway.xmpp.stanza import COMPONENT, Jid, Stanza

_PRESENCE = f"{{{COMPONENT}}}presence"
_JOINING = f"{{{MUC}}}x"
_AVAILABILITY = frozenset({None, "unavailable"})

HERE = standing(Availability.AVAILABLE, "")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the component lends. ``name`` is the bridge's in the configuration, ``title`` the gateway's for people; ``caps``
    gives the XEP-0115 element of an address, ``gateway_standing`` how the gateway itself shows itself to a user;
    ``sent_elsewhere`` hears what users have sent with other clients of the network."""

    name: str
    title: str
    bridge: Bridge
    book: AddressBook
    stores: Stores
    clock: Clock
    ids: IdSource
    iq: IqTracker
    send: Callable[..., bool]
    spawn: Callable[[Awaitable[None]], None]
    account: Callable[[str, str], Account | None]
    accounts: Callable[[str], Sequence[Account]]
    caps: Callable[[str, Address], str]
    admin: Callable[[Jid], bool]
    allowed: Callable[[Jid], bool]
    gateway_standing: Callable[[str], Standing] = lambda owner: HERE
    sent_elsewhere: Callable[[str, Address, Message], None] = lambda owner, address, message: None


#: Strangers remembered who have introduced themselves.
_STRANGERS = 10_000


class People:
    """See the module's text. Implements what ``Subscriptions``, ``ContactService`` and ``Profiles`` need."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.jid = around.book.jid
        self.book = around.book
        self.bridge = around.bridge
        self.send = around.send
        self.account_of = around.account
        self.accounts_of = around.accounts
        self.privileges = Privileges(self.jid, around.iq, around.clock)
        self.rosters = Rosters(self.privileges)
        self.subscriptions = Subscriptions(around.name, self)
        self.contacts = ContactService(around.name, self, around.stores.contacts)
        self.profiles = Profiles(self)
        self.elsewhere = SentElsewhere(self.jid, self.privileges, around.clock, around.ids, around.send)
        self.commands = ContactCommands(
            self, around.allowed, around.admin, lists=around.bridge.capabilities.contact_list
        )
        self._strangers: dict[tuple[str, str], None] = {}  # who has written, in this life of ours
        self._names = RosterNames(self.privileges, self.rosters, around.clock, around.spawn)

    # -- life --------------------------------------------------------------------------------------------------

    def register(self, router: Router) -> None:
        self.privileges.register(router)
        self.profiles.register(router)

    async def restore(self) -> None:
        await self.contacts.restore()
        self.subscriptions.restore(await self._around.stores.subscriptions.all(self._around.name))

    def link_up(self) -> None:
        self._around.spawn(self.subscriptions.announce())

    def link_lost(self) -> None:
        self.privileges.forget()
        self.elsewhere.forget()

    def account_changed(self, account: Account) -> None:
        """An account came up or went down, or is on its way."""
        address = Address(AddressKind.NETWORK, account.network)
        self.subscriptions.changed(account.owner, self.book.local(address), address)
        if account.connected:
            self.contacts.connected(account)
        elif account.session is None:
            self.contacts.disconnected(account)

    def forget(self, owner: str) -> None:
        """The user has left for good and wants nothing to be remembered."""
        self.subscriptions.end(owner)
        self.contacts.forget(owner)
        for pair in [pair for pair in self._strangers if pair[0] == owner]:
            del self._strangers[pair]

    def unconcerned(self, element: Element) -> bool:
        """Whether an element is a user's availability told to one of the contacts in their roster. With five hundred of them
        every change comes five hundred times; what counts is what the gateway itself is told."""
        if element.tag != _PRESENCE or element.get("type") not in _AVAILABILITY:
            return False
        to = element.get("to") or ""
        if "/" in to or "@" not in to or element.find(_JOINING) is not None:
            return False
        try:
            return self.book.address(to.partition("@")[0]).kind is not AddressKind.ROOM
        except BadAddress:
            return True

    # -- presence ----------------------------------------------------------------------------------------------

    def presence(self, stanza: Stanza, address: Address) -> None:
        self.subscriptions.presence(stanza, address)

    def standing(self, owner: str, address: Address) -> Standing:
        if address.kind is AddressKind.GATEWAY:
            return self._around.gateway_standing(owner)
        if address.kind is AddressKind.CONTACT:
            return self.contacts.standing(owner, address)
        account = self.account_of(owner, address.network)
        return HERE if account is not None and account.connected else AWAY

    def ever_shown(self, address: Address) -> bool:
        return address.kind is not AddressKind.CONTACT or self.bridge.capabilities.contact_presence

    def address_of(self, local: str) -> Address:
        return self.book.address(local)

    def adornment(self, owner: str, local: str, address: Address) -> str:
        if address.kind is AddressKind.NETWORK:
            return ""
        return self._around.caps(owner, address) + self.profiles.hash_element(owner, address)

    def introduction(self, owner: str, address: Address) -> str:
        return self.profiles.nick_element(owner, address)

    def stranger(self, owner: str, network: str, name: str) -> str:
        """XEP-0172 §4.3: who it is that writes to a user for the first time, where the user does not see them; empty for
        all others."""
        if not name:
            return ""
        address = Address(AddressKind.CONTACT, network, name)
        try:
            local = self.book.local(address)
        except BadAddress:
            return ""
        if (owner, local) in self._strangers or self.subscriptions.of(owner, local).from_:
            return ""
        self._strangers[owner, local] = None
        if len(self._strangers) > _STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        return self.introduction(owner, address)

    def subscription_changed(self, owner: str, local: str, address: Address, *, sees_us: bool) -> None:
        self.contacts.subscription_changed(owner, address, sees_us=sees_us)
        if sees_us and address.kind is AddressKind.CONTACT:
            self._introduce(owner, local, address, "")

    def save_subscription(self, subscription: StoredSubscription) -> None:
        self._around.stores.subscriptions.post_save(subscription)

    def forget_subscription(self, subscription: StoredSubscription) -> None:
        self._around.stores.subscriptions.post_forget(
            subscription.bridge, subscription.owner, subscription.contact_local
        )

    # -- contacts ----------------------------------------------------------------------------------------------

    def contact_changed(self, owner: str, local: str, address: Address, before: Contact | None) -> None:
        if self.subscriptions.of(owner, local).from_:
            self._introduce(owner, local, address, before.display_name if before is not None else "")
            self.subscriptions.redrawn(owner, local, address)

    def _introduce(self, owner: str, local: str, address: Address, old: str) -> None:
        """Say what somebody is called and looks like, to clients and in the roster."""
        for message in self.profiles.events(owner, address):
            self.send(message)
        name = self.contacts.contact(owner, address).display_name
        if name:
            self._names.want(owner, self.book.full(local), old, name)

    def sent_elsewhere(self, account: Account, local: str, message: Message) -> None:
        self._around.sent_elsewhere(account.owner, self.book.address(local), message)
        self.elsewhere.show(account.owner, self.book.full(local), message)

    # -- profiles ----------------------------------------------------------------------------------------------

    def contact_at(self, owner: str, address: Address) -> Contact:
        return self.contacts.contact(owner, address)

    def telephone_of(self, address: Address) -> str:
        name = address.name
        return name if self.bridge.capabilities.numbers and name.startswith("+") and "," not in name else ""

    def title_of(self, address: Address) -> str:
        return address.network if address.kind is AddressKind.NETWORK else self._around.title

    def occupant(self, requester: Jid, address: Address, resource: str) -> str | None:
        account = self.account_of(requester.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if room is None or requester.full not in room.attendees:
            return None
        nick = room.nick_behind(resource)
        return nick if nick in room.seats else None

    def jid_of(self, address: Address) -> str | None:
        """None for an address that fits no JID."""
        try:
            return self.book.jid_of(address)
        except BadAddress:
            return None
