"""One user of the email bridge. No connection is behind it: what the user does goes to the parts of the bridge, and what
they have for the user comes through here.

Owns what is shown of people (their exact addresses, whether mail reaches them); nothing that outlives it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from bridges.email.addresses import HOME, Mailbox, fold, parse
from bridges.email.attached.account import Mailing
from bridges.email.attached.custody import Custodians, Custody
from bridges.email.composing.composer import Composer
from bridges.email.composing.places import Place, Said
from bridges.email.identity import Identities, Taken
from bridges.email.mime.automatic import unread
from bridges.email.orders import Order, Orders
from bridges.email.people import People
from bridges.email.personal import Personal
from bridges.email.receiving.contacts import Decision, EmailContact
from bridges.email.sending.bounces import Bounce
from bridges.email.suspensions import Suspensions
from gateway.bridge import Account, BadAddress, NotStored, SessionEnded, Sink, Ticket
from gateway.bridge.waiting import unless
from gateway.model import (
    Address,
    AddressKind,
    Attachment,
    Availability,
    ChatState,
    Condition,
    Contact,
    Enrichment,
    ErrorType,
    MessageKind,
    Refused,
)

_NO_ROOM = Refused(
    Condition.ITEM_NOT_FOUND,
    "There is no such thread or mailing list. Write .room in a chat to open its thread as one.",
)
_NO_NUL = Refused(Condition.NOT_ACCEPTABLE, "Your message has a NUL character, which mail cannot carry.")
#: Why a message was not sent, of an address.
_UNREAD = (
    "{0} says of itself that nobody reads what is sent there, so your message was not sent. If you know better, write "
    "“allow {0}” to the gateway, and then again."
)
_BLOCKED = (
    "You keep mail of {0} away, and would not see an answer, so your message was not sent. Write “allow {0}” to the "
    "gateway, and then again."
)
_BLOCKED_BY_LIST = (
    "{0} is on your list of blocked addresses, and you would not see an answer, so your message was not sent. Take it "
    "off with the command “block-list” of the gateway, and write again."
)
_BLOCKED_FOR_ALL = (
    "The operator of this gateway refuses mail of {0}, so nobody could answer, and your message was not sent."
)
_NOT_HERE = Refused(Condition.NOT_ACCEPTABLE, "Mail has no such thing.")
_REACHABLE = "email"


class Rooms(Protocol):
    """Threads and mailing lists that are open as rooms of a user."""

    def place(self, owner: str, room: str) -> Place | None:
        """Where to write to in a room; None if it is not open."""

    def join(self, owner: str, sink: Sink, room: str, nick: str) -> bool:
        """Show a room; whether there is one."""

    def leave(self, owner: str, room: str) -> None: ...


class Desk(Protocol):
    """What a session hands things to, as they are once the bridge has begun."""

    @property
    def composer(self) -> Composer: ...

    @property
    def orders(self) -> Orders: ...

    @property
    def custodians(self) -> Custodians: ...

    def here(self, owner: str) -> None:
        """The user can be told something again."""

    def read(self, owner: str, mail: str) -> None:
        """The user has seen a mail."""

    def refuses(self, owner: str, mailbox: Mailbox) -> bool:
        """Whether mail of somebody is refused: for all (no ``owner``), or for this user too."""

    async def contacts_of(self, owner: str) -> Sequence[EmailContact]:
        """Raises ``NotStored``."""

    async def contact(self, owner: str, address: str) -> EmailContact:
        """Raises ``NotStored``."""

    async def bounces_of(self, owner: str) -> Mapping[str, Bounce]:
        """Raises ``NotStored``."""


class House(Protocol):
    """The bridge around a session."""

    identities: Identities
    people: People
    suspensions: Suspensions

    @property
    def rooms(self) -> Rooms: ...

    async def opened(self) -> Desk: ...

    def mailing(self, settings: Mapping[str, str]) -> Mailing | None:
        """The mailbox elsewhere that a user has attached, by what was registered. Raises ``BadAddress``."""


class EmailSession:
    """``gateway.bridge.Session``, ``Expressive``, ``SharesFiles``, ``Retracts``, ``Types``, ``MarksRead``, ``Watching``,
    ``KnowsOneWay``."""

    def __init__(self, account: Account, sink: Sink, house: House) -> None:
        self.owner = account.user
        self.sink = sink
        self.personal = Personal.of(account.settings)
        self.mailing: Mailing | None = None
        self._flaw = ""
        try:
            self.mailing = house.mailing(account.settings)
        except BadAddress as error:
            self._flaw = str(error)
        self._person = account.address
        self._house = house
        self._desk: Desk | None = None
        self._bounces: dict[str, Bounce] = {}
        self._known: dict[str, EmailContact] = {}
        self._watched: set[str] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        house = self._house
        if self._flaw:
            raise SessionEnded(Refused(Condition.NOT_ACCEPTABLE, self._flaw), retry=False, credentials=True)
        desk = await unless(self._over, house.opened())
        if desk is None:
            return
        try:
            mailbox = await self._mailbox()
            await house.suspensions.learn(self.owner)
            self._known = {each.address: each for each in await desk.contacts_of(self.owner)}
            self._bounces = dict(await desk.bounces_of(self.owner))
        except Taken as error:
            raise SessionEnded(
                Refused(Condition.NOT_ACCEPTABLE, str(error)), retry=False, credentials=True
            ) from error
        except NotStored as error:
            text = "The gateway cannot read its database just now. It tries again."
            raise SessionEnded(Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT)) from error
        self._desk = desk
        try:
            if self.mailing is None:
                self._begin(desk, mailbox)
                await self._over
            else:
                custody = Custody(desk.custodians, self.owner, self.mailing)
                await custody.run(lambda: self._begin(desk, mailbox), self._over)
        finally:
            house.people.went(self)

    async def _mailbox(self) -> Mailbox:
        """What the user's mail comes from. Raises ``Taken`` and ``NotStored``."""
        if self.mailing is not None:
            return self.mailing.mailbox
        return await self._house.identities.settle(self.owner, self._person, self.personal.address)

    def _begin(self, desk: Desk, mailbox: Mailbox) -> None:
        self._house.people.came(self)
        self.sink.online(mailbox.exact)
        for contact in self._known.values():
            self._introduce(contact)
        desk.here(self.owner)

    def close(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def fold(self, name: str) -> str:
        return fold(name)

    # -- people ------------------------------------------------------------------------------------------------

    def learnt(self, contact: EmailContact) -> None:
        """Something is known of somebody, from now on."""
        before = self._known.get(contact.address)
        self._known[contact.address] = contact
        if before is None or before.name != contact.name:
            self._introduce(contact)
        if contact.address in self._watched:
            self._show(contact.address)

    async def look_again(self, address: str) -> None:
        """Something was decided about a folded mailbox. Raises ``NotStored``."""
        self.learnt(await self._ready.contact(self.owner, address))

    def bounced(self, address: str, bounce: Bounce | None) -> None:
        """Mail to a folded mailbox comes back, or does so no more."""
        if bounce is None:
            self._bounces.pop(address, None)
        else:
            self._bounces[address] = bounce
        if address in self._watched:
            self._show(address)

    def _introduce(self, contact: EmailContact) -> None:
        if contact.name:
            self.sink.contact(Contact(contact.address, contact.name))

    def watch(self, contact: str) -> None:
        key = fold(contact)
        self._watched.add(key)
        self._show(key)

    def unwatch(self, contact: str) -> None:
        self._watched.discard(fold(contact))

    def _show(self, key: str) -> None:
        known = self._known.get(key)
        if known is not None and known.decision is Decision.BLOCK:
            self.sink.contact_presence(key, Availability.UNAVAILABLE, "You have blocked their mail.")
        elif (bounce := self._bounces.get(key)) is not None:
            self.sink.contact_presence(key, Availability.EXTENDED_AWAY, f"Mail comes back: {bounce.text}")
        else:
            self.sink.contact_presence(key, Availability.AVAILABLE, _REACHABLE)

    def one_way(self, contact: str) -> bool:
        known = self._known.get(fold(contact))
        return unread(contact.partition("@")[0]) and (known is None or known.decision is not Decision.ALLOW)

    def mailbox(self, contact: str) -> Mailbox:
        """Where mail to somebody goes: the address as it was last seen. Raises ``BadAddress``."""
        known = self._known.get(fold(contact))
        return parse(known.exact if known is not None and known.exact else contact)

    # -- messages ----------------------------------------------------------------------------------------------

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._write(Address(AddressKind.CONTACT, HOME, contact), Said(self._words(text, kind)), ticket)

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._write(Address(AddressKind.ROOM, HOME, room), Said(self._words(text, kind)), ticket)

    def express(
        self, address: Address, text: str, kind: MessageKind, enrichment: Enrichment, ticket: Ticket
    ) -> None:
        self._write(address, self._said(text, (), kind, enrichment), ticket)

    def share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
        enrichment: Enrichment | None = None,
    ) -> None:
        self._write(address, self._said(text, attachments, kind, enrichment or Enrichment()), ticket)

    def _said(
        self, text: str, attachments: Sequence[Attachment], kind: MessageKind, enrichment: Enrichment
    ) -> Said:
        return Said(
            self._words(text, kind),
            tuple(attachments),
            reply=enrichment.reply,
            replaces=enrichment.replaces,
            thread=enrichment.thread,
            subject=enrichment.subject,
        )

    def retract(self, address: Address, target: str, ticket: Ticket) -> None:
        self._ready.composer.retract(self.owner, target, ticket)

    def type(self, address: Address, state: ChatState) -> None:
        self._ready.composer.typing(self.owner, fold(address.name), state)

    def mark_read(self, contact: str, foreign_id: str) -> None:
        self._ready.read(self.owner, foreign_id)

    @property
    def _ready(self) -> Desk:
        """The core asks for nothing before ``Sink.online``."""
        if self._desk is None:
            raise RuntimeError("This session has not begun.")
        return self._desk

    def _unanswerable(self, mailbox: Mailbox) -> str:
        """Why nobody would answer, in a sentence with what to do; empty for most people."""
        known = self._known.get(mailbox.folded)
        decision = known.decision if known is not None else Decision.NONE
        if decision in (Decision.BLOCK, Decision.SPAM):
            return _BLOCKED.format(mailbox.exact)
        if self._ready.refuses("", mailbox):
            return _BLOCKED_FOR_ALL.format(mailbox.exact)
        if self._ready.refuses(self.owner, mailbox):
            return _BLOCKED_BY_LIST.format(mailbox.exact)
        return _UNREAD.format(mailbox.exact) if self.one_way(mailbox.exact) else ""

    def _words(self, text: str, kind: MessageKind) -> str:
        if kind is not MessageKind.ACTION:
            return text
        return f"* {self.personal.name or 'I'} {text}"

    def _write(self, address: Address, said: Said, ticket: Ticket) -> None:
        if "\0" in said.text:
            ticket.refused(_NO_NUL)
            return
        orders = self._ready.orders
        if orders.known(said.text) and not said.attachments:
            about = said.reply.id if said.reply is not None else ""
            orders.take(said.text, Order(self.owner, fold(address.name), about), ticket)
            return
        if address.kind is AddressKind.ROOM:
            place = self._house.rooms.place(self.owner, fold(address.name))
            if place is None:
                ticket.refused(_NO_ROOM)
                return
        else:
            try:
                place = Place.contact(self.mailbox(address.name))
            except BadAddress as error:
                ticket.refused(Refused(Condition.JID_MALFORMED, str(error)))
                return
            if why := self._unanswerable(place.recipients[0]):
                ticket.refused(Refused(Condition.NOT_ACCEPTABLE, why))
                return
        self._ready.composer.write(self.owner, place, said, ticket)

    # -- rooms -------------------------------------------------------------------------------------------------

    def join(self, room: str, nick: str, password: str) -> None:
        if not self._house.rooms.join(self.owner, self.sink, fold(room), nick):
            self.sink.room_refused(fold(room), _NO_ROOM)

    def leave(self, room: str, reason: str) -> None:
        self._house.rooms.leave(self.owner, fold(room))

    def rename(self, nick: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)

    def instruct(self, text: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)
