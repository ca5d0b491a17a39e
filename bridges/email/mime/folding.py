"""Takes away what the reader has seen: the earlier mail that a mail ends with, and the signature. Never by guess.

Where a quote may begin is told by structure, which knows no language: marks of HTML, quoted lines, blocks of headers, rules
with words in them, a line with somebody of this conversation and a date. Whether it goes is told by what we know: at least
60 % of its lines must stand in earlier mail of the thread. What is answered within, what is the only text, and what was
never seen, stays. Everything is linear in the text.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bridges.email.mime import headings, memory
from bridges.email.mime.letter import Letter, Role
from bridges.email.mime.memory import Memory
from bridges.email.mime.shown import Shown, clipped, joined
from gateway.model import Span, Style

_LONGEST = 100_000  # code points; in what is longer, nothing is looked for
_ENOUGH = 0.6  # of the lines that are not blank
_MOST_PEOPLE = 50
_SHORTEST_NAME = 3
_FOOTER_LINES = 15  # behind a quote: a signature, what a mailing list adds
_SIGNATURE_LINES = 12
_SIGNATURE_LENGTH = 1_000  # code points
_WRAPPED = 40  # code points: no shorter line was broken for its length
_CONTEXT = 16  # letters before a line
_RULES = ("__________", "----------", "==========", "**********")
_SEPARATORS = ("-- ", "--")


@dataclass(frozen=True, slots=True)
class Cut:
    """``lines`` lines, not counting blank ones, that stood at ``at`` in the folded text."""

    at: int
    lines: int
    role: Role


@dataclass(frozen=True, slots=True)
class Folded:
    """What is left of a text; ``cuts`` is empty where all of it is."""

    text: str
    spans: tuple[Span, ...]
    cuts: tuple[Cut, ...] = ()


def fold(letter: Letter, known: Sequence[str], people: Sequence[str] = ()) -> Folded:
    """``known``: texts of earlier mail of the thread, the newest first. ``people``: names and addresses of those who wrote
    them and of those who read them."""
    body = Shown(letter.text, letter.spans, letter.marks, letter.html_origin)
    cuts: list[Cut] = []
    found = memory.Memory(known if len(letter.text) <= _LONGEST else ())
    if found and (place := _Quotes(body, found, _names(people)).place()) is not None:
        head, tail = clipped(body, 0, place.start), clipped(body, place.end, len(body.text))
        head = clipped(head, 0, len(head.text.rstrip()))
        cuts.append(Cut(len(head.text), place.lines, Role.QUOTE))
        body = joined((head, clipped(tail, len(tail.text) - len(tail.text.lstrip("\n")), len(tail.text))))
    signature = _signature(body)
    if signature is not None:
        start, lines = signature
        kept = len(body.text[:start].rstrip())
        body = clipped(body, 0, kept)
        cuts = [replace(cut, at=min(cut.at, kept)) for cut in cuts]
        cuts.append(Cut(kept, lines, Role.SIGNATURE))
    return Folded(body.text, body.spans, tuple(cuts))


def _names(people: Sequence[str]) -> tuple[str, ...]:
    folded = (name.casefold().strip() for name in people[:_MOST_PEOPLE])
    return tuple(name for name in folded if len(name) >= _SHORTEST_NAME)


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
    lines: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Lines from ``first`` up to, not including, ``end``. ``answerable``: answers can stand within it without showing."""

    first: int
    end: int
    answerable: bool


class _Lines:
    """A text by its lines: where they begin, how deep they are quoted."""

    def __init__(self, body: Shown) -> None:
        self.texts = body.text.split("\n")
        self.starts = [0, *accumulate(len(text) + 1 for text in self.texts)]
        changes = [0] * (len(self.texts) + 1)
        for span in body.spans:
            if span.style is Style.QUOTE:
                changes[self.at(span.start)] += 1
                changes[min(self.behind(span.end), len(self.texts))] -= 1
        self.depths = list(accumulate(changes[:-1]))
        self.blank = [not text.strip() for text in self.texts]

    def at(self, offset: int) -> int:
        """The line that ``offset`` is in."""
        return min(bisect_right(self.starts, offset) - 1, len(self.texts) - 1)

    def behind(self, offset: int) -> int:
        """The first line that begins at ``offset`` or behind it."""
        return min(bisect_left(self.starts, offset), len(self.texts))

    def __len__(self) -> int:
        return len(self.texts)


