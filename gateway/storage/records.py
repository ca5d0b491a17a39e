"""What the stores take and give: plain values, secrets in the clear (but never in ``repr``), times in Unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.model import Contact


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """One user's account on one network. ``owner`` is a bare JID. ``stopped`` (with its ``reason``) outlives a restart, so
    that a banned user does not hammer the network; ``created`` is kept from the first save."""

    bridge: str
    owner: str
    network: str
    nick: str
    wanted: bool = True
    stopped: bool = False
    reason: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredRoom:
    """A room that an account is in. ``key`` is the folded name, ``name`` its spelling."""

    bridge: str
    owner: str
    network: str
    key: str
    name: str
    nick: str
    password: str | None = field(default=None, repr=False)
    persistent: bool = False


@dataclass(frozen=True, slots=True)
class JoinedResource:
    """A client (full JID) in a room. ``room_local`` is the local part of the room's JID as this client spelled it."""

    jid: str
    room_local: str
    nick: str


@dataclass(frozen=True, slots=True)
class RestoredRoom:
    room: StoredRoom
    resources: tuple[JoinedResource, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoredAccount:
    """All that a session needs after a restart."""

    account: StoredAccount
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    rooms: tuple[RestoredRoom, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """``foreign_id`` is empty where the network gave none; ``kind`` is a ``MessageKind``, or one of the words of
    ``gateway.storage.archive`` for what is no message. ``extra`` is ready XML."""

    stanza_id: str
    foreign_id: str
    sender: str
    kind: str
    body: str = field(repr=False)
    sent_at: float
    extra: str = field(default="", repr=False)


class SubscriptionState(StrEnum):
    """RFC 6121 §2.1.2.5 seen from the contact: ``from`` means that the user sees the contact, ``to`` the other way round."""

    NONE = "none"
    FROM = "from"
    TO = "to"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """``pending`` is what became of the contact's own request: ``asked``, ``refused``, or empty."""

    bridge: str
    owner: str
    contact_local: str
    state: SubscriptionState = SubscriptionState.NONE
    pending: str = ""


@dataclass(frozen=True, slots=True)
class StoredContact:
    """What a network tells of one of a user's contacts."""

    bridge: str
    owner: str
    network: str
    contact: Contact


class RegistrationState(StrEnum):
    ACTIVE = "active"
    PENDING = "pending"  # waits for an admin's word


@dataclass(frozen=True, slots=True)
class StoredRegistration:
    """That a user has registered. ``stays``: logged in also while none of the user's clients is online."""

    bridge: str
    owner: str
    state: RegistrationState = RegistrationState.ACTIVE
    stays: bool = True
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class AccessRule:
    """An admin's decision about a bare JID or a domain; ``author`` is who made it."""

    bridge: str
    subject: str
    allow: bool
    reason: str = ""
    author: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the gateway's web server gives out. ``key`` is a hash of the token in its link; ``size`` is in bytes."""

    key: str
    bridge: str
    owner: str
    name: str
    media_type: str
    size: int
    sha256: str
    created: float
    expires: float
