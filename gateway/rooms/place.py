"""A room as a place where something is said: what messages in it refer to, and whom they mention."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.addressing import resource_for
from gateway.chat import rendering
from gateway.chat.payloads import MentionOf
from gateway.chat.places import RECENT_COUNT, RECENT_SECONDS, Target
from gateway.ids import is_ours
from gateway.model import Address
from gateway.rooms.history import Said
from gateway.xmpp.text import attribute

if TYPE_CHECKING:
    from gateway.rooms.room import Room


class RoomPlace:
    """``gateway.chat.places.Place``. ``now`` is in Unix seconds."""

    __slots__ = ("_now", "_room")

    def __init__(self, room: "Room", now: float) -> None:
        self._room = room
        self._now = now

    @property
    def address(self) -> Address:
        return self._room.address

    def meant(self, id_: str) -> Target | None:
        """XEP-0461 §4.1, XEP-0444 §4.2, XEP-0424 §5.1: in rooms always by the room's own id."""
        return self._target(lambda said: said.stanza_id == id_)

    def sent(self, id_: str) -> Target | None:
        """XEP-0308: by the id that the client gave it; of several, the latest."""
        return self._target(lambda said: said.id == id_) if id_ else None

    def told(self, foreign_id: str) -> Target | None:
        return self.meant(self._room.id_of(foreign_id) or foreign_id)

    def foreign(self, id_: str) -> str:
        """The room's ids are the network's where it has any; ours are known by where they come from."""
        return "" if is_ours(id_) else id_

    def _target(self, fits: Callable[[Said], bool]) -> Target | None:
        last = True
        for number, said in enumerate(self._room.history.latest()):
            own = said.id != "" or said.sender == self._room.nick
            if fits(said):
                recent = number < RECENT_COUNT and self._now - said.time < RECENT_SECONDS
                foreign_id = "" if is_ours(said.stanza_id) else said.stanza_id
                return Target(
                    said.sender,
                    said.text,
                    said.stanza_id,
                    foreign_id,
                    own,
                    said.id,
                    recent=recent,
                    last=own and last,
                )
            if own:
                last = False
        return None

    def name(self, mention: MentionOf) -> str:
        room = self._room
        if mention.occupant_id:
            return room.seats.nick_with(mention.occupant_id)
        nick = room.nick_behind(mention.jid.resource)
        return nick if nick in room.seats else ""

    def address_attr(self, name: str, *, own: bool) -> str:
        return f"{rendering.ROOM}/{attribute(resource_for(name))}"

    def uri(self, name: str) -> str:
        return rendering.occupant_uri(resource_for(name)) if name in self._room.seats else ""
