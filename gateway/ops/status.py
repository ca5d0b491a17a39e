"""How the gateway is, as values: what ``causeway status``, the page, the metrics and the admin commands show.

Only shapes; ``gateway.ops.collecting`` makes them. Times are Unix seconds, UTC; durations seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.ops.health import Ailment


class Direction(StrEnum):
    OUT = "out"  # from XMPP to the network
    IN = "in"


#: States of the links of bridges that are not there just now: one that failed will be tried again.
FAILED, BEING_MADE = "failed", "being made"
ABSENT = frozenset({FAILED, BEING_MADE})


@dataclass(frozen=True, slots=True)
class LinkView:
    """The link to the XMPP server; ``state`` is a ``LinkState``, or one of ``ABSENT``; ``since`` when it became so."""

    state: str
    reason: str = ""
    next_try: float | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """One user on one network; ``state`` is an ``AccountState``."""

    owner: str
    network: str
    state: str
    reason: str = ""
    next_try: float | None = None
    rooms: int = 0


@dataclass(frozen=True, slots=True)
class QueueView:
    """Messages that wait for one thing. ``name`` is the same for all bridges where it is the same thing; ``oldest`` is since
    when the first of them waits, where that is known."""

    name: str
    waiting: int
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class TrafficView:
    """Messages of one direction: since the start, and what the last minute was like. ``p50`` and ``p99`` are seconds from
    one side to the other over the last five minutes, None without any."""

    total: int = 0
    failed: int = 0
    per_second: float = 0.0
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class FilesView:
    """Files in one direction, since the start; ``under_way`` now."""

    total: int = 0
    octets: int = 0
    refused: int = 0
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class BridgeView:
    name: str
    kind: str  # ``Capabilities.gateway_type``
    title: str
    jid: str
    link: LinkView
    states: Mapping[str, int]  # sessions by state, all states that occur
    sessions: tuple[SessionView, ...] = ()  # troubled ones first; at most as many as were asked for
    queues: tuple[QueueView, ...] = ()
    traffic: Mapping[Direction, TrafficView] = field(default_factory=dict)
    ailments: tuple[Ailment, ...] = ()
    files: Mapping[Direction, FilesView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayView:
    version: str
    pid: int
    started: float
    now: float
    ready: bool
    log_level: str
    database: str  # ``Database.place``, without secrets
    memory: int  # resident, in bytes
    ailments: tuple[Ailment, ...] = ()
    bridges: tuple[BridgeView, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What happened in one stretch of time that began at ``time``."""

    time: float
    incoming: int = 0
    outgoing: int = 0
    failed: int = 0
    p50: float | None = None
    p99: float | None = None


class Span(StrEnum):
    """How far back, and in what stretches."""

    HOUR = "hour"  # 60 of a minute
    DAY = "day"  # 96 of a quarter of an hour


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one cause. ``cause`` is a stanza error condition with the first words of the reason, without anything
    about whose message it was; ``ids`` are of the latest few, for ``Desk.trace``."""

    bridge: str
    direction: Direction
    cause: str
    count: int
    first: float
    last: float
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceView:
    """Where a message is. ``state`` in a word or two, ``steps`` in order of time as (time, bridge or "gateway", step,
    detail)."""

    id: str
    bridge: str
    direction: Direction | None
    state: str
    steps: tuple[tuple[float, str, str, str], ...] = ()
