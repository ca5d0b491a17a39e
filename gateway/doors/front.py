"""All doors of one component, put together: which commands there are, and through what they are reached.

Wiring: what one part needs of another goes through here. What each does is said in its own file.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

from gateway.accounts.account import Account
from gateway.accounts.breaker import Breaker
from gateway.accounts.directory import AccountLimits, Accounts
from gateway.accounts.preferences import Preferences
from gateway.bridge import BadAddress, Bridge, Clock, Registering
from gateway.contacts.known import Standing
from gateway.doors.access import Access
from gateway.doors.admin import AdminCommands
from gateway.doors.bot import Bot
from gateway.doors.configure import Configuring
from gateway.doors.decisions import Decisions
from gateway.doors.disconnecting import Disconnecting
from gateway.doors.examining import Examining
from gateway.doors.limits import RuntimeLimits
from gateway.doors.oversight import Known, Oversight
from gateway.doors.owner import OwnerDoor, RoomPart
from gateway.doors.personal import PersonalData
from gateway.doors.prompt import GATEWAY, SEARCH, PromptDoor
from gateway.doors.register import REGISTER, NoRegisterDoor, RegisterDoor
from gateway.doors.registrations import HERE, Registrations
from gateway.ids import IdSource
from gateway.limits import LimitPolicy, Limits
from gateway.model import AddressKind, Refused
from gateway.ops.desk import Desk
from gateway.storage.stores import Stores
from gateway.texts import Languages, Readers
from gateway.xmpp import render
from gateway.xmpp.account_commands import AccountCommands
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.bridge_commands import BridgeCommands
from gateway.xmpp.command_sessions import Sessions
from gateway.xmpp.commands import Commands, CommandsFor, together
from gateway.xmpp.disco import Disco, InfoProvider, ItemsProvider
from gateway.xmpp.forms import DataSet, Datum
from gateway.xmpp.router import Router
from gateway.xmpp.stanza import Jid, Stanza
from gateway.xmpp.steps import Command
from gateway.xmpp.text import attribute

#: XEP-0157 §3: whom to turn to.
_CONTACT_FORM = "http://jabber.org/network/serverinfo"
_CONTACT_FIELDS = ("abuse-addresses", "admin-addresses", "support-addresses")


@dataclass(frozen=True, slots=True)
class Street:
    """What the component lends. ``name`` is the bridge's in the configuration, ``title`` the gateway's for people;
    ``ask_to_see`` and all below it take a user's bare JID."""

    name: str
    title: str
    bridge: Bridge
    book: AddressBook
    stores: Stores
    clock: Clock
    ids: IdSource
    accounts: Accounts
    access: Access
    limits: AccountLimits
    usage: Limits
    languages: Languages
    readers: Readers
    preferences: Preferences
    room_parts: tuple[RoomPart, ...]  # of the form of a room, besides what users set here
    token: Callable[[str], str]  # see ``gateway.bridge.Account``
    known: Known  # all stored accounts
    breaker: Breaker
    desk: Desk | None  # of the whole gateway
    send: Callable[..., bool]
    refuse: Callable[[Stanza, Refused], None]
    spawn: Callable[[Awaitable[None]], None]
    ask_to_see: Callable[[str], None]
    standing_changed: Callable[[str], None]
    end_subscriptions: Callable[[str], None]
    forget_user: Callable[[str], None]


