"""XEP-0045 from the clients' side: what a stanza addressed to a room or to an occupant means.

Handlers are called with a stanza and the room's address; what they want of the network goes through the account's
session, what they answer through the context.
"""

from collections.abc import Callable
from typing import Protocol

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.addressing import nick_for
from gateway.bridge import NOT_SUPPORTED, BadAddress, Clock, Session, Ticket
from gateway.chat.speech import Speech, with_kind
from gateway.chat.telling import Telling
from gateway.delivery.outgoing import Outgoing, Parts
from gateway.delivery.service import Deliveries
from gateway.model import Address, AddressKind, Condition, ErrorType, MessageKind, Refused
from gateway.ops.traffic import Traffic
from gateway.rooms.asides import Asides
from gateway.rooms.entrance import Entrance, EntranceContext
from gateway.rooms.governing import Governing
from gateway.rooms.invitations import Invitations
from gateway.rooms.people import Attendance, Attendee
from gateway.rooms.room import Room, RoomState
from gateway.rooms.talk import RoomTalk
from gateway.rooms.tickets import ErrorOnly, Reflection
from gateway.texts import Text
from gateway.xmpp import sharing
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.router import Reply
from gateway.xmpp.stanza import Jid, Stanza, name_of, namespace_of

#: Hot: to look up a member of an enumeration costs as much as two calls.
_IN, _PRESENT, _CHAT = RoomState.IN, Attendance.IN, MessageKind.CHAT
#: XEP-0045 §7.14 and RFC 6120: these errors from a client mean that it does not listen any more.
_GONE = frozenset(
    {
        "gone",
        "internal-server-error",
        "item-not-found",
        "jid-malformed",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
    }
)
_STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
_NOT_IN_ROOM = Refused(
    Condition.NOT_ACCEPTABLE, Text("You are not a participant in this room."), ErrorType.MODIFY
)
_NO_SESSION = Text(
    "The connection to {network} is down: {reason} Your message was not sent; it is being reconnected."
)


class ServiceContext(EntranceContext, Protocol):
    """What the service needs of the component besides."""

    asides: Asides
    book: AddressBook
    deliveries: Deliveries
    speech: Speech
    telling: Telling
    traffic: Traffic


