"""Text as it is laid out: blocks, indents, styles and marks become lines, spans and marks. Knows nothing of HTML."""

import re
from dataclasses import dataclass

from bridges.email.mime import clean
from bridges.email.mime.letter import Mark, Role
from bridges.email.mime.shown import DEEPEST, Shown
from gateway.model import Span, Style

_WHITE = re.compile(r"[ \t\n\r\f\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
#: Invisible characters that newsletters fill their previews with; zero width joiners alone belong to scripts and emoji.
_FILLING = re.compile("[\u00ad\u034f\u061c\u180e\u200b\u2060-\u2064\ufeff]+|(?:[\u200c\u200d][ \u00a0]+)+")
_BLOCK_STYLES = frozenset((Style.QUOTE, Style.CODE_BLOCK))
_DEEPEST_INDENT = 10


@dataclass(slots=True)
class _Open:
    """A style or a role that is open. ``start``: where its text began, negative as long as there is none."""

    what: Style | Role | None  # None: a style that is open already
    start: int = -1


class Page:
    """Text goes in from left to right; ``shown`` is what came of it."""

    def __init__(self, most_spans: int) -> None:
        self._most_spans = most_spans
        self._out: list[str] = []
        self._length = 0
        self._gap = 0  # line breaks before what comes next
        self._space = False
        self._bullet = ""
        self._indent = 0
        self._open: list[_Open] = []
        self._roles: list[_Open] = []
        self._quotes = 0
        self._spans: list[Span] = []
        self._marks: list[Mark] = []
        self._words = 0
        self._cells = 0  # of a row: how many began since the last text
        self.one_line = 0  # within rows of a table of data: blocks part nothing

    # What comes in.

    def text(self, raw: str) -> None:
        """Text with the white space of HTML."""
        found = clean.text(_FILLING.sub("", raw))
        said = _WHITE.sub(" ", found)
        stripped = said.strip(" ")
        if not stripped:
            if self._gap and "\u00a0" in found and not self.one_line:
                self._gap = 2  # a paragraph of nothing but a space that does not break is an empty line
            self._space = self._space or bool(said)
            return
        self._space = self._space or said[0] == " "
        self._emit(stripped)
        self._words += len(stripped)
        self._space = said[-1] == " "

    def verbatim(self, raw: str) -> None:
        """Text whose line breaks and spaces count."""
        lines = clean.text(raw).replace("\u00a0", " ").split("\n")
        for number, line in enumerate(lines):
            if number:
                self.line_break(most=99)
            if line:
                self._emit(line.rstrip(" ") if number < len(lines) - 1 else line)
                self._words += len(line)

    def aside(self, text: str) -> None:
        """Text that says where something is, behind what was said: it does not count as words."""
        self._space = self._space or self._length > 0
        self._emit(text)

    def block(self, gap: int) -> None:
        """Something begins or ends here. ``gap``: line breaks, at least."""
        if self.one_line:
            self._space = True
            return
        self._space = False
        if self._length:
            self._gap = max(self._gap, 1 if self._bullet else gap)

    def line_break(self, most: int = 2) -> None:
        if self.one_line:
            self._space = True
            return
        self._space = False
        if self._length:
            self._gap = min(self._gap + 1, most)

    def item(self, bullet: str) -> None:
        """A list's item begins."""
        self.block(1)
        self._bullet = f"{bullet} "

    def indent(self, step: int) -> None:
        self._indent += step

    def cell(self, *, first: bool) -> None:
        """A cell of a row begins."""
        self._cells = 0 if first else self._cells + 1

    def open(self, style: Style) -> None:
        if style is Style.QUOTE:
            self._quotes += 1
            self._open.append(_Open(style if self._quotes <= DEEPEST else None))
        else:
            already = any(each.what is style for each in self._open)
            self._open.append(_Open(None if already else style))

    def close(self, style: Style) -> None:
        """The style opened last; they nest."""
        opened = self._open.pop()
        if style is Style.QUOTE:
            self._quotes -= 1
        if opened.what is not None:
            self._span(opened)

    def begin(self, role: Role) -> None:
        self.block(1)
        self._roles.append(_Open(role))

    def end(self) -> str:
        """Ends the role begun last; returns its text."""
        opened = self._roles.pop()
        if opened.start < 0 or not isinstance(opened.what, Role):
            return ""
        self.block(1)
        self._marks.append(Mark(opened.start, self._length, opened.what))
        return self.since(opened.start)

    def renamed(self, role: Role) -> None:
        """The role ended last was another one."""
        last = self._marks[-1]
        self._marks[-1] = Mark(last.start, last.end, role)

    @property
    def length(self) -> int:
        return self._length

    def since(self, start: int) -> str:
        """The text from ``start`` on, as far as that is cheap: the last thousand pieces."""
        out: list[str] = []
        left = self._length - start
        for piece in reversed(self._out[-1000:]):
            if left <= 0:
                break
            out.append(piece if len(piece) <= left else piece[-left:])
            left -= len(piece)
        return "".join(reversed(out))

    def shown(self) -> Shown:
        while self._roles:
            self.end()
        for opened in reversed(self._open):
            if opened.what is not None:
                self._span(opened)
        spans = sorted(self._spans, key=lambda span: (span.start, -span.end))
        marks = sorted(self._marks, key=lambda mark: (mark.start, -mark.end))
        return Shown("".join(self._out), tuple(spans), tuple(marks), html=True, words=self._words)

    # What goes out.

    def _emit(self, text: str) -> None:
        breaks = self._gap if self._length else 0
        if breaks:
            self._break(breaks)
        starts_line = bool(breaks) or not self._length
        if starts_line:
            self._begin_blocks()
            self._write(self._margin())
        elif self._cells:
            self._write(" | " * self._cells)
        elif self._space:
            self._write(" ")
        self._space, self._gap, self._bullet, self._cells = False, 0, "", 0
        for opened in self._open:
            if opened.start < 0:
                opened.start = self._length
        self._write(text)

    def _break(self, breaks: int) -> None:
        # Styles of words end with the line and begin anew in the next one.
        for opened in self._open:
            if opened.what is not None and opened.what not in _BLOCK_STYLES:
                self._span(opened)
                opened.start = -1
        self._write("\n" * breaks)

    def _begin_blocks(self) -> None:
        for opened in (*self._open, *self._roles):
            if opened.start < 0 and (opened.what in _BLOCK_STYLES or isinstance(opened.what, Role)):
                opened.start = self._length

    def _margin(self) -> str:
        depth = min(self._indent, _DEEPEST_INDENT)
        if self._bullet:
            return "  " * max(0, depth - 1) + self._bullet
        return "  " * depth

    def _write(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)

    def _span(self, opened: _Open) -> None:
        if (
            0 <= opened.start < self._length
            and len(self._spans) < self._most_spans
            and isinstance(opened.what, Style)
        ):
            self._spans.append(Span(opened.start, self._length, opened.what))
