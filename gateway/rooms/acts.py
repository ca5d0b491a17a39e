"""What happens in a room besides what is said: reactions, messages that are taken back, who is writing, other settings.
From the network, and from the user's own clients once the network has it.

What has its turn after something else is the room's to know; the rows are the archive's.
"""

from functools import partial

from gateway.chat import rendering
from gateway.chat.rendering import ROOM, for_room
from gateway.model import ChatState, Reaction, Retraction
from gateway.rooms.people import Attendance
from gateway.rooms.room import Room, RoomState
from gateway.xmpp import render
from gateway.xmpp.text import attribute

# -- what the network tells ------------------------------------------------------------------------------------


def reacted(room: Room, reaction: Reaction) -> None:
    if room.state is RoomState.IN:
        id_ = room.id_of(reaction.target) or reaction.target
        tell(room, reaction.sender, rendering.reactions(id_, reaction.emojis))


def retracted(room: Room, retraction: Retraction) -> None:
    if room.state is not RoomState.IN:
        return
    id_ = room.id_of(retraction.target) or retraction.target
    author = _author(room, id_)
    # Where the network does not say who may have, whoever took back somebody else's message is a moderator.
    if not retraction.moderated and author in ("", retraction.sender):
        forget(room, id_, tell(room, retraction.sender, rendering.retract(id_)))
        return
    # XEP-0425 §4.1: from the room itself, or clients take it for somebody's forgery.
    seat = room.seats.get(retraction.sender)
    occupant = f"<occupant-id xmlns='{render.OCCUPANT_ID}' id='{seat.id}'/>" if seat is not None else ""
    resource = seat.resource_attr if seat is not None else ""
    by = rendering.moderator(resource, occupant, retraction.reason)
    forget(room, id_, tell(room, "", rendering.moderated(id_, by)), by)


def typing(room: Room, sender: str, state: ChatState) -> None:
    if room.state is RoomState.IN and sender in room.seats and sender != room.nick:
        tell(room, sender, rendering.chat_state(state), keep=False)


# -- what clients are shown ------------------------------------------------------------------------------------


def tell(room: Room, nick: str, content: str, *, id_: str = "", keep: bool = True) -> str:
    """Something without a text from an occupant, or from the room itself if ``nick`` is empty: reactions, what somebody
    is doing. ``content`` is ready XML (see ``gateway.chat.rendering.for_room``). The id of the message is returned."""
    own_id = room.context.ids.at(room.context.now())
    if not room.waits(partial(_tell, room, nick, content, id_, own_id, keep=keep)):
        _tell(room, nick, content, id_, own_id, keep=keep)
    return id_ or own_id


def _tell(room: Room, nick: str, content: str, id_: str, own_id: str, *, keep: bool) -> None:
    if keep:
        room.company.reveal(nick)
    elif room.company.hides(nick):
        return  # it passes, and nobody knows who that is
    resource = room.seats.resource_attr(nick) if nick else ""
    id_attr = attribute(id_) if id_ else own_id
    if nick:
        content += render.occupant_id(room.seats.id_of(nick))
    if keep:
        room.context.archive_act(room, nick, own_id, id_ or own_id, content)
        content += render.stanza_id(ROOM, own_id)  # XEP-0359 §3.1: like everything else that is said here
    for each in room.present:
        inside = for_room(content, each.room_attr)
        room.context.send(render.act(each.room_attr, resource, each.jid_attr, id_attr, inside), keep=keep)


def echo(room: Room, client: str, id_: str, content: str) -> None:
    """Show one client what it sent itself, and nobody else saw: it must not wait for it."""
    attendee = room.attendees.get(client)
    if attendee is not None and attendee.attendance is Attendance.IN:
        resource, inside = room.company.own_seat().resource_attr, for_room(content, attendee.room_attr)
        act = render.act(attendee.room_attr, resource, attendee.jid_attr, attribute(id_), inside)
        room.context.send(act, keep=True)


def forget(room: Room, stanza_id: str, by: str, inside: str = "") -> None:
    """A message was taken back, by the one with the id ``by``. ``inside`` is ready XML of who did it, and why."""
    if room.waits(partial(forget, room, stanza_id, by, inside)):
        return
    room.history.forget(stanza_id)
    tombstone = rendering.retracted(by, render.timestamp(room.context.now()), inside)
    room.context.unarchive(room, stanza_id, tombstone)


def _author(room: Room, stanza_id: str) -> str:
    """The nick under which a message was said; empty if it is not remembered."""
    return next((said.sender for said in room.history.latest() if said.stanza_id == stanza_id), "")
