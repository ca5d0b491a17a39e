"""What the network tells of messages that were said in a room before, and of who is writing: shown to the room's clients."""

from gateway.chat import rendering
from gateway.model import ChatState, Reaction, Retraction
from gateway.rooms.room import Room, RoomState
from gateway.xmpp.render import OCCUPANT_ID


def reacted(room: Room, reaction: Reaction) -> None:
    if room.state is RoomState.IN:
        id_ = room.id_of(reaction.target) or reaction.target
        room.tell(reaction.sender, rendering.reactions(id_, reaction.emojis))


def retracted(room: Room, retraction: Retraction) -> None:
    if room.state is not RoomState.IN:
        return
    id_ = room.id_of(retraction.target) or retraction.target
    author = room.author(id_)
    # Where the network does not say who may have, whoever took back somebody else's message is a moderator.
    if not retraction.moderated and author in ("", retraction.sender):
        room.forget(id_, room.tell(retraction.sender, rendering.retract(id_)))
        return
    # XEP-0425 §4.1: from the room itself, or clients take it for somebody's forgery.
    seat = room.seats.get(retraction.sender)
    occupant = f"<occupant-id xmlns='{OCCUPANT_ID}' id='{seat.id}'/>" if seat is not None else ""
    resource = seat.resource_attr if seat is not None else ""
    by = rendering.moderator(resource, occupant, retraction.reason)
    room.forget(id_, room.tell("", rendering.moderated(id_, by)), by)


def typing(room: Room, sender: str, state: ChatState) -> None:
    if room.state is RoomState.IN and sender in room.seats and sender != room.nick:
        room.tell(sender, rendering.chat_state(state), keep=False)
