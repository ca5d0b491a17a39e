"""What a bridge tells the people who run the gateway: numbers, findings, and where a message is.

Nothing in here ever names a user in a number, or quotes a message.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class MeasureKind(StrEnum):
    """As Prometheus has them."""

    COUNTER = "counter"  # only ever goes up while the process lives; its name ends in "_total"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, now. ``name`` is without the gateway's prefix (``sms_segments_sent_total``); the label ``bridge`` is put
    on by the core. ``labels`` are (name, value) pairs out of small fixed sets (a route, a reason, a kind), never users,
    rooms, addresses or texts: the same name has always the same label names."""

    name: str
    help: str
    kind: MeasureKind
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Measured(Protocol):
    """What a bridge with ``Capabilities.measured`` has besides."""

    def measures(self) -> Iterable[Measure]:
        """Is called when somebody looks, every few seconds: counting must cost nothing more than it does anyway."""


class Ailing(Protocol):
    """What a bridge with ``Capabilities.ailing`` has besides."""

    def ailments(self) -> Mapping[str, str]:
        """What of what it depends on does not work just now: for each cause, in a word or two that stay the same
        ("smarthost", "route main"), a sentence with what to do. Is asked every few seconds; names no users."""


class Verdict(StrEnum):
    """``UNKNOWN``: it could not be tried; why, the text says."""

    OK = "ok"
    NOTE = "note"  # works, but less well than it could, or the operator should know
    UNKNOWN = "?"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing. ``text`` is one sentence, for FAIL with what to do; ``subject`` is the thing in a
    few lower-case words, the same whatever is found ("smarthost", "tls of libera"); ``fix`` are lines to paste as they are,
    and ``where`` says into what ("prosody.cfg.lua", "DNS zone of example.org")."""

    verdict: Verdict
    text: str
    subject: str = ""
    fix: str = ""
    where: str = ""


class Examined(Protocol):
    """What a bridge with ``Capabilities.examined`` has besides."""

    def examine(self) -> AsyncIterator[Finding]:
        """For ``causeway doctor``: everything that the bridge depends on, tried live, each within seconds. It may be that
        ``run`` is under way in this process (``causeway doctor`` of a running gateway) or not. Users notice nothing."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One step of one message on its way. ``time`` is in Unix seconds; ``step`` a few words ("written to the network");
    ``detail`` never quotes the message, and shortens telephone numbers. ``known_as``: the id by which the core knows the
    message from here on (of a request ``Ticket.reference``, of what the sink was given ``Message.foreign_id``), if it is
    another one than was asked for."""

    time: float
    step: str
    detail: str = ""
    known_as: str = ""


class Tracing(Protocol):
    """What a bridge with ``Capabilities.tracing`` has besides."""

    async def passages(self, id_: str) -> Sequence[Passage]:
        """What is known of a message by the core's id (``Ticket.reference``), the bridge's or the network's; empty if
        nothing is. Raises ``NotStored``."""
