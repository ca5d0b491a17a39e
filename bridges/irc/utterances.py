"""What becomes of one message of the user's: its lines, those that the server has confirmed, and the one ticket over all.

Without confirmations a message is done when its last line was written. With them (labeled-response, or echo-message alone)
when the server has answered each: until then nobody knows, and if the answer never comes, that is what the user hears.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bridges.irc.labels import ANSWER_TIME, Labels
from bridges.irc.protocol.line import Line
from gateway.bridge import Ticket
from gateway.model import Condition, ErrorType, Refused


class Speaker(Protocol):
    """What an utterance needs of whoever speaks."""

    network: str
    labels: Labels

    def finish(self, utterance: "Utterance") -> None:
        """It needs no watching any more."""

    def step(self, step: str, ticket: Ticket, **details: object) -> None:
        """For the log."""


class Utterance:
    """A ``sendqueue.Parcel`` and a ``labels.Claim``. ``key`` is the folded target; ``labels`` are those of its lines in
    order, none where the server does not confirm; ``lines`` is how many there are."""

    __slots__ = ("answered", "ids", "key", "labels", "lines", "of", "ticket", "withdrawn", "written_lines")

    def __init__(self, of: Speaker, key: str, lines: int, ticket: Ticket, labels: Sequence[str] = ()) -> None:
        self.of = of
        self.key = key
        self.lines = lines
        self.labels = labels
        self.ticket = ticket
        self.written_lines = 0
        self.answered = 0
        self.ids: list[str] = []
        self.withdrawn = False

    @property
    def started(self) -> bool:
        return self.written_lines > 0

    # sendqueue.Parcel

    def written(self) -> None:
        number = self.written_lines
        self.written_lines = number + 1
        self.of.step("message written to the network", self.ticket, line=number + 1, lines=self.lines)
        if self.labels:
            self.of.labels.wait(self.labels[number], self)
        elif self.written_lines == self.lines:
            self.of.finish(self)
            self.ticket.done()

    def lost(self, why: Refused) -> None:
        self.fail(why)

    # labels.Claim

    def told(self, label: str, line: Line | None) -> None:
        if line is not None:
            id_ = line.tags.get("msgid", "")
            if id_:
                self.ids.append(id_)
        self.answered += 1
        self.of.step("message confirmed by the network", self.ticket, line=self.answered, lines=self.lines)
        if self.answered == self.lines:
            self.of.finish(self)
            self.ticket.done(self.ids)

    def refused(self, label: str, why: Refused) -> None:
        self.fail(why)

    def unanswered(self, label: str, why: Refused | None) -> None:
        self.fail(uncertain(self.of.network, why))

    def fail(self, why: Refused) -> None:
        """It did not get through as a whole; lines that are not written yet never will be."""
        if self.withdrawn:
            return
        self.withdrawn = True
        for label in self.labels[: self.written_lines]:
            self.of.labels.forget(label)
        self.of.finish(self)
        through = self.answered if self.labels else self.written_lines
        if 0 < through < self.lines:
            part = f" {through} of its {self.lines} lines were sent before."
            why = replace(why, text=why.text + part)
        self.ticket.refused(why)


def uncertain(where: str, why: Refused | None) -> Refused:
    """What the user hears of lines that were written and not answered: in time (``why`` None), or before the end of the
    connection."""
    happened = (
        f"{where} did not confirm your message within {ANSWER_TIME:.0f} seconds"
        if why is None
        else f"The connection to {where} ended before your message was confirmed"
    )
    return Refused(
        Condition.REMOTE_SERVER_TIMEOUT,
        f"{happened}: it may or may not have arrived. Look before you send it again.",
        ErrorType.WAIT,
        uncertain=True,
    )


class Echoes:
    """Which of our lines a copy of them is (echo-message without labels): the oldest with the same target and text.

    ``open`` is empty while no line waits, so that a look at it is all that other lines cost."""

    __slots__ = ("_places", "open")

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], list[str]] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def wait(self, key: str, text: str, label: str) -> None:
        """A line is about to be written. ``label`` is never sent: it is the line's name among ours."""
        self.open.setdefault((key, text), []).append(label)
        self._places[label] = (key, text)

    def match(self, key: str, text: str) -> str:
        """The label of the line that this is the echo of; empty if it is none of ours."""
        labels = self.open.get((key, text))
        if not labels:
            return ""
        label = labels[0]
        self.forget(label)
        return label

    def forget(self, label: str) -> None:
        """Nobody waits for it any more."""
        place = self._places.pop(label, None)
        if place is not None:
            self.open[place].remove(label)
            if not self.open[place]:
                del self.open[place]