class _Quotes:
    """Looks for the quote that a text ends with."""

    def __init__(self, body: Shown, known: Memory, people: tuple[str, ...]) -> None:
        self._body = body
        self._people = people
        self._lines = lines = _Lines(body)
        self._blocks = headings.header_blocks(lines.texts)
        about = self._about()
        essences = [memory.essence(text) for text in lines.texts]
        kinds: list[int] = []  # 1: known; 0: says nothing; -1: not known
        before = ""
        for number, essence in enumerate(essences):
            if not essence or about[number]:
                kinds.append(0)
                continue
            kinds.append(1 if known.knows(essence, before) else -1)
            before = (before + essence)[-_CONTEXT:]
        self._known = [0, *accumulate(kind == 1 for kind in kinds)]
        self._unknown = [0, *accumulate(kind == -1 for kind in kinds)]
        self._own = [
            0,
            *accumulate(not (lines.blank[n] or about[n] or lines.depths[n]) for n in range(len(lines))),
        ]
        self._places_known = [number for number, kind in enumerate(kinds) if kind == 1]
        self._ends = self._can_end()

    def place(self) -> _Place | None:
        """The quote that begins first, of those that can go, without what may follow it."""
        for candidate in sorted(set(self._candidates()), key=lambda each: (each.first, each.end)):
            if self._goes(candidate):
                starts = self._lines.starts
                first, end = candidate.first, candidate.end
                lines = sum(not self._lines.blank[n] for n in range(first, end))
                return _Place(starts[first], min(starts[end], len(self._body.text)), lines)
        return None

    def _about(self) -> list[bool]:
        """Lines that only tell whose words follow."""
        about = [headings.is_separator(text) for text in self._lines.texts]
        for first, end in self._blocks:
            about[first:end] = [True] * (end - first)
        for number, text in enumerate(self._lines.texts):
            if not about[number] and text.rstrip(" *").endswith((":", "：")):
                for more in range(min(3, number + 1)):
                    said = self._sentence(number - more, number + 1)
                    if headings.introduces(said, self._people, strictly=False):
                        about[number - more : number + 1] = [True] * (more + 1)
        return about

    def _can_end(self) -> list[bool]:
        """For each line, whether a quote may end before it: what follows is blank, or a signature or footer."""
        lines = self._lines
        ends = [False] * (len(lines) + 1)
        ends[len(lines)] = True
        said = 0
        for number in range(len(lines) - 1, -1, -1):
            text = lines.texts[number]
            if lines.blank[number]:
                ends[number] = ends[number + 1]
                continue
            said += 1
            if said > _FOOTER_LINES:
                break
            rule = text in _SEPARATORS or text.strip().startswith(_RULES)
            ends[number] = rule and not lines.depths[number]
        return ends

    def _candidates(self) -> Iterator[_Candidate]:
        lines = self._lines
        last = len(lines)
        for mark in self._body.marks:
            if mark.role is Role.QUOTE and mark.start < mark.end:
                first, end = lines.at(mark.start), lines.behind(mark.end)
                yield _Candidate(self._introduced(first), end, answerable=True)
        yield from self._quoted_run()
        for first, _ in self._blocks:
            above = first - 1
            while above > 0 and lines.blank[above]:
                above -= 1
            ruled = above >= 0 and headings.is_separator(lines.texts[above])
            yield _Candidate(above if ruled else first, last, answerable=True)
        for number, text in enumerate(lines.texts):
            if lines.depths[number] or lines.blank[number]:
                continue
            if headings.is_separator(text):
                yield _Candidate(number, last, answerable=True)
            for more in range(1, 4):
                if headings.introduces(self._sentence(number, number + more), self._people, strictly=True):
                    yield _Candidate(number, last, answerable=True)
                    break

    def _quoted_run(self) -> Iterator[_Candidate]:
        """The last lines with marks before them. Nothing hides between such lines."""
        lines = self._lines
        end = len(lines)
        while end and not (lines.depths[end - 1] and not lines.blank[end - 1]):
            end -= 1
        first = end
        while first and (lines.depths[first - 1] or lines.blank[first - 1]):
            first -= 1
        while first < end and lines.blank[first]:
            first += 1
        if first < end:
            yield _Candidate(self._introduced(first), end, answerable=self._body.html)

    def _introduced(self, first: int) -> int:
        """``first``, or the line above that says whose words follow."""
        lines = self._lines
        above = first
        while above and lines.blank[above - 1] and first - above < 2:
            above -= 1
        begins = [above - more for more in range(1, 4) if above >= more]
        found = [
            n for n in begins if headings.introduces(self._sentence(n, above), self._people, strictly=False)
        ]
        return min(found, default=first)

    def _sentence(self, first: int, end: int) -> str:
        """These lines as one, where they may be one that was wrapped: all but the last are long, none ends a sentence."""
        texts = self._lines.texts[first:end]
        if any(self._lines.blank[first:end]) or len(set(self._lines.depths[first:end])) > 1:
            return ""
        if any(len(text) < _WRAPPED or text.rstrip().endswith((".", "!", "?", ":")) for text in texts[:-1]):
            return ""
        return " ".join(texts)

    def _goes(self, candidate: _Candidate) -> bool:
        first, end = candidate.first, candidate.end
        if not self._ends[end] or not self._own[first]:
            return False
        known = self._known[end] - self._known[first]
        unknown = self._unknown[end] - self._unknown[first]
        if not known or known < _ENOUGH * (known + unknown):
            return False
        if not candidate.answerable:
            return True
        # Words that nobody knows, between words that somebody does: answers, written into the quote.
        places = self._places_known
        begin, last = places[bisect_left(places, first)], places[bisect_left(places, end) - 1]
        return self._unknown[last] == self._unknown[begin]


def _signature(body: Shown) -> tuple[int, int] | None:
    """Where the signature that a text ends with begins, and how many lines it has."""
    lines = _Lines(body)
    first = _marked_signature(body, lines)
    if first is None:
        exact = [n for n, text in enumerate(lines.texts) if text == "-- " and not lines.depths[n]]
        bare = [n for n, text in enumerate(lines.texts) if text == "--" and not lines.depths[n]]
        # Without its space, which many programs take away, it counts where nothing else looks like it.
        first = exact[-1] if exact else bare[0] if len(bare) == 1 else None
    if first is None:
        return None
    start = lines.starts[first]
    said = [n for n in range(first, len(lines)) if not lines.blank[n]]
    fits = len(said) <= _SIGNATURE_LINES and len(body.text) - start <= _SIGNATURE_LENGTH
    if not fits or any(lines.depths[n] for n in said) or not memory.essence(body.text[:start]):
        return None
    return start, len(said)


def _marked_signature(body: Shown, lines: _Lines) -> int | None:
    for mark in reversed(body.marks):
        if mark.role is Role.SIGNATURE and not body.text[mark.end :].strip():
            first = lines.at(mark.start)
            above = first
            while above and lines.blank[above - 1]:
                above -= 1
            return above - 1 if above and lines.texts[above - 1].rstrip() == "--" else first
    return None
