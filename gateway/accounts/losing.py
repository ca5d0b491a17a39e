"""What the end of a session, or of one client's stay, means for rooms and for the clients that wait or look there."""

from collections.abc import Iterable, Iterator

from gateway.accounts.context import AccountContext
from gateway.bridge import SessionEnded
from gateway.model import Departure, Exit, Refused
from gateway.rooms.people import Attendance, Attendee
from gateway.rooms.room import Room, RoomState


def dropped(
    rooms: Iterable[Room], context: AccountContext, network: str, ended: SessionEnded
) -> Iterator[Room]:
    """Refuse the joins that wait, and tell all other clients. Rooms that clients were in, or their user stays in, are kept
    if there will be a next session; the others are given back."""
    for room in list(rooms):
        refuse_waiting(room, context, ended.refused)
        if ended.retry and (room.attendees or room.persistent):
            if room.state is RoomState.IN:
                room.note(f"The connection to {network} was lost: {ended.refused.text} Reconnecting.")
                room.state = RoomState.LOST
            continue
        for attendee in list(room.attendees.values()):
            room.dismiss(attendee, Departure(Exit.LOST, ended.refused.text))
        yield room


def refuse_waiting(room: Room, context: AccountContext, why: Refused) -> None:
    """The room could not be entered: clients that wait for it are told."""
    for attendee in list(room.attendees.values()):
        if attendee.attendance is Attendance.WAITING:
            del room.attendees[attendee.jid]
            context.refuse_join(attendee, why)


def others_in(room: Room, attendee: Attendee) -> str:
    """What one client of several is told when it leaves alone, as biboumi tells it; empty for the last one."""
    others = len(room.attendees.keys() - {attendee.jid})
    return f"Causeway note: {others} resources are still in this channel." if others else ""
