"""What is to be sent, as the session gives it and as the dispatcher holds it; what is known of it; and what is told."""

import base64
import hashlib
import random
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from bridges.sms.sending.states import MessageState, PieceState
from bridges.sms.traffic import Submission
from gateway.model import Attachment, DeliveryState, Refused

_PIECES = 1 << 16
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of a user's. ``reference`` is that of the request (``Ticket.reference``): the same again is the same
    message; empty for what is never asked twice. Messages of one ``conversation`` of an owner are sent one after the other.
    ``expires`` (Unix seconds) is when it is given up, 0 for what is usual. Else as in ``Submission``."""

    owner: str
    conversation: str
    sender: str
    recipients: tuple[str, ...]
    text: str
    reference: str = ""
    media: tuple[Attachment, ...] = ()
    expires: float = 0.0
    validity: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One that is to be sent. ``done`` are pieces that are not to be written any more; ``refused`` routes that will never
    take it; ``pinned``: no other route than ``route`` will be asked, which may have some of it."""

    id: str
    seq: int
    owner: str
    conversation: str
    submission: Submission
    created: float
    expires: float
    route: str = ""
    pinned: bool = False
    total: int = 0
    attempts: int = 0
    next_at: float = 0.0
    refused: frozenset[str] = frozenset()
    done: frozenset[int] = frozenset()
    why: Refused | None = None  # the last refusal


@dataclass(frozen=True, slots=True)
class Known:
    """What became of a message so far; ``pieces`` as (state, route, tries)."""

    id: str
    owner: str
    state: MessageState
    created: float
    why: Refused | None = None
    sender: str = ""
    pieces: tuple[tuple[PieceState, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tidings:
    """What an owner has to know: DELIVERED, FAILED with the reason, or UNKNOWN with words for it."""

    id: str
    owner: str
    state: DeliveryState
    why: Refused | None = None


class News(Protocol):
    """Whoever tells users."""

    async def told(self, tidings: Tidings) -> bool:
        """True once whoever has to know has been told, for good. False: not now (no session); it is told again after
        ``Sender.present``, and now and then. The same can come twice if we end in between."""


@dataclass(frozen=True, slots=True)
class Standing:
    """For people who run this: how many messages there are in each state, and since when the oldest waits (Unix seconds).
    ``under_way`` are being written just now, ``routes`` has how many of those wait or are written for each route."""

    states: dict[str, int] = field(default_factory=dict)
    oldest: float | None = None
    held: int = 0
    delayed: int = 0
    under_way: int = 0
    doubtful: int = 0  # pieces of which nobody knows whether the network has them
    early: int = 0  # reports that belong to nothing yet
    routes: dict[str, int] = field(default_factory=dict)


def message_id(bridge: str, outgoing: Outgoing, chance: random.Random) -> str:
    """Ours for a message: 26 characters of ``[a-z2-7]``, the same whenever the same request comes again."""
    if outgoing.reference:
        text = "\0".join((bridge, outgoing.owner, outgoing.reference))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
    else:
        digest = chance.randbytes(16)
    return base64.b32encode(digest).decode().rstrip("=").lower()


class Concatenations:
    """Numbers that the pieces of a message bear in common. Phones join pieces by it and the sender alone, and some networks
    keep eight bits: so they count, for each pair of numbers, from where chance will have it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._last: OrderedDict[tuple[str, tuple[str, ...]], int] = OrderedDict()

    def next(self, sender: str, recipients: tuple[str, ...]) -> int:
        pair = sender, recipients
        last = self._last.pop(pair, None)
        number = self._chance.randrange(_PIECES) if last is None else (last + 1) % _PIECES
        self._last[pair] = number
        if len(self._last) > _MOST_COUNTED:
            self._last.popitem(last=False)
        return number
