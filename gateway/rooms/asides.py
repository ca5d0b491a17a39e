"""Private conversations that are held in a room (XEP-0045 §7.5): clients show them by the occupant's address, so answers
must come from there too, as long as the room they were begun in is one that both are in.

Which room that is, the user decides by writing: to an occupant, or to the person's own address. Knows neither the text nor
the ledger that carries it.
"""

from collections.abc import Callable
from typing import NamedTuple

from gateway.accounts.account import Account
from gateway.rooms.room import Room, RoomState
from gateway.xmpp import render

#: Conversations of one user on one network; who has more at a time is answered at the person's own address.
_MOST = 200
_FROM_ROOM = f"<x xmlns='{render.MUC_USER}'/>"


class Copy(NamedTuple):
    """Where a message comes from and goes to, escaped for attributes, and ready XML that goes with it."""

    sender_attr: str
    to_attr: str
    extra: str


class Asides:
    """Of one component. ``find`` knows the account of a user (bare JID) on a network."""

    def __init__(self, find: Callable[[str, str], Account | None]) -> None:
        self._find = find
        # By user and network: key of the room and occupant-id, which outlives a change of nick, to the nick there was.
        self._held: dict[tuple[str, str], dict[tuple[str, str], str]] = {}

    def held(self, room: Room, nick: str) -> None:
        """The user has written to an occupant."""
        seat = room.seats.get(nick)
        if seat is None:
            return
        room.company.reveal(nick)
        self.ended(room.owner, room.address.network, nick)
        mine = self._held.setdefault((room.owner, room.address.network), {})
        mine[room.key, seat.id] = nick
        if len(mine) > _MOST:
            del mine[next(iter(mine))]

    def ended(self, owner: str, network: str, nick: str) -> None:
        """The user has written to the person's own address."""
        mine = self._held.get((owner, network))
        account = self._find(owner, network)
        if not mine or account is None:
            return
        folded = account.fold(nick)
        for key in [key for key, name in mine.items() if account.fold(name) == folded]:
            del mine[key]

    def copies(self, owner: str, network: str, nick: str) -> list[Copy]:
        """How a message from ``nick`` reaches the user's clients in the room; none if it is not for there. All clients in
        the room get it, for servers copy such messages to nobody (XEP-0280 §6.1)."""
        mine = self._held.get((owner, network))
        account = self._find(owner, network) if mine else None
        if not mine or account is None:
            return []
        for room in account.rooms.values():
            seat = room.seats.get(nick)
            if seat is not None and room.state is RoomState.IN and (room.key, seat.id) in mine:
                mine[room.key, seat.id] = nick
                room.company.reveal(nick)
                sender, extra = seat.resource_attr, _FROM_ROOM + seat.mark
                return [Copy(f"{each.room_attr}/{sender}", each.jid_attr, extra) for each in room.present]
        return []

    def forget(self, owner: str) -> None:
        """All about a user."""
        for key in [key for key in self._held if key[0] == owner]:
            del self._held[key]
