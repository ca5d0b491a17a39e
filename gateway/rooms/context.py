"""The surroundings of a room, as it has to know them."""

from typing import TYPE_CHECKING, Protocol

from gateway.ids import IdSource
from gateway.model import Occupant
from gateway.ops.traffic import Traffic
from gateway.rooms.history import Said
from gateway.rooms.slices import Slices

if TYPE_CHECKING:
    from gateway.rooms.room import Room


class RoomContext(Protocol):
    """What a room needs of its surroundings."""

    ids: IdSource
    slices: Slices
    traffic: Traffic

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        """See ``Outbox.send``."""

    def now(self) -> float: ...

    def occupant_jid_attr(self, network: str, occupant: Occupant) -> str:
        """What goes into ``<item jid=''/>``, escaped; empty where the network shows nothing."""

    def occupant_id(self, network: str, room: str, stable: str) -> str:
        """XEP-0421: the id of somebody whom the network knows by ``stable``, in the room of that key; the same for ever,
        and of no use to find out what ``stable`` is."""

    def visitor_id(self, network: str, room: str, seen: str) -> str:
        """The same of somebody of whom the network shows ``seen``, and knows no more."""

    def stamp(self) -> int:
        """The epoch (see ``gateway.xmpp.barrier``) of what is written now."""

    def archive(self, room: "Room", said: Said, foreign_id: str) -> None: ...

    def archive_act(self, room: "Room", sender: str, stanza_id: str, id_: str, content: str) -> None:
        """Something without a text that everybody is to know later too; ``id_`` is that of its message."""

    def unarchive(self, room: "Room", stanza_id: str, tombstone: str) -> None:
        """A message was taken back: only ``tombstone``, ready XML, is left of it."""
