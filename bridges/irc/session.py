"""One user on one network: ``gateway.bridge.Session``, and what its bridge's capabilities claim besides.

What the core asks for goes to the part that knows; without a connection everything is refused.
"""

from typing import Any

from bridges.irc.life import Life
from gateway.bridge import Answer, Ticket
from gateway.model import Catalog, Condition, MessageKind, Question, Refused


class IrcSession(Life):
    """See ``gateway.bridge.Session``, ``ListsRooms``, ``Asks``. The last word on every ticket is the parts'."""

    def fold(self, name: str) -> str:
        return self._standing.fold(name)

    def join(self, room: str, nick: str, password: str) -> None:
        if self._online and not self._closing:
            self._rooms.join(room, password)
        else:
            self._sink.room_refused(self.fold(room), self._offline())

    def leave(self, room: str, reason: str) -> None:
        self._rooms.leave(room, reason)

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._speaking.say(room, text, kind, ticket)

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._speaking.tell(contact, text, kind, ticket)

    def instruct(self, text: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._commands.instruct(text, ticket)

    def rename(self, nick: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._commands.rename(nick, ticket)

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._commands.set_topic(room, text, ticket)

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._commands.kick(room, nick, reason, ticket)

    def invite(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        if self._is_online(ticket):
            self._inviting.invite(room, nick, ticket)

    def list_rooms(self, answer: Answer[Catalog], *, anew: bool) -> None:
        if self._is_online(answer):
            self._listing.list_rooms(answer, anew=anew)

    def ask(self, contact: str, question: Question, answer: Answer[str]) -> None:
        if self._is_online(answer):
            self._questions.ask(contact, question, answer)

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
