"""Requests with a label, and the one answer that the server gives to each (IRCv3 labeled-response).

Knows no commands: whoever sends a labelled line leaves a claim here and is told what the answer is, that it was nothing in
particular, or that none came. The table is bounded in count and age; what the server labels by itself is nobody's.
"""

from collections.abc import Iterator
from typing import Protocol

from bridges.irc.alarm import NEVER, Alarm
from bridges.irc.protocol.line import Line
from gateway.bridge import Clock
from gateway.model import Refused

ANSWER_TIME = 25.0  # seconds for the answer, from the moment the line was written
MAX_OPEN = (
    10_000  # labels of one connection without an answer: far more than the network's own limits let through
)


class Claim(Protocol):
    """Whoever waits for an answer. Exactly one of these is called for a label, once; ``label`` is which one."""

    def told(self, label: str, line: Line | None) -> None:
        """The server took it. ``line`` is what it said to that: an echo or the change itself (the opening BATCH, where the
        answer is a batch of its own type); None where it said nothing that tells more (ACK)."""

    def refused(self, label: str, why: Refused) -> None:
        """The server did not do it."""

    def unanswered(self, label: str, why: Refused | None) -> None:
        """No answer came in time, or the connection ended before (``why``)."""


class Labels:
    """The open labels of one connection."""

    __slots__ = ("_alarm", "_clock", "_last", "_open")

    def __init__(self, clock: Clock, alarm: Alarm) -> None:
        self._clock = clock
        self._alarm = alarm
        self._last = 0
        self._open: dict[str, tuple[Claim, float]] = {}  # the oldest deadline first

    def __len__(self) -> int:
        return len(self._open)

    @property
    def claims(self) -> Iterator[Claim]:
        """Those that wait for an answer."""
        return (claim for claim, _ in self._open.values())

    @property
    def full(self) -> bool:
        return len(self._open) >= MAX_OPEN

    def next(self) -> str:
        """A label that was never used on this connection: at most 64 bytes (labeled-response, "Tag value")."""
        self._last += 1
        return f"{self._last:x}"

    def wait(self, label: str, claim: Claim) -> None:
        """The line with this label was written."""
        at = self._clock.monotonic() + ANSWER_TIME
        if not self._open:
            self._alarm.need(at)
        self._open[label] = (claim, at)

    def peek(self, label: str) -> Claim | None:
        """Whose label it is; it stays open."""
        found = self._open.get(label)
        return found[0] if found is not None else None

    def take(self, label: str) -> Claim | None:
        """Whose label it is. The caller tells the claim what the answer is; a label is answered once."""
        found = self._open.pop(label, None)
        return found[0] if found is not None else None

    def forget(self, label: str) -> None:
        """Nobody waits for the answer any more."""
        self._open.pop(label, None)

    def expire(self, now: float) -> float:
        """Tell those that waited too long; when to look again."""
        while self._open:
            label, (claim, at) = next(iter(self._open.items()))
            if at > now:
                return at
            del self._open[label]
            claim.unanswered(label, None)
        return NEVER

    def close(self, why: Refused) -> None:
        """The connection is over."""
        opened, self._open = self._open, {}
        for label, (claim, _) in opened.items():
            claim.unanswered(label, why)
