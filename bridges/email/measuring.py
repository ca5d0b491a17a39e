"""The bridge's numbers for whoever runs the gateway, put together when somebody looks from what each part counts anyway."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from bridges.email.parts import Parts
from gateway.bridge import Measure, MeasureKind

#: Classes of RFC 3463: what the mail server is told of a mail that is not taken.
_CLASSES = (("4", "later"), ("5", "never"))


def measures(parts: Parts | None) -> Iterator[Measure]:
    """All are 0 until there are ``parts``."""
    receiving, queue = (parts.receiving, parts.queue) if parts is not None else (None, None)
    kept, again, refused = 0, 0, Counter[str]()
    shown: dict[str, int] = {}
    if receiving is not None:
        counts = receiving.intake.counts
        kept, again = counts.kept, counts.again
        for status, count in counts.refused.items():
            refused[status[:1]] += count
        shown = asdict(receiving.pipeline.counts)
    received = "Mails from the mail server, by what was said to it, for each recipient."
    yield _counter("email_received_total", received, kept, ("outcome", "kept"))
    yield _counter("email_received_total", received, again, ("outcome", "again"))
    for digit, name in _CLASSES:
        yield _counter("email_received_total", received, refused[digit], ("outcome", name))
    for outcome in ("shown", "held", "dropped", "failed"):
        help_ = "Mails that were kept, by what became of them."
        yield _counter("email_shown_total", help_, shown.get(outcome, 0), ("outcome", outcome))
    sent = asdict(queue.counts) if queue is not None else {}
    for outcome in ("accepted", "postponed", "failed", "unknown"):
        help_ = "Attempts to give a mail for one recipient to the smarthost."
        yield _counter("email_sent_total", help_, sent.get(outcome, 0), ("outcome", outcome))
    troubles = queue.troubles if queue is not None else 0
    yield Measure(
        "email_smarthost_troubles",
        "Attempts in a row to reach the smarthost that failed.",
        MeasureKind.GAUGE,
        troubles,
    )


def ailments(parts: Parts | None) -> dict[str, str]:
    """The operator's smarthost; servers of users' own mailboxes are their users' affair."""
    trouble = parts.queue.trouble if parts is not None else ""
    if not trouble:
        return {}
    return {"smarthost": f"{trouble.rstrip('.')}. What users write waits until the mail server takes it."}


def _counter(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.COUNTER, value, labels)
