"""What a text will cost, told before it is sent: segments, why there are so many, and what would make it fewer.

Nothing here changes a text unless it is asked to.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridges.sms.text.gsm import DEFAULT
from bridges.sms.text.segments import Joining, Segments, segments
from bridges.sms.traffic import Alphabet

_UNSEEN: Final = frozenset({"Mn", "Me"})
_NAMED: Final = 5  # characters that are named, at most

# Typographic characters that phones and desktops put where people typed plain ones; all of the replacements are in GSM
# 03.38.
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "‘’‚‛′´`ʼʹ"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″«»"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−⁃"), "-"),
    **dict.fromkeys([0x09, 0xA0, 0x202F, *range(0x2000, 0x200B), 0x205F, 0x3000], " "),
    **dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF]),
    **dict.fromkeys([0x2028, 0x2029], "\n"),
    ord("…"): "...",
    ord("•"): "-",
    ord("·"): ".",
    ord("‹"): "<",
    ord("›"): ">",
    ord("⁄"): "/",
    ord("×"): "x",
    ord("™"): "TM",
    ord("©"): "(c)",
    ord("®"): "(r)",
    ord("½"): "1/2",
    ord("¼"): "1/4",
    ord("¾"): "3/4",
}


@dataclass(frozen=True, slots=True)
class Count:
    """``segments`` and ``units`` (of ``alphabet``: septets, octets, units of UTF-16); ``room`` are units that the last
    segment still has. ``forced`` are the characters, each once, for which it could not be sent in the network's alphabet.
    ``plain`` is how many segments it would be after ``plain``; the same number where that helps nothing."""

    alphabet: Alphabet
    segments: int
    units: int
    room: int
    forced: tuple[str, ...] = ()
    plain: int = 0


def plain(text: str) -> str:
    """The text with typographic punctuation replaced by what is in GSM 03.38, and letters with their accents in one."""
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def count(
    text: str,
    alphabet: Alphabet = Alphabet.GSM,
    *,
    national: Sequence[int] = (),
    joining: Joining = Joining.WIDTH_8,
) -> Count:
    """What a text takes on a network with that alphabet; see ``segments``."""
    whole = segments(text, alphabet, national=national, joining=joining)
    fewest = len(whole.data)
    if fewest > 1 or whole.alphabet is not alphabet:
        other = plain(text)
        if other != text:
            fewest = min(fewest, len(segments(other, alphabet, national=national, joining=joining).data))
    return Count(
        whole.alphabet, len(whole.data), whole.units, whole.room, _forced(text, alphabet, whole), fewest
    )


def _forced(text: str, alphabet: Alphabet, whole: Segments) -> tuple[str, ...]:
    if whole.alphabet is alphabet:
        return ()
    if alphabet is Alphabet.GSM:
        return DEFAULT.missing(text)
    return tuple(each for each in dict.fromkeys(text) if not _has(alphabet, each))


def _has(alphabet: Alphabet, character: str) -> bool:
    return character < ("\x80" if alphabet is Alphabet.ASCII else "\u0100")


def explained(counted: Count) -> str:
    """For people: how many segments, why so many, and what would make it fewer. ``3 SMS, because of 😀``."""
    words = f"{counted.segments} SMS"
    if counted.forced:
        # Joiners and variation selectors come with characters that people see.
        seen = [each for each in counted.forced if _is_seen(each)] or counted.forced
        named = " ".join(map(_named, seen[:_NAMED]))
        others = len(seen) - _NAMED
        more = f" and {others} more" if others > 0 else ""
        words += f", because of {named}{more}" if counted.segments > 1 else f", with {named}{more}"
    if counted.plain < counted.segments:
        words += f"; {counted.plain} with plain punctuation"
    return words


def _named(character: str) -> str:
    """A character as it can be pointed at: itself, or the name of what nobody sees."""
    return (
        character if _is_seen(character) else unicodedata.name(character, f"U+{ord(character):04X}").lower()
    )


def _is_seen(character: str) -> bool:
    return (
        character.isprintable() and not character.isspace() and unicodedata.category(character) not in _UNSEEN
    )
