"""What becomes of the stanzas that asked the network for something: one small object each, created by the room service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gateway.model import MessageKind, Refused
from gateway.ops.traffic import Traffic
from gateway.rooms.room import Room
from gateway.xmpp.stanza import Stanza

#: Sends the error that answers a stanza.
Refuse = Callable[[Stanza, Refused], None]


@dataclass(slots=True)
class Reflection:
    """A room message: reflected to the user's clients once the network has it, refused to the one that sent it."""

    room: Room
    stanza: Stanza
    text: str
    kind: MessageKind
    extra: str  # ready XML that travels with the body: origin-id, thread, stanza-ids of others
    refuse: Refuse
    traffic: Traffic
    since: float  # monotonic: when it came to us
    kept: str = (
        ""  # ready XML that is shown also to clients that come later: what the message is besides its text
    )
    unkept: bool = False  # its sender does not want it archived

    @property
    def reference(self) -> str:
        return self.stanza.id

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.traffic.room_taken(self.since)
        if self.traffic.verbosity.debug:
            self.traffic.tell("message accepted", self.stanza.id, network_ids=list(foreign_ids))
        self.room.said_by_us(
            self.text, self.kind, self.stanza.id, self.extra, foreign_ids, self.kept, unkept=self.unkept
        )

    def refused(self, why: Refused) -> None:
        self.refuse(self.stanza, why)


@dataclass(slots=True)
class ErrorOnly:
    """A request whose success shows by itself (a private message, a nick change, a subject)."""

    stanza: Stanza
    refuse: Refuse
    reference: ClassVar[str] = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        """Nothing to tell."""

    def refused(self, why: Refused) -> None:
        self.refuse(self.stanza, why)


@dataclass(slots=True)
class Outcome:
    """A request that something else waits for (an iq)."""

    on_done: Callable[[], None]
    on_refused: Callable[[Refused], None]
    reference: ClassVar[str] = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.on_done()

    def refused(self, why: Refused) -> None:
        self.on_refused(why)
