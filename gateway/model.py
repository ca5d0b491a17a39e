"""The neutral model in which foreign networks and XMPP meet.

Values only: frozen, slotted, no I/O, nothing of ours imported. Bridges translate their network into these
values and back; the core translates them into stanzas and back. Neither side sees the other's words.
Text is always ``str`` (any Unicode, not yet fit for XML: that is the edge's work); times are Unix seconds, UTC.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class AddressKind(StrEnum):
    """What an address of a gateway names."""

    GATEWAY = "gateway"  # the component itself
    NETWORK = "network"  # one foreign network or server of it
    ROOM = "room"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Address:
    """A foreign identity. ``name`` is the room's or contact's name as its network spells it, else empty."""

    kind: AddressKind
    network: str = ""
    name: str = ""


GATEWAY = Address(AddressKind.GATEWAY)


class Condition(StrEnum):
    """The error conditions of RFC 6120 §8.3.3 that a refusal can have."""

    BAD_REQUEST = "bad-request"
    CONFLICT = "conflict"
    FEATURE_NOT_IMPLEMENTED = "feature-not-implemented"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    ITEM_NOT_FOUND = "item-not-found"
    JID_MALFORMED = "jid-malformed"
    NOT_ACCEPTABLE = "not-acceptable"
    NOT_ALLOWED = "not-allowed"
    NOT_AUTHORIZED = "not-authorized"
    POLICY_VIOLATION = "policy-violation"
    RECIPIENT_UNAVAILABLE = "recipient-unavailable"
    REDIRECT = "redirect"
    REGISTRATION_REQUIRED = "registration-required"
    REMOTE_SERVER_NOT_FOUND = "remote-server-not-found"
    REMOTE_SERVER_TIMEOUT = "remote-server-timeout"
    RESOURCE_CONSTRAINT = "resource-constraint"
    SERVICE_UNAVAILABLE = "service-unavailable"
    SUBSCRIPTION_REQUIRED = "subscription-required"
    UNDEFINED_CONDITION = "undefined-condition"
    UNEXPECTED_REQUEST = "unexpected-request"


class ErrorType(StrEnum):
    """What the sender of a refused stanza may do (RFC 6120 §8.3.2)."""

    AUTH = "auth"
    CANCEL = "cancel"
    MODIFY = "modify"
    WAIT = "wait"


_USUAL_TYPE: dict[Condition, ErrorType] = {
    Condition.BAD_REQUEST: ErrorType.MODIFY,
    Condition.FORBIDDEN: ErrorType.AUTH,
    Condition.JID_MALFORMED: ErrorType.MODIFY,
    Condition.NOT_ACCEPTABLE: ErrorType.MODIFY,
    Condition.NOT_AUTHORIZED: ErrorType.AUTH,
    Condition.POLICY_VIOLATION: ErrorType.MODIFY,
    Condition.RECIPIENT_UNAVAILABLE: ErrorType.WAIT,
    Condition.REDIRECT: ErrorType.MODIFY,
    Condition.REGISTRATION_REQUIRED: ErrorType.AUTH,
    Condition.REMOTE_SERVER_TIMEOUT: ErrorType.WAIT,
    Condition.RESOURCE_CONSTRAINT: ErrorType.WAIT,
    Condition.SUBSCRIPTION_REQUIRED: ErrorType.AUTH,
    Condition.UNEXPECTED_REQUEST: ErrorType.WAIT,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something was not done: a value until the edge turns it into a stanza error.

    ``text`` is for people: what happened, where, and what to do; the remote side's own words where it gave any.
    ``address`` names where to go instead, for ``gone`` and ``redirect``.
    """

    condition: Condition
    text: str = ""
    type: ErrorType | None = None
    address: Address | None = None
    uncertain: bool = False  # it may have been done all the same: nobody can tell any more

    @property
    def error_type(self) -> ErrorType:
        """The given type, else the one RFC 6120 recommends for the condition."""
        return self.type or _USUAL_TYPE.get(self.condition, ErrorType.CANCEL)


class MessageKind(StrEnum):
    CHAT = "chat"
    ACTION = "action"  # "/me waves" (XEP-0245), CTCP ACTION
    NOTICE = "notice"  # automatic text that must not be answered automatically


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message. Its bytes are in ``data`` or in the file ``path``, or can be had from ``url``. All
    else is what somebody claims: people lie about names, types and sizes.

    ``size`` is in bytes, ``sha256`` hexadecimal in lower case, ``thumbnail`` a JPEG of at most a few KB."""

    name: str = ""
    media_type: str = ""  # empty: not known
    size: int | None = None
    url: str = ""
    data: bytes = field(default=b"", repr=False)
    path: Path | None = None
    sha256: str = ""
    width: int | None = None  # of pictures, in pixels
    height: int | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    caption: str = ""


class Style(StrEnum):
    """How part of a text looks."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRUCK = "struck"
    CODE = "code"  # within a line
    CODE_BLOCK = "code-block"  # whole lines
    QUOTE = "quote"  # whole lines; nested where quotes are quoted


