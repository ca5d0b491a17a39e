"""Who is in a room: the user's clients that look at it, and its occupants."""

from dataclasses import dataclass, field
from enum import Enum, auto

from gateway.model import Occupant
from gateway.rooms.history import HistoryRequest
from gateway.xmpp import render
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.text import escape


class Attendance(Enum):
    """How far one client is."""

    WAITING = auto()  # asked to join, has seen nothing yet
    ABSENT = auto()  # was in before a restart of ours; must prove that it still is
    RETURNING = auto()  # has proved it, and is shown the room as soon as we are in again
    TOURING = auto()  # is being shown the room
    IN = auto()
    AWAY = auto()  # was in when the link to the server was lost; must prove that it still is


@dataclass(slots=True)
class Attendee:
    """One client (full JID) of the user in this room. ``*_attr`` are escaped for attributes."""

    jid: str
    jid_attr: str
    room_local: (
        str  # the local part of the room JID this client wrote; clients may spell one room differently
    )
    room_attr: str
    nick: str
    join: Stanza | None = None  # the presence to answer, as long as it waits
    history: HistoryRequest = field(default_factory=HistoryRequest)
    attendance: Attendance = Attendance.WAITING
    since: int | None = None  # the number of the first message that it may not have seen
    shown: int = 0  # the epoch in which it was shown the room
    eventful: bool = False  # reads what the room has to say as events (XEP-0316), and nothing else
    splits: int = 0  # how many had gone with splits of the network before it was shown the room

    @property
    def behind(self) -> bool:
        """Whether it was in, and may have missed something since."""
        return self.since is not None and self.attendance is not Attendance.IN


@dataclass(slots=True)
class Seat:
    """One occupant with what is constant in its stanzas. Not to be changed: rooms of several users share it."""

    occupant: Occupant
    resource: str
    resource_attr: str
    id: str  # XEP-0421

    @property
    def mark(self) -> str:
        """What goes with everything from this occupant: the occupant-id."""
        return render.occupant_id(self.id)

    @property
    def tail(self) -> str:
        """What follows the muc#user payload: occupant-id, hats, and the real nick where the resource cannot hold it
        (XEP-0172)."""
        occupant = self.occupant
        tail = render.occupant_id(self.id)
        if occupant.hats:
            tail += render.hats(occupant.hats)
        if self.resource != occupant.nick:
            tail += f"<nick xmlns='{render.NICK}'>{escape(occupant.nick)}</nick>"
        return tail
