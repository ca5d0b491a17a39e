"""Our JIDs and the foreign addresses behind them, both ways, for one component."""

from gateway.addressing import Aliases, resource_for
from gateway.bridge import BadAddress, Bridge
from gateway.model import GATEWAY, Address, AddressKind, Occupant
from gateway.xmpp.stanza import Jid, parse_jid
from gateway.xmpp.text import attribute

#: Addresses remembered in each direction; they come from users and from networks, so they are bounded.
_REMEMBERED = 16_384


#: The gateway again, as an address with a local part: Dino and Converse.js begin no chat with a domain.
HELP = "help"


class AddressBook:
    """``jid`` is the component's own address."""

    __slots__ = ("_addresses", "_aliases", "_bridge", "_locals", "_occupants", "_own", "jid")

    def __init__(self, jid: str, bridge: Bridge) -> None:
        self.jid = jid
        self._own = parse_jid(jid)
        self._bridge = bridge
        self._aliases = Aliases()
        self._addresses: dict[str, Address] = {}
        self._locals: dict[Address, str] = {}
        self._occupants: dict[tuple[str, str, str], str] = {}  # by network, nick and identity

    def address(self, local: str) -> Address:
        """What an (escaped) local part names. Raises ``BadAddress``."""
        found = self._addresses.get(local)
        if found is None:
            text = self._aliases.text(local)
            if text is None:
                raise BadAddress("This address is an abbreviation that the gateway does not know any more.")
            found = self._named(text)
            if len(self._addresses) >= _REMEMBERED:
                self._addresses.clear()
            self._addresses[local] = found
        return found

    def _named(self, text: str) -> Address:
        try:
            found = self._bridge.address(text)
        except BadAddress:
            if text != HELP:
                raise
            return GATEWAY
        # People and rooms may be called so; of networks it is only ever said that they might be.
        return GATEWAY if text == HELP and found.kind is AddressKind.NETWORK else found

    def at(self, jid: Jid) -> Jid:
        """``jid``, or the gateway's own address for another one of it."""
        return self._own if jid.local == HELP and self.address(HELP).kind is AddressKind.GATEWAY else jid

    def local(self, address: Address) -> str:
        """The escaped local part of an address; empty for the gateway itself. Raises ``BadAddress`` where the bridge
        has none for it."""
        found = self._locals.get(address)
        if found is None and address.kind is AddressKind.CONTACT and not address.name:
            return ""  # the gateway speaks for the network, see ``gateway.model.Message``
        if found is None:
            text = self._bridge.text(address)
            found = self._aliases.local(text) if text else ""
            if len(self._locals) >= _REMEMBERED:
                self._locals.clear()
            self._locals[address] = found
        return found

    def full(self, local: str) -> str:
        return f"{local}@{self.jid}" if local else self.jid

    def jid_of(self, address: Address) -> str:
        return self.full(self.local(address))

    def occupant_jid_attr(self, network: str, occupant: Occupant) -> str:
        """The address a room shows for an occupant, ``nick%network@gateway/user@host`` for instance; empty where the network
        shows no identity or the nick fits no address. Escaped for an attribute."""
        identity = occupant.identity
        if not identity:
            return ""
        # Hot: many of our users are in the same rooms and see the same people come and go.
        who = (network, occupant.nick, identity)
        found = self._occupants.get(who)
        if found is None:
            if len(self._occupants) >= _REMEMBERED:
                self._occupants.clear()
            found = self._occupants[who] = self._occupant_jid_attr(*who)
        return found

    def _occupant_jid_attr(self, network: str, nick: str, identity: str) -> str:
        try:
            text = self._bridge.text(Address(AddressKind.CONTACT, network, nick))
        except BadAddress:
            return ""
        return attribute(f"{self._aliases.local(text)}@{self.jid}/{resource_for(identity)}")
