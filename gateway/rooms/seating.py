"""Who sits where in one room: occupants by nick and by the resource they are shown under, each with what is constant in
its stanzas, the occupant-id (XEP-0421) above all.

Somebody whom the network knows for ever has one id for ever. So has, as long as they are seen under the same nick and
address, somebody of whom it shows no more; everybody else has one as long as they stay. It outlives a change of nick, and is
not changed when more is learnt of its bearer: clients would take them for somebody new. A seat is made when it is first
looked at, so a list of ten thousand is taken in within a millisecond or two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from gateway.addressing import nick_for, resource_for
from gateway.model import Occupant
from gateway.rooms.people import Seat
from gateway.xmpp.text import attribute

#: People remembered who spoke without being there.
_STRANGERS = 200
#: The latest seats that another user's room may need too: some 400 bytes each, and no more than there are.
_SHARED = 1 << 14


class Identities(Protocol):
    """Where ids come from that are the same whenever they are asked for."""

    def known(self, nick: str, stable: str) -> str:
        """By what the network knows somebody by, or empty; empty where there is none."""

    def seen(self, nick: str, identity: str) -> str:
        """By what the network shows of somebody, which is all there is to see of somebody else, maybe, later."""


@dataclass(slots=True)
class Missed:
    """The seat of somebody who went with a split of the network. Clients that were shown the room before that (their
    ``Attendee.splits`` is not greater than ``number``) take them to be here. Not frozen, for there are thousands at a time;
    nobody changes one."""

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


class Seating(Mapping[str, Seat]):
    """The occupants by nick, as the network spells it. ``new_id`` makes ids that nobody has had. ``seats`` are those that
    were looked at. ``missed`` are those whom the network may bring back at once; they have no seat. ``splits`` counts all
    who ever went so."""

    __slots__ = (
        "_by_resource",
        "_identities",
        "_moved",
        "_new_id",
        "_strangers",
        "_unseated",
        "missed",
        "seats",
        "splits",
    )

    def __init__(self, identities: Identities, new_id: Callable[[], str]) -> None:
        self.seats: dict[str, Seat] = {}
        self.missed: dict[str, Missed] = {}
        self.splits = 0
        self._unseated: dict[str, Occupant] = {}
        self._by_resource: dict[str, str] = {}  # only of those whose resource is not their nick
        self._strangers: dict[str, str] = {}  # the ids of those who spoke without being there, by nick
        self._moved: set[str] | None = None  # ids of those who took them along from another nick
        self._identities = identities
        self._new_id = new_id

    # -- who is here -------------------------------------------------------------------------------------------

    def __getitem__(self, nick: str) -> Seat:
        seat = self.seats.get(nick)
        return seat if seat is not None else self.seat(self._unseated[nick])

    def find(self, nick: str) -> Seat | None:
        """The seat of somebody who may be here; ``get`` would raise and catch an exception for everybody who is not."""
        seat = self.seats.get(nick)
        if seat is None and (occupant := self._unseated.get(nick)) is not None:
            return self.seat(occupant)
        return seat

    def __contains__(self, nick: object) -> bool:
        return nick in self.seats or nick in self._unseated

    def __iter__(self) -> Iterator[str]:
        return iter([*self.seats, *self._unseated])  # looking at one makes a seat

    def __len__(self) -> int:
        return len(self.seats) + len(self._unseated)

    def occupants(self) -> Iterator[Occupant]:
        """All of them, with a seat or without."""
        for seat in self.seats.values():
            yield seat.occupant
        yield from self._unseated.values()

    def believed(self) -> dict[str, Seat]:
        """Who is here as far as clients may have been told."""
        return {**{nick: each.seat for nick, each in self.missed.items()}, **self.seats}

    # -- coming and going --------------------------------------------------------------------------------------

    def seat(self, occupant: Occupant, before: Seat | None = None) -> Seat:
        """Seat an occupant; the occupant-id of ``before`` is kept, so that clients see one and the same person."""
        nick = occupant.nick
        if self._unseated.pop(nick, None) is not None and not self._unseated:
            self._unseated = {}  # a dictionary stays as large as it was
        if before is not None and before.occupant.nick == nick:
            seat = Seat(occupant, before.resource, before.resource_attr, before.id)
        elif before is not None:
            self._move(before.id)
            seat = _seat(occupant, before.id)
        else:
            seat = self._first(occupant)
        self.seats[nick] = seat
        if seat.resource != nick:
            self._by_resource[seat.resource] = nick
        return seat

    def put(self, occupant: Occupant) -> None:
        """Somebody is here, or is something else now, of whom nobody needs to see anything."""
        before = self.seats.get(occupant.nick)
        if before is not None:
            self.seat(occupant, before)
        else:
            self._unseated[occupant.nick] = occupant

    def all_anew(self, occupants: Sequence[Occupant]) -> dict[str, Seat]:
        """Nobody is here but ``occupants``; who was here before, as clients know it."""
        before, moved = self.believed(), self._moved
        self.seats, self._unseated, self._moved = {}, {}, None
        self.missed.clear()
        self._by_resource.clear()
        for occupant in occupants:
            known = before.get(occupant.nick)
            if known is None:
                self._unseated[occupant.nick] = occupant
            elif self.seat(occupant, known).id in (moved or ()):
                self._move(known.id)
        return before

    def rise(self, nick: str) -> Seat | None:
        """Somebody leaves their seat."""
        seat = self._up(nick)
        if seat is not None:
            self._forget(seat.id)
        return seat

    def drop(self, nick: str) -> None:
        """Somebody is gone, of whom nobody needs to see anything."""
        if self._unseated.pop(nick, None) is None:
            self.rise(nick)

    def miss(self, nick: str) -> None:
        """Somebody goes with a split of the network."""
        seat = self._up(nick)
        if seat is not None:
            self.missed[nick] = Missed(seat, self.splits)
            self.splits += 1

    def give_up(self, nick: str) -> Missed | None:
        """Somebody who went with a split is not expected back."""
        missed = self.missed.pop(nick, None)
        if missed is not None:
            self._forget(missed.seat.id)
        return missed

    def _move(self, id_: str) -> None:
        if self._moved is None:
            self._moved = set()  # most rooms need none
        self._moved.add(id_)

    def _forget(self, id_: str) -> None:
        if self._moved is not None:
            self._moved.discard(id_)

    def _up(self, nick: str) -> Seat | None:
        seat = self.seats.pop(nick, None)
        if seat is None and nick in self._unseated:
            self[nick]
            seat = self.seats.pop(nick)
        if seat is not None:
            self._by_resource.pop(seat.resource, None)
        return seat

    # -- who is who --------------------------------------------------------------------------------------------

    def of(self, nick: str) -> Seat:
        """The seat of somebody who must have one, whether the network told us or not."""
        seat = self.find(nick)
        return seat if seat is not None else self.seat(Occupant(nick))

    def resource_attr(self, nick: str) -> str:
        """Under which resource somebody is shown, also one who is not here (any more)."""
        seat = self.seats.get(nick)
        return seat.resource_attr if seat is not None else attribute(resource_for(nick))

    def id_of(self, nick: str, stable: str = "") -> str:
        """The occupant-id of whoever says something: an occupant, or somebody who is not here."""
        seat = self.find(nick)
        if seat is not None:
            return seat.id
        if nick in self.missed:  # back, and heard before they were told
            return self.missed[nick].seat.id
        id_ = self._identities.known(nick, stable) or self._strangers.get(nick)
        if not id_:
            if len(self._strangers) >= _STRANGERS:
                del self._strangers[next(iter(self._strangers))]
            id_ = self._strangers[nick] = self._new_id()
        return id_

    def _first(self, occupant: Occupant) -> Seat:
        """The seat of somebody who had none."""
        nick, identity = occupant.nick, occupant.identity
        id_ = self._identities.known(nick, occupant.stable)
        if id_ and occupant.stable:
            return _shared(occupant, id_)
        # Who spoke before coming in is still the same.
        id_ = id_ or self._strangers.pop(nick, "")
        if not id_ and identity:
            id_ = self._identities.seen(nick, identity)
            # Else somebody who was seen so before is still here, under another nick.
            if self._moved is None or id_ not in self._moved:
                return _shared(occupant, id_)
            id_ = ""
        return _seat(occupant, id_ or self._new_id())

    def nick_with(self, id_: str) -> str:
        """The nick of the occupant with that id; empty if no client was told of one."""
        return next((nick for nick, seat in self.seats.items() if seat.id == id_), "")

    def nick_behind(self, resource: str) -> str:
        """The nick an XMPP resource stands for: that of the occupant shown under it, else the one it would be shown for."""
        return self._by_resource.get(resource) or nick_for(resource)


def _seat(occupant: Occupant, id_: str) -> Seat:
    resource = resource_for(occupant.nick)
    return Seat(occupant, resource, attribute(resource), id_)


# Many of our users are in the same rooms, and see the same people there: one object for all of them.
_shared = lru_cache(maxsize=_SHARED)(_seat)
