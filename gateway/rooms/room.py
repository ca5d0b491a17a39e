"""One room of one user: who is in it, which of the user's clients look at it, and what each of them is told.

The foreign side speaks through the methods named after events (``entered``, ``heard``, ``arrived`` ...); what goes out are
templates of ``gateway.xmpp.render``, to every attendee, in XEP-0045's order. Whether a room is wanted, and what is
asked of the network, is the account's business.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Protocol

from gateway.addressing import nick_for, resource_for
from gateway.chat.dressing import dress
from gateway.chat.rendering import ROOM, for_room
from gateway.ids import IdSource
from gateway.model import (
    Address,
    Departure,
    Message,
    MessageKind,
    Occupant,
    Topic,
)
from gateway.rooms.absence import Marks, first_since, mark
from gateway.rooms.history import History, Said
from gateway.rooms.people import Attendance, Attendee, Seat
from gateway.rooms.place import RoomPlace
from gateway.xmpp import render, sharing
from gateway.xmpp.text import attribute, escape

#: Foreign ids remembered to make replays no-ops; more than any server replays in one go without its own markers.
_REMEMBERED_IDS = 200
#: Messages held back between the network's "you are in" and the end of its occupant list.
_HELD = 500


class RoomState(Enum):
    """Where the room stands on the foreign side."""

    ENTERING = auto()
    IN = auto()
    LOST = auto()  # the connection is gone; it is entered again when there is a new one


class RoomContext(Protocol):
    """What a room needs of its surroundings."""

    ids: IdSource

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        """See ``Outbox.send``."""

    def now(self) -> float: ...

    def occupant_jid_attr(self, network: str, occupant: Occupant) -> str:
        """What goes into ``<item jid=''/>``, escaped; empty where the network shows nothing."""

    def stamp(self) -> int:
        """The epoch (see ``gateway.xmpp.barrier``) of what is written now."""

    def archive(self, room: "Room", said: Said, foreign_id: str) -> None: ...

    def unarchive(self, room: "Room", stanza_id: str) -> None:
        """A message was taken back: do not keep it."""


class Room:
    """See the module's text. Nicks are as the network spells them."""

    __slots__ = (
        "_by_resource",
        "_context",
        "_held",
        "_left",
        "_marks",
        "_seen",
        "address",
        "attendees",
        "history",
        "key",
        "nick",
        "opened",
        "owner",
        "password",
        "persistent",
        "seats",
        "state",
        "topic",
    )

    def __init__(
        self, owner: str, key: str, address: Address, nick: str, context: RoomContext, history_limit: int
    ) -> None:
        self.owner = owner
        self.key = key
        self.address = address
        self.nick = nick
        self.password = ""
        self.persistent = False
        self.state = RoomState.ENTERING
        self.opened = False  # its history has been read; only then is the network asked
        self.attendees: dict[str, Attendee] = {}
        self.seats: dict[str, Seat] = {}
        self.topic = Topic()
        self.history = History(history_limit)
        self._context = context
        self._by_resource: dict[str, str] = {}
        self._seen: dict[str, str] = {}  # the network's ids, and those that their messages have here
        self._held: list[Callable[[], None]] = []
        self._marks: Marks = []
        self._left: tuple[str, dict[str, Seat]] | None = (
            None  # our nick and who was there when the link was lost
        )

    # -- attendees ---------------------------------------------------------------------------------------------

    @property
    def present(self) -> list[Attendee]:
        return [each for each in self.attendees.values() if each.attendance is Attendance.IN]

    def welcome(self, attendee: Attendee) -> None:
        """Show one client the whole room: occupants, itself, history, subject (XEP-0045 §7.2.2 to §7.2.15)."""
        behind, attendee.attendance = attendee.behind, Attendance.IN
        attendee.join = None
        room, to = attendee.room_attr, attendee.jid_attr
        send = self._context.send
        attendee.shown = self._context.stamp()
        if behind and self._left is not None:
            self._tell_departures(attendee, self._left[1], self._left[0])
        for nick, seat in self.seats.items():
            if nick != self.nick:
                send(self._presence(seat, room, to, ""))
        statuses = render.REAL_ADDRESSES_VISIBLE + render.SELF
        if attendee.nick != self.nick:
            statuses = render.REAL_ADDRESSES_VISIBLE + render.NICK_CHANGED_BY_SERVICE + render.SELF
        send(self._presence(self._own_seat(), room, to, statuses))
        for said in self._unseen(attendee, behind=behind):
            id_ = said.id or said.stanza_id  # corrections refer to it by the former
            send(self._message(said, attendee, id_, render.delay(room, said.time)), owned=True)
        send(self._subject(attendee), keep=True)
        self.release()

    def _unseen(self, attendee: Attendee, *, behind: bool) -> list[Said]:
        """What a client is to be shown of the room's history: what it asked for, or what it may have missed."""
        if attendee.since is None:
            unseen = self.history.select(attendee.history, self._context.now())
            attendee.since = self.history.total - len(unseen)
            return unseen
        if not behind:
            return []
        unseen, lost = self.history.since(attendee.since)
        if lost:
            text = f"{lost} more messages were said while the connection to your server was lost."
            id_ = self._context.ids.next()
            self._context.send(render.room_note(attendee.room_attr, attendee.jid_attr, id_, text), keep=True)
        return unseen

    def link_lost(self, epoch: int) -> None:
        """What was written in ``epoch`` or later may not have reached the clients, and nothing reaches them now."""
        first = first_since(self._marks, epoch, self.history)
        for each in self.attendees.values():
            if each.attendance is Attendance.IN:
                # Who was shown the room in that time may have missed even that.
                if each.since is None or each.shown < epoch:
                    each.since = first
                each.attendance = Attendance.AWAY
                if self._left is None:
                    self._left = self.nick, dict(self.seats)
        self.release()

    def release(self) -> None:
        """Keep of the history what somebody who is away still has to see."""
        behind = [each.since for each in self.attendees.values() if each.behind]
        self.history.held = min((since for since in behind if since is not None), default=None)
        if not behind:
            self._left = None

    def dismiss(self, attendee: Attendee, departure: Departure) -> None:
        """Tell one client that it is out, and forget it."""
        self.attendees.pop(attendee.jid, None)
        # Kept while the link is down: nothing else would ever tell the client, as the room is not asked about any more.
        self._context.send(self._own_unavailable(attendee, departure), keep=True)

    def farewell(self, departure: Departure) -> list[str]:
        """What ``dismiss`` would send to every client that is in, without forgetting them."""
        return [self._own_unavailable(each, departure) for each in self.present]

    def _own_unavailable(self, attendee: Attendee, departure: Departure) -> str:
        seat = self._own_seat()
        content = render.gone(seat.occupant.affiliation, departure, statuses=render.SELF, tail=seat.tail)
        return render.unavailable(attendee.room_attr, seat.resource_attr, attendee.jid_attr, content)

    # -- what the network tells --------------------------------------------------------------------------------

    def entered(self, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        """We are in. Clients that already were (before a reconnection) are told only the differences."""
        before, self.seats = self.seats, {}
        old_nick, self.nick = self.nick, nick
        for occupant in occupants:
            self._seat(occupant, before.get(occupant.nick))
        self._own_seat()
        self.state = RoomState.IN
        topic = topic or Topic()
        changed_topic, self.topic = topic != self.topic, topic
        for attendee in list(self.attendees.values()):
            if attendee.attendance in (Attendance.WAITING, Attendance.RETURNING):
                self.welcome(attendee)
            elif attendee.attendance is Attendance.IN:
                self._tell_differences(attendee, before, old_nick)
                if changed_topic:
                    self._context.send(self._subject(attendee), keep=True)
        held, self._held = self._held, []
        for event in held:
            event()

    def _tell_differences(self, attendee: Attendee, before: dict[str, Seat], old_nick: str) -> None:
        room, to, send = attendee.room_attr, attendee.jid_attr, self._context.send
        self._tell_departures(attendee, before, old_nick)
        for nick, seat in self.seats.items():
            known = before.get(nick)
            if known is None or known.occupant != seat.occupant:
                send(self._presence(seat, room, to, render.SELF if nick == self.nick else ""))

    def _tell_departures(self, attendee: Attendee, before: dict[str, Seat], old_nick: str) -> None:
        """Who of those that were there is not any more."""
        room, to, send = attendee.room_attr, attendee.jid_attr, self._context.send
        renamed = old_nick if old_nick != self.nick else ""
        if renamed and renamed in before:
            self._tell_rename(attendee, before[renamed], self._own_seat(), own=True)
        for nick, seat in before.items():
            if nick not in self.seats and nick != renamed:
                left = Departure(reason="left while the connection was lost")
                content = render.gone(seat.occupant.affiliation, left, tail=seat.tail)
                send(render.unavailable(room, seat.resource_attr, to, content))

    def heard(self, message: Message) -> None:
        """Somebody said something. A foreign id that was heard before is not said again."""
        if self.state is RoomState.ENTERING:
            self._hold(partial(self.heard, message))
            return
        foreign_id = message.foreign_id
        if foreign_id:
            if foreign_id in self._seen:
                return
            self._remember(foreign_id, foreign_id)
        context = self._context
        now = context.now()
        id_ = foreign_id or context.ids.next()
        said = Said(message.sender, message.text, message.kind, message.time or now, id_)
        if message.enrichment is not None:
            text, extra = dress(message, message.enrichment, RoomPlace(self, now))
            said = said._replace(text=text, extra=extra)
        if message.attachments:
            said = said._replace(files="".join(map(sharing.payload, message.attachments)))
        mark(self._marks, context.stamp(), self.history)
        self.history.add(said)
        context.archive(self, said, foreign_id)
        send = context.send
        seat = self.seats.get(said.sender)
        resource = attribute(resource_for(said.sender)) if seat is None else seat.resource_attr
        body = self._body(said)
        sid = attribute(foreign_id) if foreign_id else id_
        late = now - said.time > 30  # noticeably old: a replay, not a slow clock
        for each in self.attendees.values():
            if each.attendance is Attendance.IN:
                room = each.room_attr
                content = body + render.delay(room, said.time) if late else body
                if said.extra:
                    content += for_room(said.extra, room)
                send(render.groupchat(room, resource, each.jid_attr, sid, content, sid), owned=True)

    def has_heard(self, foreign_id: str) -> bool:
        """Whether a message with that id of the network's was said here lately."""
        return foreign_id != "" and foreign_id in self._seen

    def said_by_us(
        self, text: str, kind: MessageKind, id_: str, extra: str, foreign_ids: Sequence[str], kept: str = ""
    ) -> None:
        """A message of the user went out: reflect it to every client, with the sender's id (XEP-0045 §7.4). ``extra`` and
        ``kept`` are ready XML; only the latter belongs to the message itself, and is shown also to those who come later."""
        context = self._context
        foreign_id = foreign_ids[0] if foreign_ids else ""
        said = Said(self.nick, text, kind, context.now(), foreign_id or context.ids.next(), id_, kept)
        for each_id in foreign_ids:
            self._remember(each_id, foreign_id)
        mark(self._marks, context.stamp(), self.history)
        self.history.add(said)
        context.archive(self, said, foreign_id)
        seat = self._own_seat()
        content = self._body(said) + extra + kept
        sid = attribute(foreign_id) if foreign_id else said.stanza_id
        id_attr = attribute(id_) if id_ else sid
        for each in self.attendees.values():
            if each.attendance is Attendance.IN:
                context.send(
                    render.groupchat(
                        each.room_attr, seat.resource_attr, each.jid_attr, id_attr, content, sid
                    ),
                    owned=True,
                )

    def tell(self, nick: str, content: str, *, id_: str = "", keep: bool = True) -> None:
        """Something without a text from an occupant, or from the room itself if ``nick`` is empty: reactions, what somebody
        is doing. ``content`` is ready XML (see ``gateway.chat.rendering.for_room``)."""
        seat = self.seats.get(nick)
        resource = seat.resource_attr if seat is not None else attribute(resource_for(nick)) if nick else ""
        own_id = self._context.ids.next()
        id_attr = attribute(id_) if id_ else own_id
        if keep:
            content += render.stanza_id(ROOM, own_id)  # XEP-0359 §3.1: like everything else that is said here
        for each in self.present:
            inside = for_room(content, each.room_attr)
            self._context.send(
                render.act(each.room_attr, resource, each.jid_attr, id_attr, inside), keep=keep
            )

    def echo(self, client: str, id_: str, content: str) -> None:
        """Show one client what it sent itself, and nobody else saw: it must not wait for it."""
        attendee = self.attendees.get(client)
        if attendee is not None and attendee.attendance is Attendance.IN:
            room, resource = attendee.room_attr, self._own_seat().resource_attr
            self._context.send(
                render.act(room, resource, attendee.jid_attr, attribute(id_), for_room(content, room)),
                keep=True,
            )

    def id_of(self, foreign_id: str) -> str:
        """The id under which the room shows the message that the network calls ``foreign_id``; empty if it is not known."""
        return self._seen.get(foreign_id, "")

    def forget(self, stanza_id: str) -> None:
        """A message was taken back."""
        self.history.forget(stanza_id)
        self._context.unarchive(self, stanza_id)

    def note(self, text: str) -> None:
        """The room itself, or the gateway in its name, has something to say."""
        id_ = self._context.ids.next()
        for each in self.present:
            self._context.send(render.room_note(each.room_attr, each.jid_attr, id_, text), keep=True)

    def changed_topic(self, topic: Topic) -> None:
        self.topic = topic
        if self.state is RoomState.IN:
            for each in self.present:
                self._context.send(self._subject(each), keep=True)

    def arrived(self, occupant: Occupant) -> None:
        """Somebody came, or changed."""
        seat = self._seat(occupant, self.seats.get(occupant.nick))
        if self.state is not RoomState.IN:
            return
        content = self._standing(seat, render.SELF if occupant.nick == self.nick else "")
        for each in self.attendees.values():
            if each.attendance is Attendance.IN:
                self._context.send(
                    render.available(each.room_attr, seat.resource_attr, each.jid_attr, content)
                )

    def departed(self, nick: str, departure: Departure) -> None:
        """Somebody else left."""
        seat = self.seats.pop(nick, None)
        if seat is None:
            return
        self._by_resource.pop(seat.resource, None)
        content = render.gone(seat.occupant.affiliation, departure, tail=seat.tail)
        for each in self.attendees.values():
            if each.attendance is Attendance.IN:
                self._context.send(
                    render.unavailable(each.room_attr, seat.resource_attr, each.jid_attr, content)
                )

    def renamed(self, old: str, new: str) -> None:
        """A nick change: unavailable with 303, then available under the new one; the occupant-id stays."""
        own = old == self.nick
        if own:
            self.nick = new
        before = self.seats.pop(old, None)
        if before is None:
            return
        self._by_resource.pop(before.resource, None)
        occupant = before.occupant
        seat = self._seat(Occupant(new, occupant.affiliation, occupant.role, occupant.identity), before)
        for each in self.present:
            self._tell_rename(each, before, seat, own=own)

    def _tell_rename(self, each: Attendee, before: Seat, seat: Seat, *, own: bool) -> None:
        statuses = render.SELF if own else ""
        room, to, send = each.room_attr, each.jid_attr, self._context.send
        new = attribute(seat.occupant.nick)
        send(render.renamed(room, before.resource_attr, to, before.occupant, new, statuses, before.tail))
        send(self._presence(seat, room, to, statuses))

    # -- what clients write ------------------------------------------------------------------------------------

    def nick_behind(self, resource: str) -> str:
        """The nick an XMPP resource stands for: that of the occupant shown under it, else the one it would be shown for."""
        return self._by_resource.get(resource) or nick_for(resource)

    # -- pieces ------------------------------------------------------------------------------------------------

    def _hold(self, event: Callable[[], None]) -> None:
        if len(self._held) < _HELD:
            self._held.append(event)

    def _remember(self, foreign_id: str, stanza_id: str) -> None:
        self._seen[foreign_id] = stanza_id
        if len(self._seen) > _REMEMBERED_IDS:
            del self._seen[next(iter(self._seen))]

    def _own_seat(self) -> Seat:
        seat = self.seats.get(self.nick)
        return seat if seat is not None else self._seat(Occupant(self.nick), None)

    def _seat(self, occupant: Occupant, before: Seat | None) -> Seat:
        """Seat an occupant; the occupant-id of ``before`` is kept, so that clients see one and the same person."""
        nick = occupant.nick
        if before is not None and before.occupant.nick == nick:
            seat = Seat(occupant, before.resource, before.resource_attr, before.id)
        else:
            resource = resource_for(nick)
            if resource != nick:
                self._by_resource[resource] = nick
            id_ = before.id if before is not None else self._context.ids.next()
            seat = Seat(occupant, resource, attribute(resource), id_)
        self.seats[nick] = seat
        return seat

    def _standing(self, seat: Seat, statuses: str) -> str:
        """What an occupant's presence holds, whoever it is sent to."""
        real = self._context.occupant_jid_attr(self.address.network, seat.occupant)
        return render.standing(seat.occupant, real, statuses, seat.tail)

    def _presence(self, seat: Seat, room_attr: str, to_attr: str, statuses: str) -> str:
        return render.available(room_attr, seat.resource_attr, to_attr, self._standing(seat, statuses))

    @staticmethod
    def _body(said: Said) -> str:
        if said.kind is MessageKind.CHAT:
            return f"<body>{escape(said.text)}</body>{said.files}"
        prefix = "/me " if said.kind is MessageKind.ACTION else "[notice] "
        return f"<body>{prefix}{escape(said.text)}</body>"

    def _message(self, said: Said, to: Attendee, id_: str, extra: str) -> str:
        seat = self.seats.get(said.sender)
        resource = attribute(resource_for(said.sender)) if seat is None else seat.resource_attr
        sid = attribute(said.stanza_id)
        content = self._body(said) + for_room(said.extra, to.room_attr) + extra
        return render.groupchat(to.room_attr, resource, to.jid_attr, attribute(id_), content, sid)

    def _subject(self, to: Attendee) -> str:
        topic = self.topic
        stamp = render.delay(to.room_attr, topic.time) if topic.time is not None else ""
        setter = attribute(resource_for(topic.setter)) if topic.setter else ""
        return render.subject(to.room_attr, setter, to.jid_attr, self._context.ids.next(), topic.text, stamp)