@dataclass(frozen=True, slots=True)
class Span:
    """The code points of a text from ``start`` up to, not including, ``end``. Spans nest or lie apart."""

    start: int
    end: int
    style: Style


@dataclass(frozen=True, slots=True)
class Mention:
    """The code points of a text that stand for somebody: a nick, or the name of a contact."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Which message is answered. ``id`` is the network's own; ``author`` and ``text`` are for networks, and for readers,
    that do not know it (any more), and may be empty."""

    id: str
    author: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What a message is besides its text. Ids are the network's own; a message that the network split has the first id it
    was given. The text has no marks of its styles: no asterisks, no ``>`` before quoted lines."""

    reply: Reply | None = None
    replaces: str = ""  # the message corrected: always the first version
    thread: str = ""
    spans: tuple[Span, ...] = ()
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaction:
    """All that ``sender`` feels about the message ``target`` from now on; no emojis at all take everything back."""

    sender: str
    target: str
    emojis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retraction:
    """The message ``target`` is taken back, by its author or by a moderator."""

    sender: str
    target: str
    moderated: bool = False
    reason: str = ""


class ChatState(StrEnum):
    """What somebody is doing in a chat (XEP-0085)."""

    ACTIVE = "active"
    COMPOSING = "composing"
    PAUSED = "paused"
    INACTIVE = "inactive"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Message:
    """Something somebody said. ``text`` may hold several lines, parted by ``\\n``."""

    sender: str
    text: str
    kind: MessageKind = MessageKind.CHAT
    foreign_id: str = ""  # the network's own id; empty where it has none
    time: float | None = None  # when it was said, if the network says so; else now
    attachments: tuple[Attachment, ...] = ()
    enrichment: Enrichment | None = None  # where it is more than its text
    stable: str = ""  # in rooms, as ``Occupant.stable``: for who speaks without being an occupant
    replayed: bool = (
        False  # the network repeats what was said before: it is shown as old, however short a time ago it was
    )


class DeliveryState(StrEnum):
    """How far a message is known to have come. It only ever gets further; which steps there are is the ledger's business."""

    QUEUED = "queued"  # it is our responsibility
    ACCEPTED = "accepted"  # the other side has taken it
    DELIVERED = "delivered"  # whom it was meant for has it
    READ = "read"
    FAILED = "failed"  # it will not arrive
    UNKNOWN = "unknown"  # nobody can tell any more


class Role(StrEnum):
    """What an occupant may do now (XEP-0045 §5.1)."""

    MODERATOR = "moderator"
    PARTICIPANT = "participant"
    VISITOR = "visitor"
    NONE = "none"


class Affiliation(StrEnum):
    """What an occupant is to the room for long (XEP-0045 §5.2)."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    NONE = "none"
    OUTCAST = "outcast"


@dataclass(frozen=True, slots=True)
class Hat:
    """What somebody is in a room besides role and affiliation (XEP-0317). ``name`` is the same for everybody who wears one
    (lower-case ASCII letters, digits and hyphens), ``title`` is for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody in a room. ``identity`` is what the network shows of who it is (IRC: ``user@host``), or empty. ``stable`` is
    what the network knows somebody by whatever they are called and whenever they come (IRC: the account), or empty; it
    is never shown, but who has the same is the same person."""

    nick: str
    affiliation: Affiliation = Affiliation.NONE
    role: Role = Role.PARTICIPANT
    identity: str = ""
    stable: str = ""
    hats: tuple[Hat, ...] = ()


class Availability(StrEnum):
    """How reachable somebody is (RFC 6121 §4.7.2.1)."""

    AVAILABLE = "available"
    CHAT = "chat"  # and glad to be written to
    AWAY = "away"
    EXTENDED_AWAY = "xa"  # for long
    DO_NOT_DISTURB = "dnd"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, at most 64 KiB of it (XEP-0153 §4); ``media_type`` is ``image/png`` or the like."""

    data: bytes = field(repr=False)
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Contact:
    """What a network tells of somebody the user can write to. ``name`` is the one in its address; all else is empty
    where the network has nothing of the kind."""

    name: str
    display_name: str = ""  # for people: "Carol Smith"
    picture: Picture | None = None  # None: one is drawn from the name
    about: str = ""  # what they say of themselves
    listed: bool = False  # stands in the network's own list of the user's contacts


