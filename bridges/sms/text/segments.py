"""How a text is sent: in which alphabet, and in how many segments, none of which takes a character apart.

A segment has 140 octets on the air, its header among them (3GPP TS 23.040 §9.2.3.24): that makes 160 septets, 140 octets or
70 units of UTF-16 without a header, and 153, 134 or 67 with the usual one.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final

from bridges.sms.text.clusters import may_cut
from bridges.sms.text.gsm import DEFAULT, NotInAlphabet, Septets, septets
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
    elif (octets := _octets(text, alphabet)) is not None:
        return _cut(text, octets, [1] * len(text), alphabet, joining)
    return _in_ucs2(text, joining)


def _in_septets(text: str, national: Sequence[int], joining: Joining) -> Iterator[Segments]:
    """All ways to write a text in septets; at the first that is a single segment, no more."""
    tables = [DEFAULT]
    for language in national:
        tables += [septets(0, language), septets(language, 0), septets(language, language)]
    for table in tables:
        try:
            octets = table.encode(text)
        except NotInAlphabet:
            continue
        way = _cut_septets(text, octets, table, joining)
        yield way
        if table is DEFAULT and len(way.data) == 1:
            return


def _cut_septets(text: str, octets: bytes, table: Septets, joining: Joining) -> Segments:
    shifts = (table.locking > 0) + (table.single > 0)
    costs = [1] * len(text) if len(octets) == len(text) else [table.cost(each) for each in text]
    return _cut(text, octets, costs, Alphabet.GSM, joining, shifts, table.locking, table.single)


def _octets(text: str, alphabet: Alphabet) -> bytes | None:
    try:
        return text.encode(alphabet.value)
    except UnicodeEncodeError:
        return None


def _in_ucs2(text: str, joining: Joining) -> Segments:
    octets = text.encode("utf-16-be", "replace")
    costs = [1] * len(text) if len(octets) == 2 * len(text) else [1 + (each > "\uffff") for each in text]
    return _cut(text, octets, costs, Alphabet.UCS2, joining)


def _cut(
    text: str,
    octets: bytes,
    costs: Sequence[int],
    alphabet: Alphabet,
    joining: Joining,
    shifts: int = 0,
    locking: int = 0,
    single: int = 0,
) -> Segments:
    """``costs`` are the units of each character; ``octets`` are whole units, one after the other."""
    width = 2 if alphabet is Alphabet.UCS2 else 1
    units = len(octets) // width
    alone = capacity(alphabet, shifts=shifts)
    if units <= alone:
        return Segments(alphabet, (octets,), units, alone - units, locking, single)
    most = capacity(alphabet, shifts=shifts, joining=joining)
    ends = [0, *accumulate(costs)]
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(_next_cut(text, ends, cuts[-1], most))
    data = tuple(octets[ends[begin] * width : ends[end] * width] for begin, end in pairwise(cuts))
    return Segments(alphabet, data, units, most - len(data[-1]) // width, locking, single)


def _next_cut(text: str, ends: Sequence[int], begin: int, most: int) -> int:
    """Where the segment that begins there ends: at most ``most`` units on, and between characters as people see them unless
    a single one fills it."""
    last = bisect_right(ends, ends[begin] + most) - 1
    cut = last
    while cut > begin and not may_cut(text, cut):
        cut -= 1
    return cut if cut > begin else last
