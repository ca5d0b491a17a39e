"""A text that is put together from pieces, with spans that stay where they belong."""

from collections.abc import Sequence

from gateway.model import Span, Style


class Page:
    """Pieces follow one another; ``block`` begins a new line, with an empty one in between where there is something
    before it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._spans: list[Span] = []

    def line(self, text: str, style: Style | None = None) -> None:
        """One more line."""
        self._write(("\n" if self._length else "") + text, len(text), () if style is None else (style,))

    def block(self, text: str, spans: Sequence[Span] = ()) -> None:
        """Something that stands for itself."""
        if not text:
            return
        before = "\n\n" if self._length else ""
        start = self._length + len(before)
        self._write(before + text, 0, ())
        self._spans += [Span(start + each.start, start + each.end, each.style) for each in spans]

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans)

    def _write(self, text: str, styled: int, styles: Sequence[Style]) -> None:
        self._pieces.append(text)
        self._length += len(text)
        self._spans += [Span(self._length - styled, self._length, style) for style in styles if styled]


def shortened(text: str, spans: Sequence[Span], limit: int) -> tuple[str, Sequence[Span], int]:
    """At most ``limit`` code points of a text, up to the end of a paragraph, line or word, with the spans that are left; and
    how many code points are missing."""
    if len(text) <= limit:
        return text, spans, 0
    end = limit
    for separator in ("\n\n", "\n", " "):
        found = text.rfind(separator, limit * 3 // 4, limit)
        if found > 0:
            end = found
            break
    kept = text[:end].rstrip()
    left = [
        Span(each.start, min(each.end, len(kept)), each.style) for each in spans if each.start < len(kept)
    ]
    return kept, left, len(text) - len(kept)
