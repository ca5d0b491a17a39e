"""Text as format=flowed (RFC 3676): lines short enough for every reader, which put together again what was one line.

Takes what ``cleaning.body`` let pass. Lines that begin with ``>`` are quotes, as they are in XEP-0393. The decoder is in
``bridges.email.mime``.
"""

import re
from collections.abc import Iterator

_WIDTH = 72  # RFC 3676 §4.2: 78 at most, with some left for those who quote it
_QUOTE = re.compile(r"(?:> ?)+")
_SIGNATURE = "-- "


def encode(text: str) -> str:
    """Lines end with LF; so does the whole."""
    return "".join(f"{line}\n" for each in text.split("\n") for line in _line(each))


def _line(text: str) -> Iterator[str]:
    """The lines for one line of text."""
    quote = _QUOTE.match(text)
    marks = ">" * quote.group().count(">") if quote else ""
    # A line that ends with a space goes on in the next one, and "-- " begins a signature (§4.3): a line that somebody ended
    # has no space at its end.
    words = (text[quote.end() :] if quote else text).rstrip(" ")
    while True:
        cut = _cut(words, _WIDTH - len(marks))
        yield marks + _stuffed(words[:cut], quoted=bool(marks))
        words = words[cut:]
        if not words:
            return


def _cut(words: str, width: int) -> int:
    """How much of it goes on the next line: up to behind the last space that leaves it short enough, else the first."""
    if len(words) <= width:
        return len(words)
    at = words.rfind(" ", 0, max(width, 1)) + 1
    if at == 0 or not words[:at].strip(" ") or words[:at] == _SIGNATURE:
        # One long word, or nothing but spaces, or what would be taken for the line above a signature.
        start = len(_SIGNATURE) if words.startswith(_SIGNATURE) else len(words) - len(words.lstrip(" "))
        at = words.find(" ", start) + 1
    return at or len(words)


def _stuffed(line: str, *, quoted: bool) -> str:
    """§4.4: a space before what would be read as something else, and, for looks, behind the marks of quotes."""
    if quoted:
        return f" {line}" if line else line
    return f" {line}" if line.startswith((" ", ">", "From ")) else line
