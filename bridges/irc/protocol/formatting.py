"""IRC formatting codes (modern.ircdocs "IRC Formatting"): read into spans and written from them, taken out, and gone on with
in the next line of a message.

Text in, text out. Underline, reverse and colours are understood and dropped: what they mean, if anything, is a matter of
taste, and nothing else has a word for it.
"""

import re
from collections.abc import Iterable

from gateway.model import Span, Style

# Colour takes one or two digits and, only with a digit behind the comma, a background; hex colour six of them.
CODES = re.compile(
    "[\x02\x0f\x11\x16\x1d\x1e\x1f]"
    "|\x03(?:([0-9]{1,2})(?:,([0-9]{1,2}))?)?"
    "|\x04(?:([0-9A-Fa-f]{6})(?:,([0-9A-Fa-f]{6}))?)?"
)
RESET = "\x0f"
_TOGGLES = "\x02\x1d\x1f\x1e\x11\x16"
_STYLES: dict[str, Style] = {
    "\x02": Style.STRONG,
    "\x1d": Style.EMPHASIS,
    "\x1e": Style.STRUCK,
    "\x11": Style.CODE,
}
_CODE_OF: dict[Style, str] = {style: code for code, style in _STYLES.items()} | {Style.CODE_BLOCK: "\x11"}
#: Whoever changes style more often draws pictures: of these only the text is kept.
_MOST_SPANS = 100


def strip(text: str) -> str:
    """``text`` without bold, italic, underline, strike, monospace, reverse, colour, hex colour and reset codes."""
    # Nearly all text is printable, which is told four times as fast as that it matches nothing.
    return text if text.isprintable() else CODES.sub("", text)


def parse(text: str) -> tuple[str, tuple[Span, ...]]:
    """The text without codes, and its spans: bold, italic, strike and monospace, without the white space around them. They
    nest or lie apart. A line break ends all styles, as the end of a line does."""
    if text.isprintable():
        return text, ()
    opened: list[tuple[Style, int]] = []
    found: list[Span] = []
    parts: list[str] = []
    length = at = 0

    def close(down_to: int) -> list[tuple[Style, int]]:
        closed = opened[down_to:]
        del opened[down_to:]
        found.extend(Span(start, length, style) for style, start in closed if start < length)
        return closed

    for match in _EVENTS.finditer(text):
        said = text[at : match.start()]
        parts.append(said)
        length += len(said)
        at = match.end()
        code = match[0]
        if code in "\x0f\n":
            close(0)
            if code == "\n":
                parts.append(code)
                length += 1
        elif code in _STYLES:
            style = _STYLES[code]
            place = next((number for number, each in enumerate(opened) if each[0] is style), -1)
            if place < 0:
                opened.append((style, length))
            else:
                opened += [(inner, length) for inner, _ in close(place)[1:]]
        if len(found) > _MOST_SPANS:
            return CODES.sub("", text), ()
    parts.append(text[at:])
    length += len(text) - at
    close(0)
    plain = "".join(parts)
    return plain, tuple(sorted(_trimmed(plain, found), key=lambda span: (span.start, -span.end)))


_EVENTS = re.compile(f"{CODES.pattern}|\n")


def _trimmed(text: str, spans: Iterable[Span]) -> Iterable[Span]:
    for span in spans:
        start, end = span.start, span.end
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end:
            yield Span(start, end, span.style)


def build(text: str, spans: Iterable[Span]) -> str:
    """``text`` with codes for ``spans``; quoted lines begin with ``> ``. Every line closes what it opens."""
    inserted: list[tuple[int, int, str]] = []  # place, order, what
    ranges: dict[str, list[tuple[int, int]]] = {}
    for span in spans:
        start, end = max(0, span.start), min(span.end, len(text))
        if start >= end:
            continue
        if span.style is Style.QUOTE:
            starts = (at for at, _ in _lines(text, text.rfind("\n", 0, start) + 1, end))
            inserted += ((at, 0, "> ") for at in starts)
        elif span.style in _CODE_OF:
            ranges.setdefault(_CODE_OF[span.style], []).extend(_lines(text, start, end))
    for code, found in ranges.items():
        reach = -1
        begun = 0
        for start, end in sorted(found):
            if start > reach:
                if reach >= 0:
                    inserted += ((begun, 2, code), (reach, 1, code))
                begun, reach = start, end
            else:
                reach = max(reach, end)
        if reach >= 0:
            inserted += ((begun, 2, code), (reach, 1, code))
    parts: list[str] = []
    at = 0
    for place, _, what in sorted(inserted):
        parts += (text[at:place], what)
        at = place
    parts.append(text[at:])
    return "".join(parts)


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The parts of a range that lie in one line each, none empty."""
    found = []
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if start < stop:
            found.append((start, stop))
        start = stop + 1
    return found


def in_force(text: str) -> str:
    """The codes that make the next text look as the end of ``text`` does; empty for plain."""
    on: dict[str, None] = {}
    front = back = ""
    for match in CODES.finditer(text):
        code = match[0][0]
        if code == RESET:
            on.clear()
            front = back = ""
        elif code in _TOGGLES:
            if code in on:
                del on[code]
            else:
                on[code] = None
        elif len(match[0]) == 1:
            front = back = ""
        elif code == "\x03":
            front, back = f"\x03{match[1]:0>2}", f"{match[2]:0>2}" if match[2] else _same(code, front, back)
        else:
            front, back = f"\x04{match[3]}", match[4] or _same(code, front, back)
    return "".join(on) + front + (f",{back}" if back else "")


def _same(code: str, front: str, back: str) -> str:
    """A new colour leaves the background as it is; one of the other palette cannot say which it was."""
    return back if front.startswith(code) else ""
