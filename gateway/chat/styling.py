"""Message Styling (XEP-0393): the marks that people type around words, read into spans and written from them.

Knows texts and spans, no stanza. Linear in the length of the text; nesting is bounded.
"""

import re
from collections.abc import Iterable, Sequence

from gateway.chat.ranges import Moved, Range, cut, put, unmoved
from gateway.model import Span, Style

_DIRECTIVES: dict[str, Style] = {
    "*": Style.STRONG,
    "_": Style.EMPHASIS,
    "~": Style.STRUCK,
    "`": Style.CODE,
}
_MARK_OF: dict[Style, str] = {style: mark for mark, style in _DIRECTIVES.items()}
_ANY_MARK = re.compile(r"[*_~`]")
_FENCE = "```"
_WORD = re.compile(r"\w")
#: What may stand between a closing mark and the white space behind it, nothing or a little punctuation.
_END_OF_WORD = re.compile(r"[*_~`.,;:!?)\]}\"'»”’…-]{0,8}(?:\s|$)")
#: Quotes within quotes beyond this are plain text.
_MAX_DEPTH = 8
_BLOCKS = frozenset({Style.QUOTE, Style.CODE_BLOCK})


def marked(text: str) -> bool:
    """Whether there may be marks in it; where not, there is nothing to read."""
    # Asked of every message: five times ``in`` take half the time of one expression.
    return "*" in text or "_" in text or "`" in text or ">" in text or "~" in text


def read(text: str, *, wary: bool = False) -> tuple[str, tuple[Span, ...], Moved]:
    """The text without its marks, the spans in it, and where places of ``text`` have gone. ``wary``: for networks
    on which an asterisk is an asterisk. Then only what cannot be anything else is taken for a mark (masks, wildcards and
    options have some too), and ``>`` stays where it is."""
    # A carriage return only comes as a character reference: not worth more than to be left alone.
    if not marked(text) or "\r" in text:
        return text, (), unmoved
    lines: list[Range] = []
    at = 0
    for line in text.split("\n"):
        lines.append((at, at + len(line)))
        at += len(line) + 1
    reading = _Reading(text, wary=wary)
    reading.blocks(lines, 0)
    plain, moved = cut(text, reading.marks)
    spans = (Span(moved(start), moved(end), style) for start, end, style in reading.found)
    return plain, tuple(span for span in spans if span.start < span.end), moved


