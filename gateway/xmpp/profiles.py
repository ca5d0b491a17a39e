"""Who our addresses are: answers to clients that ask for a card or a picture, and word of it to those who see the address.

Contacts, occupants of rooms, networks and the gateway itself have one; where the network knows no picture, one is drawn.
"""

from typing import Protocol
from xml.etree.ElementTree import Element

from gateway.bridge import BadAddress
from gateway.contacts.pictures import drawn
from gateway.doors import links
from gateway.model import Address, AddressKind, Condition, Contact, Refused
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Jid, Stanza, name_of
from gateway.xmpp.text import attribute
from gateway.xmpp.vcards import (
    AVATAR_METADATA,
    NICK,
    PUBSUB,
    VCARD,
    VCARD4,
    Profile,
    event,
    items,
    update,
    vcard4,
    vcard_temp,
)
from gateway.xmpp.vcards import nick as nick_element

_WHAT_IT_IS = "A gateway to another network. Write “help” to it to see what it can do for you."
_NOBODY = Refused(Condition.ITEM_NOT_FOUND, "There is nobody at this address.")
_NO_NODE = Refused(Condition.ITEM_NOT_FOUND, "Nothing of that kind is known of this address.")
_READ_ONLY = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED, "Of what is published at this address, items can be read. That is all."
)


class ProfileContext(Protocol):
    """What the service needs of the component."""

    book: AddressBook

    def contact_at(self, owner: str, address: Address) -> Contact: ...

    def telephone_of(self, address: Address) -> str:
        """The number of a contact that is a telephone (E.164), else empty."""

    def title_of(self, address: Address) -> str:
        """What the gateway or a network is called."""

    def occupant(self, requester: Jid, address: Address, resource: str) -> str | None:
        """The nick of an occupant of a room that the requester is in, None if there is none."""


class Profiles:
    """See the module's text."""

    def __init__(self, context: ProfileContext) -> None:
        self._context = context

    def register(self, router: Router) -> None:
        router.on("iq", VCARD, "get", self._card)
        router.on("iq", VCARD4, "get", self._card)
        router.on("iq", PUBSUB, "get", self._items)

    def of(self, owner: str, address: Address) -> Profile:
        """The profile of anything but an occupant. The colour of what is drawn is that of the bare JID, as in clients."""
        if address.kind is not AddressKind.CONTACT:
            title, jid = self._context.title_of(address), self._context.book.jid_of(address)
            if address.kind is not AddressKind.GATEWAY:
                return Profile(title, drawn(jid, title), drawn=True)
            return Profile(title, drawn(jid, title), _WHAT_IT_IS, links.message(jid, "help"), drawn=True)
        contact = self._context.contact_at(owner, address)
        name, telephone = contact.display_name or contact.name, self._context.telephone_of(address)
        if contact.picture is not None:
            return Profile(name, contact.picture, contact.about, telephone=telephone)
        picture = drawn(self._context.book.jid_of(address), name)
        return Profile(name, picture, contact.about, telephone=telephone, drawn=True)

    def hash_element(self, owner: str, address: Address) -> str:
        """For presence: clients that know the picture need not ask (XEP-0153)."""
        return update(self.of(owner, address).picture)

    def nick_element(self, owner: str, address: Address) -> str:
        """For first words and requests (XEP-0172 §4.1); empty where the address says as much."""
        if address.kind not in (AddressKind.CONTACT, AddressKind.GATEWAY):
            return ""
        return nick_element(self.of(owner, address).name)

    def events(self, owner: str, address: Address) -> list[str]:
        """Messages that tell a user's clients of a name and a picture, as the contact's own server would (XEP-0163)."""
        profile = self.of(owner, address)
        head = f"<message type='headline' from='{attribute(self._context.book.jid_of(address))}' to='{attribute(owner)}'>"
        return [f"{head}{event(profile, node)}</message>" for node in (NICK, AVATAR_METADATA)]

    # -- answers -----------------------------------------------------------------------------------------------

    def _card(self, stanza: Stanza, reply: Reply) -> None:
        profile = self._asked(stanza)
        payload = stanza.payload
        modern = payload is not None and payload.tag.startswith(f"{{{VCARD4}}}")
        reply.result(vcard4(profile) if modern else vcard_temp(profile))

    def _items(self, stanza: Stanza, reply: Reply) -> None:
        """XEP-0060 §6.5: nodes have one item each."""
        wanted = _wanted(stanza.payload)
        if wanted is None:
            raise RefusedError(_READ_ONLY)
        node = wanted.get("node", "")
        found = items(self._asked(stanza), node)
        if found is None:
            raise RefusedError(_NO_NODE)
        id_, content = found
        ids = [item.get("id") for item in wanted if name_of(item) == "item"]
        if ids and id_ not in ids:
            raise RefusedError(_NO_NODE)
        reply.result(
            f"<pubsub xmlns='{PUBSUB}'><items node='{attribute(node)}'><item id='{id_}'>{content}</item></items></pubsub>"
        )

    def _asked(self, stanza: Stanza) -> Profile:
        """The profile of who is asked; raises ``RefusedError``."""
        target, requester = stanza.to, stanza.sender
        try:
            address = self._context.book.address(target.local)
        except BadAddress as error:
            raise RefusedError(Refused(Condition.JID_MALFORMED, str(error))) from error
        if address.kind is not AddressKind.ROOM:
            return self.of(requester.bare, address)
        nick = self._context.occupant(requester, address, target.resource) if target.resource else None
        if nick is None:
            raise RefusedError(_NOBODY)
        # XEP-0392 §5.1: clients colour occupants by their nicks.
        return Profile(nick, drawn(nick, nick), drawn=True)


def _wanted(payload: Element | None) -> Element | None:
    if payload is None or len(payload) != 1 or name_of(payload[0]) != "items":
        return None
    return payload[0]
