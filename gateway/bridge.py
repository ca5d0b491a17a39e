"""The plugin surface: everything a bridge has to know of the core, and the core of a bridge.

A bridge package exports one ``Plugin`` under the entry-point group ``causeway.bridges``. From it the core builds one
``Bridge`` for every ``[bridges.NAME]`` of the configuration, and from that one ``Session`` for every user and network.
The core calls the session; the session calls its ``Sink``. Neither waits for the other: every call returns at once,
outcomes come back through a ``Ticket`` or the sink, in order. A bridge never sees a stanza or a JID; the core never
sees a line of the foreign protocol.

Rule for rooms: the core names a room by ``Session.fold(name)``, its *key*; every room argument of the sink is a key.
Rule for nicks: the sink is always given a nick as the network spells it, the same spelling for the same occupant
until ``renamed``.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

from pydantic import BaseModel

from gateway.model import (
    Address,
    Attachment,
    Availability,
    ChatState,
    Condition,
    Contact,
    DeliveryState,
    Departure,
    Enrichment,
    Field,
    Message,
    MessageKind,
    Occupant,
    Reaction,
    Refused,
    Retraction,
    Topic,
)


class BadAddress(Exception):
    """Text that is no address of this bridge; the argument is one sentence for the person who wrote it."""


class NotKept(Exception):
    """A message could not be stored here; ``refused`` says why, in words for the operator of the other side."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class SessionEnded(Exception):
    """Raised out of ``Session.run`` when the connection ends without our asking.

    ``refused`` says why in words people can act on. ``retry`` False stops automatic reconnection (bad credentials, banned):
    ``credentials`` tells which of the two. ``delay`` is the least number of seconds the network asks us to stay away.
    """

    def __init__(
        self, refused: Refused, *, retry: bool = True, credentials: bool = False, delay: float = 0.0
    ) -> None:
        super().__init__(refused.text or refused.condition.value)
        self.refused = refused
        self.retry = retry
        self.credentials = credentials
        self.delay = delay


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do; discovery, forms and error texts follow from it."""

    gateway_type: str  # XEP-0100 §4.1 / service discovery registry: "irc", "smtp", "sms"
    gateway_name: str  # for people, e.g. "IRC gateway"
    rooms: bool = False
    room_type: str = "text"  # identity conference/<room_type>
    networks: bool = False  # addresses of kind NETWORK exist
    instructions: bool = False  # a NETWORK address takes text as commands (IRC raw lines)
    direct_messages: bool = True
    nick_change: bool = False
    topic: bool = False
    kick: bool = False
    passwords: bool = False  # rooms can ask for one
    attachments: bool = False  # sessions are ``SharesFiles``; else a file's link is the text
    # What messages can be besides text; sessions with any of the first five are ``Expressive``.
    replies: bool = False
    corrections: bool = False
    threads: bool = False
    styling: bool = False
    mentions: bool = False
    reactions: bool = False  # sessions are ``Reacts``
    reactions_max: int = 0  # emojis of one person on one message; 0: any number
    reactions_allowed: tuple[str, ...] = ()  # empty: all
    reaction_lines: bool = False  # without ``reactions``: say them in a line of text; else they are refused
    retractions: bool = False  # sessions are ``Retracts``
    retraction_lines: bool = False  # without ``retractions``: say so in a line of text; else they are refused
    moderation: bool = False  # moderators take back others' messages in rooms; sessions are ``Moderates``
    typing: bool = False  # sessions are ``Types``
    contact_type: str = "pc"  # identity client/<contact_type>: "sms", "phone", "bot"
    contact_list: bool = False  # the network keeps a list of the user's contacts: ``Contact.listed``
    contact_presence: bool = False  # sessions are ``Watching``: they can tell who is there
    store_and_forward: bool = False  # messages may wait: ours are kept for the network while it is away
    recognises_repeats: bool = False  # the same ``Ticket.reference`` twice is one message to it
    durable_rooms: bool = False  # messages to rooms are kept like those to people; costs a commit for each
    delivery_reports: bool = False  # ``Sink.delivery`` tells later what became of messages
    acceptance_only: bool = False  # that it took a message is all the network can ever tell of it
    read_marks: bool = False  # sessions are ``MarksRead``
    legacy_identities: tuple[
        tuple[str, str], ...
    ] = ()  # further (category, type) pairs that old bookmarks expect
    registration: bool = False  # users register before they can use it: the bridge is ``Registering`` too
    lookup: bool = False  # people's spellings of addresses are understood: the bridge is ``LookingUp`` too
    prompt: str = ""  # label of the one input that an address is asked for with, e.g. "Phone number"
    prompt_help: str = ""  # one sentence on what to write there


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time, owned by whoever composes the program: tests bring their own."""

    def now(self) -> float:
        """Unix seconds, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back, for deadlines."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Cancellable: ...

    async def sleep(self, delay: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Blob:
    """A file on this machine whose type, size and hash were looked at. Whoever holds it deletes it: by ``with``, or by
    giving ``path`` to the core again in an ``Attachment``."""

    path: Path
    name: str  # fit for every file system, with the usual ending of its type
    media_type: str  # by content
    size: int
    sha256: str
    width: int | None = None  # of pictures, in pixels
    height: int | None = None

    def __enter__(self) -> "Blob":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)


class MediaError(Exception):
    """A file that cannot be had; ``refused`` is for the person whose file it is."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class Media(Protocol):
    """Files from the web, fetched with all due caution: to public addresses only, within limits of size and time."""

    async def fetch(self, attachment: Attachment, user: str) -> Blob:
        """The file behind ``attachment.url``, on account of ``user`` (``Account.user``), whose transfers are limited. A hash
        that the attachment has is checked. Raises ``MediaError``, within a bounded time."""


