"""HTML made fit for a parser, in one linear pass.

Parsers have quadratic corners that a small mail can reach: one tag with 80,000 attributes, 50,000 comments that never end,
elements nested thousands deep, formatting elements that are opened in every paragraph and never closed (each paragraph then
gets a copy of all of them). What goes here is not text: comments, styles, scripts, tags beyond any reason.
"""

import re

_RAW = re.compile(r"</(style|script)\b", re.IGNORECASE)
_IN_TAG = re.compile("[\"'>]")
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:_-]{0,63})")
_LONGEST_TAG = 8 * 1024
_MOST_ATTRIBUTES = 100
_MOST_TAGS = 40_000
_DEEPEST = 200
_MOST_FORMATTING = 12
#: HTML §13.2.4.3: what a parser opens anew in every block until it is closed.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
#: Closed by themselves, or never opened: they do not make a document deep.
_SHALLOW = frozenset(
    (
        *(
            "p",
            "li",
            "td",
            "th",
            "tr",
            "dt",
            "dd",
            "tbody",
            "thead",
            "tfoot",
            "option",
            "html",
            "head",
            "body",
        ),
        *(
            "br",
            "img",
            "hr",
            "input",
            "meta",
            "link",
            "col",
            "area",
            "base",
            "wbr",
            "embed",
            "source",
            "track",
            "param",
        ),
    )
)


class _Depth:
    """Counts what is open, roughly: end tags close one element whatever its name."""

    def __init__(self) -> None:
        self._tags = 0
        self._open = 0
        self._formatting = 0

    def allows(self, name: str, *, closing: bool) -> bool:
        """Whether the tag stays."""
        self._tags += 1
        if self._tags > _MOST_TAGS:
            return False
        step = -1 if closing else 1
        if name in _FORMATTING:
            if step > 0 and self._formatting >= _MOST_FORMATTING:
                return False
            self._formatting = max(0, self._formatting + step)
        elif name not in _SHALLOW:
            if step > 0 and self._open >= _DEEPEST:
                return False
            self._open = max(0, self._open + step)
        return True


def tamed(markup: str, limit: int) -> str:
    """At most ``limit`` code points of it, harmless."""
    markup = markup[:limit]
    out: list[str] = []
    depth = _Depth()
    at = 0
    while at < len(markup):
        begin = markup.find("<", at)
        if begin < 0:
            out.append(markup[at:])
            break
        out.append(markup[at:begin])
        if markup.startswith("<!--", begin):
            end = markup.find("-->", begin + 2)
            at = len(markup) if end < 0 else end + 3
            continue
        name = _TAG_NAME.match(markup, begin + 1)
        if name is None:
            if markup.startswith(("<!", "<?", "</"), begin):  # a doctype, an instruction: nothing to read
                end = markup.find(">", begin)
                at = len(markup) if end < 0 else end + 1
            else:
                out.append("&lt;")
                at = begin + 1
            continue
        end = _end_of_tag(markup, begin)
        if end < 0:
            end = markup.find(">", begin) + 1
            at = end or len(markup)
            continue
        at = _keep(markup, begin, end, name[1].lower(), depth, out)
    return "".join(out)


def _keep(markup: str, begin: int, end: int, name: str, depth: _Depth, out: list[str]) -> int:
    """Copies the tag, where it is one to keep, and returns where to go on."""
    closing = markup[begin + 1] == "/"
    if name in ("style", "script") and not closing:
        close = _closing_raw(markup, end, name)
        return len(markup) if close < 0 else close
    if depth.allows(name, closing=closing):
        tag = markup[begin:end]
        out.append(
            tag
            if tag.count("=") <= _MOST_ATTRIBUTES and tag.count(" ") <= 8 * _MOST_ATTRIBUTES
            else f"<{name}>"
        )
    return end


def _closing_raw(markup: str, at: int, name: str) -> int:
    for match in _RAW.finditer(markup, at):
        if match[1].lower() == name:
            end = markup.find(">", match.end())
            return -1 if end < 0 else end + 1
    return -1


def _end_of_tag(markup: str, begin: int) -> int:
    """Behind the bracket that closes it, outside of quotes; negative where that is too far away, or nowhere."""
    quote = ""
    for match in _IN_TAG.finditer(markup, begin, begin + _LONGEST_TAG):
        if quote:
            quote = "" if match[0] == quote else quote
        elif match[0] == ">":
            return match.end()
        elif markup[match.start() - 1] in "= \t\r\n":  # elsewhere a quote is part of a name or value
            quote = match[0]
    return -1
