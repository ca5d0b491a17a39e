"""The contacts of all users of one component: what their networks tell of them, and what users are shown of it.

Takes the news of sessions (``described``, ``stood``, ``sent_elsewhere``), keeps sessions watching exactly those whom a user
sees, and tells the presence of each change once. Knows accounts and addresses; how a stanza looks is ``presence``'s and
``profiles``' affair.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, cast

from gateway.accounts.account import Account
from gateway.bridge import BadAddress, Bridge, Labels, Watching
from gateway.contacts.known import AWAY, KnownContacts, Standing, standing
from gateway.model import Address, AddressKind, Availability, Contact, Message
from gateway.storage.contacts import ContactStore
from gateway.storage.records import StoredContact
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.presence import Subscriptions

#: What a network may make us remember of one person: characters, and bytes of a picture (XEP-0153 §4 for the latter).
_NAME_LIMIT, _ABOUT_LIMIT, _PICTURE_LIMIT = 200, 2000, 64 * 1024


class ContactContext(Protocol):
    """What the service needs of the component."""

    bridge: Bridge
    book: AddressBook
    subscriptions: Subscriptions

    def account_of(self, owner: str, network: str) -> Account | None: ...

    def contact_changed(self, owner: str, local: str, address: Address, before: Contact | None) -> None:
        """Somebody whom the user sees is called differently or looks different now."""

    def sent_elsewhere(self, account: Account, local: str, message: Message) -> None:
        """Show a message that the user sent with a client of the foreign network."""


class ContactService:
    """``name`` is the bridge's name in the configuration."""

    def __init__(self, name: str, context: ContactContext, store: ContactStore) -> None:
        self._name = name
        self._context = context
        self._store = store
        self._known = KnownContacts()
        self._watches = context.bridge.capabilities.contact_presence

    async def restore(self) -> None:
        """Remember who everybody is, before any session begins."""
        await self._store.tidy()
        fold = self._context.bridge.fold
        for stored in await self._store.all(self._name):
            self._known.describe(stored.owner, stored.network, fold(stored.contact.name), stored.contact)

    # -- questions ---------------------------------------------------------------------------------------------

    def contact(self, owner: str, address: Address) -> Contact:
        """What is known of somebody; the name alone where that is all, as people write it."""
        known = self._known.contact(owner, address.network, self._fold(owner, address))
        if known is not None:
            return known
        bridge = self._context.bridge
        # The capability says that the bridge can.
        label = cast("Labels", bridge).label(owner, address) if bridge.capabilities.labels else ""
        return Contact(address.name, label)

    def standing(self, owner: str, address: Address) -> Standing:
        return self._known.standing(owner, address.network, self._fold(owner, address))

    def listed(self, owner: str, network: str) -> list[Contact]:
        """Who stands in the network's own list of the user's contacts, by name."""
        found = (each for each in self._known.described(owner, network) if each.listed)
        return sorted(found, key=lambda each: (each.display_name or each.name).casefold())

    # -- news of a session: gateway.accounts.account.ContactEvents ---------------------------------------------

    def described(self, account: Account, contact: Contact) -> None:
        contact = bounded(contact)
        key = account.fold(contact.name)
        before = self._known.contact(account.owner, account.network, key)
        if not self._known.describe(account.owner, account.network, key, contact):
            return
        self._store.post_save(StoredContact(self._name, account.owner, account.network, contact))
        self._tell(
            account,
            contact.name,
            lambda local, address: self._context.contact_changed(account.owner, local, address, before),
        )

    def stood(self, account: Account, name: str, availability: Availability, status: str) -> None:
        now = standing(availability, status)
        if self._known.stand(account.owner, account.network, account.fold(name), now):
            self._tell(account, name, self._changed(account))

    def sent_elsewhere(self, account: Account, name: str, message: Message) -> None:
        self._tell(
            account, name, lambda local, address: self._context.sent_elsewhere(account, local, message)
        )

    def forget(self, owner: str) -> None:
        """The user has left for good. What is stored of them goes with all their rows."""
        self._known.forget(owner)

    # -- what follows from accounts and subscriptions ----------------------------------------------------------

    def connected(self, account: Account) -> None:
        """A session begins: it watches whomever the user sees."""
        if self._watches:
            for _, address in self._context.subscriptions.seen_by(account.owner):
                if address.kind is AddressKind.CONTACT and address.network == account.network:
                    self._watch(account, address, watch=True)

    def disconnected(self, account: Account) -> None:
        """A session is over: nobody of its network can be seen any more."""
        if not self._watches:
            return
        there = set(self._known.gone(account.owner, account.network))
        if there:
            for local, address in self._context.subscriptions.seen_by(account.owner):
                if address.network == account.network and account.fold(address.name) in there:
                    self._context.subscriptions.changed(account.owner, local, address)

    def subscription_changed(self, owner: str, address: Address, *, sees_us: bool) -> None:
        account = self._context.account_of(owner, address.network)
        if (
            self._watches
            and address.kind is AddressKind.CONTACT
            and account is not None
            and account.connected
        ):
            self._watch(account, address, watch=sees_us)

    # -- pieces ------------------------------------------------------------------------------------------------

    def _watch(self, account: Account, address: Address, *, watch: bool) -> None:
        if account.session is None:
            return
        # The capability says that every session of this bridge can (``gateway.bridge.Watching``).
        session = cast("Watching", account.session)
        if watch:
            session.watch(address.name)
        else:
            session.unwatch(address.name)
            self._known.stand(account.owner, account.network, account.fold(address.name), AWAY)

    def _changed(self, account: Account) -> Callable[[str, Address], None]:
        return lambda local, address: self._context.subscriptions.changed(account.owner, local, address)

    def _tell(self, account: Account, name: str, tell: Callable[[str, Address], None]) -> None:
        """``tell`` of a contact by its address; a name that fits no address is nobody's contact."""
        address = Address(AddressKind.CONTACT, account.network, name)
        try:
            local = self._context.book.local(address)
        except BadAddress:
            return
        tell(local, address)

    def _fold(self, owner: str, address: Address) -> str:
        account = self._context.account_of(owner, address.network)
        return account.fold(address.name) if account is not None else self._context.bridge.fold(address.name)


def bounded(contact: Contact) -> Contact:
    """As much of it as is kept and can be shown."""
    picture = contact.picture
    if picture is not None and not (
        picture.media_type.startswith("image/") and 0 < len(picture.data) <= _PICTURE_LIMIT
    ):
        picture = None
    name, about = contact.display_name[:_NAME_LIMIT], contact.about[:_ABOUT_LIMIT]
    return replace(contact, display_name=name, about=about, picture=picture)
