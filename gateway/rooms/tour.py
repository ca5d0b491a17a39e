"""What one client is shown of a room when it comes in, when it comes back, and when the room itself was away.

Owns what has to be known for that: what was written when (``gateway.rooms.absence``), and who was there when the link to
the server was lost.
"""

from typing import TYPE_CHECKING

from gateway.model import Departure
from gateway.rooms.absence import Marks, first_since, mark
from gateway.rooms.history import Said
from gateway.rooms.people import Attendance, Attendee, Seat
from gateway.xmpp import render

if TYPE_CHECKING:
    from gateway.rooms.room import Room, RoomContext


class Tour:
    """Of one room."""

    __slots__ = ("_context", "_left", "_marks", "_room")

    def __init__(self, room: "Room", context: "RoomContext") -> None:
        self._room = room
        self._context = context
        self._marks: Marks = []
        self._left: tuple[str, dict[str, Seat]] | None = (
            None  # our nick and who was there when the link was lost
        )

    def written(self) -> None:
        """The next message of the history is written now."""
        mark(self._marks, self._context.stamp(), self._room.history)

    def welcome(self, attendee: Attendee) -> None:
        """Show one client the whole room: occupants, itself, history, subject (XEP-0045 §7.2.2 to §7.2.15)."""
        behind, attendee.attendance = attendee.behind, Attendance.IN
        attendee.join = None
        room, context = self._room, self._context
        room_attr, to, send = attendee.room_attr, attendee.jid_attr, context.send
        attendee.shown, attendee.splits = context.stamp(), room.splits
        if behind and self._left is not None:
            self.departures(attendee, self._left[1], self._left[0])
        for nick, seat in room.seats.items():
            if nick != room.nick:
                send(room.presence(seat, room_attr, to, ""))
        own = room.own_seat()
        renamed = render.NICK_CHANGED_BY_SERVICE if attendee.nick != own.resource else ""
        send(room.presence(own, room_attr, to, render.REAL_ADDRESSES_VISIBLE + renamed + render.SELF))
        for said in self._unseen(attendee, behind=behind):
            send(room.said_before(said, attendee), owned=True)
        send(room.subject(attendee), keep=True)
        self.release()

    def _unseen(self, attendee: Attendee, *, behind: bool) -> list[Said]:
        """What a client is to be shown of the room's history: what it asked for, or what it may have missed."""
        history = self._room.history
        if attendee.since is None:
            unseen = history.select(
                attendee.history,
                self._context.now(),
                self._room.habits.history,
                lambda said: len(self._room.said_before(said, attendee)),
            )
            attendee.since = history.total - len(unseen)
            return unseen
        if not behind:
            return []
        unseen, lost = history.since(attendee.since)
        if lost:
            text = f"{lost} more messages were said while the connection to your server was lost."
            id_ = self._context.ids.next()
            self._context.send(render.room_note(attendee.room_attr, attendee.jid_attr, id_, text), keep=True)
        return unseen

    def link_lost(self, epoch: int) -> None:
        """What was written in ``epoch`` or later may not have reached the clients, and nothing reaches them now."""
        room = self._room
        first = first_since(self._marks, epoch, room.history)
        for each in room.attendees.values():
            if each.attendance is Attendance.IN:
                # Who was shown the room in that time may have missed even that.
                if each.since is None or each.shown < epoch:
                    each.since = first
                each.attendance = Attendance.AWAY
                if self._left is None:
                    self._left = room.nick, room.believed()
        self.release()

    def release(self) -> None:
        """Keep of the history what somebody who is away still has to see."""
        behind = [each.since for each in self._room.attendees.values() if each.behind]
        self._room.history.held = min((since for since in behind if since is not None), default=None)
        if not behind:
            self._left = None

    def differences(self, attendee: Attendee, before: dict[str, Seat], old_nick: str) -> None:
        """We were out and are in again; ``before`` were there then, and we were called ``old_nick``."""
        room, send = self._room, self._context.send
        self.departures(attendee, before, old_nick)
        for nick, seat in room.seats.items():
            known = before.get(nick)
            if known is None or known.occupant != seat.occupant:
                statuses = render.SELF if nick == room.nick else ""
                send(room.presence(seat, attendee.room_attr, attendee.jid_attr, statuses))

    def departures(self, attendee: Attendee, before: dict[str, Seat], old_nick: str) -> None:
        """Who of those that were there is not any more."""
        room = self._room
        renamed = old_nick if old_nick != room.nick else ""
        if renamed and renamed in before:
            room.tell_rename(attendee, before[renamed], room.own_seat(), own=True)
        for nick, seat in before.items():
            if nick not in room.seats and nick != renamed:
                left = Departure(reason="left while the connection was lost")
                content = render.gone(seat.occupant.affiliation, left, tail=seat.tail)
                gone = render.unavailable(attendee.room_attr, seat.resource_attr, attendee.jid_attr, content)
                self._context.send(gone)
