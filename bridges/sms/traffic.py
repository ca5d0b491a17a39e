"""What goes between the SMS bridge and the ways to the network that it has: the values, and the seam of a *route*.

A route is one configured way (an SMPP account, an HTTP provider, Kannel, a modem). It knows its protocol and its provider's
ways, and keeps nothing beyond its connections: rows, order, retries, and what becomes of a message are the bridge's.

Phone numbers are E.164 with the plus (``+15551234567``); short codes are their digits (``46645``); alphanumeric senders are
as they came (``MyBank``). Routes spell them as their provider wants them.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.bridge import Finding
from gateway.model import Attachment, Refused

# -- to the network --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submission:
    """One message to the network. ``reference`` is ours, unique for ever, at most 32 characters of ``[a-z0-9]``, the same at
    every attempt. ``concatenation`` is the number (0..65535) that pieces of this message bear in common, on every attempt.
    ``recipients`` are several only for routes that ``Ways.groups``; a group is one message to the provider, never copies.
    ``media`` have a ``url`` from which the provider can fetch them, type and size; for routes that ``Ways.media``."""

    reference: str
    sender: str
    recipients: tuple[str, ...]
    text: str
    concatenation: int = 0
    media: tuple[Attachment, ...] = ()
    validity: float = 0.0  # seconds that the network may go on trying; 0: as long as it likes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The network has it, under this id (as it came: no folding, no stripping); empty where it gives none, and reports come
    by our reference."""

    id: str


class Failing(StrEnum):
    """How definite a refusal is."""

    MESSAGE = "message"  # of this message, for good: another route would refuse it too (no such number, opted out, spam)
    ROUTE = (
        "route"  # of this route, for good: another one may take it (credentials, not whitelisted, country)
    )
    PASSING = "passing"  # not now: the same route may take it later, another one at once


@dataclass(frozen=True, slots=True)
class Rejected:
    """Definitely not taken: it will never be sent by what was tried. ``why`` has the condition of sms.md 5c, and the
    provider's own code and words. ``later`` is the least number of seconds to wait, if the provider said so."""

    failing: Failing
    why: Refused
    code: str = ""  # the provider's
    later: float = 0.0
    operator: bool = False  # somebody has to change the configuration or the account: the operator is told


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken: the connection ended after it was written, no answer came, or one that says nothing. ``text``
    says what happened, for people."""

    text: str


Outcome = Accepted | Rejected | Unknown


class Turn(Protocol):
    """The right to write one piece now."""

    async def send(self, submission: Submission, piece: int) -> Outcome:
        """Write piece ``piece`` (0 ..) and wait for the answer, in bounded time. Is called once at most; waits for nothing
        before it writes. Throttling is not an outcome as long as the route can wait by itself (it repeats the piece in
        order); after a minute it becomes ``Rejected(PASSING)``. Cancelling it leaves the outcome unknown."""


class Coverage(StrEnum):
    """What a route can say about arrival."""

    HANDSET = "handset"  # reports that the phone has it
    NETWORK = "network"  # reports that a carrier has it, at best
    NOTHING = "nothing"  # never says more than that it took the message


@dataclass(frozen=True, slots=True)
class Ways:
    """What a route can do. ``longest`` is the most code points of one message that it takes, 0 where pieces decide."""

    coverage: Coverage = Coverage.HANDSET
    media: bool = False
    media_types: tuple[str, ...] = ()  # empty: any
    media_size: int = 0  # octets of all files of one message; 0: unknown
    media_count: int = 10
    groups: bool = False
    group_size: int = 0  # recipients at most
    alphanumeric: bool = True  # sends from alphanumeric senders
    longest: int = 0
    answers_stop: bool = False  # whoever texts STOP or START gets an answer of the provider
    idempotent: bool = (
        False  # the same reference twice is one message to it, so an unknown outcome may be tried again
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of a route, for status and doctor. ``callbacks``: where texts that come in are brought by HTTP, an address
    that the operator gives to the provider and to nobody else."""

    connected: bool
    detail: str = ""
    waiting: int = 0
    since: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    callbacks: str = ""


class Route(Protocol):
    """One configured way to the network."""

    @property
    def name(self) -> str:
        """As configured."""

    @property
    def ways(self) -> Ways: ...

    def pieces(self, submission: Submission) -> int:
        """In how many pieces it is given to the network, each with an outcome of its own: segments of SMPP, one for HTTP.
        For several recipients it is one piece for all of them, or as many as there are, each for one of them, in their
        order: where the provider makes one group of that (never for copies). Raises ``Unfit``."""

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Waits until a piece can be written at once: connected, room in the window, rate allows. First come, first served.
        Raises ``Away`` when that is not to be expected soon (no connection for some seconds), so that another route can be
        asked. Leaving the block unused gives the turn back."""

    async def run(self, intake: "Intake") -> None:
        """Its life, until cancelled; connects again for ever."""

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        """What to send along when a file that came with a message is fetched from ``url``: credentials of the provider, to
        its own hosts only; None if files of this route are never there."""

    def seen(self) -> Seen: ...

    async def trial(self) -> Sequence[str]:
        """For ``causeway check``: try to connect and log in; what is wrong, in sentences with the fix."""

    async def examined(self) -> Sequence[Finding]:
        """For ``causeway doctor``: all that can be found out without sending a text, in bounded time; subjects name the
        route. What runs is not disturbed."""


class Unfit(Exception):
    """A submission that a route can never send; ``refused`` is for whoever wrote it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class Away(Exception):
    """A route that cannot be used now; the argument says why, in words for people."""


