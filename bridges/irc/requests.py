"""What we asked the network for and it has yet to answer: changes of nick, topics, kicks, invitations.

Where the server knows labels, an answer names its request. Plain IRC has none: an answer is matched to the oldest open
request of its kind for the same target. Whatever is not answered in time is refused, so that a ticket never stays open.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.extras import Confirms
from bridges.irc.labels import Labels
from bridges.irc.numerics import REFUSES_INVITE, REFUSES_KICK, REFUSES_NICK, REFUSES_TOPIC, no_answer
from bridges.irc.protocol.line import Line
from bridges.irc.sendqueue import full
from gateway.bridge import Ticket
from gateway.model import Refused

ANSWER_TIME = 20.0  # seconds, from the moment the line was written


class Asked(Enum):
    """The kinds of requests, each with the error numerics that answer it."""

    NICK = ("the change of your nick", REFUSES_NICK)
    TOPIC = ("the change of the topic", REFUSES_TOPIC)
    KICK = ("the kick", REFUSES_KICK)
    INVITE = ("the invitation", REFUSES_INVITE)
    REDACT = ("the removal of the message", frozenset(("401", "403", "404", "442", "482")))

    def __init__(self, words: str, refusals: frozenset[str]) -> None:
        self.words = words
        self.refusals = refusals


class Request:
    """One line of ours that has a ticket. A ``sendqueue.Parcel``."""

    __slots__ = ("about", "deadline", "kind", "label", "of", "target", "ticket", "withdrawn")

    def __init__(
        self, of: "Requests", kind: Asked, target: str, about: str, ticket: Ticket, label: str
    ) -> None:
        self.of = of
        self.kind = kind
        self.target = target
        self.about = about
        self.ticket = ticket
        self.label = label  # empty where the server knows none
        self.deadline = NEVER
        self.withdrawn = False

    def written(self) -> None:
        self.deadline = self.of.due()
        if self.label:
            self.of.labels.wait(self.label, self)

    def lost(self, why: Refused) -> None:
        self.of.give_up(self, why)

    # labels.Claim

    def told(self, label: str, line: Line | None) -> None:
        if self.of.settle(self):
            self.ticket.done()

    def refused(self, label: str, why: Refused) -> None:
        self.of.give_up(self, why)

    def unanswered(self, label: str, why: Refused | None) -> None:
        self.of.give_up(self, why or no_answer(self.of.where, self.kind.words, ANSWER_TIME))


class Requests:
    """The open requests of one session, by kind and target (a folded name, or empty), oldest first."""

    __slots__ = ("_common", "_open", "answering", "labels", "where")

    def __init__(self, common: Common, labels: Labels) -> None:
        self.where = common.network
        self.labels = labels
        self.answering = False  # while a line is handled that names the request it answers
        self._common = common
        self._open: dict[tuple[Asked, str], deque[Request]] = {}

    def ask(self, kind: Asked, target: str, line: str, ticket: Ticket, about: str = "") -> None:
        """Send ``line``; the ticket is closed by ``done``, ``refused`` or the passing of time. ``about`` is a further name
        (folded) that an answer may give instead of the target."""
        label = ""
        if self._common.standing.extras.confirms is Confirms.LABELS and not self.labels.full:
            label = self.labels.next()
            line = f"@label={label} {line}"
        request = Request(self, kind, target, about, ticket, label)
        self._open.setdefault((kind, target), deque()).append(request)
        if not self._common.queue.put(line, request):
            self.give_up(request, full(self.where))

    def done(self, kind: Asked, target: str) -> bool:
        """The network did it. False if nobody had asked."""
        request = self._oldest(kind, target) if not self.answering else None
        if request is None:
            return False
        request.ticket.done()
        return True

    def refused(self, numeric: str, target: str, why: Refused) -> bool:
        """An error numeric about ``target``; False if no open request can have caused it."""
        for kind in Asked:
            if numeric in kind.refusals:
                request = self._oldest(kind, "" if kind is Asked.NICK else target) or self._about(
                    kind, target
                )
                if request is not None:
                    request.ticket.refused(why)
                    return True
        return False

    def failed(self, command: str, words: Sequence[str], why: Refused) -> bool:
        """A FAIL to ``command`` about ``words``, as they stand and folded; False if no open request can have caused it."""
        mine = [key for key, line in self._open.items() if key[0].name == command and line]
        named = [key for key in mine if key[1] in words]
        for key in named or [key for key in mine if not key[1] or self._open[key][0].about in words]:
            request = self._oldest(*key)
            if request is not None:
                request.ticket.refused(why)
                return True
        return False

    def due(self) -> float:
        at = self._common.clock.monotonic() + ANSWER_TIME
        self._common.alarm.need(at)
        return at

    def settle(self, request: Request) -> bool:
        """It is over; False if it was before."""
        line = self._open.get((request.kind, request.target))
        if line is None or request not in line:
            return False
        line.remove(request)
        self.labels.forget(request.label)
        return True

    def give_up(self, request: Request, why: Refused) -> None:
        if self.settle(request):
            request.withdrawn = True
            request.ticket.refused(why)

    def expire(self, now: float) -> float:
        """Refuse what is overdue; when to look again."""
        following = NEVER
        for (kind, _), line in list(self._open.items()):
            while line and line[0].deadline <= now:
                self.give_up(line[0], no_answer(self.where, kind.words, ANSWER_TIME))
            if line:
                following = min(following, line[0].deadline)
        self._tidy()
        return following

    def close(self, why: Refused) -> None:
        """The connection is over."""
        opened, self._open = self._open, {}
        for line in opened.values():
            for request in line:
                request.withdrawn = True
                request.ticket.refused(why)

    def _oldest(self, kind: Asked, target: str) -> Request | None:
        line = self._open.get((kind, target))
        if (
            not line or line[0].deadline == NEVER
        ):  # not written yet: the answer is to somebody else's question
            return None
        request = line.popleft()
        self.labels.forget(request.label)
        if not line:
            del self._open[kind, target]
        return request

    def _about(self, kind: Asked, name: str) -> Request | None:
        for (asked, target), line in self._open.items():
            if asked is kind and name and line and line[0].about == name:
                return self._oldest(asked, target)
        return None

    def _tidy(self) -> None:
        self._open = {key: line for key, line in self._open.items() if line}
