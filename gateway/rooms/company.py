"""The people in one room as its clients see them: who comes, goes, changes and is called otherwise; and, in big rooms of
users who want it so, whom of them clients are shown at all. In XEP-0045's order, as templates of ``gateway.xmpp.render``.

When all that happens, and what has to wait for what, is the room's to know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gateway.model import Departure, Exit, Occupant
from gateway.rooms.identities import RoomIdentities
from gateway.rooms.people import Attendance, Attendee, Seat
from gateway.rooms.seating import Seating
from gateway.rooms.speakers import Speakers
from gateway.xmpp import render
from gateway.xmpp.text import attribute

if TYPE_CHECKING:
    from gateway.rooms.context import RoomContext
    from gateway.rooms.room import Room

#: Hot: to look up a member of an enumeration costs as much as two calls.
_IN, _SPLIT = Attendance.IN, Exit.SPLIT


class Company:
    """Of one room."""

    __slots__ = ("_context", "_room", "_speakers", "seating")

    def __init__(self, room: "Room", context: "RoomContext") -> None:
        self._room = room
        self._context = context
        self._speakers: Speakers | None = None  # None: everybody is shown
        self.seating = Seating(RoomIdentities(room, context), context.ids.next)

    # -- who is shown ------------------------------------------------------------------------------------------

    def shown(self) -> Iterable[str]:
        """The nicks of those that clients are shown."""
        if self._speakers is None:
            return self.seating
        return [nick for nick in self._speakers if nick in self.seating]

    def told(self) -> dict[str, Seat]:
        """Who is here as far as clients have been told."""
        believed, speakers = self.seating.believed(), self._speakers
        if speakers is None:
            return believed
        return {nick: seat for nick, seat in believed.items() if nick in speakers}

    def note(self) -> str:
        """What a client that comes in has to know of whom it is not shown; empty if that is nobody."""
        if self._speakers is None:
            return ""
        return f"There are {len(self.seating)} people here. You are shown moderators and who speaks."

    def anew(self, occupants: Sequence[Occupant]) -> dict[str, Seat]:
        """Nobody is here but ``occupants``; who clients were told of before."""
        before = self.told()
        self.seating.all_anew(occupants)
        self.own_seat()
        self._speakers = self._choose()
        return before

    def chosen_anew(self) -> dict[str, Seat] | None:
        """Look again who is to be shown, as the room is now; who clients were told of before, if that is another matter."""
        before, speakers = self.told(), self._choose()
        if (speakers is None) is (self._speakers is None):
            return None
        self._speakers = speakers
        return before

    def overgrown(self) -> bool:
        """Whether everybody is shown, and that is too many by now."""
        crowd = self._room.habits.crowd
        return crowd.speakers and self._speakers is None and len(self.seating) > crowd.above

    def _choose(self) -> Speakers | None:
        room = self._room
        crowd = room.habits.crowd
        if not crowd.speakers or len(self.seating) <= crowd.above:
            return None
        return Speakers(room.nick, self.seating, reversed(list(room.history.latest())), self._context.now())

    def hides(self, nick: str) -> bool:
        """Whether it is an occupant whom clients are not shown."""
        return self._speakers is not None and nick not in self._speakers and nick in self.seating

    def reveal(self, nick: str) -> None:
        """Somebody does what clients cannot be told without knowing them, or the user has to do with them."""
        speakers = self._speakers
        if speakers is None or nick not in self.seating:
            return
        if self._room.waits(partial(self.reveal, nick)):
            return
        now, new = self._context.now(), nick not in speakers
        speakers.heard(nick, now)
        if new:
            seat = self.seating[nick]
            self._tell(seat, self._standing(seat, ""))
        for silent in speakers.silent(now):
            self._fade(silent)

    def _fade(self, nick: str) -> None:
        """Somebody is here, and not shown any more."""
        missed = self.seating.give_up(nick)
        seat = missed.seat if missed is not None else self.seating.seats.get(nick)
        if seat is not None:
            self._untell(seat, Departure())

    # -- what the network tells --------------------------------------------------------------------------------

    def arrived(self, occupant: Occupant) -> None:
        """Somebody came, or changed, or is back after a split of the network."""
        seating, nick = self.seating, occupant.nick
        if self._speakers is not None and not self._speakers.came(occupant, self._context.now()):
            seating.put(occupant)
            return
        missed = seating.missed.pop(nick, None) if seating.missed else None
        seat = seating.seat(occupant, seating.find(nick) if missed is None else missed.seat)
        room = self._room
        tells = missed is None or not missed.is_now(occupant)
        number = missed.number if missed is not None else 0
        content = ""
        for each in room.attendees.values():
            if each.attendance is _IN and (tells or each.splits > number):
                content = content or self._standing(seat, render.SELF if nick == room.nick else "")
                self._context.send(
                    render.available(each.room_attr, seat.resource_attr, each.jid_attr, content)
                )

    def departed(self, nick: str, departure: Departure) -> None:
        """Somebody else left; or is not expected back any more, of which those hear who saw them last."""
        seating, speakers = self.seating, self._speakers
        if speakers is not None and nick not in speakers:
            if departure.exit not in (Exit.KICKED, Exit.BANNED):
                seating.drop(nick)
                return
            self.reveal(nick)
        if departure.exit is _SPLIT:
            seating.miss(nick)
            return
        if speakers is not None:
            speakers.went(nick)
        seat, missed = seating.rise(nick), seating.give_up(nick)
        if missed is not None:
            self._untell(missed.seat, departure, missed.number)
        elif seat is not None:
            self._untell(seat, departure)

    def renamed(self, old: str, new: str) -> None:
        """A nick change: unavailable with 303, then available under the new one; the occupant-id stays."""
        own = old == self._room.nick
        if own:
            self._room.nick = new
        before = self.seating.rise(old)
        self.seating.give_up(new)
        if before is None:
            return
        seat = self.seating.seat(replace(before.occupant, nick=new), before)
        if self._speakers is not None:
            hidden = old not in self._speakers
            self._speakers.renamed(old, new, self._context.now())
            if hidden:
                return
        for each in self._room.present:
            self.tell_rename(each, before, seat, own=own)

    def tell_rename(self, each: Attendee, before: Seat, seat: Seat, *, own: bool) -> None:
        statuses = render.SELF if own else ""
        room, to, send = each.room_attr, each.jid_attr, self._context.send
        new = attribute(seat.occupant.nick)
        send(render.renamed(room, before.resource_attr, to, before.occupant, new, statuses, before.tail))
        send(self.presence(seat, room, to, statuses))

    # -- pieces ------------------------------------------------------------------------------------------------

    def own_seat(self) -> Seat:
        return self.seating.of(self._room.nick)

    def presence(self, seat: Seat, room_attr: str, to_attr: str, statuses: str) -> str:
        return render.available(room_attr, seat.resource_attr, to_attr, self._standing(seat, statuses))

    def _standing(self, seat: Seat, statuses: str) -> str:
        """What an occupant's presence holds, whoever it is sent to."""
        room = self._room
        real = self._context.occupant_jid_attr(room.address.network, seat.occupant)
        if seat.occupant.nick == room.nick:
            statuses = render.oneself(seat.occupant, attribute(room.owner)) + statuses
        return render.standing(seat.occupant, real, statuses, seat.tail)

    def _tell(self, seat: Seat, content: str) -> None:
        for each in self._room.attendees.values():
            if each.attendance is _IN:
                self._context.send(
                    render.available(each.room_attr, seat.resource_attr, each.jid_attr, content)
                )

    def _untell(self, seat: Seat, departure: Departure, number: int | None = None) -> None:
        """``number``: only clients that were shown the room before so many had gone with splits."""
        content = render.gone(seat.occupant.affiliation, departure, tail=seat.tail)
        for each in self._room.attendees.values():
            if each.attendance is _IN and (number is None or each.splits <= number):
                self._context.send(
                    render.unavailable(each.room_attr, seat.resource_attr, each.jid_attr, content)
                )
