"""Stanzas by what they are addressed to: the gateway, a network, a room, a contact. Whoever knows that kind of address
handles the stanza; an address that the bridge cannot have is answered here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge, Capabilities, Gathers
from gateway.chat.payloads import MODERATE, chat_state
from gateway.chat.speech import Speech, encrypted
from gateway.chat.telling import Telling
from gateway.contacts.people import People
from gateway.delivery.outgoing import not_connected
from gateway.delivery.service import Deliveries
from gateway.doors.front import Doors
from gateway.model import Address, AddressKind, Condition, Refused
from gateway.rooms.service import RoomService
from gateway.rooms.tickets import ErrorOnly
from gateway.texts import Text
from gateway.xmpp import basics, multicast, render, sharing
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.asking import Asking
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.router import Reply, RequestHandler, Router
from gateway.xmpp.stanza import Stanza

#: Spellings that were answered with the address that is meant, of all users.
_HINTED_MOST = 10_000
_ROOM = AddressKind.ROOM  # hot: to look up a member of an enumeration costs as much as two calls


@dataclass(frozen=True, slots=True)
class Offices:
    """Who handles what, as the component has put them together. ``refuse`` answers a stanza with an error."""

    book: AddressBook
    bridge: Bridge
    accounts: Accounts
    rooms: RoomService
    people: People
    deliveries: Deliveries
    doors: Doors
    asking: Asking
    telling: Telling
    speech: Speech
    refuse: Callable[..., None]


class Reception:
    """Registers the handlers of messages, presence and the requests that depend on the address."""

    def __init__(self, offices: Offices) -> None:
        self._book = offices.book
        self._bridge = offices.bridge
        self._capabilities: Capabilities = offices.bridge.capabilities
        self._accounts = offices.accounts
        self._rooms = offices.rooms
        self._people = offices.people
        self._deliveries = offices.deliveries
        self._doors = offices.doors
        self._asking = offices.asking
        self._telling = offices.telling
        self._speech = offices.speech
        self._refuse = offices.refuse
        self._hinted: set[tuple[str, str]] = set()

    def register(self, router: Router, version: RequestHandler, time: RequestHandler) -> None:
        for type_ in ("groupchat", "chat", "normal", "error"):
            router.on("message", "", type_, self._message)
        router.on("presence", "*", "*", self._presence)
        router.on("iq", basics.PING, "get", self._ping)
        router.on("iq", basics.VERSION, "get", self._ours(version))
        router.on("iq", basics.TIME, "get", self._ours(time))
        router.on("iq", render.MUC_ADMIN, "set", self._in_room(self._rooms.governing.changed))
        router.on("iq", render.MUC_ADMIN, "get", self._in_room(self._rooms.governing.listed))
        router.on("iq", MODERATE, "set", self._in_room(self._rooms.moderate))

    def _message(self, stanza: Stanza) -> None:
        # What a client tells of itself, at every key, is no place for explanations: the message will be.
        quiet = stanza.body is None and chat_state(stanza.element) is not None
        address = self._target(stanza, quiet=quiet)
        if address is None:
            return
        if address.kind is _ROOM:
            self._rooms.message(stanza, address)
        elif stanza.type == "error":
            if not self._deliveries.bounced(stanza):
                self._rooms.gone(stanza.sender)
        elif address.kind is AddressKind.CONTACT and self._rooms.invites(stanza, address):
            return
        elif stanza.body or sharing.read(stanza) is not None:
            self._chat(stanza, address)
        elif not self._deliveries.marked(stanza, address) and address.kind is AddressKind.CONTACT:
            self._telling.heard(stanza, address)

    def _chat(self, stanza: Stanza, address: Address) -> None:
        """A message with a body to the gateway, to a network or to a contact."""
        if address.kind is AddressKind.CONTACT:
            self._rooms.apart(stanza, address)
            self._hint(stanza, address)
            self._telling.heard(stanza, address)
            return
        _, found = self._speech.read(stanza.element)
        if found is not None and found.encryption is not None:
            self._refuse(stanza, encrypted(found.encryption))
            return
        several = self._several(stanza) if address.kind is AddressKind.GATEWAY else None
        if several is not None:
            self._telling.heard(stanza, several)
            return
        if address.kind is AddressKind.GATEWAY or (
            address.kind is AddressKind.NETWORK and not self._capabilities.instructions
        ):
            self._doors.heard(stanza)
            return
        body = stanza.body or ""
        account = self._accounts.find(stanza.sender.bare, address.network)
        if account is None or account.session is None or not account.connected:
            self._refuse(stanza, not_connected(account, address.network))
        else:
            account.session.instruct(body, ErrorOnly(stanza, self._refuse))

    def _several(self, stanza: Stanza) -> Address | None:
        """Whom a message is for that was written to the gateway and names its recipients (XEP-0033)."""
        if not self._capabilities.together:
            return None
        contacts = multicast.recipients(stanza, self._book)
        if contacts is None or len(contacts) == 1:
            return contacts[0] if contacts else None
        try:
            # The capability says that the bridge can.
            return cast("Gathers", self._bridge).together(contacts)
        except BadAddress as error:
            raise RefusedError(Refused(Condition.NOT_ACCEPTABLE, str(error))) from error

    def _hint(self, stanza: Stanza, address: Address) -> None:
        """Where people's own ways to write an address are understood, the first time it is told what the address is."""
        right = self._book.local(address)
        written = stanza.to.local
        if not self._capabilities.lookup or written == right or (stanza.sender.bare, written) in self._hinted:
            return
        if len(self._hinted) >= _HINTED_MOST:
            self._hinted.clear()
        self._hinted.add((stanza.sender.bare, written))
        said = Text(
            "What you write to {written} goes to {right}. Answers come from there.",
            written=f"{written}@{self._book.jid}",
            right=self._book.jid_of(address),
        )
        self._doors.tell(stanza.sender.bare, said)

    def _presence(self, stanza: Stanza) -> None:
        try:
            address = self._book.address(stanza.to.local)
        except BadAddress as error:
            # Presence is not the place for explanations, but for joining a room: there the user waits for one.
            if stanza.child("x", render.MUC) is not None:
                why = Refused(Condition.JID_MALFORMED, str(error))
                self._refuse(stanza, why, f"<x xmlns='{render.MUC}'/>")
            else:
                self._people.subscriptions.refuse(stanza)
            return
        if stanza.type == "available":
            self._deliveries.reachable(stanza.sender.bare)
        if address.kind is AddressKind.ROOM:
            self._rooms.presence(stanza, address)
        else:
            self._people.presence(stanza, address)
            if address.kind is AddressKind.GATEWAY and not stanza.to.local:
                self._doors.presence(stanza)

    def _ping(self, stanza: Stanza, reply: Reply) -> None:
        address = self._target(stanza, reply)
        if address is None:
            return
        if address.kind is AddressKind.ROOM:
            occupant = self._rooms.ping(stanza, reply, address)
            if occupant is not None:
                self._asking.person(stanza, reply, occupant)
        elif address.kind is AddressKind.CONTACT:
            self._asking.person(stanza, reply, address)
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
            if address.kind is AddressKind.CONTACT:
                self._asking.person(stanza, reply, address)
            elif address.kind is AddressKind.ROOM and stanza.to.resource:
                occupant = self._rooms.occupant(stanza, reply, address)
                if occupant is not None:
                    self._asking.person(stanza, reply, occupant)
            else:
                handler(stanza, reply)

        return answer

    def _target(self, stanza: Stanza, reply: Reply | None = None, *, quiet: bool = False) -> Address | None:
        """What the stanza is addressed to; one that no address of the bridge can have is refused here, or dropped."""
        try:
            return self._book.address(stanza.to.local)
        except BadAddress as error:
            why = Refused(Condition.JID_MALFORMED, str(error))
            if reply is not None:
                reply.error(why)
            elif not quiet:
                self._refuse(stanza, why)
            return None
