"""What people write, made fit for one parameter of a line."""

import re

_BREAKS = re.compile("[\r\n\0]+")


def one_line(text: str, limit: int) -> str:
    """``text`` on one line and in at most ``limit`` bytes of UTF-8, cut at the border of a character. For reasons and
    topics, where a cut is better than a refusal."""
    text = _BREAKS.sub(" ", text.strip("\r\n\0"))
    if len(text) * 4 <= limit:
        return text
    return text.encode("utf-8", "replace")[:limit].decode(errors="ignore")
