"""A bridge to nowhere: a network that lives in this process, so small that it can be read in one sitting.

``docs/writing-a-bridge.md`` builds it step by step. It knows nothing of XMPP: that is what it proves.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from gateway.bridge import Account, BadAddress, Capabilities, Plugin, Services, SessionEnded, Sink, Ticket
from gateway.model import (
    GATEWAY,
    Address,
    AddressKind,
    Affiliation,
    Availability,
    Condition,
    Contact,
    Departure,
    Exit,
    Message,
    MessageKind,
    Occupant,
    Refused,
    Role,
    Topic,
)
from gateway.model import Field as Setting


class LoopbackSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str = Field("loop", description="The name of the only network.")
    closed_room: str = Field("#closed", description="A room that lets nobody in.")


@dataclass(slots=True)
class LoopbackRoom:
    members: dict[str, "LoopbackSession"] = field(default_factory=dict)
    topic: Topic = field(default_factory=Topic)


class LoopbackBridge:
    """``gateway.bridge.Bridge``. Everybody who is connected, and all rooms, are in here."""

    capabilities = Capabilities(
        "loopback",
        "Loopback gateway",
        rooms=True,
        networks=True,
        instructions=True,
        nick_change=True,
        topic=True,
        kick=True,
        contact_list=True,
        contact_presence=True,
    )

    def __init__(self, settings: LoopbackSettings) -> None:
        self.settings = settings
        self.people: dict[str, LoopbackSession] = {}
        self.rooms: dict[str, LoopbackRoom] = {}
        self.friends: tuple[Contact, ...] = ()  # of everybody: what the network's own list of contacts says
        self.last_id = 0

    def address(self, text: str) -> Address:
        if not text:
            return GATEWAY
        if text == self.settings.network:
            return Address(AddressKind.NETWORK, text)
        if not text.isprintable() or " " in text:
            raise BadAddress("Names on the loopback network are made of printable characters without spaces.")
        kind = AddressKind.ROOM if text.startswith("#") else AddressKind.CONTACT
        return Address(kind, self.settings.network, text)

    def text(self, address: Address) -> str:
        return address.network if address.kind is AddressKind.NETWORK else address.name.casefold()

    def fold(self, name: str) -> str:
        return name.casefold()

    def nick(self, text: str) -> str:
        if text.startswith("#") or not text.isprintable():
            raise BadAddress("Nicks on the loopback network do not begin with a number sign.")
        return text

    def fields(self, network: str) -> Sequence[Setting]:
        return (Setting("nick", "Nick to use instead of the one asked for"),)

    def check(self, values: Mapping[str, str]) -> None:
        if values.get("nick"):
            self.nick(values["nick"])

    def session(self, account: Account, sink: Sink) -> "LoopbackSession":
        return LoopbackSession(self, account, sink)

    def next_id(self) -> str:
        self.last_id += 1
        return f"loop-{self.last_id}"


class LoopbackSession:
    """``gateway.bridge.Session``."""

    def __init__(self, bridge: LoopbackBridge, account: Account, sink: Sink) -> None:
        self.bridge = bridge
        self.nick = account.settings.get("nick") or account.nick
        self.sink = sink
        self.watched: set[str] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        while self.nick in self.bridge.people:
            self.nick += "_"
        self.bridge.people[self.nick] = self
        self.sink.online(self.nick)
        for friend in self.bridge.friends:
            self.sink.contact(friend)
        self.shows(Availability.AVAILABLE)
        try:
            await self._over
        finally:
            self.shows(Availability.UNAVAILABLE)
            for key in list(self.bridge.rooms):
                self._out(key, Departure(Exit.QUIT))
            del self.bridge.people[self.nick]

    def close(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def lose(self, reason: str) -> None:
        """For tests: the network cuts the connection."""
        self._over.set_exception(SessionEnded(Refused(Condition.REMOTE_SERVER_TIMEOUT, f"{reason}.")))

    def fold(self, name: str) -> str:
        return self.bridge.fold(name)

    def join(self, room: str, nick: str, password: str) -> None:
        key = self.fold(room)
        if key == self.bridge.settings.closed_room:
            self.sink.room_refused(key, Refused(Condition.FORBIDDEN, f"{room} lets nobody in."))
            return
        there = self.bridge.rooms.setdefault(key, LoopbackRoom())
        for member in there.members.values():
            member.sink.arrived(key, self._occupant(self.nick))
        there.members[self.nick] = self
        self.sink.room_joined(key, self.nick, [self._occupant(name) for name in there.members], there.topic)

    def leave(self, room: str, reason: str) -> None:
        self._out(self.fold(room), Departure(Exit.LEFT, reason))

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        key = self.fold(room)
        there = self.bridge.rooms.get(key, LoopbackRoom())
        if self.nick not in there.members:
            ticket.refused(Refused(Condition.FORBIDDEN, f"You are not in {room}."))
        elif "\x00" in text:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, "The loopback network cannot carry NUL."))
        else:
            message = Message(self.nick, text, kind, self.bridge.next_id())
            for name, member in there.members.items():
                if name != self.nick:
                    member.sink.room_message(key, message)
            ticket.done((message.foreign_id,))

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        person = self.bridge.people.get(contact)
        if person is None:
            ticket.refused(
                Refused(Condition.ITEM_NOT_FOUND, f"There is no {contact} on the loopback network.")
            )
        else:
            person.sink.direct(Message(self.nick, text, kind, self.bridge.next_id()))
            ticket.done()

    def watch(self, contact: str) -> None:
        self.watched.add(self.fold(contact))
        there = any(self.fold(name) == self.fold(contact) for name in self.bridge.people)
        availability = Availability.AVAILABLE if there else Availability.UNAVAILABLE
        self.sink.contact_presence(contact, availability)

    def unwatch(self, contact: str) -> None:
        self.watched.discard(self.fold(contact))

    def wrote_elsewhere(self, contact: str, text: str) -> None:
        """For tests: the user writes with another client of the network."""
        self.sink.direct_sent(contact, Message(self.nick, text, MessageKind.CHAT, self.bridge.next_id()))

    def instruct(self, text: str, ticket: Ticket) -> None:
        self.sink.service(f"You said: {text}")
        ticket.done()

    def rename(self, nick: str, ticket: Ticket) -> None:
        if nick in self.bridge.people:
            ticket.refused(Refused(Condition.CONFLICT, f"{nick} is taken."))
            return
        old, self.nick = self.nick, nick
        self.bridge.people[nick] = self.bridge.people.pop(old)
        self.sink.own_nick(nick)
        for key, there in self.bridge.rooms.items():
            if old in there.members:
                there.members[nick] = there.members.pop(old)
                for member in there.members.values():
                    member.sink.renamed([key], old, nick)
        ticket.done()

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        key = self.fold(room)
        there = self.bridge.rooms.setdefault(key, LoopbackRoom())
        there.topic = Topic(text, self.nick)
        for member in there.members.values():
            member.sink.topic(key, there.topic)
        ticket.done()

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        key = self.fold(room)
        victim = self.bridge.rooms.get(key, LoopbackRoom()).members.get(nick)
        if victim is None:
            ticket.refused(Refused(Condition.ITEM_NOT_FOUND, f"There is no {nick} in {room}."))
            return
        victim._out(key, Departure(Exit.KICKED, reason, self.nick))
        victim.sink.departed([key], nick, Departure(Exit.KICKED, reason, self.nick))
        ticket.done()

    def shows(self, availability: Availability, status: str = "") -> None:
        """This person is seen differently by whoever watches."""
        for other in self.bridge.people.values():
            if self.fold(self.nick) in other.watched:
                other.sink.contact_presence(self.nick, availability, status)

    def _out(self, key: str, departure: Departure) -> None:
        there = self.bridge.rooms.get(key)
        if there is not None and there.members.pop(self.nick, None) is not None:
            for member in there.members.values():
                member.sink.departed([key], self.nick, departure)

    def _occupant(self, nick: str) -> Occupant:
        return Occupant(nick, Affiliation.NONE, Role.PARTICIPANT, f"{nick.casefold()}@loopback")


def _build(settings: BaseModel, services: Services) -> LoopbackBridge:
    if not isinstance(settings, LoopbackSettings):
        raise TypeError("the loopback bridge was given another bridge's settings")
    return LoopbackBridge(settings)


BRIDGE = Plugin(LoopbackSettings, _build)
