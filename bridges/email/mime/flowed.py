"""format=flowed (RFC 3676): paragraphs of any length out of lines of mail. Knows texts, no mail.

A paragraph is a pair of its quote depth and its text in one line. The encoder is in ``bridges.email.composing``.
"""

from collections.abc import Iterator

Paragraph = tuple[int, str]

SEPARATOR = "-- "  # §4.3: before a signature; never flowed, though it ends with a space


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
