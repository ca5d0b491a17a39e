"""Rooms: who is in them and as what, how people leave, what rooms are set to."""

from dataclasses import dataclass
from enum import StrEnum


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


class Exit(StrEnum):
    """How somebody came to leave a room."""

    LEFT = "left"
    KICKED = "kicked"
    BANNED = "banned"
    QUIT = "quit"  # left the whole network
    LOST = "lost"  # the connection to the network was lost
    SHUTDOWN = "shutdown"  # this gateway stops
    SPLIT = "split"  # went with a part of the network, which may be back at once: clients are not told yet


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
class Crowd:
    """Whom of a room with more than ``above`` people in it clients are shown: everybody, or moderators and who speaks."""

    speakers: bool = False
    above: int = 1000


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
