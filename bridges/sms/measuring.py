"""The bridge's numbers for whoever runs the gateway: put together, when somebody looks, from what each part counts anyway.

Routes of users' own accounts are one, "own", for there are as many as users have.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from bridges.sms.office import Office
from bridges.sms.traffic import Seen, Stage
from gateway.bridge import Measure, MeasureKind

_OWN = "own"
#: What routes count, of all kinds. Others have no series, so that their number stays the same.
_EVENTS = (
    "accepted",
    "refused",
    "unknown",
    "throttled",
    "received",
    "again",
    "reported",
    "postponed",
    "late",
    "forged",
    "stale",
    "replayed",
    "unread",
    "not taken",
    "of nobody",
)


def measures(office: Office) -> Iterator[Measure]:
    configured = set(office.settings.routes)
    own = [route.seen() for route in office.routes.all if route.name not in configured]
    for route in office.routes.all:
        if route.name in configured:
            yield from _of_route(route.name, [route.seen()])
    yield from _of_route(_OWN, own)
    stopped = len(office.policy.stopped)
    yield _gauge("sms_destinations_stopped", "Destinations that a breaker has stopped.", stopped)
    yield _counter(
        "sms_cost_total",
        "What texts cost by the configured prices, in the configured currency.",
        office.policy.spent,
    )
    parts = office.parts
    ledger = parts.receiving.ledger if parts is not None else None
    for change, count in (
        ("stop", ledger.stops if ledger is not None else 0),
        ("start", ledger.starts if ledger is not None else 0),
    ):
        help_ = "People who wanted no more texts, and those who wanted them again."
        yield _counter("sms_consent_changes_total", help_, count, ("change", change))
    for state in Stage:
        help_ = "Receipts of pieces, by what they said."
        count = parts.sender.reports[state] if parts is not None else 0
        yield _counter("sms_reports_total", help_, count, ("state", state.value))
    taken, sorted_, shown = parts.receiving.counts if parts is not None else ({}, {}, {})
    for stage, counts, names in (
        ("taken", taken, ("taken", "again", "refused")),
        ("sorted", sorted_, ("messages", "joined", "gaps", "echoes", "nobodys", "unreadable")),
        ("shown", shown, ("shown", "failed")),
    ):
        for name in names:
            labels = ("stage", stage), ("event", name)
            yield _counter(
                "sms_received_total",
                "Texts that came in, by what became of them.",
                counts.get(name, 0),
                *labels,
            )


def ailments(office: Office) -> dict[str, str]:
    """The operator's routes that are down. Those of users' own accounts are their users' affair."""
    found: dict[str, str] = {}
    for name in office.settings.routes:
        route = office.routes.find(name)
        seen = route.seen() if route is not None else None
        if seen is not None and not seen.connected:
            why = seen.detail.rstrip(".") or "nothing is known of the reason"
            found[f"route {name}"] = (
                f"The route {name} to phones is down: {why}. Texts wait, or go another way; `causeway doctor` tries it."
            )
    return found


def _of_route(name: str, seen: list[Seen]) -> Iterator[Measure]:
    label = ("route", name)
    connected = sum(1 for each in seen if each.connected)
    yield _gauge("sms_routes_up", "Routes that are connected.", connected, label)
    yield _gauge("sms_routes", "Routes that there are.", len(seen), label)
    yield _gauge(
        "sms_route_waiting", "Texts that wait for a route.", sum(each.waiting for each in seen), label
    )
    counts: Counter[str] = Counter()
    for each in seen:
        counts.update(_plain(each.counts))
    for event in _EVENTS:
        help_ = (
            "What a route has seen: pieces given to it, receipts, and callbacks by what was thought of them."
        )
        yield _counter("sms_route_events_total", help_, counts[event], label, ("event", event))


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.replace("_", " "): count for name, count in counts.items()}


def _gauge(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.GAUGE, value, labels)


def _counter(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.COUNTER, value, labels)
