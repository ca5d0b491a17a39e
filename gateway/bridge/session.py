"""What every session can do, and what it tells the core."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from gateway.bridge.capabilities import Capabilities
from gateway.model import (
    Availability,
    ChatState,
    Contact,
    DeliveryState,
    Departure,
    Message,
    MessageKind,
    Occupant,
    Question,
    Reaction,
    Refused,
    Retraction,
    Topic,
)

Told_contra = TypeVar("Told_contra", contravariant=True)


class NotKept(Exception):
    """A message could not be stored here; ``refused`` says why, in words for the operator of the other side."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class SessionEnded(Exception):
    """Raised out of ``Session.run`` when the connection ends without our asking.

    ``refused`` says why in words people can act on. ``retry`` False stops automatic reconnection (bad credentials, banned):
    ``credentials`` tells which of the two. ``delay`` is the least number of seconds the network asks us to stay away.
    ``ban``: the network has banned us, with these words, freed of all that is about this user only: when it bans several
    users with the same words, it means the gateway. ``sooner``: what to wait for as well as for the end of the delay;
    cancelled by whoever does not wait any more.
    """

    def __init__(
        self,
        refused: Refused,
        *,
        retry: bool = True,
        credentials: bool = False,
        delay: float = 0.0,
        ban: str = "",
        sooner: asyncio.Future[None] | None = None,
    ) -> None:
        super().__init__(refused.text or refused.condition.value)
        self.refused = refused
        self.retry = retry
        self.credentials = credentials
        self.delay = delay
        self.ban = ban
        self.sooner = sooner


class Ticket(Protocol):
    """The outcome of one request. Exactly one of the two is called, exactly once; both may come before the call that was
    given the ticket returns."""

    @property
    def reference(self) -> str:
        """Ours for a message, unique for ever, and the same when we try again since we do not know what became of the first
        attempt; of messages to rooms without ``durable_rooms``, which are never tried again, the name that a client gave it,
        good for the log only; empty for what is no message."""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        """The network has taken it, as far as it can be known. ``foreign_ids`` are the ids it gave, in order."""

    def refused(self, why: Refused) -> None: ...


class Answer(Protocol[Told_contra]):
    """The outcome of one question. Exactly one of the two is called, exactly once; both may come before the call that was
    given the answer returns."""

    def told(self, value: Told_contra) -> None: ...

    def refused(self, why: Refused) -> None: ...


