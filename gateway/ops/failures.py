"""Messages that failed lately, grouped by cause.

A cause is a stanza error condition and the first words of the reason, freed of whatever could say whose message it was:
networks like to repeat numbers, addresses and names. Bounded in causes and in what is remembered of each.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

from gateway.bridge import Clock
from gateway.model import Refused
from gateway.ops.status import Direction, FailureGroup
from gateway.texts import Text

#: Causes of one bridge; beyond it, the one that was not met for the longest time is forgotten.
_CAUSES = 200
_IDS = 5
#: Messages of one bridge whose failure is remembered; of those in rooms nothing else is.
_MESSAGES = 1_000
_HOUR, _DAY = 3600, 24
_READ = 500  # characters of a reason that are looked at
_WORDS, _LENGTH = 12, 90
_GAP = "…"

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
#: Whatever may be, or be part of, an address, a link, a number, an id or a quotation. What is left are words.
_TELLING = (
    re.compile(r"<[^<>]*>?|\"[^\"]*\"?|'[^']{2,}'|`[^`]*`?|\u201c[^\u201d]*\u201d?|\[[^\]]*\]?"),
    re.compile(r"\S*(?:@|\\40|://|xmpp:|sip:|mailto:|tel:)\S*", re.IGNORECASE),
    re.compile(r"(?<!\S)(?!\(\+[A-Za-z]\))[({]*[+!/]\S+|\S*[#&~%|^\\=$]\S*"),
    re.compile(r"\S*\d[\s().\-/\d]*\d\S*|\S*\d\S*"),
    re.compile(r"\S+[._:,;]\w\S*"),
    re.compile(r"\S{25,}"),
)
#: Numbers that say what is wrong, and of whom nothing: SMTP's and those of enhanced status codes (RFC 3463).
_CODE = re.compile(
    r"^([245]\d\d)(?:[ -](?=[245]\.\d{1,2}\.\d{1,3}\b)([245]\.\d{1,2}\.\d{1,3}))?(?=[\s:,-]|$)"
)


@dataclass(slots=True)
class _Group:
    first: float
    last: float
    ids: list[str] = field(default_factory=list)
    hours: dict[int, int] = field(default_factory=dict)  # counts, by hours since 1970


class Failures:
    """Of one bridge."""

    def __init__(self, clock: Clock, bridge: str = "") -> None:
        self._clock = clock
        self._bridge = bridge
        self._groups: dict[tuple[Direction, str], _Group] = {}  # the latest last
        self._messages: dict[str, tuple[float, Direction, str]] = {}  # by id; the latest last

    def note(self, direction: Direction, why: Refused, id_: str = "", hidden: Sequence[str] = ()) -> str:
        """A message failed; the cause that it is counted under. ``id_`` is what it can be traced by. ``hidden``: names of
        people and rooms that the reason may hold."""
        now = self._clock.now()
        key = direction, cause_of(why, hidden)
        group = self._groups.pop(key, None)
        if group is None:
            group = _Group(now, now)
            while len(self._groups) >= _CAUSES:
                del self._groups[next(iter(self._groups))]
        self._groups[key] = group
        group.last = now
        hour = int(now // _HOUR)
        group.hours[hour] = group.hours.get(hour, 0) + 1
        while len(group.hours) > _DAY:
            del group.hours[min(group.hours)]
        if id_:
            id_ = id_[:255]
            group.ids = [*group.ids[-_IDS + 1 :], id_]
            self._messages.pop(id_, None)
            self._messages[id_] = now, *key
            if len(self._messages) > _MESSAGES:
                del self._messages[next(iter(self._messages))]
        return key[1]

    def of(self, id_: str) -> tuple[float, Direction, str] | None:
        """When, on which way and by which cause a message failed; None if that is not known (any more)."""
        return self._messages.get(id_)

    def groups(self) -> list[FailureGroup]:
        """Of the last day, the latest first."""
        horizon = int(self._clock.now() // _HOUR) - _DAY
        found: list[FailureGroup] = []
        for key, group in list(self._groups.items()):
            for hour in [hour for hour in group.hours if hour <= horizon]:
                del group.hours[hour]
            if not group.hours:
                del self._groups[key]
                continue
            first = max(group.first, min(group.hours) * float(_HOUR))
            direction, cause = key
            count = sum(group.hours.values())
            found.append(
                FailureGroup(self._bridge, direction, cause, count, first, group.last, tuple(group.ids))
            )
        found.reverse()
        return found


def cause_of(why: Refused, hidden: Sequence[str] = ()) -> str:
    """A cause for people and for grouping: ``condition: first words``."""
    words = _words(why.text, hidden)
    return f"{why.condition.value}: {words}" if words else why.condition.value


def _words(reason: str, hidden: Sequence[str]) -> str:
    if isinstance(reason, Text):
        return _of_template(reason, hidden)
    return _bounded(_freed(reason, hidden))


def _of_template(text: Text, hidden: Sequence[str]) -> str:
    """Our own sentence tells nothing; what was put into it may, unless it is a sentence too."""

    def part(match: re.Match[str]) -> str:
        value = text.parts.get(match[1])
        if isinstance(value, Text):
            return _of_template(value, hidden)
        return _freed(value, hidden) if match[1] == "reason" and isinstance(value, str) else _GAP

    return _bounded(_PLACEHOLDER.sub(part, text.template) if text.parts else str(text))


def _freed(reason: str, hidden: Sequence[str]) -> str:
    # What looks like a digit or an at sign is one.
    reason = normalize("NFKC", reason[:_READ])[:_READ]
    code = _CODE.match(reason)
    head = code[0] if code is not None else ""
    rest = reason[len(head) :]
    for name in sorted({each for each in hidden if each}, key=len, reverse=True):
        rest = _without(rest, name)
    for pattern in _TELLING:
        rest = pattern.sub(_GAP, rest)
    rest = "".join(each if each.isprintable() else " " for each in rest)
    return head + rest


def _without(text: str, name: str) -> str:
    """Free of a name, however it is written; single letters only where they stand alone."""
    pattern = re.escape(name) if len(name) > 2 else rf"(?<!\w){re.escape(name)}(?!\w)"
    return re.sub(pattern, _GAP, text, flags=re.IGNORECASE)


def _bounded(text: str) -> str:
    words = text.split()
    short = " ".join(words[:_WORDS])
    cut = len(words) > _WORDS or len(short) > _LENGTH
    return re.sub(rf"(?:{_GAP}[\s:,.;-]*)+{_GAP}", _GAP, short[:_LENGTH].rstrip() + (_GAP if cut else ""))
