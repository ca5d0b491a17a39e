"""What was said in a room lately, and which part of it a client that joins wants (XEP-0045 §7.2.13)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from gateway.model import MessageKind
from gateway.xmpp.datetimes import moment

#: What is sent when a client does not say what it wants; the field's custom.
USUAL_STANZAS = 20
#: Messages kept beyond the limit for clients that cannot be reached.
_HELD = 2_000


class Said(NamedTuple):
    """One room message as it is kept: times are Unix seconds. A tuple, because one is made for every message."""

    sender: str
    text: str
    kind: MessageKind
    time: float
    stanza_id: str
    id: str = ""  # the message's own, if a client of ours gave it one
    extra: str = ""  # ready XML of what it is besides its text, for ``gateway.chat.rendering.for_room``
    files: str = ""  # ready XML that tells of the file whose link the text is
    occupant: str = ""  # the occupant-id of who said it, where it is known


_new = tuple.__new__  # a named tuple's own constructor costs twice as much


def said_of(
    sender: str,
    text: str,
    kind: MessageKind,
    time: float,
    stanza_id: str,
    occupant: str,
    id_: str = "",
    extra: str = "",
) -> Said:
    """What is said at this moment."""
    return _new(Said, (sender, text, kind, time, stanza_id, id_, extra, "", occupant))


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """The limits a client set; None means that it did not."""

    stanzas: int | None = None
    chars: int | None = None
    seconds: int | None = None
    since: float | None = None

    @property
    def unlimited(self) -> bool:
        return self == HistoryRequest()


def _number(text: str | None) -> int | None:
    """A non-negative decimal of sane length, else None: nonsense limits are no limits."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 9 else None


def read_request(muc: Element) -> HistoryRequest:
    """Read ``<history/>`` out of the muc ``<x/>`` of a join."""
    element = muc.find("{http://jabber.org/protocol/muc}history")
    if element is None:
        return HistoryRequest()
    return HistoryRequest(
        _number(element.get("maxstanzas")),
        _number(element.get("maxchars")),
        _number(element.get("seconds")),
        moment(element.get("since")),
    )


class History:
    """The last messages of one room, oldest first, bounded."""

    __slots__ = ("_first", "_said", "held", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: int | None = None  # somebody still has to see everything from that number on
        self._first = 0  # the number of the first message that is here
        self._said: list[Said] = []  # short; an empty deque is ten times as large, and most rooms are quiet

    def __len__(self) -> int:
        return len(self._said)

    def add(self, said: Said) -> None:
        self._said.append(said)
        if len(self._said) > self.limit:
            self._trim()

    def prepend(self, earlier: Iterable[Said]) -> None:
        """Put what was kept elsewhere in front of what was heard since."""
        known = {said.stanza_id for said in self._said}
        before = [said for said in earlier if said.stanza_id not in known]
        self._said[:0] = before
        self._first -= len(before)
        self._trim()

    def _trim(self) -> None:
        excess = len(self._said) - self.limit
        if excess > 0:
            if self.held is not None:
                excess = min(excess, max(self.held - self._first, len(self._said) - _HELD))
            if excess > 0:
                del self._said[:excess]
                self._first += excess

    @property
    def total(self) -> int:
        """The number that the next message will have."""
        return self._first + len(self._said)

    def since(self, number: int) -> tuple[list[Said], int]:
        """The messages from that number on, and how many of them are not here any more."""
        return self._said[max(0, number - self._first) :], max(0, self._first - number)

    def latest(self) -> Iterator[Said]:
        """Newest first."""
        return reversed(self._said)

    def forget(self, stanza_id: str) -> None:
        """A message was taken back: whoever joins later is not shown it (XEP-0424 §5)."""
        left = [said for said in self._said if said.stanza_id != stanza_id]
        self._first += len(self._said) - len(left)  # what comes after it keeps its number
        self._said = left

    def select(
        self,
        request: HistoryRequest,
        now: float,
        usual: int = USUAL_STANZAS,
        size: Callable[[Said], int] = lambda said: len(said.text),
    ) -> list[Said]:
        """The messages that satisfy every limit of ``request``, oldest first; ``usual`` is their number where it has none.
        ``size`` is that of the complete stanza (XEP-0045 §7.2.14), for clients that count; zero of anything means no
        history."""
        stanzas = usual if request.unlimited else request.stanzas
        earliest = max(
            request.since if request.since is not None else float("-inf"),
            now - request.seconds if request.seconds is not None else float("-inf"),
        )
        chosen: list[Said] = []
        chars = 0
        for said in reversed(self._said):
            if request.chars is not None:
                chars += size(said)
            if (
                (stanzas is not None and len(chosen) >= stanzas)
                or (request.chars is not None and chars > request.chars)
                or said.time < earliest
            ):
                break
            chosen.append(said)
        chosen.reverse()
        return chosen