class Exit(StrEnum):
    """How somebody came to leave a room."""

    LEFT = "left"
    KICKED = "kicked"
    BANNED = "banned"
    QUIT = "quit"  # left the whole network
    LOST = "lost"  # the connection to the network was lost
    SHUTDOWN = "shutdown"  # this gateway stops


@dataclass(frozen=True, slots=True)
class Departure:
    """A leaving: how, why (free text) and by whose hand (a nick, for kicks and bans)."""

    exit: Exit = Exit.LEFT
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A room's subject, who set it (a nick, or empty) and when, where the network tells."""

    text: str = ""
    setter: str = ""
    time: float | None = None


class AccountState(StrEnum):
    """Where one user's session on one network stands; users and operators see these names."""

    IDLE = "idle"  # nobody wants it
    WAITING = "waiting"  # for its turn to log in (pacing)
    CONNECTING = "connecting"
    CONNECTED = "connected"
    TRANSIENT_DISCONNECT = "transient-disconnect"  # will be tried again by itself
    BAD_CREDENTIALS = "bad-credentials"  # tried again when the user changes them
    STOPPED = "stopped"  # the network sent us away; tried again only when the user asks


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """A state with its reason in words and, where one is planned, the time of the next try."""

    state: AccountState
    reason: str = ""
    next_try: float | None = None


class FieldKind(StrEnum):
    """How a setting is asked for (XEP-0004 field types)."""

    TEXT = "text-single"
    SECRET = "text-private"
    LINES = "text-multi"
    BOOLEAN = "boolean"
    CHOICE = "list-single"
    CHOICES = "list-multi"
    JIDS = "jid-multi"
    FIXED = "fixed"  # text that is only shown: its lines are the default, and nothing comes back


@dataclass(frozen=True, slots=True)
class Field:
    """One setting a person can fill in. ``default`` is its value in words: ``"true"`` or ``"false"`` for booleans, lines
    parted by ``\\n`` for LINES, JIDS and CHOICES. ``options`` are (value, label) pairs for CHOICE and CHOICES. TEXT with
    ``bounds`` is a whole number from the one to the other; anything else that is filled in stands for the default."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    default: str = ""
    help: str = ""
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """A connection to a network, for the user whose it is. ``place`` follows "connected to NETWORK" ("on port 6697 (using
    TLS)"); ``more`` are sentences."""

    place: str = ""
    more: tuple[str, ...] = ()


class RoomSetting(StrEnum):
    """Names of room settings that most networks know. A ``Field`` of one of these has the kind that stands beside it; names
    of further settings are a bridge's own."""

    PASSWORD = "password"  # SECRET; empty: none is needed
    MAX_OCCUPANTS = "max-occupants"  # TEXT: a number; empty: no limit
    MEMBERS_ONLY = "members-only"  # BOOLEAN: only who is invited, or a member, comes in
    MODERATED = "moderated"  # BOOLEAN: visitors cannot speak
    PUBLIC = "public"  # BOOLEAN: strangers can find the room
    OPEN_SUBJECT = "open-subject"  # BOOLEAN: everybody may change the subject


@dataclass(frozen=True, slots=True)
class RoomTraits:
    """What is known of a room's settings; None: not known."""

    password_protected: bool | None = None
    members_only: bool | None = None
    moderated: bool | None = None
    public: bool | None = None


@dataclass(frozen=True, slots=True)
class StandingChange:
    """A wish for somebody's standing in a room: a role or an affiliation, never both. The role NONE is a kick. ``nick`` is
    an occupant's; else ``mask`` says who is meant, in the words of the network's lists (IRC: ``*!*@host``)."""

    nick: str = ""
    mask: str = ""
    role: Role | None = None
    affiliation: Affiliation | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RoomList:
    """A list of people that a room keeps, whether they are there or not. ``outcasts`` marks the one of those that are
    banned (XEP-0045 §9.2)."""

    name: str
    label: str  # for people: "Quieted"
    outcasts: bool = False


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of a ``RoomList``: whom it is about, in the network's own words, who set it (a nick) and when."""

    mask: str
    setter: str = ""
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A room that a network tells of. ``people`` None: it does not say how many are in."""

    name: str
    people: int | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The rooms of a network in an order that stays; more may be added at the end until it is ``complete``."""

    rooms: tuple[Listed, ...] = ()
    complete: bool = True


class Question(StrEnum):
    """What software is asked about itself (XEP-0092, XEP-0199, XEP-0202; CTCP)."""

    VERSION = "version"
    PING = "ping"
    TIME = "time"
