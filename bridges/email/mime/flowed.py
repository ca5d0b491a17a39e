"""format=flowed (RFC 3676): paragraphs of any length in lines of mail, and back. Knows texts, no mail.

A paragraph is a pair of its quote depth and its text in one line.
"""

from collections.abc import Iterable, Iterator

Paragraph = tuple[int, str]

SEPARATOR = "-- "  # §4.3: before a signature; never flowed, though it ends with a space
_WIDTH = 72
_STUFFED = (" ", ">", "From ")


def decode(text: str, *, delsp: bool = False) -> Iterator[Paragraph]:
    """The paragraphs of a body with lines parted by LF. A flowed line before another depth, before a signature or at the end
    ends its paragraph all the same (§4.1, §4.5)."""
    begun: list[str] = []
    depth = 0
    for line in text.split("\n"):
        marks = len(line) - len(line.lstrip(">"))
        content = line[marks:]
        if content.startswith(" "):
            content = content[1:]
        separator = content == SEPARATOR
        if begun and (marks != depth or separator):
            yield depth, "".join(begun)
            begun = []
        depth = marks
        if content.endswith(" ") and not separator:
            begun.append(content[:-1] if delsp else content)
            continue
        begun.append(content)
        yield depth, "".join(begun)
        begun = []
    if begun:
        yield depth, "".join(begun)


def encode(paragraphs: Iterable[Paragraph], width: int = _WIDTH) -> str:
    """Lines parted by LF, without DelSp. Words are never cut: what is longer than a line of mail may be (998 octets) needs a
    transfer encoding."""
    return "\n".join(line for depth, text in paragraphs for line in _lines(depth, text, width))


def _lines(depth: int, text: str, width: int) -> Iterator[str]:
    prefix = ">" * depth
    if text == SEPARATOR:
        yield f"{prefix} {text}" if depth else text
        return
    text = text.rstrip(" ")  # §4.2: a fixed line has no space at its end
    room = max(width - depth - 2, 20)
    at = 0
    while True:
        end = _end(text, at, room)
        stuffing = " " if depth or text.startswith(_STUFFED, at) else ""
        yield f"{prefix}{stuffing}{text[at:end]}"
        at = end
        if at == len(text):
            return


def _end(text: str, at: int, room: int) -> int:
    """Where a line that begins at ``at`` ends: behind the last space that fits, else behind the next one."""
    if len(text) - at <= room:
        return len(text)
    end = text.rfind(" ", at + 1, at + room) + 1
    if not end:
        end = text.find(" ", at + 1) + 1 or len(text)
    while end < len(text) and text[at:end] == SEPARATOR:  # it would begin a signature
        end = text.find(" ", end) + 1 or len(text)
    return end
