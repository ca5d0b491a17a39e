"""What of a mail is to be read: a text, how parts of it look, and what its structure says they are. Knows no MIME."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bridges.email.mime.letter import Mark
from gateway.model import Span, Style

#: Quotes within quotes beyond this are shown as if they were of this depth.
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """As in ``Letter``. ``html``: made from markup. ``words`` counts what is read, without the addresses of links."""

    text: str = ""
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    html: bool = False
    words: int = 0


def quoted(lines: Iterable[tuple[int, str]]) -> Shown:
    """Lines with their quote depths: the depths become spans."""
    out: list[str] = []
    spans: list[Span] = []
    begun: list[int] = []  # where the quote of each depth began
    at = 0
    for said, line in lines:
        depth = min(said, DEEPEST)
        while len(begun) > depth:
            start = begun.pop()
            if start < at - 1:
                spans.append(Span(start, at - 1, Style.QUOTE))
        while len(begun) < depth:
            begun.append(at)
        out.append(line)
        at += len(line) + 1
    while begun:
        start = begun.pop()
        if start < at - 1:
            spans.append(Span(start, at - 1, Style.QUOTE))
    text = "\n".join(out)
    return trimmed(Shown(text, tuple(sorted(spans, key=_outermost_first)), words=len(text)))


def unquoted(text: str) -> Shown:
    """A text without quotes."""
    return trimmed(Shown(text, words=len(text)))


def _outermost_first(span: Span) -> tuple[int, int]:
    return span.start, -span.end


def joined(parts: Sequence[Shown]) -> Shown:
    """Several parts, one after another with an empty line between them."""
    parts = [part for part in parts if part.text]
    if len(parts) == 1:
        return parts[0]
    spans: list[Span] = []
    marks: list[Mark] = []
    at = 0
    for part in parts:
        spans.extend(replace(span, start=span.start + at, end=span.end + at) for span in part.spans)
        marks.extend(replace(mark, start=mark.start + at, end=mark.end + at) for mark in part.marks)
        at += len(part.text) + 2
    return Shown(
        "\n\n".join(part.text for part in parts),
        tuple(spans),
        tuple(marks),
        any(part.html for part in parts),
        sum(part.words for part in parts),
    )


def clipped(shown: Shown, start: int, end: int) -> Shown:
    """From ``start`` to ``end``; spans and marks that reach out of it are cut, those outside are dropped."""
    if start <= 0 and end >= len(shown.text):
        return shown
    spans = (replace(s, start=max(s.start, start) - start, end=min(s.end, end) - start) for s in shown.spans)
    marks = (replace(m, start=max(m.start, start) - start, end=min(m.end, end) - start) for m in shown.marks)
    return Shown(
        shown.text[start:end],
        tuple(span for span in spans if span.start < span.end),
        tuple(mark for mark in marks if mark.start < mark.end),
        shown.html,
        shown.words,
    )


def trimmed(shown: Shown) -> Shown:
    """Without empty lines at its beginning and white space at its end. A mark of a signature that ends it is one no more."""
    end = len(shown.text.rstrip())
    body = shown.text.lstrip("\n")
    start = len(shown.text) - len(body)
    # White space before the first line break is an empty line too; indentation of a first line with text is not.
    while (line := shown.text.find("\n", start, end)) >= 0 and not shown.text[start:line].strip():
        start = line + 1
    return clipped(shown, min(start, end), end)