# -- from the network ------------------------------------------------------------------------------------------------


class Alphabet(StrEnum):
    """How octets of a message are to be read (3GPP TS 23.038)."""

    GSM = "gsm"  # septets, one an octet
    ASCII = "ascii"
    LATIN1 = "latin1"
    UCS2 = "ucs2"  # UTF-16BE in truth
    BINARY = "binary"
    TEXT = "text"  # not octets: the provider has decoded it
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    JAPANESE = "shift_jis"
    ISO2022 = "iso2022_jp"
    EUC_KR = "euc_kr"
    EXTENDED_JAPANESE = "euc_jp"


@dataclass(frozen=True, slots=True)
class Concatenation:
    """One of several pieces: ``number`` counts from 1. ``width`` is that of the reference in bits (8, 16), 0 where the
    provider does not say; a reference of another width is another message. References of providers may be any text."""

    reference: str
    total: int
    number: int
    width: int = 8


class Nature(StrEnum):
    """What a message is besides text."""

    MESSAGE = "message"
    FLASH = "flash"  # class 0: shown at once by phones, not stored
    WAITING = "waiting"  # a message-waiting lamp (voicemail)
    BINARY = "binary"  # for an application at a port, or of no alphabet


@dataclass(frozen=True, slots=True)
class Lamp:
    """A message-waiting indication (3GPP TS 23.038 §4, 23.040 §9.2.3.24.2)."""

    kind: str  # "voicemail", "fax", "email", "other"
    on: bool = True
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message, or one piece of it, as a route has read it. ``id`` is the provider's, empty where it has none; the same id
    again is the same message. ``sender`` and ``recipient`` as the network wrote them, brought to E.164 where the route
    knows how (TON, the provider's habits), else as they came; ``sender`` is empty for withheld numbers.

    Text is in ``text`` (``alphabet`` TEXT), else in ``data``, without user data header. ``locking`` and ``single`` are
    national language tables (3GPP TS 23.038 Annex A), 0 the default one."""

    route: str
    sender: str
    recipient: str
    id: str = ""
    text: str = ""
    data: bytes = b""
    alphabet: Alphabet = Alphabet.TEXT
    locking: int = 0
    single: int = 0
    concatenation: Concatenation | None = None
    nature: Nature = Nature.MESSAGE
    lamp: Lamp | None = None
    port: int | None = None  # destination port, of messages for applications
    others: tuple[str, ...] = ()  # the further recipients of a group message, besides ``recipient``
    media: tuple[Attachment, ...] = ()  # with a ``url``, see ``Route.media_headers``
    time: float | None = None  # Unix seconds


class Stage(StrEnum):
    """What a report says."""

    BUFFERED = "buffered"  # under way; also ACCEPTD, ENROUTE, "sent"
    CARRIER = "carrier"  # a carrier has it, and nobody will say more of the phone
    DELIVERED = "delivered"  # the phone has it
    FAILED = "failed"
    LOST = "lost"  # the network itself does not know (UNKNOWN)


@dataclass(frozen=True, slots=True)
class Report:
    """News of a piece that we sent. ``id`` is the network's, as it came; ``reference`` ours, where the provider hands it
    back (then ``id`` may be empty). ``recipient`` is the phone, where it is said; ``why`` for FAILED, as in ``Rejected``."""

    route: str
    stage: Stage
    id: str = ""
    reference: str = ""
    recipient: str = ""
    code: str = ""
    why: Refused | None = None
    time: float | None = None
    optout: bool = False  # refused since the recipient has told the provider STOP


@dataclass(frozen=True, slots=True)
class OptOut:
    """The provider says that somebody will (``stopped``), or will again, not have messages from a number of ours."""

    route: str
    ours: str
    theirs: str
    stopped: bool = True


class NotTaken(Exception):
    """What came from the network could not be kept now; the network has to keep it. ``never``: nor will it be later."""

    def __init__(self, text: str, *, never: bool = False) -> None:
        super().__init__(text)
        self.never = never


class Intake(Protocol):
    """Where routes bring what comes from the network. All of it returns once it is committed here, and may be told twice;
    raises ``NotTaken``. Only then is the network answered."""

    async def received(self, inbound: Inbound) -> None: ...

    async def reported(self, report: Report) -> None: ...

    async def opted(self, optout: OptOut) -> None: ...

    def trouble(self, route: str, text: str) -> None:
        """Something that the operator has to see to: refused credentials, an unregistered campaign. Bounded by the caller of
        nothing; the bridge tells the same once an hour."""