class _Reading:
    """Collects the ranges that are marks, and the styled ranges, both by places of the whole text."""

    def __init__(self, text: str, *, wary: bool) -> None:
        self.text = text
        self.wary = wary
        self.marks: list[Range] = []
        self.found: list[tuple[int, int, Style]] = []

    def blocks(self, lines: Sequence[Range], depth: int) -> None:
        """XEP-0393 §5.1: quotes and preformatted blocks take lines, every other line is a block of its own."""
        number = 0
        while number < len(lines):
            start, end = lines[number]
            if self.text.startswith(_FENCE, start, end):
                number = self._fenced(lines, number)
            elif self.text.startswith(">", start, end) and depth < _MAX_DEPTH:
                number = self._quote(lines, number, depth)
            else:
                self._spans(start, end)
                number += 1

    def _fenced(self, lines: Sequence[Range], number: int) -> int:
        first = number + 1
        last = first
        while last < len(lines) and self.text[slice(*lines[last])] != _FENCE:
            last += 1
        closed = last < len(lines)
        if self.wary and not closed:
            self._spans(*lines[number])
            return number + 1
        if not self.text[lines[number][1] : lines[last - 1][1]].strip(" >\n"):  # nothing within
            return last + 1 if closed else last
        # The line with the fence goes, and the one that closes it with the line break before it.
        self.marks.append((lines[number][0], lines[first][0]))
        if closed:
            self.marks.append((lines[last - 1][1], lines[last][1]))
        self.found.append((lines[first][0], lines[last - 1][1], Style.CODE_BLOCK))
        return last + 1 if closed else last

    def _quote(self, lines: Sequence[Range], number: int, depth: int) -> int:
        inner: list[Range] = []
        first = number
        while number < len(lines) and self.text.startswith(">", *lines[number]):
            start, end = lines[number]
            begin = start + 1
            while begin < end and self.text[begin] == " ":
                begin += 1
            if not self.wary:
                self.marks.append((start, begin))
            inner.append((begin, end))
            number += 1
        if not self.wary:
            self.found.append((lines[first][0], lines[number - 1][1], Style.QUOTE))
        self.blocks(inner, depth + 1)
        return number

    def _spans(self, start: int, end: int, opened: str = "") -> None:
        """XEP-0393 §5.2: lazily matched; a mark opens at the start, behind white space, or behind another opening mark."""
        text = self.text
        hopeless: set[str] = set()
        at = start
        # Searched for: most of a text is no mark, and a mail has many characters.
        while (next_mark := _ANY_MARK.search(text, at, end)) is not None:
            at, mark = next_mark.start(), next_mark.group()
            if mark in hopeless or mark == opened:
                at += 1
                continue
            if at + 1 < end and text[at + 1] == mark:
                at += 2  # nothing between them: neither is a mark
                continue
            if at + 1 >= end or text[at + 1].isspace() or not (at == start or text[at - 1].isspace()):
                at += 1
                continue
            close = text.find(mark, at + 2, end)
            while close != -1 and not self._closes(close):
                if self.wary:
                    break
                close = text.find(mark, close + 1, end)
            if close == -1:
                hopeless.add(mark)
                at += 1
                continue
            if self.wary and not (self._closes(close) and _WORD.search(text, at + 1, close)):
                at += 1
                continue
            self.marks += ((at, at + 1), (close, close + 1))
            style = _DIRECTIVES[mark]
            self.found.append((at + 1, close, style))
            if style is not Style.CODE:
                self._spans(at + 1, close, mark)
            at = close + 1

    def _closes(self, at: int) -> bool:
        if self.text[at - 1].isspace():
            return False
        return not self.wary or _END_OF_WORD.match(self.text, at + 1) is not None


# -- writing ---------------------------------------------------------------------------------------------------


def write(text: str, spans: Iterable[Span]) -> tuple[str, tuple[Span, ...], Moved]:
    """``text`` with marks for all spans that marks can express, the spans where they are now, and where places have gone.
    A style in the middle of a word, for instance, has no mark."""
    length = len(text)
    fit = [span for span in spans if 0 <= span.start < span.end <= length]
    marks: list[tuple[int, int, str]] = []
    for order, span in enumerate(sorted(fit, key=lambda each: (each.start, -each.end)), 1):
        if span.style is Style.QUOTE:
            marks += ((place, order, "> ") for place in _line_starts(text, span))
        elif span.style is Style.CODE_BLOCK:
            if _whole_lines(text, span):
                marks += ((span.start, order, f"{_FENCE}\n"), (span.end, -order, f"\n{_FENCE}"))
        elif _markable(text, span):
            mark = _MARK_OF[span.style]
            marks += ((span.start, order, mark), (span.end, -order, mark))
    written, moved = put(text, ((place, mark) for place, _, mark in sorted(marks, key=lambda each: each[:2])))
    # An end is before the marks put in at it, a start behind them.
    return written, tuple(Span(moved(s.start), moved(s.end - 1) + 1, s.style) for s in fit), moved


def _line_starts(text: str, span: Span) -> list[int]:
    starts = [text.rfind("\n", 0, span.start) + 1]
    at = text.find("\n", span.start, span.end)
    while at != -1:
        if at + 1 < span.end:
            starts.append(at + 1)
        at = text.find("\n", at + 1, span.end)
    return starts


def _whole_lines(text: str, span: Span) -> bool:
    return (span.start == 0 or text[span.start - 1] == "\n") and (
        span.end == len(text) or text[span.end] == "\n"
    )


def _markable(text: str, span: Span) -> bool:
    inner = text[span.start : span.end]
    return (
        (span.start == 0 or text[span.start - 1].isspace())
        and "\n" not in inner
        and not inner[0].isspace()
        and not inner[-1].isspace()
        and _MARK_OF[span.style] not in inner
    )
