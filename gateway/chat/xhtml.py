"""XHTML-IM (XEP-0071), deprecated and still sent: the styles that a message's copy in HTML tells of.

Elements in, text and spans out. Only what has a meaning is read, and nothing of it is ever passed on as HTML.
"""

import re
from collections.abc import Mapping
from itertools import islice
from xml.etree.ElementTree import Element

from gateway.model import Span, Style

XHTML_IM = "http://jabber.org/protocol/xhtml-im"
_XHTML = "{http://www.w3.org/1999/xhtml}"
BODY = f"{_XHTML}body"

#: Elements within each other, and in all: what is deeper or more is not read.
_DEPTH, _ELEMENTS = 20, 500
_STYLE_OF: Mapping[str, Style] = {
    "strong": Style.STRONG,
    "b": Style.STRONG,
    "em": Style.EMPHASIS,
    "i": Style.EMPHASIS,
    "cite": Style.EMPHASIS,
    "del": Style.STRUCK,
    "s": Style.STRUCK,
    "strike": Style.STRUCK,
    "code": Style.CODE,
    "tt": Style.CODE,
    "pre": Style.CODE_BLOCK,
}
_BLOCKS = frozenset({"p", "div", "li", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"})
_PROPERTIES: tuple[tuple[re.Pattern[str], Style], ...] = (
    (re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)"), Style.STRONG),
    (re.compile(r"font-style\s*:\s*(?:italic|oblique)"), Style.EMPHASIS),
    (re.compile(r"text-decoration\s*:[^;]*line-through"), Style.STRUCK),
    (re.compile(r"font-family\s*:[^;]*mono"), Style.CODE),
)
_MAX_STYLE = 500
_SPACE = re.compile(r"[ \t\r\n]+")


def read(html: Element, body: str) -> list[Span]:
    """The styles of ``body``, the message's text; none if the HTML does not say the same words. ``html`` is the payload."""
    content = html.find(BODY)
    if content is None:
        return []
    reading = _Reading()
    reading.element(content, 0)
    said = "".join(reading.parts).rstrip()
    begin = len(body) - len(body.lstrip())
    if reading.elements > _ELEMENTS or said != body.strip():
        return []
    spans = (Span(start, min(end, len(said)), style) for start, end, style in reading.found)
    return [Span(span.start + begin, span.end + begin, span.style) for span in spans if span.start < span.end]


class _Reading:
    """Collects text as a browser would show it, and the styled ranges of it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.found: list[tuple[int, int, Style]] = []
        self.elements = 0
        self._length = 0
        self._last = "\n"

    def element(self, element: Element, depth: int, *, verbatim: bool = False) -> None:
        self.elements += 1
        if depth > _DEPTH or self.elements > _ELEMENTS:
            self.elements = _ELEMENTS + 1
            return
        name = element.tag.removeprefix(_XHTML)
        if name == "br":
            self._add("\n")
            return
        if name in _BLOCKS:
            self._break()
        verbatim = verbatim or name == "pre"
        start = self._length
        self._text(element.text, verbatim)
        for child in islice(element, _ELEMENTS):
            self.element(child, depth + 1, verbatim=verbatim)
            self._text(child.tail, verbatim)
        self.found += ((start, self._length, style) for style in _styles(name, element.get("style") or ""))
        if name in _BLOCKS:
            self._break()

    def _text(self, text: str | None, verbatim: bool) -> None:
        if not text:
            return
        if not verbatim:
            text = _SPACE.sub(" ", text)
            if self._last.isspace():
                text = text.removeprefix(" ")
        self._add(text)

    def _break(self) -> None:
        if self._last != "\n":
            self._add("\n")

    def _add(self, text: str) -> None:
        if text:
            self.parts.append(text)
            self._length += len(text)
            self._last = text[-1]


def _styles(name: str, css: str) -> list[Style]:
    found = [_STYLE_OF[name]] if name in _STYLE_OF else []
    if css and len(css) <= _MAX_STYLE:
        found += (
            style for pattern, style in _PROPERTIES if pattern.search(css.lower()) and style not in found
        )
    return found
