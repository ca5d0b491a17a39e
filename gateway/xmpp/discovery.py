"""What each kind of our addresses says of itself (XEP-0030): derived from the bridge's capabilities, never written twice."""

from collections.abc import Callable
from typing import cast

from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge, Capabilities, KnowsOneWay, Labels
from gateway.chat import features
from gateway.model import Address, AddressKind
from gateway.rooms import traits
from gateway.rooms.roll import Roll
from gateway.rooms.room import RoomState
from gateway.xmpp import render
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.disco import DiscoInfo, DiscoItem, Identity, ItemList
from gateway.xmpp.forms import DataSet, Datum
from gateway.xmpp.stanza import Jid, parse_jid
from gateway.xmpp.vcards import VCARD, VCARD4

_EVERYWHERE = frozenset(
    {
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "jabber:iq:version",
        "urn:xmpp:ping",
        "urn:xmpp:time",
    }
)
_PROFILE = frozenset({VCARD, VCARD4, "http://jabber.org/protocol/pubsub#retrieve-items"})
_CONTACT = _PROFILE | {"http://jabber.org/protocol/disco#info", render.STANZA_ID}
_COMMANDS = "http://jabber.org/protocol/commands"
_ROOM = frozenset(
    {
        render.MUC,
        "http://jabber.org/protocol/muc#self-ping-optimization",
        "http://jabber.org/protocol/muc#stable_id",
        render.STANZA_ID,
        render.HATS,
        render.OCCUPANT_ID,
        "muc_nonanonymous",
        _COMMANDS,
    }
)
_TRAFFIC = "http://jabber.org/protocol/muc#traffic"


