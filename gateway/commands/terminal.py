"""What can be shown on a terminal: texts of strangers without anything that steers it, cut to columns, with or without
colours. Knows nothing of what is shown."""

import os
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TextIO

#: Categories that are not shown: control, format (which holds what turns the direction of writing), surrogates, private use,
#: unassigned, and separators of lines and paragraphs.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WIDE = frozenset({"W", "F"})
_ELLIPSIS = "…"


class Style(StrEnum):
    """Select Graphic Rendition parameters (ECMA-48 §8.3.117)."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    WARN = "33"
    BAD = "1;31"


def colourful(out: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether colours may be used; https://no-color.org."""
    variables = os.environ if environ is None else environ
    return out.isatty() and not variables.get("NO_COLOR") and variables.get("TERM") != "dumb"


def plain(text: str, most: int = 500) -> str:
    """One line, of at most so many characters, that steers no terminal."""
    cut = text[: most + 1]
    shown = "".join(
        " " if character in "\t\n\r" else "" if unicodedata.category(character) in _HIDDEN else character
        for character in cut
    )
    return shown if len(cut) <= most else shown[: most - 1] + _ELLIPSIS


def columns(text: str) -> int:
    """How wide a plain text is shown."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def fit(text: str, width: int) -> str:
    """A plain text in at most so many columns."""
    if columns(text) <= width:
        return text
    shown, used = "", 0
    for character in text:
        used += _columns(character)
        if used > width - 1:
            break
        shown += character
    return shown + _ELLIPSIS if width > 0 else ""


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))


def wrap(text: str, width: int, first: str = "", then: str = "") -> list[str]:
    """A plain text in lines of at most so many columns, which begin with ``first`` and ``then``."""
    lines, line, begun = [], first, False
    for word in text.split():
        if begun and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line, begun = then, False
        line += f" {word}" if begun else word
        begun = True
    lines.append(line)
    return [fit(each, width) for each in lines]


def painted(text: str, style: Style, colours: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colours and style else text


def table(rows: Iterable[tuple[str, ...]], between: str = "  ") -> list[str]:
    """Plain texts in columns; the last one may be ragged."""
    found = [tuple(row) for row in rows]
    if not found:
        return []
    widths = [max(columns(row[place]) for row in found) for place in range(len(found[0]))]
    return [
        between.join((*(pad(cell, width) for cell, width in zip(row, widths[:-1], strict=False)), row[-1]))
        for row in found
    ]
