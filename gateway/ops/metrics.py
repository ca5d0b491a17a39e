"""The gateway's own metrics: which there are, and what they are called. ``docs/metrics.md`` lists them.

Every series exists from the start, and none comes with users, rooms or texts: labels are out of sets that are known before.
"""

import platform
import resource
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.bridge import Measure
from gateway.model import AccountState, Condition
from gateway.ops.collecting import measures, queues, resident, states
from gateway.ops.exposition import Histogram, counter, gauge, render
from gateway.ops.health import Health
from gateway.ops.status import Direction
from gateway.ops.transfers import Transfers
from gateway.storage.database import Database
from gateway.xmpp.component import Component
from gateway.xmpp.link import LinkState
from gateway.xmpp.privilege import Right

PREFIX = "causeway_"
#: See ``gateway.xmpp.outbox.Counters``.
_DROPPED = ("too-large", "not-text", "link-down", "overflow", "kept-overflow", "kept-too-old")

Labelled = tuple[Mapping[str, str], Measure | Histogram]


def exposition(
    components: Iterable[Component],
    transfers: Transfers,
    database: Database,
    health: Health,
    version: str,
    started: float,
    lag: float,
) -> bytes:
    """``lag``: seconds that the loop was late the last time that was looked at."""
    return render(PREFIX, _all(components, transfers, database, health, version, started, lag))


def _all(
    components: Iterable[Component],
    transfers: Transfers,
    database: Database,
    health: Health,
    version: str,
    started: float,
    lag: float,
) -> Iterator[Labelled]:
    nothing: Mapping[str, str] = {}
    for each in _of_gateway(database, health, version, started, lag):
        yield nothing, each
    for component in components:
        labels = {"bridge": component.settings.name}
        for own in of_component(component):
            yield labels, own
        for file in transfers.of_files(component):
            yield labels, file
        for measure in measures(component):
            yield labels, measure
    for request in transfers.of_listeners():
        yield nothing, request


def _of_gateway(
    database: Database, health: Health, version: str, started: float, lag: float
) -> Iterator[Measure]:
    yield gauge(
        "build_info",
        "Version of Causeway and of Python.",
        1,
        ("version", version),
        ("python", platform.python_version()),
    )
    yield gauge("ready", "1 while all bridges carry messages.", health.ready)
    yield gauge(
        "ailments",
        "Troubles that the gateway knows of.",
        sum(1 for each in health if each.hard),
        ("hard", "yes"),
    )
    yield gauge("ailments", "", sum(1 for each in health if not each.hard), ("hard", "no"))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    yield counter("process_cpu_seconds_total", "Processor time used.", cpu)
    yield gauge("process_resident_memory_bytes", "Memory in use.", resident())
    yield gauge("process_open_fds", "Files and sockets that are open.", _open_files())
    yield gauge("process_start_time_seconds", "When the process started, in Unix seconds.", started)
    yield gauge("loop_lag_seconds", "How late the event loop was, the last time it was looked at.", lag)
    counts = database.counts
    yield counter("database_commits_total", "Transactions committed.", counts.commits)
    yield counter("database_commit_seconds_total", "Seconds spent in transactions.", counts.seconds)
    yield counter("database_rows_total", "Rows written.", counts.written)
    yield gauge("database_backlog_rows", "Rows that wait to be written.", counts.waiting)
    lost = (("dropped", counts.dropped), ("rejected", counts.rejected), ("lost", counts.lost))
    for why, count in lost:
        yield counter("database_rows_lost_total", "Rows that were not written, by why.", count, ("why", why))


def of_component(component: Component) -> Iterator[Measure | Histogram]:
    """Of one bridge, whatever kind it is."""
    yield from _of_link(component)
    yield from _of_sessions(component)
    yield from _of_messages(component)
    yield from _of_ledger(component)
    for kind, count in component.guard.limits.hit.items():
        yield counter("limits_hit_total", "What was refused for being too much.", count, ("kind", kind.value))
    rights = component.people.privileges.domains.values()
    for right in Right:
        granted = sum(1 for each in rights if each.grants(right))
        yield gauge(
            "privileges",
            "Domains of users whose server grants a right (XEP-0356).",
            granted,
            ("right", right.value),
        )


def _of_link(component: Component) -> Iterator[Measure]:
    link = component.link
    counters = link.counters
    yield gauge("link_up", "1 while the link to the XMPP server is up.", link.status.state is LinkState.UP)
    yield counter("link_reconnects_total", "How often the link came back.", counters.reconnects)
    stanzas = "Stanzas over the link."
    yield counter("link_stanzas_total", stanzas, counters.received, ("direction", "in"))
    yield counter("link_stanzas_total", stanzas, counters.sent, ("direction", "out"))
    octets = "Bytes over the link."
    yield counter("link_bytes_total", octets, counters.received_bytes, ("direction", "in"))
    yield counter("link_bytes_total", octets, counters.sent_bytes, ("direction", "out"))
    for reason in _DROPPED:
        count = counters.dropped.get(reason, 0)
        yield counter("link_dropped_total", "Stanzas that were not sent, by why.", count, ("reason", reason))


def _of_sessions(component: Component) -> Iterator[Measure]:
    now = states(component)
    changes = component.traffic.changes
    for state in AccountState:
        yield gauge("sessions", "Users' sessions, by state.", now.get(state.value, 0), ("state", state.value))
    for state in AccountState:
        help_ = "How often a session came into a state; those that came to connected are logins."
        yield counter("session_changes_total", help_, changes[state], ("state", state.value))


def _of_messages(component: Component) -> Iterator[Measure | Histogram]:
    traffic = component.traffic
    help_ = "Messages carried: out when the network has taken them, in when the gateway has them."
    for direction, place, count in (
        (Direction.OUT, "room", traffic.rooms_out),
        (Direction.OUT, "person", traffic.people_out),
        (Direction.IN, "room", traffic.rooms_in),
        (Direction.IN, "person", traffic.people_in),
    ):
        yield counter("messages_total", help_, count, ("direction", direction.value), ("place", place))
    for direction in Direction:
        for condition in Condition:
            failed = traffic.failed.get((direction, condition.value), 0)
            labels = ("direction", direction.value), ("condition", condition.value)
            yield counter(
                "messages_failed_total", "Messages that failed, by XMPP error condition.", failed, *labels
            )
    help_ = "Seconds from one side to the other."
    for direction, latency in ((Direction.OUT, traffic.taken), (Direction.IN, traffic.shown)):
        yield Histogram("message_seconds", help_, latency, (("direction", direction.value),))
    for queue in queues(component):
        yield gauge(
            "queue_messages", "Messages that wait, by for what.", queue.waiting, ("queue", queue.name)
        )


def _of_ledger(component: Component) -> Iterator[Measure]:
    out, incoming = component.deliveries.outbound.counts, component.deliveries.inbound.counts
    for event, count in (
        ("sent", out.sent),
        ("accepted", out.accepted),
        ("delivered", out.delivered),
        ("failed", out.failed),
        ("unknown", out.unknown),
        ("repeated", out.repeated),
    ):
        yield counter(
            "deliveries_out_total", "Steps of messages to networks in the ledger.", count, ("event", event)
        )
    for event, count in (
        ("received", incoming.received),
        ("known", incoming.known),
        ("unwritten", incoming.unwritten),
        ("bounced", incoming.bounced),
        ("failed", incoming.failed),
        ("dropped", incoming.dropped),
    ):
        yield counter(
            "deliveries_in_total", "Steps of messages to users in the ledger.", count, ("event", event)
        )


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 0
