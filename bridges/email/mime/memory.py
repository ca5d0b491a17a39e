"""What was said before in a thread, in a form in which a quoted line is found however it was wrapped, indented or styled.

Texts are letters and digits only, in eights: a line is known if most of its eights are. Linear in what is known and in what
is looked for, for any script.
"""

import re
from collections.abc import Sequence

_NOISE = re.compile(r"[\W_]+")
_NO_SIGN = re.compile("[\\s!-~\u00a0-\u00bf\u2000-\u206f\u2500-\u257f\u3000-\u303f\ufe0f\uff01-\uff20]+")
_LINK = re.compile(r"<(?:https?|mailto)[^<>\s]{0,2000}>|https?://\S{1,2000}|\[[^\[\]\n]{0,200}\]")
_SIZE = 8
_STEP = 4
_MOST = 100_000  # code points of earlier mail, the newest first
_ENOUGH = 0.7  # of the eights


def essence(line: str) -> str:
    """Letters and digits, in lower case; links and names of pictures stand for nothing. Of a line without any, its signs:
    a thumb is an answer too."""
    said = _LINK.sub("", line)
    return _NOISE.sub("", said.casefold()) or _NO_SIGN.sub("", said)


class Memory:
    """Of the texts ``known``, the newest first."""

    def __init__(self, known: Sequence[str]) -> None:
        self._eights: set[str] = set()
        self._short: set[str] = set()
        left = _MOST
        for text in known:
            if left <= 0:
                break
            said = text[:left]
            left -= len(said)
            whole = essence(said)
            self._eights.update(whole[at : at + _SIZE] for at in range(len(whole) - _SIZE + 1))
            for line in said.split("\n"):
                if line and len(brief := essence(line)) < _SIZE:
                    self._short.add(brief)
        self._short.discard("")

    def __bool__(self) -> bool:
        return bool(self._eights or self._short)

    def knows(self, line: str, before: str) -> bool:
        """``line`` and what stands ``before`` it, both by their ``essence``: the end of a paragraph that was wrapped anew is
        known by what it continues."""
        if len(line) < _SIZE:
            return line in self._short or (bool(before) and (before + line)[-_SIZE:] in self._eights)
        places = range(0, len(line) - _SIZE + 1, _STEP)
        hits = sum(line[at : at + _SIZE] in self._eights for at in places)
        return hits >= _ENOUGH * len(places)
