"""How a text is sent: in which alphabet, and in how many segments, none of which takes a character apart.

A segment has 140 octets on the air, its header among them (3GPP TS 23.040 §9.2.3.24): that makes 160 septets, 140 octets or
70 units of UTF-16 without a header, and 153, 134 or 67 with the usual one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import accumulate, pairwise, repeat
from typing import Final

from bridges.sms.text.clusters import may_cut
from bridges.sms.text.gsm import DEFAULT, Septets, septets
from bridges.sms.traffic import Alphabet

#: Octets of user data in a segment.
OCTETS: Final = 140
#: Segments that a header can count.
MOST: Final = 255

_SHIFT = 3  # octets of an element that names a language


class Joining(IntEnum):
    """How segments say that they belong together: octets of the element for it."""

    WIDTH_8 = 5
    WIDTH_16 = 6


@dataclass(frozen=True, slots=True)
class Segments:
    """A text as it is sent. ``data`` are the octets of each segment without a header. ``units`` are septets, octets, or
    units of UTF-16 by ``alphabet``, in all; ``room`` are those left in the last segment. ``locking`` and ``single`` are
    languages whose tables are used, 0 the default one."""

    alphabet: Alphabet
    data: tuple[bytes, ...]
    units: int
    room: int
    locking: int = 0
    single: int = 0


@cache
def capacity(alphabet: Alphabet, *, shifts: int = 0, joining: Joining | None = None) -> int:
    """Units of one segment, with elements for ``shifts`` languages, and the one for ``joining``."""
    header = _SHIFT * shifts + (joining or 0)
    octets = OCTETS - (header + 1 if header else 0)
    match alphabet:
        case Alphabet.GSM:
            return octets * 8 // 7
        case Alphabet.UCS2:
            return octets // 2
        case _:
            return octets


def segments(
    text: str,
    alphabet: Alphabet = Alphabet.GSM,
    *,
    national: Sequence[int] = (),
    joining: Joining = Joining.WIDTH_8,
) -> Segments:
    """The shortest way to send a text. ``alphabet`` is that of the network (GSM, LATIN1, ASCII): where it lacks a
    character, all is sent in UCS2. ``national`` are languages whose tables may be used, too, where the alphabet is GSM.

    Latin-1 and ASCII are counted as octets: whether the network packs them is not known.
    """
    if alphabet is Alphabet.GSM:
        found = list(_in_septets(text, national, joining))
        if found:
            return min(found, key=lambda each: (len(each.data), each.units))
    else:
        try:
            octets = text.encode(alphabet.value)
        except UnicodeEncodeError:
            pass
        else:
            return _cut(text, octets, alphabet, joining, DEFAULT)
    return _cut(text, text.encode("utf-16-be", "replace"), Alphabet.UCS2, joining, DEFAULT)


def _in_septets(text: str, national: Sequence[int], joining: Joining) -> Iterator[Segments]:
    """All ways to write a text in septets; at the first that is a single segment, no more."""
    octets = DEFAULT.encoded(text)
    if octets is not None:
        way = _cut(text, octets, Alphabet.GSM, joining, DEFAULT)
        yield way
        if len(way.data) == 1:
            return
    for language in national:
        for table in (septets(0, language), septets(language, 0), septets(language, language)):
            octets = table.encoded(text)
            if octets is not None:
                yield _cut(text, octets, Alphabet.GSM, joining, table)


def _cut(text: str, octets: bytes, alphabet: Alphabet, joining: Joining, table: Septets) -> Segments:
    """``octets`` are those of the text, in that alphabet and, if it is GSM, with that table."""
    width = 2 if alphabet is Alphabet.UCS2 else 1
    units = len(octets) // width
    shifts = (table.locking > 0) + (table.single > 0)
    alone = capacity(alphabet, shifts=shifts)
    if units <= alone:
        return Segments(alphabet, (octets,), units, alone - units, table.locking, table.single)
    most = capacity(alphabet, shifts=shifts, joining=joining)
    ends = [0, *accumulate(_costs(text, units, alphabet, table))]
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(_next_cut(text, ends, cuts[-1], most))
    data = tuple(octets[ends[begin] * width : ends[end] * width] for begin, end in pairwise(cuts))
    return Segments(alphabet, data, units, most - len(data[-1]) // width, table.locking, table.single)


def _costs(text: str, units: int, alphabet: Alphabet, table: Septets) -> Iterable[int]:
    """Units of each character."""
    if units == len(text):
        return repeat(1, units)
    if alphabet is Alphabet.GSM:
        return map(table.cost, text)
    return (1 + (each > "\uffff") for each in text)


def _next_cut(text: str, ends: Sequence[int], begin: int, most: int) -> int:
    """Where the segment that begins there ends: at most ``most`` units on, and between characters as people see them unless
    a single one fills it."""
    last = bisect_right(ends, ends[begin] + most) - 1
    cut = last
    while cut > begin and not may_cut(text, cut):
        cut -= 1
    return cut if cut > begin else last
