"""One user of the SMS bridge. No connection is behind it: what the user does goes to the parts of the bridge, and what they
have for the user comes through here. Owns nothing that outlives it.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from bridges.sms import addresses
from bridges.sms.addresses import Place
from bridges.sms.conversations import Conversations
from bridges.sms.departures import Departures, Draft
from bridges.sms.groups import Groups
from bridges.sms.numbers import Numbers
from bridges.sms.orders import Order, Orders
from bridges.sms.people import People
from bridges.sms.personal import Personal
from gateway.bridge import Account, NotStored, SessionEnded, Sink, Ticket
from gateway.bridge.waiting import unless
from gateway.model import (
    Address,
    Attachment,
    Availability,
    Condition,
    Contact,
    ErrorType,
    MessageKind,
    Refused,
)

_NO_ROOM = Refused(
    Condition.ITEM_NOT_FOUND,
    "There is no such group. The command `group` makes one of some numbers, and group texts make their own.",
)
_NOT_HERE = Refused(Condition.NOT_ACCEPTABLE, "Texting has no such thing.")


class Desk(Protocol):
    """What a session hands things to, as they are once the bridge has begun."""

    @property
    def departures(self) -> Departures: ...

    @property
    def orders(self) -> Orders: ...

    def here(self, owner: str) -> None:
        """The user can be told something again."""


class House(Protocol):
    """The bridge around a session."""

    place: Place
    numbers: Numbers
    people: People
    conversations: Conversations
    groups: Groups

    async def opened(self) -> Desk: ...


class SmsSession:
    """``gateway.bridge.Session``, ``SharesFiles``, ``Watching`` and ``KnowsOneWay``."""

    def __init__(self, account: Account, sink: Sink, house: House) -> None:
        self.owner = account.user
        self.sink = sink
        self.personal = Personal.of(account.settings)
        self._house = house
        self._desk: Desk | None = None
        self._watched: set[str] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        house = self._house
        desk = await unless(self._over, house.opened())
        if desk is None:
            return
        try:
            known = await house.conversations.learn(self.owner)
        except NotStored as error:
            text = "The gateway cannot read its database just now. It tries again."
            raise SessionEnded(Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT)) from error
        # Also of a user who has no number now: one may come, and with it what waits for it.
        self._desk = desk
        house.people.came(self)
        try:
            # The name in rooms. A number would be none: Converse.js (14) makes a pattern of its own nick, and shows nothing
            # of a room if that begins with a plus.
            self.sink.online(house.people.name(self.owner))
            for each in known:
                self.met(each.party)
            # After that, for what waits may be about rooms, which are entered by now.
            desk.here(self.owner)
            await self._over
        finally:
            house.people.went(self)
            house.groups.gone(self.owner)

    def close(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def fold(self, name: str) -> str:
        return addresses.fold(name, self._house.place)

    # -- people ------------------------------------------------------------------------------------------------

    def met(self, party: str) -> None:
        called = self._house.people.called(self.owner, party)
        self.sink.contact(Contact(party, called or addresses.label(party), about=_about(party)))

    def one_way(self, contact: str) -> bool:
        return not addresses.answerable(contact)

    def watch(self, contact: str) -> None:
        key = self.fold(contact)
        if key not in self._watched:
            self._watched.add(key)
            self.met(key)
        # Nobody knows whether a phone is on; somebody who can be texted is shown as reachable, all else is worse.
        self.sink.contact_presence(
            key, Availability.AVAILABLE, "" if addresses.answerable(key) else "Cannot be answered."
        )

    def unwatch(self, contact: str) -> None:
        self._watched.discard(self.fold(contact))

    # -- messages ----------------------------------------------------------------------------------------------

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._write(self.fold(contact), self._words(text, kind), (), ticket)

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self._write(self.fold(room), self._words(text, kind), (), ticket)

    def share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
    ) -> None:
        self._write(self.fold(address.name), self._words(text, kind), tuple(attachments), ticket)

    @property
    def _ready(self) -> Desk:
        """The core asks for nothing before ``Sink.online``."""
        if self._desk is None:
            raise RuntimeError("This session has not begun.")
        return self._desk

    def _words(self, text: str, kind: MessageKind) -> str:
        return text if kind is not MessageKind.ACTION else f"* {self.personal.name or 'I'} {text}"

    def _write(self, place: str, text: str, attachments: tuple[Attachment, ...], ticket: Ticket) -> None:
        desk = self._ready
        if not attachments and desk.orders.known(text):
            desk.orders.take(text, Order(self.owner, place), ticket)
            return
        group = self._house.groups.find(self.owner, place)
        if place.startswith("group-") and group is None:
            ticket.refused(_NO_ROOM)
            return
        parties = group.members if group is not None else addresses.members(place)
        desk.departures.write(
            Draft(self.owner, place, parties, text, attachments, group.ours if group is not None else ""),
            ticket,
        )

    # -- rooms -------------------------------------------------------------------------------------------------

    def join(self, room: str, nick: str, password: str) -> None:
        if not self._house.groups.join(self.owner, self.sink, self.fold(room), nick):
            self.sink.room_refused(self.fold(room), _NO_ROOM)

    def leave(self, room: str, reason: str) -> None:
        self._house.groups.leave(self.owner, self.fold(room))

    def rename(self, nick: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        self._ready.orders.rename_group(Order(self.owner, self.fold(room)), text, ticket)

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)

    def instruct(self, text: str, ticket: Ticket) -> None:
        ticket.refused(_NOT_HERE)


def _about(party: str) -> str:
    """The network vouches for no sender (sms.md 7.3)."""
    if not addresses.is_group(party) and not party.startswith("group-"):
        return "Text messages (SMS). The network does not prove who sends them."
    return ""
