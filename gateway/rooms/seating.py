"""Who sits where in one room: occupants by nick and by the resource they are shown under, each with what is constant in
its stanzas, the occupant-id (XEP-0421) above all.

Somebody whom the network knows for ever has one id for ever, somebody else has one as long as they stay; it outlives a
change of nick, and is not changed when more is learnt of its bearer: clients would take them for somebody new.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.addressing import nick_for, resource_for
from gateway.model import Occupant
from gateway.rooms.people import Seat
from gateway.xmpp.text import attribute

#: People remembered who spoke without being there.
_STRANGERS = 200


#: (nick, what the network knows them by or empty) to an id that is always the same; empty where there is none.
Identify = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Missed:
    """The seat of somebody who went with a split of the network. Clients that were shown the room before that (their
    ``Attendee.splits`` is not greater than ``number``) take them to be here."""

    seat: Seat
    number: int

    def is_now(self, occupant: Occupant) -> bool:
        """Whether they are back as what they were. What more is learnt of them at their return (account, address) is not
        worth telling thousands of times; it goes with the next presence."""
        before = self.seat.occupant
        return (
            before.affiliation is occupant.affiliation
            and before.role is occupant.role
            and (before.hats == occupant.hats or set(before.hats) <= set(occupant.hats))
        )


class Seating:
    """Nicks are as the network spells them. ``new_id`` makes ids that nobody has had. ``missed`` are those whom the network
    may bring back at once; they have no seat. ``splits`` counts all who ever went so."""

    __slots__ = ("_by_resource", "_identify", "_new_id", "_strangers", "missed", "seats", "splits")

    def __init__(self, identify: Identify, new_id: Callable[[], str]) -> None:
        self.seats: dict[str, Seat] = {}
        self.missed: dict[str, Missed] = {}
        self.splits = 0
        self._by_resource: dict[str, str] = {}  # only of those whose resource is not their nick
        self._strangers: dict[str, str] = {}  # the ids of those who spoke without being there, by nick
        self._identify = identify
        self._new_id = new_id

    def seat(self, occupant: Occupant, before: Seat | None = None) -> Seat:
        """Seat an occupant; the occupant-id of ``before`` is kept, so that clients see one and the same person."""
        nick = occupant.nick
        if before is not None and before.occupant.nick == nick:
            seat = Seat(occupant, before.resource, before.resource_attr, before.id)
        else:
            resource = resource_for(nick)
            if resource != nick:
                self._by_resource[resource] = nick
            id_ = before.id if before is not None else self._id(nick, occupant.stable)
            seat = Seat(occupant, resource, attribute(resource), id_)
        self.seats[nick] = seat
        return seat

    def all_anew(self, occupants: Sequence[Occupant]) -> dict[str, Seat]:
        """Nobody is here but ``occupants``; who was here before, as clients know it."""
        before, self.seats = self.believed(), {}
        self.missed.clear()
        for occupant in occupants:
            self.seat(occupant, before.get(occupant.nick))
        return before

    def rise(self, nick: str) -> Seat | None:
        """Somebody leaves their seat."""
        seat = self.seats.pop(nick, None)
        if seat is not None:
            self._by_resource.pop(seat.resource, None)
        return seat

    def miss(self, nick: str) -> None:
        """Somebody goes with a split of the network."""
        seat = self.rise(nick)
        if seat is not None:
            self.missed[nick] = Missed(seat, self.splits)
            self.splits += 1

    def believed(self) -> dict[str, Seat]:
        """Who is here as far as clients have been told."""
        return {**{nick: each.seat for nick, each in self.missed.items()}, **self.seats}

    def of(self, nick: str) -> Seat:
        """The seat of somebody who must have one, whether the network told us or not."""
        seat = self.seats.get(nick)
        return seat if seat is not None else self.seat(Occupant(nick))

    def resource_attr(self, nick: str) -> str:
        """Under which resource somebody is shown, also one who is not here (any more)."""
        seat = self.seats.get(nick)
        return seat.resource_attr if seat is not None else attribute(resource_for(nick))

    def id_of(self, nick: str, stable: str = "") -> str:
        """The occupant-id of whoever says something: an occupant, or somebody who is not here."""
        seat = self.seats.get(nick)
        if seat is not None:
            return seat.id
        if nick in self.missed:  # back, and heard before they were told
            return self.missed[nick].seat.id
        id_ = self._identify(nick, stable) or self._strangers.get(nick)
        if not id_:
            if len(self._strangers) >= _STRANGERS:
                del self._strangers[next(iter(self._strangers))]
            id_ = self._strangers[nick] = self._new_id()
        return id_

    def _id(self, nick: str, stable: str) -> str:
        # Who spoke before coming in is still the same.
        return self._identify(nick, stable) or self._strangers.pop(nick, "") or self._new_id()

    def nick_behind(self, resource: str) -> str:
        """The nick an XMPP resource stands for: that of the occupant shown under it, else the one it would be shown for."""
        return self._by_resource.get(resource) or nick_for(resource)
