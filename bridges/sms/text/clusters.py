"""Where a text can be cut without taking a character apart, as people see characters (Unicode UAX #29, in its main points).

Without tables of its own: combining marks, joined emoji, flags, skin tones, Hangul syllables, and CR LF are kept together.
"""

import unicodedata
from typing import Final

_JOINER: Final = "\u200d"
_LONGEST_RUN: Final = 200
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})


def may_cut(text: str, index: int) -> bool:
    """Whether ``text[:index]`` and ``text[index:]`` can stand apart."""
    if not 0 < index < len(text):
        return True
    before, after = text[index - 1], text[index]
    if after < "\u0300":
        return not (before == "\r" and after == "\n")
    if _JOINER in (before, after) or _extends(after):
        return False
    if _is_regional(after):
        return not _is_regional(before) or _run_of_regionals(text, index) % 2 == 0
    return not _continues_hangul(before, after)


def _extends(character: str) -> bool:
    """Marks, variation selectors, skin tones, tags of flags."""
    return (
        unicodedata.category(character) in _MARKS
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _run_of_regionals(text: str, index: int) -> int:
    """Regional indicators right before ``index``: two and two are a flag. Of an endless row only the end is looked at."""
    begin = index
    while begin > max(0, index - _LONGEST_RUN) and _is_regional(text[begin - 1]):
        begin -= 1
    return index - begin


def _continues_hangul(before: str, after: str) -> bool:
    """Whether a vowel or a final consonant goes on with the syllable before it."""
    return "\u1160" <= after <= "\u11ff" and (
        "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    )