class RoomService:
    """All rooms of one component."""

    def __init__(self, accounts: Accounts, context: ServiceContext, linger: float, clock: Clock) -> None:
        self._accounts = accounts
        self._durable = context.bridge.capabilities.durable_rooms
        self._talk = RoomTalk(context, clock, self._down, durable=self._durable)
        self._invitations = Invitations(context, self._find, self._ask, _NOT_IN_ROOM)
        self.governing = Governing(context, self._find, self._ask, _NOT_IN_ROOM)
        self._entrance = Entrance(context, accounts, self._find, self._ask, _NOT_IN_ROOM)
        self._context = context
        self.linger = linger  # seconds that a room is kept for a client that is gone without a word

    # -- presence ----------------------------------------------------------------------------------------------

    def presence(self, stanza: Stanza, address: Address) -> None:
        if stanza.type == "error":
            self._client_error(stanza, address)
        else:
            self._entrance.presence(stanza, address)

    # -- messages ----------------------------------------------------------------------------------------------

    def message(self, stanza: Stanza, address: Address) -> None:
        if stanza.type == "groupchat" and not stanza.to.resource:
            self._groupchat(stanza, address)
        elif stanza.type == "error":
            self._client_error(stanza, address)
        elif stanza.to.resource and stanza.type == "groupchat":
            # XEP-0045 §7.5: what is for one occupant must not look as if it were for all.
            text = "Messages to one occupant are of type chat, those to the room go to its address without a nick."
            self._context.refuse(stanza, Refused(Condition.BAD_REQUEST, text))
        elif stanza.to.resource:
            self._private(stanza, address)
        elif not self._invitations.taken(stanza, address) and stanza.body is not None:
            text = Text("Messages to a room are of type groupchat.")
            self._context.refuse(stanza, Refused(Condition.BAD_REQUEST, text))

    def invites(self, stanza: Stanza, address: Address) -> bool:
        """A message to a contact: whether it is an invitation to a room, taken care of then."""
        return self._invitations.direct(stanza, address)

    def _groupchat(self, stanza: Stanza, address: Address) -> None:
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            self._context.refuse(stanza, _NOT_IN_ROOM)
            return
        body = stanza.body
        if body and stanza.bare and self._context.speech.plain(body):  # hot: most messages
            self._say(stanza, account, room, body, _CHAT)
            return
        extra, kept, found = "", "", None
        if not body or not stanza.bare or body.startswith("aesgcm:"):
            extra, found = self._context.speech.read(stanza.element, attendee.room_attr)
            if self._talk.acted(stanza, account, room, found, extra):
                return
            passed = sharing.passed(stanza, files=self._context.bridge.capabilities.attachments)
            if passed is not None:
                kept = passed.extra
                if passed.attachments:
                    self._talk.shared(stanza, account, room, passed, found, extra)
                    return
                body = passed.body
        if body:
            if body[0] == "/" and self.governing.ordered(stanza, account, room, body):
                return
            if found is not None or self._context.speech.marked(body):
                self._talk.said(stanza, account, room, body, found, extra, kept)
            else:
                self._say(stanza, account, room, *with_kind(body), extra, kept)
            return
        subject = stanza.text("subject")
        if subject is not None and body is None:
            only = ErrorOnly(stanza, self._context.refuse)
            if not self._context.bridge.capabilities.topic:
                only.refused(NOT_SUPPORTED)
                return
            self._ask(account, only, lambda session: session.set_topic(room.address.name, subject, only))
        elif body is None:
            self._talk.typing(stanza, account, room)

    def _say(
        self,
        stanza: Stanza,
        account: Account,
        room: Room,
        text: str,
        kind: MessageKind,
        extra: str = "",
        kept: str = "",
    ) -> None:
        """A message that is nothing but its text."""
        context = self._context
        context.speech.said(account.owner, room.address)
        if self._durable:
            outgoing = Outgoing(text, kind, Parts(kept=kept), extra)
            context.deliveries.send(stanza, room.address, outgoing)
            return
        traffic = context.traffic
        if traffic.verbosity.debug:
            traffic.tell("message taken", stanza.id, network=account.network)
        ticket = Reflection(
            room, stanza, text, kind, extra, context.refuse, traffic, traffic.monotonic(), kept
        )
        session = account.session
        if session is None or room.state is not _IN:
            ticket.refused(self._down(account, room))
        else:
            session.say(room.address.name, text, kind, ticket)

    def _private(self, stanza: Stanza, address: Address) -> None:
        """To an occupant (XEP-0045 §7.5)."""
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            if stanza.body is not None or sharing.read(stanza) is not None:
                self._context.refuse(stanza, _NOT_IN_ROOM)
            return
        nick = room.nick_behind(stanza.to.resource)
        contact = Address(AddressKind.CONTACT, address.network, nick)
        if self.invites(stanza, contact):
            return
        if stanza.body is None and self._context.deliveries.marked(
            stanza, contact, self._own_address(contact)
        ):
            return
        self._context.asides.held(room, nick)
        self._context.telling.heard(stanza, contact)

    def apart(self, stanza: Stanza, contact: Address) -> None:
        """A message to somebody's own address: their conversation is not held in a room any more."""
        self._context.asides.ended(stanza.sender.bare, contact.network, contact.name)

    def _own_address(self, contact: Address) -> str:
        try:
            return self._context.book.jid_of(contact)
        except BadAddress:
            return ""

    # -- iq ----------------------------------------------------------------------------------------------------

    def ping(self, stanza: Stanza, reply: Reply, address: Address) -> Address | None:
        """XEP-0410: am I still in? Whom to ask instead, if it is somebody else who is pinged."""
        _, room, attendee = self._find(stanza, address)
        if room is None or attendee is None:
            reply.error(
                Refused(Condition.NOT_ACCEPTABLE, Text("You are not in this room."), ErrorType.CANCEL)
            )
        elif stanza.to.resource and room.nick_behind(stanza.to.resource) != room.nick:
            return self.occupant(stanza, reply, address)
        else:
            reply.result()
        return None

    def occupant(self, stanza: Stanza, reply: Reply, address: Address) -> Address | None:
        """Whom a request to an occupant is for; answered here if there is nobody."""
        _, room, attendee = self._find(stanza, address)
        if room is None or attendee is None:
            reply.error(_NOT_IN_ROOM)
            return None
        nick = room.nick_behind(stanza.to.resource)
        if nick not in room.seats:
            reply.error(
                Refused(Condition.ITEM_NOT_FOUND, Text("There is no {nick} in this room.", nick=nick))
            )
            return None
        return Address(AddressKind.CONTACT, address.network, nick)

    def moderate(self, stanza: Stanza, reply: Reply, address: Address) -> None:
        """XEP-0425 §4: a message of somebody else's is taken back."""
        account, room, attendee = self._find(stanza, address)
        if account is None or room is None or attendee is None:
            reply.error(_NOT_IN_ROOM)
        elif not account.can.moderation:
            reply.error(
                Refused(Condition.FEATURE_NOT_IMPLEMENTED, Text("On this network nothing can be taken back."))
            )
        else:
            self._talk.moderate(stanza, reply, account, room)

    # -- clients that are gone ---------------------------------------------------------------------------------

    def _client_error(self, stanza: Stanza, address: Address) -> None:
        """An error from a client: it evicts that client from all rooms of the user (the address it came to may be
        nonsense by then)."""
        error = stanza.child("error")
        if error is None:
            conditions: set[str] = {"gone"}
        else:
            conditions = {name_of(child) for child in error if namespace_of(child) == _STANZA_ERRORS}
        if conditions <= _GONE:
            self.gone(stanza.sender)
        if stanza.kind == "message" and stanza.to.resource:
            self._aside_bounced(stanza, address)

    def _aside_bounced(self, stanza: Stanza, address: Address) -> None:
        """A private message that an occupant had sent. It is lost only if no other client has it."""
        account = self._accounts.find(stanza.sender.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if room is None or not any(each.jid != stanza.sender.full for each in room.present):
            nick = room.nick_behind(stanza.to.resource) if room is not None else nick_for(stanza.to.resource)
            contact = Address(AddressKind.CONTACT, address.network, nick)
            self._context.deliveries.bounced(stanza, self._own_address(contact))

    def gone(self, client: Jid) -> None:
        """The client does not listen any more: forget it in every room."""
        for account in self._accounts.of(client.bare):
            for room in list(account.rooms.values()):
                attendee = room.attendees.get(client.full)
                if attendee is not None:
                    account.evict(room, attendee, self.linger)

    # -- pieces ------------------------------------------------------------------------------------------------

    def _find(self, stanza: Stanza, address: Address) -> tuple[Account | None, Room | None, Attendee | None]:
        account = self._accounts.find(stanza.sender.bare, address.network)
        room = account.room(address.name) if account is not None else None
        if account is None or room is None:
            return account, room, None
        attendee = room.attendees.get(stanza.sender.full)
        if attendee is not None and attendee.attendance is not _PRESENT:
            account.returned(room, attendee)  # it speaks, so it is there
        return account, room, attendee

    def _ask(self, account: Account, ticket: Ticket, request: Callable[[Session], None]) -> None:
        session = account.session
        if session is None or not account.connected:
            ticket.refused(self._down(account, None))
            return
        request(session)

    @staticmethod
    def _down(account: Account, room: Room | None) -> Refused:
        if room is not None and account.connected:
            text = Text(
                "You are not in {room} yet; your message was not sent. Try again in a moment.",
                room=room.address.name,
            )
            return Refused(Condition.RECIPIENT_UNAVAILABLE, text)
        reason = account.status.reason or Text("not connected yet.")
        text = Text(_NO_SESSION, network=account.network, reason=reason)
        return Refused(Condition.REMOTE_SERVER_TIMEOUT, text)