class Sink(Protocol):
    """What a session tells the core. Every call is synchronous, cheap and safe at any time; calls about rooms that
    nobody wants are ignored.

    A message's attachments have ``data``, a ``path`` that the core may read and then deletes, or a public ``url``. The core
    uploads them; what is said in the same room or chat meanwhile waits its turn."""

    def online(self, nick: str) -> None:
        """Logged in, under this nick. The core answers by joining the rooms that are wanted."""

    def own_nick(self, nick: str) -> None:
        """Our own nick on the network changed (``renamed`` tells the rooms)."""

    def refold(self) -> None:
        """``Session.fold`` folds differently from now on."""

    def abilities(self, can: Capabilities) -> None:
        """What messages can be besides text on this connection from now on, where that differs from what
        ``Bridge.capabilities`` says for all of them (of ``can``, only that part counts). To be told when it is known, and
        at every change; ends with the session."""

    def service(self, text: str) -> None:
        """Something the network itself says to the user; shown as a chat from the NETWORK address."""

    def direct(self, message: Message) -> None:
        """A private message."""

    async def direct_committed(self, message: Message) -> None:
        """As ``direct``, for networks that want to be told that we have a message: returns once it is safe here, whatever
        may happen to us. Raises ``NotKept`` if it is not; then the network must keep it, and may send it again. One that
        was here before (by its foreign id, or by sender, time and text) is safe, and not shown twice."""

    def delivery(self, foreign_id: str, state: DeliveryState, why: Refused | None = None) -> None:
        """News of a message of the user's that the network has taken under ``foreign_id`` (see ``Ticket.done``), maybe days
        ago and by another session; of a bridge that claims ``acceptance_only``, the ``Ticket.reference`` of one that it took
        a moment ago does as well: DELIVERED, READ, FAILED with the reason, UNKNOWN. May be told twice and out of order."""

    def withdrawn(self, foreign_id: str) -> None:
        """The user took a message back while it could still be kept from going out: there will be no news of it, and nobody
        is told, for the user knows."""

    def direct_sent(self, contact: str, message: Message) -> None:
        """The user wrote ``message`` to ``contact`` with another client of the foreign network."""

    def contact(self, contact: Contact) -> None:
        """All that is known of somebody now; replaces what was known before. Is remembered beyond the session."""

    def contact_presence(self, contact: str, availability: Availability, status: str = "") -> None:
        """How reachable somebody is from now on, with their words for it. Telling the same again costs nothing. Everybody
        counts as unavailable when a session begins."""

    def room_joined(self, room: str, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        """We are in, as ``nick``; ``occupants`` includes ourselves. May come without a ``join`` of the core (forced joins)
        and may come again, which replaces all that was known of the room."""

    def room_refused(self, room: str, why: Refused) -> None:
        """A ``join`` failed."""

    def room_message(self, room: str, message: Message) -> None: ...

    def room_note(self, room: str, text: str) -> None:
        """Something the room itself has to say (a change of its modes, for instance)."""

    def invited(self, name: str, actor: str, reason: str = "") -> None:
        """``actor`` (a nick) wants the user in a room, which is named as the network spells it; the user may be in it."""

    def knocked(self, room: str, nick: str, reason: str = "") -> None:
        """Somebody outside asks to be let in, and the user could (see ``Invites``)."""

    def room_configured(self, room: str) -> None:
        """The settings of a room changed (see ``Governs.room_traits``)."""

    def reacted(self, room: str, reaction: Reaction) -> None:
        """Somebody changed their reactions to a message in ``room``, or in the private chat with them if it is empty."""

    def retracted(self, room: str, retraction: Retraction) -> None:
        """A message of ``room``, or of the private chat with the sender if it is empty, was taken back."""

    def typing(self, room: str, sender: str, state: ChatState) -> None:
        """What somebody is doing in ``room``, or in the private chat with them if it is empty. Is not kept: whoever does not
        see it now never will."""

    def asked(self, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        """Somebody asks what the user's software is. ``answer`` is called at most once, with the user's client's own words;
        with none if it does not say, and not at all if it is gone meanwhile."""

    def publish(self, text: str, name: str, answer: Answer[str]) -> None:
        """Make a text file of the user's, for a network that would need many messages for it. The answer is its link, or
        says why there is none; it comes in bounded time, and in the order of the calls."""

    def room_password(self, room: str, password: str) -> None:
        """What a room asks of whoever comes in changed, to nothing if it is empty; it is given when we come in again."""

    def topic(self, room: str, topic: Topic) -> None: ...

    def arrived(self, room: str, occupant: Occupant) -> None:
        """Somebody came in, or somebody in the room changed affiliation, role or identity."""

    def departed(self, rooms: Sequence[str], nick: str, departure: Departure) -> None:
        """Somebody left; our own nick means that we did (kicks, forced parts). After ``Exit.SPLIT`` clients see no change
        until either ``arrived`` tells that they are back, or this comes once more, with another exit, for those who are
        not."""

    def renamed(self, rooms: Sequence[str], old: str, new: str) -> None: ...


class Session(Protocol):
    """One user on one network. Rooms are named as the network spells them (any spelling that folds the same)."""

    async def run(self) -> None:
        """Connect, log in, and stay until the end. Returns only after ``close``; otherwise raises ``SessionEnded``. Is
        called once; a later connection is a new session."""

    def close(self, reason: str) -> None:
        """Leave the network politely; ``run`` returns soon after, within a few seconds whatever the network does."""

    def fold(self, name: str) -> str:
        """The key of a name: equal for all spellings that the network takes for the same."""

    def join(self, room: str, nick: str, password: str) -> None:
        """Outcome: ``room_joined`` or ``room_refused``, always one of them, within a bounded time."""

    def leave(self, room: str, reason: str) -> None: ...

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        """To a room. Text of several lines is one message: one ticket."""

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        """To one person."""

    def instruct(self, text: str, ticket: Ticket) -> None:
        """Text that the user wrote to the NETWORK address itself."""

    def rename(self, nick: str, ticket: Ticket) -> None: ...

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None: ...

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None: ...
