"""Questions to the server whose answer has no certain end: changes of modes, lists, addresses of people.

A server answers the lines of one connection in order, so a PING behind a question tells by its PONG that all there was to
say has been said: a mode that was set already is answered with silence. Whoever asks is offered the lines that may be an
answer, oldest question first.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.numerics import no_answer
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.sendqueue import full
from gateway.model import Refused

ANSWER_TIME = 20.0  # seconds without any answer, from the moment the last line was written
MAX_OPEN = 100  # questions of one session; a person has a handful

_TOKEN = "causeway-"


class Inquiry(Protocol):
    """Whoever asks. ``over`` is called exactly once, and nothing afterwards."""

    @property
    def words(self) -> str:
        """What was asked, behind "did not answer": ``the change of modes``."""

    def hears(self, line: Line) -> bool:
        """Whether the line (no error) belongs to the answer."""

    def refuses(self, line: Line) -> bool:
        """Whether the error numeric belongs to the answer."""

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to wait for."""

    def over(self, why: Refused | None) -> None:
        """All was said; or, with a reason, no answer came or can come."""


class _Open:
    """A question that was asked. A ``sendqueue.Parcel``."""

    __slots__ = ("deadline", "inquiry", "of", "token", "withdrawn")

    def __init__(self, of: "Inquiries", inquiry: Inquiry, token: str) -> None:
        self.of = of
        self.inquiry = inquiry
        self.token = token
        self.deadline = NEVER
        self.withdrawn = False

    @property
    def asked(self) -> bool:
        """Whether any of its lines was written."""
        return self.deadline != NEVER

    def written(self) -> None:
        self.deadline = self.of.due()

    def lost(self, why: Refused) -> None:
        self.of.end(self, why)


class Inquiries:
    """The open questions of one session, oldest first."""

    __slots__ = ("_common", "_last", "_open")

    def __init__(self, common: Common) -> None:
        self._common = common
        self._open: list[_Open] = []
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._open)

    def ask(self, lines: Sequence[str], inquiry: Inquiry, *, fence: bool = True) -> None:
        """Send ``lines``. Without ``fence`` the answer ends only when it is ``complete``."""
        self._last += 1
        token = f"{_TOKEN}{self._last}" if fence else ""
        sent = [*lines, serialise("PING", token)] if fence else list(lines)
        opened = _Open(self, inquiry, token)
        queue = self._common.queue
        if len(self._open) >= MAX_OPEN or len(sent) > queue.free:
            inquiry.over(full(self._common.network))
            return
        self._open.append(opened)
        for line in sent:
            queue.put(line, opened)

    def hears(self, line: Line) -> bool:
        """A line that is no error: whether it belongs to an answer."""
        return self._offer(lambda inquiry: inquiry.hears(line))

    def refuses(self, line: Line) -> bool:
        """An error numeric: whether it belongs to an answer."""
        return self._offer(lambda inquiry: inquiry.refuses(line))

    def pong(self, line: Line) -> bool:
        """Whether the PONG is the end of an answer; all before it have had theirs."""
        token = line.params[-1] if line.params else ""
        if not token.startswith(_TOKEN) or all(each.token != token for each in self._open):
            return False
        common = self._common
        while self._open:
            opened = self._open[0]
            if opened.token == token and opened.asked:
                common.tally.lag = common.clock.monotonic() - (opened.deadline - ANSWER_TIME)
            self.end(opened, None)
            if opened.token == token:
                break
        return True

    def due(self) -> float:
        at = self._common.clock.monotonic() + ANSWER_TIME
        self._common.alarm.need(at)
        return at

    def expire(self, now: float) -> float:
        """End what is overdue; when to look again."""
        for opened in [each for each in self._open if each.deadline <= now]:
            self.end(opened, no_answer(self._common.network, opened.inquiry.words, ANSWER_TIME))
        return min((each.deadline for each in self._open), default=NEVER)

    def close(self, why: Refused) -> None:
        """The connection is over."""
        while self._open:
            self.end(self._open[0], why)

    def end(self, opened: _Open, why: Refused | None) -> None:
        if opened in self._open:
            self._open.remove(opened)
            opened.withdrawn = True
            opened.inquiry.over(why)

    def _offer(self, takes: Callable[[Inquiry], bool]) -> bool:
        for opened in self._open:
            if opened.asked and takes(opened.inquiry):
                if opened.inquiry.complete:
                    self.end(opened, None)
                return True
        return False
