"""What servers answer: code, enhanced status and words, made fit to be shown. Sans-I/O."""

import re
import unicodedata
from dataclasses import dataclass

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")
_LONGEST = 300
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Reply:
    """``status`` is an RFC 3463 code or empty; ``text`` one line without it."""

    code: int
    status: str
    text: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def definite(self) -> bool:
        """Whether it says yes, later or no (RFC 5321 §4.2)."""
        return self.code // 100 in (2, 4, 5)


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Somebody else's words, on one line, of bounded length, without what is not seen."""
    words = "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in text[: 4 * longest])
    line = " ".join(words.split())
    return line if len(line) <= longest else line[: longest - 3].rstrip() + "..."


def read(code: int, message: str) -> Reply:
    """``message`` is the text of all lines, joined by LF; each may repeat the status."""
    found = _STATUS.match(message)
    status = found.group() if found else ""
    lines = [line.removeprefix(status).strip() if status else line for line in message.split("\n", 50)]
    return Reply(code, status, one_line(" ".join(lines)))
