"""What sessions can do besides, each with the capability that claims it. Nobody guesses: the capability decides."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.bridge.session import Answer, Ticket
from gateway.model import (
    Address,
    Attachment,
    Catalog,
    ChatState,
    Details,
    Enrichment,
    Field,
    ListEntry,
    MessageKind,
    Question,
    RoomList,
    RoomTraits,
    StandingChange,
)


class Watching(Protocol):
    """What a session can do besides if its bridge has the capability ``contact_presence``. A new session watches nobody."""

    def watch(self, contact: str) -> None:
        """The user wants to see when this person is there: tell ``contact_presence`` now and at every change."""

    def unwatch(self, contact: str) -> None: ...


class KnowsOneWay(Protocol):
    """What a session can do besides if its bridge has the capability ``one_way``."""

    def one_way(self, contact: str) -> bool:
        """Whether messages to this person are refused, since nobody would read them (XEP-0506). Is asked often."""


class MarksRead(Protocol):
    """What a session can do besides if its bridge has the capability ``read_marks``."""

    def mark_read(self, contact: str, foreign_id: str) -> None:
        """The user has seen this message of ``contact``, and so all before it. Nobody waits for an outcome."""


class Expressive(Protocol):
    """What a session can do besides if its bridge has replies, corrections, threads, subjects, styling or mentions."""

    def express(
        self, address: Address, text: str, kind: MessageKind, enrichment: Enrichment, ticket: Ticket
    ) -> None:
        """``say`` or ``tell``, to a ROOM or CONTACT, for a message that is more than its text. Only what the capabilities
        claim is filled in. A reply may be to a message that the network does not know: then its ``text`` may help."""


class Reacts(Protocol):
    """What a session can do besides if its bridge has the capability ``reactions``."""

    def react(self, address: Address, target: str, emojis: Sequence[str], ticket: Ticket) -> None:
        """The user's reactions to the message with the id ``target`` in a ROOM or with a CONTACT are these from now on; none
        takes them back."""


class Retracts(Protocol):
    """What a session can do besides if its bridge has the capability ``retractions``."""

    def retract(self, address: Address, target: str, ticket: Ticket) -> None:
        """Take back the user's own message with the id ``target``."""


class Moderates(Protocol):
    """What a session can do besides if its bridge has the capability ``moderation``."""

    def moderate(self, room: str, target: str, reason: str, ticket: Ticket) -> None:
        """Take back somebody's message in a room; the network knows whether the user may."""


class Types(Protocol):
    """What a session can do besides if its bridge has the capability ``typing``."""

    def type(self, address: Address, state: ChatState) -> None:
        """What the user is doing in a ROOM or with a CONTACT. Is told changes only; a message ends ``COMPOSING`` by itself.
        Nobody waits for an outcome."""


class Invites(Protocol):
    """What a session can do besides if its bridge has the capability ``invitations``."""

    def invite(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        """Ask somebody into a room that the user is in. The reason is dropped where the network has none."""


class SharesFiles(Protocol):
    """What a session can do besides where ``Capabilities.attachments`` is set."""

    def share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
        enrichment: Enrichment | None = None,
    ) -> None:
        """To a ROOM or CONTACT: files, each with a ``url`` that ``Services.media`` fetches, and what was said with them, if
        anything was. One ticket for all of it, which may be answered once the files are there. ``enrichment`` is given only
        where replies, corrections, threads or subjects are claimed, and there is one: for others it need not be taken."""


class Governs(Protocol):
    """What a session can do besides if its bridge has the capability ``governing``. Rooms are those that the user is in;
    the network knows what the user may. Tickets and answers end when the network confirmed or refused."""

    def govern(self, room: str, changes: Sequence[StandingChange], ticket: Ticket) -> None:
        """Change what people are in a room, together as far as the network can. If it refused some, the ticket is refused
        and names them; the others are done."""

    def room_lists(self, room: str) -> Sequence[RoomList]:
        """The lists that the network has for a room; at most one has ``outcasts``."""

    def entries(self, room: str, name: str, answer: Answer[Sequence[ListEntry]]) -> None:
        """All that stands in one of ``room_lists``, as it is now."""

    def amend(self, room: str, name: str, add: Sequence[str], remove: Sequence[str], ticket: Ticket) -> None:
        """Put masks on one of ``room_lists``, and take others off it."""

    def room_settings(self, room: str, answer: Answer[Sequence[Field]]) -> None:
        """The room's settings, their present values as defaults; those of ``RoomSetting`` among them."""

    def configure(self, room: str, values: Mapping[str, str], ticket: Ticket) -> None:
        """Give these settings these values, in words as in ``Field.default``; what is so already is left alone."""

    def room_traits(self, room: str) -> RoomTraits:
        """What is known without asking."""

    def order(self, room: str, text: str, ticket: Ticket) -> None:
        """What the user wrote in a room, beginning with one of ``Capabilities.orders``; nobody is shown it."""


class ListsRooms(Protocol):
    """What a session can do besides if its bridge has the capability ``room_list``."""

    def list_rooms(self, answer: Answer[Catalog], *, anew: bool) -> None:
        """The rooms that the user may know of. A list may be remembered for some minutes, and less long if somebody asks
        ``anew``; what is known of a long one is told while the rest still comes."""


class Asks(Protocol):
    """What a session can do besides if its bridge has the capability ``questions``. See ``Sink.asked`` for the way back."""

    def ask(self, contact: str, question: Question, answer: Answer[str]) -> None:
        """Ask somebody's software; the answer is told in the words it came in, and empty for PING."""


class Adjusts(Protocol):
    """What a session can do besides if its bridge has the capability ``adjustable``."""

    def adjust(self, room: str, settings: Mapping[str, str]) -> None:
        """The user's settings for a room are these from now on."""


class Detailed(Protocol):
    """What a session can do besides if its bridge has the capability ``details``."""

    def details(self) -> Details:
        """The connection as it is, while there is one."""
