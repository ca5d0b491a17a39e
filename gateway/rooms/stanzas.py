"""The stanzas of a room that more than one of its parts sends: its messages, its subject, and that a client is out."""

from typing import TYPE_CHECKING

from gateway.chat.rendering import for_room
from gateway.model import Departure, Exit, MessageKind, Role
from gateway.rooms.history import Said
from gateway.rooms.people import Attendee
from gateway.xmpp import render
from gateway.xmpp.text import attribute

if TYPE_CHECKING:
    from gateway.rooms.room import Room

#: Hot: to look up a member of an enumeration costs as much as two calls.
_CHAT = MessageKind.CHAT


def content_of(said: Said) -> str:
    """What a message holds whoever it is sent to: its text, and who says it."""
    if said.kind is _CHAT:
        return render.spoken(said.text, said.occupant, said.files)
    prefix = "/me " if said.kind is MessageKind.ACTION else "[notice] "
    return render.spoken(prefix + said.text, said.occupant)


def said_before(room: "Room", said: Said, to: Attendee) -> str:
    """A message of the history for one client."""
    address = to.room_attr
    resource = room.seats.resource_attr(said.sender)
    sid = attribute(said.stanza_id)
    id_attr = attribute(said.id) if said.id else sid  # corrections refer to it by the former
    content = content_of(said) + for_room(said.extra, address) + render.delay(address, said.time)
    return render.groupchat(address, resource, to.jid_attr, id_attr, content, sid)


def subject(room: "Room", to: Attendee) -> str:
    """The topic, by whoever set it."""
    topic, address = room.topic, to.room_attr
    extra = render.delay(address, topic.time) if topic.time is not None else ""
    setter = ""
    if topic.setter:
        setter = room.seats.resource_attr(topic.setter)
        if topic.setter in room.seats:
            extra += room.seats[topic.setter].mark
    return render.subject(address, setter, to.jid_attr, room.context.ids.next(), topic.text, extra)


def own_unavailable(room: "Room", attendee: Attendee, departure: Departure) -> str:
    """A client itself is out."""
    seat = room.company.own_seat()
    role = seat.occupant.role if departure.exit is Exit.LEFT and room.persistent else Role.NONE
    content = render.gone(
        seat.occupant.affiliation, departure, statuses=render.SELF, tail=seat.tail, role=role
    )
    return render.unavailable(attendee.room_attr, seat.resource_attr, attendee.jid_attr, content)
