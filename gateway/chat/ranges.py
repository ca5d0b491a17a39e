"""Changing a text while places in it are known by number: cutting ranges out, putting marks in, and moving the places along.

Places are counted in code points (XEP-0426), as Python counts them. Total: ranges that make no sense are mended or dropped.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable

Range = tuple[int, int]
#: Where a place of the old text is in the new one.
Moved = Callable[[int], int]


def unmoved(place: int) -> int:
    return place


def mended(ranges: Iterable[Range], length: int) -> list[Range]:
    """``ranges`` in order, within the text, without overlaps and empty ones."""
    result: list[Range] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return result


def cut(text: str, ranges: Iterable[Range]) -> tuple[str, Moved]:
    """``text`` without ``ranges``. A place within a range moves to where the range was."""
    gone = mended(ranges, len(text))
    if not gone:
        return text, unmoved
    starts = [start for start, _ in gone]
    before = [0]
    kept: list[str] = []
    at = 0
    for start, end in gone:
        kept.append(text[at:start])
        before.append(before[-1] + end - start)
        at = end
    kept.append(text[at:])

    def moved(place: int) -> int:
        number = bisect_right(starts, place)
        if not number:
            return place
        start, end = gone[number - 1]
        return (start if place < end else place) - before[number - 1] - (end - start if place >= end else 0)

    return "".join(kept), moved


def put(text: str, marks: Iterable[tuple[int, str]]) -> tuple[str, Moved]:
    """``text`` with marks put in before the code points they name, those for one place in the order given. A place moves
    behind all marks that are put in before or at it."""
    ordered = sorted(marks, key=lambda mark: mark[0])
    if not ordered:
        return text, unmoved
    places: list[int] = []
    after: list[int] = []
    parts: list[str] = []
    at = total = 0
    for wanted, mark in ordered:
        place = min(max(wanted, 0), len(text))
        parts += (text[at:place], mark)
        at = place
        total += len(mark)
        places.append(place)
        after.append(total)
    parts.append(text[at:])

    def moved(place: int) -> int:
        number = bisect_right(places, place)
        return place + (after[number - 1] if number else 0)

    return "".join(parts), moved
