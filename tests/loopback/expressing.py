"""The loopback bridge with everything that messages can be besides text."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.bridge import Account, Capabilities, Sink, Ticket
from gateway.model import (
    Address,
    AddressKind,
    ChatState,
    Condition,
    Enrichment,
    Message,
    MessageKind,
    Reaction,
    Refused,
    Retraction,
)
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings

EVERYTHING = {
    "replies": True,
    "corrections": True,
    "threads": True,
    "subjects": True,
    "styling": True,
    "mentions": True,
    "reactions": True,
    "retractions": True,
    "moderation": True,
    "typing": True,
}


class ExpressiveBridge(LoopbackBridge):
    """``can`` are capabilities; with none it is the plain one that only counts what is asked of it."""

    def __init__(self, **can: object) -> None:
        super().__init__(LoopbackSettings())
        self.capabilities: Capabilities = replace(LoopbackBridge.capabilities, **can)
        self.said: list[str] = []  # every text that went out

    def session(self, account: Account, sink: Sink) -> "ExpressiveSession":
        return ExpressiveSession(self, account, sink)


class ExpressiveSession(LoopbackSession):
    """``gateway.bridge.Expressive``, ``Reacts``, ``Retracts``, ``Moderates`` and ``Types``."""

    def __init__(self, bridge: ExpressiveBridge, account: Account, sink: Sink) -> None:
        super().__init__(bridge, account, sink)
        self._expressive = bridge

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._expressive.said.append(text)
        super().say(room, text, kind, ticket)

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        """As the plain one, but the message gets an id that its sender is told."""
        self._expressive.said.append(text)
        self._say(Address(AddressKind.CONTACT, "loop", contact), Message(self.nick, text, kind), ticket)

    def express(
        self, address: Address, text: str, kind: MessageKind, enrichment: Enrichment, ticket: Ticket
    ) -> None:
        self._expressive.said.append(text)
        self._say(address, Message(self.nick, text, kind, enrichment=enrichment), ticket)

    def react(self, address: Address, target: str, emojis: Sequence[str], ticket: Ticket) -> None:
        reaction = Reaction(self.nick, target, tuple(emojis))
        self._tell(address, lambda sink, room: sink.reacted(room, reaction))
        ticket.done()

    def retract(self, address: Address, target: str, ticket: Ticket) -> None:
        self._tell(address, lambda sink, room: sink.retracted(room, Retraction(self.nick, target)))
        ticket.done()

    def moderate(self, room: str, target: str, reason: str, ticket: Ticket) -> None:
        if self.nick != "alice":
            ticket.refused(Refused(Condition.FORBIDDEN, "Only alice is a moderator here."))
            return
        retraction = Retraction(self.nick, target, moderated=True, reason=reason)
        for member in self.bridge.rooms[self.fold(room)].members.values():
            member.sink.retracted(self.fold(room), retraction)
        ticket.done()

    def type(self, address: Address, state: ChatState) -> None:
        self._tell(address, lambda sink, room: sink.typing(room, self.nick, state))

    def _say(self, address: Address, message: Message, ticket: Ticket) -> None:
        message = replace(message, foreign_id=self.bridge.next_id())
        if address.kind is AddressKind.ROOM:
            self._tell(address, lambda sink, room: sink.room_message(room, message))
        else:
            self._tell(address, lambda sink, room: sink.direct(message))
        ticket.done((message.foreign_id,))

    def _tell(self, address: Address, tell: Callable[[Sink, str], None]) -> None:
        """Everybody in a room but ourselves, or one person."""
        if address.kind is AddressKind.ROOM:
            key = self.fold(address.name)
            for name, member in self.bridge.rooms[key].members.items():
                if name != self.nick:
                    tell(member.sink, key)
        elif address.name in self.bridge.people:
            tell(self.bridge.people[address.name].sink, "")
