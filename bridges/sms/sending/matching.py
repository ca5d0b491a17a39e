"""Which piece a report is about, though networks spell their ids in reports otherwise than in answers. Without I/O.

SMPP 3.4 leaves the form of a message_id open (§5.2.23), and SMSCs answer in hexadecimal and report in decimal, or the other
way round, lose zeros in front, or change the case. Which of it a route does is learnt from reports that leave no doubt.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

_LONGEST = 200
_HEX = re.compile(r"[0-9a-f]{1,40}")
_DECIMAL = re.compile(r"[0-9]{1,48}")
_NOT_DIGITS = re.compile(r"[^0-9]")
_ENOUGH_DIGITS = 8  # at the end: of two phones of one route, and one id, nobody has the same
_HEAVIEST = 50

T = TypeVar("T")


class Rule(StrEnum):
    """How the id of a report is that of the answer."""

    RAW = "raw"
    FOLDED = "folded"  # but for the case
    STRIPPED = "stripped"  # and zeros in front
    DECIMAL = "decimal"  # the answer's is hexadecimal, the report's decimal
    HEXADECIMAL = "hexadecimal"  # the reverse


_ORDER = {each: rank for rank, each in enumerate(Rule)}


def storable(text: str, most: int) -> str:
    """What every database takes: neither NUL nor halves of characters, which JSON can bring, and not more than so much."""
    if text.isascii() and "\0" not in text:
        return text[:most]
    return text[:most].replace("\0", "").encode("utf-8", "replace").decode()


def bounded(id: str) -> str:
    """An id that fits every index; of those that are too long, a digest."""
    if len(id) > _LONGEST:
        return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
    return storable(id, _LONGEST)


def stripped(id: str) -> str:
    return id.strip().lower().lstrip("0") or id.strip()[:1]


def decimal(id: str) -> str:
    """Read as hexadecimal, in decimal; empty where it cannot be read so."""
    plain = stripped(id)
    return str(int(plain, 16)) if _HEX.fullmatch(plain) else ""


def hexadecimal(id: str) -> str:
    """Read as decimal, in hexadecimal; empty where it cannot be read so."""
    plain = stripped(id)
    return f"{int(plain):x}" if _DECIMAL.fullmatch(plain) else ""


def spellings(id: str) -> Iterator[str]:
    """What ``stripped`` may give of the other id, for a report to be about an answer."""
    plain = stripped(id)
    yield plain
    yield from {each for each in (decimal(id), hexadecimal(id)) if each and each != plain}


def rule(answered: str, reported: str) -> Rule | None:
    """The most exact one by which the two ids are one."""
    if answered == reported:
        return Rule.RAW if answered.strip() else None
    if answered.strip().lower() == reported.strip().lower():
        return Rule.FOLDED if answered.strip() else None
    ours, theirs = stripped(answered), stripped(reported)
    if ours == theirs:
        return Rule.STRIPPED if ours else None
    if theirs and theirs == decimal(answered):
        return Rule.DECIMAL
    if theirs and theirs == hexadecimal(answered):
        return Rule.HEXADECIMAL
    return None


def party(number: str) -> str:
    """The same for all ways to write a phone: networks leave out the plus, or the country."""
    if number[1:].isdecimal() and number[0] in "+0123456789" and number.isascii():
        return (number[1:] if number[0] == "+" else number)[-_ENOUGH_DIGITS:]
    folded = number.strip().casefold()
    if any(each.isalpha() for each in folded):
        return folded
    return _NOT_DIGITS.sub("", folded)[-_ENOUGH_DIGITS:] or folded


class Learnt:
    """What is known of the ids of one route: a weight for each rule."""

    def __init__(self, weights: Mapping[Rule, int] | None = None) -> None:
        self.weights = dict(weights or {})

    def preference(self, rule: Rule) -> tuple[int, int]:
        """Less is better."""
        return -self.weights.get(rule, 0), _ORDER[rule]

    def learn(self, rule: Rule) -> bool:
        """A report left no doubt; whether that is news. What no longer happens is forgotten."""
        before = dict(self.weights)
        for each in self.weights:
            self.weights[each] = max(0, self.weights[each] - (each is not rule))
        self.weights[rule] = min(_HEAVIEST, self.weights.get(rule, 0) + 1)
        return self.weights != before


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """A piece that a report may be about. ``open``: more is to be heard of it; ``written``: when it was."""

    what: T
    id: str
    parties: tuple[str, ...]
    open: bool
    written: float


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """``certain``: the report could be about nothing else."""

    what: T
    rule: Rule
    certain: bool


def about(
    reported: str, recipient: str, candidates: Iterable[Candidate[T]], learnt: Learnt
) -> Match[T] | None:
    """Which of a route's pieces a report with this id is about. ``recipient`` as the network wrote it, or empty."""
    phone = party(recipient)
    fitting = [
        (found, each)
        for each in candidates
        if (found := rule(each.id, reported)) is not None and (not phone or phone in each.parties)
    ]
    if not fitting:
        return None
    # Ids come again after months, and after an SMSC has begun anew: then it is the one of which we wait to hear.
    best, piece = min(fitting, key=lambda it: (learnt.preference(it[0]), not it[1].open, -it[1].written))
    return Match(piece.what, best, len(fitting) == 1)
