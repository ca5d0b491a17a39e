"""One room of one user: who is in it, which of the user's clients look at it, and what each of them is told.

The foreign side speaks through the methods named after events (``entered``, ``heard``, ``arrived`` ...); what goes out are
templates of ``gateway.xmpp.render``, to every attendee, in XEP-0045's order. What is not said in words (``acts``) waits for
its turn here too. Whether a room is wanted, and what is asked of the network, is the account's business.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from functools import partial

from gateway.chat.dressing import dress
from gateway.chat.rendering import for_room
from gateway.ids import is_ours
from gateway.model import Address, Departure, Message, MessageKind, Occupant, Topic
from gateway.rooms import events, stanzas
from gateway.rooms.company import Company
from gateway.rooms.context import RoomContext
from gateway.rooms.habits import USUAL
from gateway.rooms.history import History, Said, said_of
from gateway.rooms.people import Attendance, Attendee
from gateway.rooms.place import RoomPlace
from gateway.rooms.seating import Seating
from gateway.rooms.stanzas import content_of
from gateway.rooms.tour import AWAY, Tours
from gateway.xmpp import render, sharing
from gateway.xmpp.text import attribute

#: Hot: to look up a member of an enumeration costs as much as two calls.
_IN = Attendance.IN
#: Foreign ids remembered to make replays no-ops; more than any server replays in one go without its own markers.
_REMEMBERED_IDS = 200
#: Messages held back between the network's "you are in" and the end of its occupant list.
_HELD = 500
#: Events held back while a client is shown the room; with more the rest of it is shown at once.
_HELD_TOURING = 2_000


class RoomState(Enum):
    """Where the room stands on the foreign side."""

    ENTERING = auto()
    IN = auto()
    LOST = auto()  # the connection is gone; it is entered again when there is a new one


class Room:
    """See the module's text. Nicks are as the network spells them."""

    __slots__ = (
        "_held",
        "_holds",
        "_seating",
        "_seen",
        "_tours",
        "address",
        "attendees",
        "company",
        "context",
        "habits",
        "history",
        "key",
        "nick",
        "opened",
        "owner",
        "password",
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
        self.habits = USUAL
        self.state = RoomState.ENTERING
        self.opened = False  # its history has been read; only then is the network asked
        self.attendees: dict[str, Attendee] = {}
        self.topic = Topic()
        self.history = History(history_limit)
        self.context = context
        self.company = Company(self, context)
        self._seating = self.company.seating
        self._tours = Tours(self, context)
        self._seen: dict[str, str] = {}  # the network's ids, and those that their messages have here
        self._holds = True  # what happens waits: until we are in, and as long as clients are shown the room
        self._held: list[Callable[[], None]] = []

    @property
    def seats(self) -> Seating:
        """The occupants by nick."""
        return self._seating

    @property
    def splits(self) -> int:
        """How many have gone with splits of the network so far."""
        return self._seating.splits

    @property
    def persistent(self) -> bool:
        return self.habits.persistent

    # -- attendees ---------------------------------------------------------------------------------------------

    @property
    def present(self) -> list[Attendee]:
        return [each for each in self.attendees.values() if each.attendance is Attendance.IN]

    def welcome(self, attendee: Attendee) -> None:
        """Show one client the whole room."""
        self._tours.welcome(attendee)
        self._holds = True
        self._tours.go()

    def link_lost(self, epoch: int) -> None:
        """What was written in ``epoch`` or later may not have reached the clients, and nothing reaches them now."""
        self._tours.link_lost(epoch)

    def release(self) -> None:
        """Keep of the history what somebody who is away still has to see."""
        self._tours.release()

    def dismiss(self, attendee: Attendee, departure: Departure) -> None:
        """Tell one client that it is out, and forget it."""
        self.attendees.pop(attendee.jid, None)
        # Kept while the link is down: nothing else would ever tell the client, as the room is not asked about any more.
        self.context.send(stanzas.own_unavailable(self, attendee, departure), keep=True)

    def farewell(self, departure: Departure) -> list[str]:
        """What ``dismiss`` would send to every client that is in, without forgetting them."""
        there = (Attendance.IN, Attendance.TOURING)
        return [
            stanzas.own_unavailable(self, each, departure)
            for each in self.attendees.values()
            if each.attendance in there
        ]

    # -- what the network tells --------------------------------------------------------------------------------

    def entered(self, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        """We are in. Clients that already were (before a reconnection) are told only the differences."""
        if self.waits(partial(self.entered, nick, occupants, topic)):
            return
        old_nick, self.nick = self.nick, nick
        before = self.company.anew(occupants)
        self.state = RoomState.IN
        topic = topic or Topic()
        changed_topic, self.topic = topic != self.topic, topic
        for attendee in list(self.attendees.values()):
            if attendee.attendance in (Attendance.WAITING, Attendance.RETURNING):
                self._tours.welcome(attendee)
            elif attendee.attendance is Attendance.IN:
                self._tours.changes(attendee, before, old_nick, topic=changed_topic, reason=AWAY)
        self._holds = True
        self._tours.go()

    def regard(self) -> None:
        """It may be others now that are to be shown: the habits have changed, or the room is another size."""
        if self.state is not RoomState.IN or self.waits(self.regard):
            return
        before = self.company.chosen_anew()
        if before is None:
            return
        for each in self.present:
            self._tours.changes(each, before, self.nick, reason="")
        self._holds = True
        self._tours.go()

    def proceed(self) -> None:
        """All clients have been shown the room: now, in order, what happened meanwhile."""
        if self.state is RoomState.ENTERING:
            return
        self._holds = False
        held, self._held = self._held, []
        for number, event in enumerate(held):
            event()
            if self._holds:  # clients are shown the room again
                self._held[:0] = held[number + 1 :]
                return

    def heard(self, message: Message) -> None:
        """Somebody said something. A foreign id that was heard before is not said again."""
        if self._holds:
            self._hold(partial(self.heard, message))
            return
        foreign_id = message.foreign_id
        if foreign_id:
            if foreign_id in self._seen:
                return
            self._remember(foreign_id, foreign_id)
        context = self.context
        traffic = context.traffic
        traffic.rooms_in += 1
        now = context.now()
        # Noticeably old: a replay, not a slow clock. Else what counts is when it came: clocks differ, and it must not stand
        # before what was said before it.
        late = message.replayed or (message.time is not None and now - message.time > 30)
        time = message.time if late and message.time is not None else now
        id_ = foreign_id or context.ids.at(time)
        sender = message.sender
        if self.habits.crowd.speakers:
            self.company.reveal(sender)
        seat = self._seating.seats.get(sender)
        if seat is not None:
            occupant, resource = seat.id, seat.resource_attr
        else:
            occupant = self._seating.id_of(sender, message.stable)
            resource = self._seating.resource_attr(sender)
        said = said_of(sender, message.text, message.kind, time, id_, occupant)
        if message.enrichment is not None:
            text, extra = dress(message, message.enrichment, RoomPlace(self, now))
            said = said._replace(text=text, extra=extra)
        if message.attachments:
            said = said._replace(files="".join(map(sharing.payload, message.attachments)))
        if traffic.verbosity.debug and not foreign_id:  # else the bridge has said it, with the network's id
            traffic.tell("message heard", id_, network=self.address.network)
        self._tours.written()
        self.history.add(said)
        context.archive(self, said, foreign_id)
        send = context.send
        body = content_of(said)
        sid = attribute(foreign_id) if foreign_id else id_
        for each in self.attendees.values():
            if each.attendance is _IN:
                room = each.room_attr
                content = body + render.delay(room, said.time) if late else body
                if said.extra:
                    content += for_room(said.extra, room)
                send(render.groupchat(room, resource, each.jid_attr, sid, content, sid), owned=True)
        if traffic.verbosity.debug:
            traffic.tell("message shown", id_, network=self.address.network, clients=len(self.attendees))

    def has_heard(self, foreign_id: str) -> bool:
        """Whether a message with that id of the network's was said here lately."""
        return foreign_id != "" and foreign_id in self._seen

    def said_by_us(
        self,
        text: str,
        kind: MessageKind,
        id_: str,
        extra: str,
        foreign_ids: Sequence[str],
        kept: str = "",
        *,
        unkept: bool = False,
    ) -> None:
        """A message of the user went out: reflect it to every client, with the sender's id (XEP-0045 §7.4). ``extra`` and
        ``kept`` are ready XML; only the latter belongs to the message itself, and is shown also to those who come later.
        ``unkept``: its sender does not want it archived."""
        if self._holds and self.waits(
            partial(self.said_by_us, text, kind, id_, extra, foreign_ids, kept, unkept=unkept)
        ):
            return
        context, send = self.context, self.context.send
        foreign_id = foreign_ids[0] if foreign_ids else ""
        seat = self._seating.seats.get(self.nick) or self.company.own_seat()
        now = context.now()
        stanza_id = foreign_id or context.ids.at(now)
        said = said_of(self.nick, text, kind, now, stanza_id, seat.id, id_, kept)
        for each_id in foreign_ids:
            self._remember(each_id, foreign_id)
        self._tours.written()
        self.history.add(said)
        if not unkept:
            context.archive(self, said, foreign_id)
        content = content_of(said) + extra + kept
        resource = seat.resource_attr
        sid = attribute(foreign_id) if foreign_id else stanza_id
        id_attr = attribute(id_) if id_ else sid
        for each in self.attendees.values():
            if each.attendance is _IN:
                send(
                    render.groupchat(each.room_attr, resource, each.jid_attr, id_attr, content, sid),
                    owned=True,
                )

    def id_of(self, foreign_id: str) -> str:
        """The id under which the room shows the message that the network calls ``foreign_id``; empty if it is not known."""
        return self._seen.get(foreign_id, "")

    def recall(self, earlier: Iterable[Said]) -> None:
        """What is remembered of earlier times, oldest first: the network may repeat it."""
        earlier = list(earlier)
        self.history.prepend(earlier)
        for said in earlier:
            if not is_ours(said.stanza_id):
                self._remember(said.stanza_id, said.stanza_id)

    def note(self, text: str) -> None:
        """The room itself, or the gateway in its name, has something to say."""
        if self.waits(partial(self.note, text)):
            return
        id_ = self.context.ids.next()
        for each in self.present:
            for stanza in events.said(each, id_, text):
                self.context.send(stanza, keep=True)

    def changed_topic(self, topic: Topic) -> None:
        if self.waits(partial(self.changed_topic, topic)):
            return
        self.company.reveal(topic.setter)
        self.topic = topic
        if self.state is RoomState.IN:
            for each in self.present:
                self.context.send(stanzas.subject(self, each), keep=True)

    def arrived(self, occupant: Occupant) -> None:
        """Somebody came, or changed, or is back after a split of the network."""
        if not self._holds and self.company.overgrown():
            self.regard()
        if not (self._holds and self.waits(partial(self.arrived, occupant))):
            self.company.arrived(occupant)

    def departed(self, nick: str, departure: Departure) -> None:
        """Somebody else left."""
        if not (self._holds and self.waits(partial(self.departed, nick, departure))):
            self.company.departed(nick, departure)

    def renamed(self, old: str, new: str) -> None:
        """Somebody, or the user, is called otherwise."""
        if not self.waits(partial(self.renamed, old, new)):
            self.company.renamed(old, new)

    # -- what clients write ------------------------------------------------------------------------------------

    def nick_behind(self, resource: str) -> str:
        """The nick an XMPP resource stands for: that of the occupant shown under it, else the one it would be shown for."""
        return self._seating.nick_behind(resource)

    # -- pieces ------------------------------------------------------------------------------------------------

    def waits(self, event: Callable[[], None]) -> bool:
        """Whether ``event`` has its turn after what clients are being shown."""
        if not self._tours.busy:
            return False
        self._hold(event)
        return True

    def _hold(self, event: Callable[[], None]) -> None:
        if self.state is RoomState.ENTERING:
            if len(self._held) < _HELD:
                self._held.append(event)
            return
        self._held.append(event)
        if len(self._held) > _HELD_TOURING:
            self._tours.finish()

    def _remember(self, foreign_id: str, stanza_id: str) -> None:
        self._seen[foreign_id] = stanza_id
        if len(self._seen) > _REMEMBERED_IDS:
            del self._seen[next(iter(self._seen))]
