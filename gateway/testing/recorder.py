"""A sink and a ticket that write down what they are told, and let a test wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.bridge import Answer, Capabilities
from gateway.model import (
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


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the sink: its name and its arguments in order."""

    name: str
    arguments: tuple[Any, ...]


class _Journal:
    """Calls in order, and whoever waits for one."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._changed = asyncio.Event()

    def note(self, name: str, *arguments: Any) -> None:
        self.calls.append(Call(name, arguments))
        self._changed.set()

    async def wait(
        self, name: str, where: Callable[..., bool] = lambda *_: True, *, seconds: float = 10.0
    ) -> Call:
        """The first call of that name whose arguments satisfy ``where``, past or to come. Fails with what there was."""
        return await self.wait_any(
            lambda call: call.name == name and where(*call.arguments), seconds=seconds, what=name
        )

    async def wait_any(
        self, where: Callable[[Call], bool], *, seconds: float = 10.0, what: str = "such call"
    ) -> Call:
        """The first call that satisfies ``where``."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for call in self.calls:
                        if where(call):
                            return call
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            heard = "\n".join(f"  {call.name}{call.arguments!r}" for call in self.calls) or "  nothing"
            raise AssertionError(f"no {what} within {seconds:g} s; there was\n{heard}") from None


class RecordingSink(_Journal):
    """``gateway.bridge.Sink``."""

    def named(self, name: str) -> list[Call]:
        return [call for call in self.calls if call.name == name]

    def online(self, nick: str) -> None:
        self.note("online", nick)

    def own_nick(self, nick: str) -> None:
        self.note("own_nick", nick)

    def refold(self) -> None:
        self.note("refold")

    def abilities(self, can: Capabilities) -> None:
        self.note("abilities", can)

    def service(self, text: str) -> None:
        self.note("service", text)

    def direct(self, message: Message) -> None:
        self.note("direct", message)

    async def direct_committed(self, message: Message) -> None:
        self.note("direct", message)

    def delivery(self, foreign_id: str, state: DeliveryState, why: Refused | None = None) -> None:
        self.note("delivery", foreign_id, state, why)

    def withdrawn(self, foreign_id: str) -> None:
        self.note("withdrawn", foreign_id)

    def direct_sent(self, contact: str, message: Message) -> None:
        self.note("direct_sent", contact, message)

    def contact(self, contact: Contact) -> None:
        self.note("contact", contact)

    def contact_presence(self, contact: str, availability: Availability, status: str = "") -> None:
        self.note("contact_presence", contact, availability, status)

    def room_joined(self, room: str, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        self.note("room_joined", room, nick, list(occupants), topic)

    def room_refused(self, room: str, why: Refused) -> None:
        self.note("room_refused", room, why)

    def room_message(self, room: str, message: Message) -> None:
        self.note("room_message", room, message)

    def room_note(self, room: str, text: str) -> None:
        self.note("room_note", room, text)

    def invited(self, name: str, actor: str, reason: str = "") -> None:
        self.note("invited", name, actor, reason)

    def knocked(self, room: str, nick: str, reason: str = "") -> None:
        self.note("knocked", room, nick, reason)

    def room_password(self, room: str, password: str) -> None:
        self.note("room_password", room, password)

    def room_configured(self, room: str) -> None:
        self.note("room_configured", room)

    def reacted(self, room: str, reaction: Reaction) -> None:
        self.note("reacted", room, reaction)

    def retracted(self, room: str, retraction: Retraction) -> None:
        self.note("retracted", room, retraction)

    def asked(self, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        self.note("asked", sender, question, answer)

    def publish(self, text: str, name: str, answer: Answer[str]) -> None:
        answer.refused(Refused(Condition.SERVICE_UNAVAILABLE, "There is no place for files here."))

    def typing(self, room: str, sender: str, state: ChatState) -> None:
        self.note("typing", room, sender, state)

    def topic(self, room: str, topic: Topic) -> None:
        self.note("topic", room, topic)

    def arrived(self, room: str, occupant: Occupant) -> None:
        self.note("arrived", room, occupant)

    def departed(self, rooms: Sequence[str], nick: str, departure: Departure) -> None:
        self.note("departed", list(rooms), nick, departure)

    def renamed(self, rooms: Sequence[str], old: str, new: str) -> None:
        self.note("renamed", list(rooms), old, new)


class RecordingTicket(_Journal):
    """``gateway.bridge.Ticket``; a second outcome is an error of the bridge."""

    reference = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self._once("done", tuple(foreign_ids))

    def refused(self, why: Refused) -> None:
        self._once("refused", why)

    def _once(self, name: str, argument: object) -> None:
        if self.calls:
            raise AssertionError(
                f"a ticket that ended with {self.calls[0]} ended again with {name}({argument!r})"
            )
        self.note(name, argument)

    async def outcome(self, seconds: float = 10.0) -> Call:
        return await self.wait_any(lambda call: True, seconds=seconds, what="outcome")


class RecordingAnswer(_Journal):
    """``gateway.bridge.Answer``; a second outcome is an error of the bridge."""

    def told(self, value: Any) -> None:
        self._once("told", value)

    def refused(self, why: Refused) -> None:
        self._once("refused", why)

    def _once(self, name: str, argument: object) -> None:
        if self.calls:
            raise AssertionError(
                f"an answer that was {self.calls[0]} was given again with {name}({argument!r})"
            )
        self.note(name, argument)

    async def outcome(self, seconds: float = 10.0) -> Call:
        return await self.wait_any(lambda call: True, seconds=seconds, what="answer")