class NoMedia:
    """``Media`` of an installation, or a test, that fetches nothing."""

    async def fetch(self, attachment: Attachment, user: str) -> Blob:
        raise MediaError(Refused(Condition.SERVICE_UNAVAILABLE, "This gateway does not carry files."))


@dataclass(frozen=True, slots=True)
class Services:
    """What the core lends to a bridge."""

    clock: Clock
    random: random.Random
    version: str  # of Causeway, for "who are you" questions of the network
    media: Media = field(default_factory=NoMedia)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose session this is. ``user`` is an opaque stable name of the user, never to be shown to a foreign network
    as it stands; ``settings`` are the user's own values for ``Bridge.fields``, decrypted."""

    user: str
    network: str
    nick: str  # the nick the user asked for first
    settings: Mapping[str, str]


class Ticket(Protocol):
    """The outcome of one request. Exactly one of the two is called, exactly once; both may come before the call that was
    given the ticket returns."""

    @property
    def reference(self) -> str:
        """Ours for a message, unique for ever, and the same when we try again since we do not know what became of the first
        attempt; empty for what is never tried again."""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        """The network has taken it, as far as it can be known. ``foreign_ids`` are the ids it gave, in order."""

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
        ago and by another session: DELIVERED, READ, FAILED with the reason, UNKNOWN. May be told twice and out of order."""

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

    def reacted(self, room: str, reaction: Reaction) -> None:
        """Somebody changed their reactions to a message in ``room``, or in the private chat with them if it is empty."""

    def retracted(self, room: str, retraction: Retraction) -> None:
        """A message of ``room``, or of the private chat with the sender if it is empty, was taken back."""

    def typing(self, room: str, sender: str, state: ChatState) -> None:
        """What somebody is doing in ``room``, or in the private chat with them if it is empty. Is not kept: whoever does not
        see it now never will."""

    def topic(self, room: str, topic: Topic) -> None: ...

    def arrived(self, room: str, occupant: Occupant) -> None:
        """Somebody came in, or somebody in the room changed affiliation, role or identity."""

    def departed(self, rooms: Sequence[str], nick: str, departure: Departure) -> None:
        """Somebody left; our own nick means that we did (kicks, forced parts)."""

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


class Watching(Protocol):
    """What a session can do besides if its bridge has the capability ``contact_presence``. A new session watches nobody."""

    def watch(self, contact: str) -> None:
        """The user wants to see when this person is there: tell ``contact_presence`` now and at every change."""

    def unwatch(self, contact: str) -> None: ...


class MarksRead(Protocol):
    """What a session can do besides if its bridge has the capability ``read_marks``."""

    def mark_read(self, contact: str, foreign_id: str) -> None:
        """The user has seen this message of ``contact``, and so all before it. Nobody waits for an outcome."""


class Expressive(Protocol):
    """What a session can do besides if its bridge has replies, corrections, threads, styling or mentions."""

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


class SharesFiles(Protocol):
    """What a session can do besides where ``Capabilities.attachments`` is set."""

    def share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
    ) -> None:
        """To a ROOM or CONTACT: files, each with a ``url`` that ``Services.media`` fetches, and what was said with them, if
        anything was. One ticket for all of it, which may be answered once the files are there."""


class Bridge(Protocol):
    """One configured bridge."""

    @property
    def capabilities(self) -> Capabilities: ...

    def address(self, text: str) -> Address:
        """Read the (unescaped) local part of one of our JIDs; ``""`` is the gateway itself. Raises ``BadAddress``."""

    def text(self, address: Address) -> str:
        """The local part (not yet escaped) under which ``address`` is shown: reversible by ``address`` up to folding, and
        left unchanged by Unicode case folding and NFKC, so that XMPP servers leave it alone. ``""`` for the gateway."""

    def fold(self, name: str) -> str:
        """As ``Session.fold``, as long as there is no session."""

    def nick(self, text: str) -> str:
        """The nick to ask the network for when a user wants to be called ``text``; raises ``BadAddress`` with one sentence
        when no network of this kind could have it."""

    def fields(self, network: str) -> Sequence[Field]:
        """What a user can set for this network; the values come back in ``Account.settings``."""

    def check(self, values: Mapping[str, str]) -> None:
        """Validate a user's settings; raises ``BadAddress`` with one sentence for the person who wrote them."""

    def session(self, account: Account, sink: Sink) -> Session: ...


