"""HTML for the few who want their mails to have it: a simple rendering of Message Styling (XEP-0393), which people type.

Takes what ``cleaning.body`` let pass. Linear in the length of the text; what is nested too deep is left as it was typed.
"""

import re
from collections.abc import Sequence
from html import escape

_TAGS = {"*": "strong", "_": "em", "~": "s", "`": "code"}
_FENCE = "```"
_MAX_DEPTH = 8
_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}[^\s<>\"'`.,;:!?)\]}]")
_QUOTE_STYLE = "margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex"


def html(text: str) -> str:
    """A whole document, with LF at the ends of lines."""
    return f"<!DOCTYPE html>\n<html><body>\n{_blocks(text.split(_LF), 0)}\n</body></html>\n"


_LF = "\n"


def _blocks(lines: Sequence[str], depth: int) -> str:
    """XEP-0393 §5.1: quotes and preformatted blocks take whole lines; every other line is a block of its own."""
    made: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(_FENCE):
            first = at = at + 1
            while at < len(lines) and lines[at] != _FENCE:
                at += 1
            made.append(f"<pre>{escape(_LF.join(lines[first:at]))}</pre>")
            at += 1
        elif line.startswith(">") and depth < _MAX_DEPTH:
            inner: list[str] = []
            while at < len(lines) and lines[at].startswith(">"):
                inner.append(lines[at][1:].removeprefix(" "))
                at += 1
            made.append(f'<blockquote style="{_QUOTE_STYLE}">{_blocks(inner, depth + 1)}</blockquote>')
        else:
            made.append(f"<div>{_spans(line, '') or '<br>'}</div>")
            at += 1
    return "\n".join(made)


def _spans(line: str, opened: str) -> str:
    """XEP-0393 §5.2: a mark opens at the start or behind white space, and closes at the next one that has none before it."""
    made: list[str] = []
    hopeless: set[str] = set(opened)
    plain = at = 0
    while at < len(line):
        mark = line[at]
        end = -1
        if mark in _TAGS and mark not in hopeless and _opens(line, at):
            end = _end(line, at)
            if end == -1:
                hopeless.add(mark)
        if end == -1:
            at += 1
            continue
        inner = line[at + 1 : end]
        made.append(_linked(line[plain:at]))
        tag = _TAGS[mark]
        made.append(f"<{tag}>{escape(inner) if mark == '`' else _spans(inner, opened + mark)}</{tag}>")
        plain = at = end + 1
    made.append(_linked(line[plain:]))
    return "".join(made)


def _opens(line: str, at: int) -> bool:
    behind = line[at + 1 : at + 2]
    return (at == 0 or line[at - 1].isspace()) and behind != line[at] and bool(behind.strip())


def _end(line: str, at: int) -> int:
    end = line.find(line[at], at + 2)
    while end != -1 and line[end - 1].isspace():
        end = line.find(line[at], end + 1)
    return end


def _linked(text: str) -> str:
    made: list[str] = []
    at = 0
    for found in _LINK.finditer(text):
        url = escape(found.group())
        made.append(f'{escape(text[at : found.start()])}<a href="{url}">{url}</a>')
        at = found.end()
    made.append(escape(text[at:]))
    return "".join(made)
