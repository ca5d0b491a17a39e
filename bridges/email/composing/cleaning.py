"""What may stand in a mail of ours: texts without the characters that are seen by nobody and obeyed by somebody.

Everything that comes from people (texts, names, subjects, names of files) goes through here before it is near a header.
"""

import re
import unicodedata

from bridges.email.mime import clean

_SPACES = re.compile(" {2,}")
_UNFIT_IN_NAMES = re.compile(r"[/\\:*?\"<>|]")
_LONGEST_NAME, _LONGEST_ENDING = 120, 16


def one_line(text: str, longest: int = 998) -> str:
    """For header fields: printable, white space only as single spaces between words, at most ``longest`` code points."""
    # What nobody sees may have stood between two spaces.
    return _SPACES.sub(" ", clean.line(text, longest))


def body(text: str) -> str:
    """For text: NFC, lines end with LF, no controls but TAB."""
    return unicodedata.normalize("NFC", clean.text(text))


def remembered(text: str) -> str:
    """As ``body``, and as two who compare texts would have it: no white space at the ends of lines, nor of the whole."""
    return "\n".join(line.rstrip() for line in body(text).split("\n")).strip("\n")


def file_name(name: str) -> str:
    """For attachments: no path, at most 120 code points, never empty."""
    fit = _UNFIT_IN_NAMES.sub("_", one_line(name, 400)).strip(". ")
    if len(fit) > _LONGEST_NAME:
        stem, dot, ending = fit.rpartition(".")
        if dot and stem and len(ending) <= _LONGEST_ENDING:
            return f"{stem[: _LONGEST_NAME - 1 - len(ending)]}.{ending}"
        fit = fit[:_LONGEST_NAME]
    return fit or "file"