class Doors:
    """See the module's text. Implements what ``Bot``, ``Registrations`` and ``PersonalData`` need. ``others`` are commands
    of other parts of the component."""

    def __init__(self, street: Street, *others: CommandsFor) -> None:
        self._street = street
        self.jid = street.book.jid
        self.bridge = street.bridge
        self.clock = street.clock
        self.ids = street.ids
        self.accounts = street.accounts
        self.send = street.send
        self.refuse = street.refuse
        self.spawn = street.spawn
        self.ask_to_see = street.ask_to_see
        self.standing_changed = street.standing_changed
        self.end_subscriptions = street.end_subscriptions
        access, languages, stores = street.access, street.languages, street.stores
        self.usage = street.usage
        self.limits = RuntimeLimits(
            street.name, street.limits, street.usage.policy, stores.access, self._apply_limits
        )
        self._personal = PersonalData(street.name, self, stores)
        self.registrations: Registrations | None = None
        self._register_door: RegisterDoor | None = None
        if street.bridge.capabilities.registration:
            # The capability says that the bridge can (``gateway.bridge.Registering``).
            bridge = cast("Registering", street.bridge)
            self.registrations = Registrations(street.name, bridge, self, stores, access, self._personal)
            self._register_door = RegisterDoor(street.title, self.jid, self.registrations, languages)
        self._prompt = PromptDoor(street.bridge, street.book, languages, access.allowed)
        self.decisions = Decisions(street.name, street.accounts, access, street.clock)
        self._admin = AdminCommands(
            street.accounts,
            access,
            self.decisions,
            self.limits,
            self.registrations,
            street.desk,
        )
        self._examining = Examining(street.name, street.desk, access.admin)
        own = AccountCommands(street.bridge, street.book, street.accounts, street.clock, access.allowed)
        self._disconnecting = Disconnecting(street.bridge, street.accounts, access.allowed, access.admin)
        settings = Configuring(
            street.bridge, street.book, street.accounts, street.preferences, access.allowed
        )
        parts = (settings, *street.room_parts)
        self._owner = OwnerDoor(street.book, access.allowed, languages, settings.room_form, parts)
        self._oversight = Oversight(
            street.bridge,
            street.accounts,
            street.known,
            street.token,
            street.breaker,
            access.admin,
            self.tell,
        )
        self._sessions = Sessions(street.clock)
        bridges = BridgeCommands(street.bridge, street.book, street.accounts, access.allowed, access.admin)
        everywhere = together(
            settings.available, own.available, bridges.available, self._at_the_gateway, *others
        )

        def offered(target: Jid, requester: Jid) -> Sequence[Command] | None:
            return everywhere(street.book.at(target), requester)

        self._commands = Commands(offered, self._sessions, languages)
        self.bot = Bot(street.title, offered, languages, self)

    # -- life --------------------------------------------------------------------------------------------------

    def register(self, router: Router, info: Sequence[InfoProvider], items: Sequence[ItemsProvider]) -> None:
        """``info`` and ``items`` are who else answers discovery, asked first."""
        self._commands.register(router)
        self._prompt.register(router)
        if self.bridge.capabilities.rooms:
            self._owner.register(router)
        (self._register_door or NoRegisterDoor()).register(router)
        Disco([*info, self._commands.info], [*items, self._commands.items], self._street.languages).register(
            router
        )

    async def restore(self) -> None:
        await self._street.access.restore()
        await self.limits.restore()
        if self.registrations is not None:
            await self.registrations.restore()

    def link_up(self) -> None:
        if self.registrations is not None:
            self.registrations.probe()

    def close(self) -> None:
        self._sessions.close()
        self.bot.close()

    # -- what is announced -------------------------------------------------------------------------------------

    @property
    def features(self) -> frozenset[str]:
        """Of the gateway itself, for service discovery."""
        return frozenset({GATEWAY, SEARCH} | ({REGISTER} if self.registrations is not None else set()))

    def forms(self) -> tuple[DataSet, ...]:
        contact = self._street.access.policy.contact
        if not contact:
            return ()
        return (
            DataSet(
                _CONTACT_FORM, tuple(Datum(name, contact, type="list-multi") for name in _CONTACT_FIELDS)
            ),
        )

    # -- what parts need of the whole --------------------------------------------------------------------------

    def presence(self, stanza: Stanza) -> None:
        """Presence to the gateway itself."""
        if self.registrations is not None:
            self.registrations.presence(stanza)

    def heard(self, stanza: Stanza) -> None:
        """Somebody wrote to an address of ours that is nobody's but the gateway's own."""
        self._street.readers.wrote(stanza.sender.bare, stanza.lang)
        self.bot.heard(stanza)

    def standing(self, owner: str) -> Standing:
        """How the gateway itself shows itself to a user."""
        return self.registrations.standing(owner) if self.registrations is not None else HERE

    def status_changed(self, account: Account) -> None:
        if self.registrations is not None:
            self.registrations.status_changed(account)

    def tell(self, user: str, text: str) -> None:
        us, them = attribute(self.jid), attribute(user)
        self.send(render.chat(us, them, self.ids.next(), self._street.readers.say(text, user)), keep=True)

    def forget_user(self, owner: str) -> None:
        if self.registrations is not None:
            self.registrations.forget(owner)
        self._street.forget_user(owner)

    def _apply_limits(self, accounts: AccountLimits, policy: LimitPolicy) -> None:
        self._street.accounts.limit(accounts)
        self.usage.apply(policy)

    def _at_the_gateway(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        try:
            address = self._street.book.address(target.local)
        except BadAddress:
            return None
        if target.local or target.resource or address.kind not in (AddressKind.GATEWAY, AddressKind.NETWORK):
            return None
        allowed = self._street.access.allowed
        return [
            *self._disconnecting.commands(),
            *self._prompt.commands(),
            *(self._register_door.commands(allowed) if self._register_door is not None else ()),
            *self._personal.commands(allowed),
            *self._admin.commands(),
            *self._examining.commands(),
            *self._oversight.commands(),
        ]