class Registering(Protocol):
    """What a bridge with ``Capabilities.registration`` has besides (XEP-0100 §4.1). A user has one registration; its values
    are kept as the settings of the user's account on the network ``home``, and are what ``Account.settings`` holds there."""

    @property
    def home(self) -> str:
        """The network on which registered users have their account."""

    def registration_fields(self) -> Sequence[Field]:
        """What to ask for. Those with a name of XEP-0077 (username, password, nick, email, phone ...) are also asked of
        clients that know no forms."""

    async def validate(self, account: Account) -> Refused | None:
        """Find out whether ``account.settings`` are good, by logging in with them where the network has a login; None if
        they are. Else ``not-acceptable`` (a field makes no sense), ``not-authorized`` (the network refuses them) or
        ``remote-server-timeout`` (it could not be asked). Is cancelled when it takes longer than people wait."""


class LookingUp(Protocol):
    """What a bridge with ``Capabilities.lookup`` has besides; without it ``Bridge.address`` reads what people write."""

    def lookup(self, text: str) -> Address:
        """The one address that a person means by ``text`` (national phone numbers, addresses with an at sign ...). Raises
        ``BadAddress`` with one sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a bridge package exports. ``settings`` is the model of its part of ``[bridges.NAME]``."""

    settings: type[BaseModel]
    build: Callable[[BaseModel, Services], Bridge]


NOT_SUPPORTED = Refused(Condition.FEATURE_NOT_IMPLEMENTED, "This network cannot do that.")
