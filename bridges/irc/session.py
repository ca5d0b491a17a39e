"""One user on one network: ``gateway.bridge.Session``, and what its bridge's capabilities claim besides.

What the core asks for goes to the part that knows; without a connection everything is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridges.irc.life import Life
from gateway.bridge import Answer, Passage, Ticket
from gateway.model import (
    Address,
    Catalog,
    ChatState,
    Condition,
    Details,
    Enrichment,
    Field,
    ListEntry,
    MessageKind,
    Question,
    Refused,
    RoomList,
    RoomTraits,
    StandingChange,
)


class IrcSession(Life):
    """See ``gateway.bridge.Session`` and most of its ``abilities``. The last word on every ticket is the parts'."""

    __slots__ = ("__weakref__",)

    def passages(self, id_: str) -> Iterator[Passage]:
        """Where a message of the user's is that is being said."""
        return self._parts.speaking.passages(id_)

    def fold(self, name: str) -> str:
        return self._parts.standing.fold(name)

    def join(self, room: str, nick: str, password: str) -> None:
        if self._online and not self._closing:
            self._parts.rooms.join(room, password)
        else:
            self._sink.room_refused(self.fold(room), self._offline())

    def leave(self, room: str, reason: str) -> None:
        self._parts.rooms.leave(room, reason)

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if self._online and not self._closing:  # hot: without a further call
            self._parts.speaking.say(room, text, kind, ticket)
        else:
            ticket.refused(self._offline())

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.speaking.tell(contact, text, kind, ticket)

    def express(
        self, address: Address, text: str, kind: MessageKind, enrichment: Enrichment, ticket: Ticket
    ) -> None:
        if self._is_online(ticket):
            self._parts.expression.express(address, text, kind, enrichment, ticket)

    def react(self, address: Address, target: str, emojis: Sequence[str], ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.expression.react(address, target, emojis, ticket)

    def retract(self, address: Address, target: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.expression.retract(address, target, ticket)

    def moderate(self, room: str, target: str, reason: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.expression.moderate(room, target, reason, ticket)

    def type(self, address: Address, state: ChatState) -> None:
        if self._online and not self._closing:
            self._parts.expression.type(address, state)

    def instruct(self, text: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.commands.instruct(text, ticket)

    def rename(self, nick: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.commands.rename(nick, ticket)

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.commands.set_topic(room, text, ticket)

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.commands.kick(room, nick, reason, ticket)

    def invite(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.inviting.invite(room, nick, ticket)

    def list_rooms(self, answer: Answer[Catalog], *, anew: bool) -> None:
        if self._is_online(answer):
            self._parts.listing.list_rooms(answer, anew=anew)

    def ask(self, contact: str, question: Question, answer: Answer[str]) -> None:
        if self._is_online(answer):
            self._parts.questions.ask(contact, question, answer)

    def govern(self, room: str, changes: Sequence[StandingChange], ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.governing.govern(room, changes, ticket)

    def room_lists(self, room: str) -> Sequence[RoomList]:
        return self._parts.governing.room_lists(room)

    def entries(self, room: str, name: str, answer: Answer[Sequence[ListEntry]]) -> None:
        if self._is_online(answer):
            self._parts.governing.entries(room, name, answer)

    def amend(self, room: str, name: str, add: Sequence[str], remove: Sequence[str], ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.governing.amend(room, name, add, remove, ticket)

    def room_settings(self, room: str, answer: Answer[Sequence[Field]]) -> None:
        if self._is_online(answer):
            self._parts.governing.room_settings(room, answer)

    def configure(self, room: str, values: Mapping[str, str], ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.governing.configure(room, values, ticket)

    def room_traits(self, room: str) -> RoomTraits:
        return self._parts.governing.room_traits(room)

    def adjust(self, room: str, settings: Mapping[str, str]) -> None:
        if self._online:
            self._parts.particulars.adjust(room, settings)

    def details(self) -> Details:
        return self._parts.particulars.details()

    def order(self, room: str, text: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._parts.governing.order(room, text, ticket)

    def _is_online(self, ticket: Ticket | Answer[Any]) -> bool:
        if self._online and not self._closing:
            return True
        ticket.refused(self._offline())
        return False

    def _offline(self) -> Refused:
        return Refused(
            Condition.RECIPIENT_UNAVAILABLE,
            f"You are not connected to {self._profile.network} at the moment. Try again in a while.",
        )
