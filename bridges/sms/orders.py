"""What users order by a word in a chat: ``.claim``, ``.release``, ``.number`` and so on. All else is in the commands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridges.sms import addresses
from bridges.sms.conversations import Conversations
from bridges.sms.groups import Group, Groups
from bridges.sms.numbers import Numbers, OurNumber
from bridges.sms.people import People
from bridges.sms.settings import Mode
from gateway.bridge import Contained, NotStored, Ticket
from gateway.model import Condition, ErrorType, Refused, Topic

_log = structlog.get_logger(__name__)

_NOT_STORED = Refused(
    Condition.INTERNAL_SERVER_ERROR, "The gateway cannot use its database just now.", ErrorType.WAIT
)
_FAILED = Refused(
    Condition.INTERNAL_SERVER_ERROR, "The gateway failed at that; its operator finds the reason in the log."
)
_NO_TEAM = Refused(
    Condition.NOT_ACCEPTABLE, "This conversation is not held over a number that you share with a team."
)
_TITLE_MOST = 100


@dataclass(frozen=True, slots=True)
class Order:
    """``place`` is the name of a contact or room."""

    owner: str
    place: str


class Claims(Protocol):
    """``bridges.sms.receiving.ownership``: who of a team sees to a conversation. What to say, or why not. All of it raises
    ``NotStored``."""

    async def claim(self, owner: str, ours: OurNumber, party: str) -> str | Refused: ...

    async def release(self, owner: str, ours: OurNumber, party: str) -> str | Refused: ...


class Orders:
    """What is ordered is done in a task of ``spawn``."""

    def __init__(
        self,
        *,
        people: People,
        numbers: Numbers,
        conversations: Conversations,
        groups: Groups,
        claims: Claims,
        spawn: Callable[[Awaitable[None]], None],
    ) -> None:
        self._people = people
        self._numbers = numbers
        self._conversations = conversations
        self._groups = groups
        self._claims = claims
        self._spawn = spawn
        self._words: dict[str, Callable[[Order], Awaitable[str | Refused]]] = {
            ".help": self._help,
            ".claim": self._claim,
            ".release": self._release,
            ".number": self._number,
            ".room": self._room,
        }

    def known(self, text: str) -> bool:
        return text.strip().lower() in self._words

    def take(self, text: str, order: Order, ticket: Ticket) -> None:
        """Do it; the ticket is done when it is."""
        self._spawn(self._do(self._words[text.strip().lower()](order), order, ticket))

    def rename_group(self, order: Order, title: str, ticket: Ticket) -> None:
        """The user sets the subject of a room."""
        self._spawn(self._do(self._rename(order, " ".join(title.split())[:_TITLE_MOST]), order, ticket))

    async def _do(self, doing: Awaitable[str | Refused], order: Order, ticket: Ticket) -> None:
        said: str | Refused = _FAILED
        with Contained(_log, "an order of a user failed"):
            try:
                said = await doing
            except NotStored:
                said = _NOT_STORED
        if isinstance(said, Refused):
            ticket.refused(said)
            return
        ticket.done()
        if said:
            # In brackets as all that the gateway says in the chat of a phone, which it is not the phone that says.
            self._people.notice(order.owner, order.place, f"[{said}]")

    # -- the orders --------------------------------------------------------------------------------------------

    async def _help(self, order: Order) -> str | Refused:
        words = ".number says which number you write from here, .room makes a room of a group."
        if any(each.mode is Mode.TEAM for each in self._numbers.of(order.owner)):
            words += (
                " Of a number that you share: .claim takes this conversation (from whoever has it), "
                ".release gives it back to all."
            )
        return words

    def _ours(self, order: Order) -> OurNumber | None:
        known = self._conversations.of(order.owner, order.place)
        if known is None or not self._numbers.may(order.owner, known.number):
            return None
        return self._numbers.find(known.number)

    async def _claim(self, order: Order) -> str | Refused:
        ours = self._ours(order)
        if ours is None or ours.mode is not Mode.TEAM:
            return _NO_TEAM
        return await self._claims.claim(order.owner, ours, order.place)

    async def _release(self, order: Order) -> str | Refused:
        ours = self._ours(order)
        if ours is None or ours.mode is not Mode.TEAM:
            return _NO_TEAM
        return await self._claims.release(order.owner, ours, order.place)

    async def _number(self, order: Order) -> str | Refused:
        group = self._groups.find(order.owner, order.place)
        if group is not None:
            return f"You write here from {addresses.label(group.ours)}."
        ours = self._ours(order)
        if ours is not None:
            return f"You write here from {_called(ours)}."
        ranked = self._numbers.senders(
            order.owner,
            addresses.members(order.place)[0],
            self._people.personal(order.owner).number,
        )
        if not ranked:
            return Refused(Condition.NOT_ALLOWED, "No number is yours at this gateway.")
        return f"You would write here from {_called(ranked[0])}."

    async def _room(self, order: Order) -> str | Refused:
        parties = addresses.members(order.place)
        group = self._groups.with_members(order.owner, parties)
        if group is None:
            if len(parties) < 2:
                return Refused(Condition.NOT_ACCEPTABLE, "A room takes at least two others.")
            ranked = self._numbers.senders(order.owner, parties[0], self._people.personal(order.owner).number)
            if not ranked:
                return Refused(Condition.NOT_ALLOWED, "No number is yours at this gateway.")
            opened = await self._groups.open(order.owner, ranked[0].number, parties)
            if isinstance(opened, Refused):
                return opened
            group = opened
        return self._invite(order.owner, group)

    def _invite(self, owner: str, group: Group) -> str:
        sink = self._people.sink(owner)
        if sink is not None:
            sink.invited(group.room, group.party, self._groups.title(group))
        return ""

    async def _rename(self, order: Order, title: str) -> str | Refused:
        if not await self._groups.call(order.owner, order.place, title):
            return Refused(Condition.ITEM_NOT_FOUND, "There is no such group.")
        sink, group = self._people.sink(order.owner), self._groups.find(order.owner, order.place)
        if sink is not None and group is not None:
            sink.topic(order.place, Topic(self._groups.title(group)))
        return ""


def _called(ours: OurNumber) -> str:
    return f"{addresses.label(ours.number)} ({ours.name})" if ours.name else addresses.label(ours.number)
