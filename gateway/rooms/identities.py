"""The occupant-ids (XEP-0421) of one room that are the same whenever somebody comes: its user's, and those of people whom
the network knows or shows. What they are made of nobody can read from them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.rooms.context import RoomContext
    from gateway.rooms.room import Room


class RoomIdentities:
    """``gateway.rooms.seating.Identities``."""

    __slots__ = ("_context", "_room")

    def __init__(self, room: "Room", context: "RoomContext") -> None:
        self._room = room
        self._context = context

    def known(self, nick: str, stable: str) -> str:
        """The user's own id is the user's, logged in on the network or not."""
        room = self._room
        if nick == room.nick:
            return self._context.occupant_id("", room.key, room.owner)
        return self._context.occupant_id(room.address.network, room.key, stable) if stable else ""

    def seen(self, nick: str, identity: str) -> str:
        room = self._room
        return self._context.visitor_id(room.address.network, room.key, f"{nick}!{identity}")
