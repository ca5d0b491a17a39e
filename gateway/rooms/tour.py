"""What one client is shown of a room when it comes in, when it comes back, and when the room itself was away.

Big rooms are shown in slices, so that nobody else waits; what happens in a room meanwhile waits there until they are over
(``Room``). Owns what has to be known for that: what was written when (``gateway.rooms.absence``), and who was there when the
link to the server was lost.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gateway.model import Departure
from gateway.rooms import events, stanzas
from gateway.rooms.absence import Marks, first_since, mark
from gateway.rooms.history import Said
from gateway.rooms.people import Attendance, Attendee, Seat
from gateway.xmpp import render

if TYPE_CHECKING:
    from gateway.rooms.context import RoomContext
    from gateway.rooms.room import Room

#: Occupants that are looked at in one turn of the loop: a few milliseconds.
SLICE = 400
AWAY = "left while the connection was lost"


class Tours:
    """Of one room."""

    __slots__ = ("_context", "_epoch", "_left", "_marks", "_room", "_turns", "_waiting")

    def __init__(self, room: "Room", context: "RoomContext") -> None:
        self._room = room
        self._context = context
        self._marks: Marks = []
        self._epoch = -1  # of the latest mark
        self._left: tuple[str, dict[str, Seat]] | None = (
            None  # our nick and who was there when the link was lost
        )
        self._waiting: list[tuple[Attendee, Iterator[None]]] = []  # the first is under way
        self._turns = False  # slices of ours come by themselves

    def written(self) -> None:
        """The next message of the history is written now."""
        epoch = self._context.stamp()
        if epoch != self._epoch:
            self._epoch = epoch
            mark(self._marks, epoch, self._room.history)

    # -- the order of things -----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a client is being shown something that must not be interrupted."""
        return bool(self._waiting)

    def welcome(self, attendee: Attendee) -> None:
        """Put one client on the list of those that are to be shown the whole room."""
        behind, attendee.attendance = attendee.behind, Attendance.TOURING
        attendee.join = None
        self._waiting.append((attendee, self._whole(attendee, behind=behind)))

    def changes(
        self,
        attendee: Attendee,
        before: dict[str, Seat],
        old_nick: str,
        *,
        topic: bool = False,
        reason: str,
    ) -> None:
        """The same for one that was in, and was shown those of ``before`` and ourselves as ``old_nick``. ``topic``: there is
        another one now; ``reason``: why those are gone that are."""
        steps = self._differences(attendee, before, old_nick, topic=topic, reason=reason)
        self._waiting.append((attendee, steps))

    def go(self) -> None:
        """Begin, if that has not been done; small rooms are done with then, as long as the server reads what we write: a
        thousand users who log in at once are more than it can take."""
        if not self._turns and (self._context.slices.congested or self.step()) and not self._turns:
            self._turns = True
            self._context.slices.add(self._turn)

    def _turn(self) -> bool:
        self._turns = self.step()
        return self._turns

    def step(self) -> bool:
        """Do one slice; whether there is more."""
        room = self._room
        while self._waiting:
            attendee, steps = self._waiting[0]
            # One that is gone meanwhile, or has asked anew, is done with.
            if room.attendees.get(attendee.jid) is attendee:
                for _ in steps:
                    return True
            del self._waiting[0]
        room.proceed()
        return bool(self._waiting)

    def finish(self) -> None:
        """Do all the rest at once: too much is waiting for it."""
        while self.step():
            pass

    # -- what is shown -----------------------------------------------------------------------------------------

    def _whole(self, attendee: Attendee, *, behind: bool) -> Iterator[None]:
        """Occupants, the client itself, history, subject (XEP-0045 §7.2.2 to §7.2.15)."""
        room, context = self._room, self._context
        room_attr, to, send = attendee.room_attr, attendee.jid_attr, context.send
        if behind and self._left is not None:
            was_called, before = self._left
            yield from self._departures(attendee, before, was_called, AWAY)
        for nick in _sliced(room.company.shown()):
            if nick is None:
                yield
            elif nick != room.nick:
                send(room.company.presence(room.seats[nick], room_attr, to, ""))
        attendee.attendance = Attendance.IN
        attendee.shown, attendee.splits = context.stamp(), room.splits
        own = room.company.own_seat()
        renamed = render.NICK_CHANGED_BY_SERVICE if attendee.nick != own.resource else ""
        send(room.company.presence(own, room_attr, to, render.REAL_ADDRESSES_VISIBLE + renamed + render.SELF))
        for said in self._unseen(attendee, behind=behind):
            send(stanzas.said_before(room, said, attendee), owned=True)
        send(stanzas.subject(room, attendee), keep=True)
        note = "" if behind else room.company.note()
        if note:
            for stanza in events.said(attendee, context.ids.next(), note):
                send(stanza, keep=True)
        self.release()

    def _unseen(self, attendee: Attendee, *, behind: bool) -> list[Said]:
        """What a client is to be shown of the room's history: what it asked for, or what it may have missed."""
        history = self._room.history
        if attendee.since is None:
            unseen = history.select(
                attendee.history,
                self._context.now(),
                self._room.habits.history,
                lambda said: len(stanzas.said_before(self._room, said, attendee)),
            )
            attendee.since = history.total - len(unseen)
            return unseen
        if not behind:
            return []
        unseen, lost = history.since(attendee.since)
        if lost:
            text = f"{lost} more messages were said while the connection to your server was lost."
            id_ = self._context.ids.next()
            for stanza in events.said(attendee, id_, text):
                self._context.send(stanza, keep=True)
        return unseen

    def _differences(
        self, attendee: Attendee, before: dict[str, Seat], old_nick: str, *, topic: bool, reason: str
    ) -> Iterator[None]:
        room, send = self._room, self._context.send
        yield from self._departures(attendee, before, old_nick, reason)
        for nick in _sliced(room.company.shown()):
            if nick is None:
                yield
                continue
            known, seat = before.get(nick), room.seats[nick]
            if known is None or known.occupant != seat.occupant:
                statuses = render.SELF if nick == room.nick else ""
                send(room.company.presence(seat, attendee.room_attr, attendee.jid_attr, statuses))
        if topic:
            send(stanzas.subject(room, attendee), keep=True)

    def _departures(
        self, attendee: Attendee, before: dict[str, Seat], old_nick: str, reason: str
    ) -> Iterator[None]:
        """Who of those that were there is not any more."""
        room = self._room
        here = frozenset(room.company.shown())
        renamed = old_nick if old_nick != room.nick else ""
        if renamed and renamed in before:
            room.company.tell_rename(attendee, before[renamed], room.company.own_seat(), own=True)
        for nick in _sliced(before):
            if nick is None:
                yield
            elif nick not in here and nick != renamed:
                seat = before[nick]
                content = render.gone(seat.occupant.affiliation, Departure(reason=reason), tail=seat.tail)
                gone = render.unavailable(attendee.room_attr, seat.resource_attr, attendee.jid_attr, content)
                self._context.send(gone)

    # -- when the link to the server is lost -------------------------------------------------------------------

    def link_lost(self, epoch: int) -> None:
        """What was written in ``epoch`` or later may not have reached the clients, and nothing reaches them now."""
        room = self._room
        first = first_since(self._marks, epoch, room.history)
        for each in room.attendees.values():
            if each.attendance is Attendance.TOURING:
                each.attendance = Attendance.AWAY  # it is shown all of it again
            elif each.attendance is Attendance.IN:
                # Who was shown the room in that time may have missed even that.
                if each.since is None or each.shown < epoch:
                    each.since = first
                each.attendance = Attendance.AWAY
                if self._left is None:
                    self._left = room.nick, room.company.told()
        self._waiting.clear()
        room.proceed()
        self.release()

    def release(self) -> None:
        """Keep of the history what somebody who is away still has to see."""
        behind = [each.since for each in self._room.attendees.values() if each.behind]
        self._room.history.held = min((since for since in behind if since is not None), default=None)
        if not behind:
            self._left = None


def _sliced(nicks: Iterable[str]) -> Iterator[str | None]:
    """A copy of ``nicks``, with None where a slice ends."""
    for number, nick in enumerate(list(nicks), 1):
        yield nick
        if number % SLICE == 0:
            yield None