class Discovery:
    """Providers for ``Disco``. ``name`` is what the operator calls the gateway; ``features`` and ``forms`` are those that
    the gateway itself has besides, ``archives`` those of everything that has an archive."""

    def __init__(
        self,
        name: str,
        bridge: Bridge,
        book: AddressBook,
        accounts: Accounts,
        *,
        features: frozenset[str] = frozenset(),
        archives: frozenset[str] = frozenset(),
        forms: Callable[[], tuple[DataSet, ...]] = tuple,
    ) -> None:
        self._name = name
        self._bridge = bridge
        self._capabilities = bridge.capabilities
        self._book = book
        self._accounts = accounts
        self._gateway_features = features | archives
        self._archives = archives
        self._gateway_forms = forms

    def info(self, target: Jid, node: str, requester: Jid) -> DiscoInfo | None:
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if node == _TRAFFIC and address.kind is AddressKind.ROOM:
            return DiscoInfo(
                self._identities(address, requester), features.surviving(self._can(address, requester))
            )
        if node:
            return None
        if target.resource and address.kind is AddressKind.ROOM:
            return DiscoInfo((Identity("client", "pc", target.resource),), frozenset({"urn:xmpp:ping"}))
        return DiscoInfo(
            self._identities(address, requester),
            self._features(address, requester),
            self._forms(address, requester),
        )

    def items(self, target: Jid, node: str, requester: Jid) -> ItemList | None:
        if node:
            return None
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if address.kind in (AddressKind.GATEWAY, AddressKind.NETWORK) and self._capabilities.rooms:
            return ItemList(self._own_rooms(address, requester))
        if address.kind is AddressKind.ROOM and not target.resource:
            return self._occupants(address, target.bare, requester)
        return ItemList(())

    def _occupants(self, address: Address, jid: str, requester: Jid) -> ItemList:
        """For those who are in the room themselves."""
        account = self._accounts.find(requester.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if room is None or requester.full not in room.attendees:
            return ItemList(())
        present, nick_behind = Roll(jid, list(room.seats)), room.nick_behind
        return ItemList(
            present, large=True, find=lambda item: present.find(nick_behind(parse_jid(item).resource))
        )

    def _own_rooms(self, address: Address, requester: Jid) -> list[DiscoItem]:
        """The rooms that the requester is in: nobody else's are anybody's business."""
        return [
            DiscoItem(self._book.jid_of(room.address), room.address.name)
            for account in self._accounts.of(requester.bare)
            if address.kind is AddressKind.GATEWAY or account.network == address.network
            for room in account.rooms.values()
        ]

    def _identities(self, address: Address, requester: Jid) -> tuple[Identity, ...]:
        can = self._capabilities
        if address.kind is AddressKind.ROOM:
            # The usual type too: Converse.js (14) takes the room's name from that one only.
            types = dict.fromkeys((can.room_type, "text"))
            name = self._room_name(address, requester)
            return tuple(Identity("conference", each, name) for each in types)
        if address.kind is AddressKind.CONTACT:
            # Without its name, so that all contacts share one XEP-0115 hash and clients ask once for all of them.
            return tuple(Identity("client", each) for each in can.contact_types)
        name = self._name if address.kind is AddressKind.GATEWAY else address.network
        legacy = tuple(Identity(category, type_, name) for category, type_ in can.legacy_identities)
        if address.kind is AddressKind.GATEWAY:
            # Monal adds what says that it is an account, and nothing else without a local part, as a contact.
            legacy = (Identity("account", "registered", name), *legacy)
        return (Identity("gateway", can.gateway_type, name), *legacy)

    def _room_name(self, address: Address, requester: Jid) -> str:
        account = self._accounts.find(requester.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if self._capabilities.rooms_are_topics and room is not None and room.topic.text:
            return room.topic.text
        if self._capabilities.labels:
            # The capability says that the bridge can.
            label = cast("Labels", self._bridge).label(requester.bare, address)
            if label:
                return label
        return f"{address.name} on {address.network}"

    def _can(self, address: Address, requester: Jid) -> Capabilities:
        """What the requester's own connection to the network can do, where there is one."""
        account = self._accounts.find(requester.bare, address.network)
        return account.can if account is not None else self._capabilities

    def _features(self, address: Address, requester: Jid) -> frozenset[str]:
        if address.kind is AddressKind.ROOM:
            return (
                _EVERYWHERE
                | self._room(address, requester)
                | features.of_rooms(self._can(address, requester))
                | self._archived(address, requester)
            )
        if address.kind is AddressKind.CONTACT:
            can = self._can(address, requester)
            common = _CONTACT | features.of_contacts(can) | self._archived(address, requester)
            return common | {features.NO_REPLY} if self._one_way(address, requester) else common
        shared = _EVERYWHERE | _PROFILE | {_COMMANDS}
        return shared | self._gateway_features if address.kind is AddressKind.GATEWAY else shared

    def _one_way(self, address: Address, requester: Jid) -> bool:
        account = self._accounts.find(requester.bare, address.network)
        if not self._capabilities.one_way or account is None or account.session is None:
            return False
        # The capability says that every session of this bridge can.
        return cast("KnowsOneWay", account.session).one_way(address.name)

    def _archived(self, address: Address, requester: Jid) -> frozenset[str]:
        """What an address with an archive says of it."""
        if not self._archives:
            return frozenset()
        return self._archives | features.archived(self._can(address, requester))

    def _room(self, address: Address, requester: Jid) -> frozenset[str]:
        account = self._accounts.find(requester.bare, address.network)
        room = account.room(address.name) if account is not None else None
        return _ROOM | traits.features(traits.traits_of(account, room))

    def _forms(self, address: Address, requester: Jid) -> tuple[DataSet, ...]:
        if address.kind is AddressKind.GATEWAY:
            return self._gateway_forms()
        if address.kind is AddressKind.NETWORK:
            return ()
        restrictions = features.restrictions(self._can(address, requester))
        if address.kind is AddressKind.CONTACT:
            return restrictions
        account = self._accounts.find(requester.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if room is None or room.state is not RoomState.IN:
            return restrictions
        data = (
            Datum("muc#roominfo_occupants", (str(len(room.seats)),)),
            Datum("muc#roominfo_subject", (room.topic.text,)),
        )
        return (DataSet("http://jabber.org/protocol/muc#roominfo", data), *restrictions)
