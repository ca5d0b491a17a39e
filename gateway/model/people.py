"""People: how reachable they are, how they look, what their software is."""

from dataclasses import dataclass, field
from enum import StrEnum


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


class Question(StrEnum):
    """What software is asked about itself (XEP-0092, XEP-0199, XEP-0202; CTCP)."""

    VERSION = "version"
    PING = "ping"
    TIME = "time"
