"""What a session tells: passed to the room concerned, to the contacts, or to the ledger of private messages.

The ``Sink`` of one account's sessions. Knows no stanza, and decides nothing about being connected: that is the account's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.accounts.context import AccountContext
from gateway.bridge import Answer, Capabilities
from gateway.media.arrivals import STOPPED, Deliver
from gateway.media.publishing import in_words
from gateway.model import (
    Attachment,
    Availability,
    ChatState,
    Condition,
    Contact,
    DeliveryState,
    Departure,
    Message,
    Occupant,
    Question,
    Reaction,
    Refused,
    Retraction,
    Topic,
)
from gateway.rooms import acts
from gateway.rooms.invitations import knock
from gateway.rooms.room import Room
from gateway.xmpp import render

if TYPE_CHECKING:
    from gateway.accounts.account import Account


class News:
    """``gateway.bridge.Sink``."""

    __slots__ = ("_account", "_context")

    def __init__(self, account: "Account", context: AccountContext) -> None:
        self._account = account
        self._context = context

    # -- the session and the user ------------------------------------------------------------------------------

    def online(self, nick: str) -> None:
        self._account.online(nick)

    def own_nick(self, nick: str) -> None:
        self._account.nick = nick

    def refold(self) -> None:
        self._account.refold()

    def abilities(self, can: Capabilities) -> None:
        self._account.able = can

    def room_joined(self, room: str, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        self._account.entered(room, nick, occupants, topic)

    def room_refused(self, room: str, why: Refused) -> None:
        self._account.refused(room, why)

    def service(self, text: str) -> None:
        self._context.service(self._account, text)

    def direct(self, message: Message) -> None:
        context = self._context
        if message.attachments or context.arrivals.lines:
            self._direct_in_turn(message)
        else:
            context.direct(self._account, message)

    def _direct_in_turn(self, message: Message) -> None:
        """It may have to wait: then it is made safe first, and what can be lost of it are its files."""
        context, account = self._context, self._account
        if (
            not message.attachments
            and self._conversation("direct", message.sender) not in context.arrivals.lines
        ):
            context.direct(account, message)
            return
        held = context.hold(account, in_words(message, STOPPED))

        def deliver(parts: Sequence[Message]) -> None:
            # What was held is the message itself: its row becomes that of the part that has its id.
            main = parts[0] if message.text_first and message.text else parts[-1]
            for part in parts:
                if part is main:
                    context.direct(account, part, held)
                else:
                    context.direct(account, part)

        self._in_turn("direct", message.sender, message, deliver)

    async def direct_committed(self, message: Message) -> None:
        if not message.attachments and not self._context.arrivals.lines:
            await self._context.direct_committed(self._account, message)
            return
        # Its files come first: what cannot be fetched now is not ours yet.
        safe: list[Awaitable[None]] = []
        turn = asyncio.Event()

        def deliver(parts: Sequence[Message]) -> None:
            safe.extend(
                asyncio.ensure_future(self._context.direct_committed(self._account, each)) for each in parts
            )
            turn.set()

        self._in_turn("direct", message.sender, message, deliver)
        await turn.wait()
        for each in safe:
            await each

    def delivery(self, foreign_id: str, state: DeliveryState, why: Refused | None = None) -> None:
        self._context.deliveries.reported(self._account, foreign_id, state, why)

    def withdrawn(self, foreign_id: str) -> None:
        self._context.deliveries.withdrawn(self._account, foreign_id)

    def direct_sent(self, contact: str, message: Message) -> None:
        def deliver(parts: Sequence[Message]) -> None:
            for each in parts:
                self._context.contacts.sent_elsewhere(self._account, contact, each)

        self._in_turn("direct", contact, message, deliver)

    def _in_turn(self, kind: str, peer: str, message: Message, deliver: Deliver) -> None:
        """Deliver when the files before it in the conversation, and its own, are public."""
        self._context.arrivals.take(self._conversation(kind, peer), self._account.owner, message, deliver)

    def _conversation(self, kind: str, peer: str) -> Hashable:
        return kind, self._account.owner, self._account.network, peer

    def contact(self, contact: Contact) -> None:
        self._context.contacts.described(self._account, contact)

    def contact_presence(self, contact: str, availability: Availability, status: str = "") -> None:
        self._context.contacts.stood(self._account, contact, availability, status)

    def invited(self, name: str, actor: str, reason: str = "") -> None:
        self._context.invited(self._account, name, actor, reason)

    def knocked(self, room: str, nick: str, reason: str = "") -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            asked = knock(known, nick, reason)
            for each in known.present:
                for stanza in asked(each, self._context.ids.next()):
                    self._context.send(stanza, keep=True)

    def reacted(self, room: str, reaction: Reaction) -> None:
        if not room:
            self._context.private.reacted(self._account.owner, self._account.network, reaction)
        elif (known := self._account.rooms.get(room)) is not None:
            acts.reacted(known, reaction)

    def retracted(self, room: str, retraction: Retraction) -> None:
        if not room:
            self._context.private.retracted(self._account.owner, self._account.network, retraction)
        elif (known := self._account.rooms.get(room)) is not None:
            acts.retracted(known, retraction)

    def asked(self, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        self._context.asked(self._account, sender, question, answer)

    def publish(self, text: str, name: str, answer: Answer[str]) -> None:
        file = Attachment(name=name, media_type="text/plain", data=text.encode("utf-8", "replace"))

        def deliver(said: Sequence[Message]) -> None:
            link = next((each.url for message in said for each in message.attachments if each.url), "")
            if link:
                answer.told(link)
            else:
                answer.refused(Refused(Condition.SERVICE_UNAVAILABLE, said[-1].text))

        self._in_turn("publish", name, Message("", "", attachments=(file,)), deliver)

    def typing(self, room: str, sender: str, state: ChatState) -> None:
        if not room:
            self._context.private.typing(self._account.owner, self._account.network, sender, state)
        elif (known := self._account.rooms.get(room)) is not None:
            acts.typing(known, sender, state)

    def room_message(self, room: str, message: Message) -> None:
        known = self._account.rooms.get(room)
        if known is None:
            return
        context = self._context
        if self._account.owner in context.watched:
            context.overheard(self._account, room, message)
        if message.attachments or context.arrivals.lines:
            if not known.has_heard(message.foreign_id):  # a file that is there already is not uploaded again
                self._in_turn("room", room, message, lambda parts: self._heard(room, parts))
        else:
            known.heard(message)

    def _heard(self, room: str, parts: Sequence[Message]) -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            for each in parts:
                known.heard(each)

    def room_note(self, room: str, text: str) -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            known.note(text)

    def room_configured(self, room: str) -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            acts.tell(known, "", render.CONFIGURED, keep=False)

    def room_password(self, room: str, password: str) -> None:
        known = self._account.rooms.get(room)
        if known is not None and known.password != password:
            known.password = password
            self._context.remember_room(self._account, known)

    def topic(self, room: str, topic: Topic) -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            known.changed_topic(topic)

    def arrived(self, room: str, occupant: Occupant) -> None:
        known = self._account.rooms.get(room)
        if known is not None:
            known.arrived(occupant)

    def departed(self, rooms: Sequence[str], nick: str, departure: Departure) -> None:
        for room in rooms:
            known = self._account.rooms.get(room)
            if known is None:
                continue
            if nick == known.nick:
                self._account.expel(known, departure)
            else:
                known.departed(nick, departure)

    def renamed(self, rooms: Sequence[str], old: str, new: str) -> None:
        for known in self._known(rooms):
            known.renamed(old, new)

    def _known(self, rooms: Sequence[str]) -> Iterable[Room]:
        return [self._account.rooms[key] for key in rooms if key in self._account.rooms]
