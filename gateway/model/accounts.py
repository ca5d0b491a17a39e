"""A user's own side: where sessions stand, and what can be set."""

from dataclasses import dataclass
from enum import StrEnum


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
