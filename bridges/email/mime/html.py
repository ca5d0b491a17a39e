"""HTML as text: what a mail client would show, without what it would hide. Looks at elements, lays out on a ``Page``.

The parser (Lexbor, by selectolax) only ever gets markup that ``markup.tamed`` made harmless, and the walk keeps its own
stack, so neither depth nor number of elements can hurt.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bridges.email.mime import clean, markup, shown, traits
from bridges.email.mime.letter import Role
from bridges.email.mime.links import Links
from bridges.email.mime.page import Page
from bridges.email.mime.shown import Shown
from bridges.email.mime.traits import Attributes
from gateway.model import Style

_FORWARD = re.compile(r"\s*-{4,}\s*\w")
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|bmp|webp|svg)", re.IGNORECASE)
_LONGEST_CELL = 150
_NUMBER = re.compile(r"\s*(\d{1,6})")


def read(text: str, limit: int, most_spans: int) -> Shown:
    """At most ``limit`` code points of markup, as they are read by people."""
    tree = LexborHTMLParser(markup.tamed(text, limit))
    root = tree.body or tree.root
    if root is None:
        return Shown(html=True)
    return shown.trimmed(_Walk(root, most_spans).run())


def _steps(root: LexborNode) -> Generator[tuple[LexborNode, bool], bool | None]:
    """Every node with True when it begins and, after its children, with False. Send True to pass over the children."""
    node: LexborNode | None = root
    depth = 0
    while node is not None:
        skip = yield node, True
        child = None if skip else node.first_child
        if child is not None:
            node, depth = child, depth + 1
            continue
        yield node, False
        while node is not None and depth and node.next is None:
            node, depth = node.parent, depth - 1
            if node is not None:
                yield node, False
        if not depth or node is None:
            return
        node = node.next


def _data_tables(root: LexborNode) -> set[int]:
    """The tables that hold figures and words, by id. Most tables of mails only place things on a page: those with tables,
    several blocks or many words in a cell, and those that are a single column or row."""
    found: set[int] = set()
    stack: list[_Table] = []
    for node, begins in _steps(root):
        tag = node.tag
        if tag == "table":
            if begins:
                for outer in stack[-1:]:
                    outer.layout = True
                role = (node.attributes.get("role") or "").lower()
                stack.append(_Table(layout=role in ("presentation", "none")))
            elif not (table := stack.pop()).layout and table.rows > 1 and table.widest > 1:
                found.add(node.mem_id)
        elif begins and stack and tag is not None:
            if node.is_text_node:
                stack[-1].said((node.text_content or "").strip())
            else:
                stack[-1].saw(tag)
    return found


@dataclass(slots=True)
class _Table:
    layout: bool = False
    rows: int = 0
    widest: int = 0
    cells: int = 0
    words: int = 0  # code points in the cell

    def said(self, text: str) -> None:
        self.words += len(text)
        self.layout = self.layout or self.words > _LONGEST_CELL

    def saw(self, tag: str) -> None:
        if tag == "tr":
            self.rows += 1
            self.cells = self.words = 0
        elif tag in ("td", "th"):
            self.cells += 1
            self.widest = max(self.widest, self.cells)
            self.words = 0
        elif tag in traits.BLOCKS and tag not in ("tbody", "thead", "tfoot", "caption"):
            self.layout = self.layout or self.words > 0


@dataclass(slots=True)
class _Element:
    """What was begun for an element, and so has to be ended."""

    tag: str
    gap: int = 0
    style: Style | None = None
    roles: int = 0
    tiny: bool = False
    verbatim: bool = False
    href: str = ""
    start: int = 0
    counter: int | None = None  # of an ordered list
    data: bool = False  # a table of data
    row: bool = False  # of one
    listing: bool = False


class _Walk:
    def __init__(self, root: LexborNode, most_spans: int) -> None:
        self._root = root
        self._page = Page(most_spans)
        self._links = Links()
        self._stack: list[_Element] = [_Element("")]
        self._data_tables = _data_tables(root)
        self._onwards = 0  # roles that last until the end

    def run(self) -> Shown:
        steps = _steps(self._root)
        skip: bool | None = None
        passed = 0
        while True:
            try:
                node, begins = steps.send(skip) if skip is not None else next(steps)
            except StopIteration:
                return self._page.shown()
            skip = None
            if not begins:
                if passed:
                    passed = 0
                elif node.tag != "-text":
                    self._leave(self._stack.pop())
                continue
            if node.is_text_node:
                self._text(node.text_content or "")
            elif not self._enter(node):
                skip, passed = True, 1

    def _text(self, text: str) -> None:
        top = self._stack[-1]
        if top.tiny:
            return
        if top.verbatim:
            self._page.verbatim(text)
        else:
            self._page.text(text)

    def _enter(self, node: LexborNode) -> bool:
        """False for what has nothing to show, nor have its children."""
        tag = node.tag or ""
        if tag in traits.SKIPPED or tag.startswith(("-", "!")):
            return False
        attributes: Attributes = node.attributes
        style = traits.css(attributes)
        if traits.hidden(attributes, style):
            return False
        outer = self._stack[-1]
        element = _Element(tag, tiny=outer.tiny, verbatim=outer.verbatim)
        if (small := traits.tiny(style)) is not None:
            element.tiny = small
        if tag in ("br", "img", "hr", "input"):
            self._void(tag, attributes, style)
        elif tag in traits.BLOCKS:
            self._block(node, element, attributes, style)
        elif tag == "a":
            element.href = attributes.get("href") or ""
            element.start = self._page.length
        if tag in traits.PREFORMATTED or "white-space:pre" in style:
            element.verbatim = True
        elif "white-space:normal" in style:
            element.verbatim = False
        self._roles(element, attributes, style)
        element.style = self._style(tag, attributes)
        if element.style is not None:
            self._page.open(element.style)
        self._stack.append(element)
        return True

    def _void(self, tag: str, attributes: Attributes, style: str) -> None:
        if tag == "br":
            self._page.line_break()
        elif tag == "hr":
            self._page.block(2)
        elif tag == "img":
            self._image(attributes, style)
        elif (attributes.get("type") or "").lower() in ("button", "submit"):
            self._page.text(f" {attributes.get('value') or ''} ")

    def _image(self, attributes: Attributes, style: str) -> None:
        said = clean.line(attributes.get("alt") or "", 200)
        if not said or traits.pixel(attributes, style) or _FILE_NAME.fullmatch(said) is not None:
            return
        self._page.text(f"[{said}]" if any(character.isalnum() for character in said) else said)

    def _block(self, node: LexborNode, element: _Element, attributes: Attributes, style: str) -> None:
        tag = element.tag
        page = self._page
        if tag in ("td", "th") and self._stack[-1].row:
            page.cell(first=self._stack[-1].counter == 0)
            self._stack[-1].counter = 1
            return
        element.gap = traits.gap(tag, attributes, style)
        if tag in ("ul", "ol", "menu", "dir"):
            element.gap = 1 if any(each.listing for each in self._stack) else 2
            element.listing = True
            page.indent(1)
            if tag == "ol":
                start = _NUMBER.match(attributes.get("start") or "")
                element.counter = int(start[1]) if start else 1
        page.block(element.gap)
        if tag == "li":
            page.item(self._bullet())
        elif tag == "dd":
            page.indent(1)
        elif tag == "table":
            element.data = node.mem_id in self._data_tables
        elif tag == "tr" and any(each.data for each in self._stack[-2:]):
            element.row, element.counter = True, 0
            page.one_line += 1

    def _bullet(self) -> str:
        for outer in reversed(self._stack):
            if outer.listing:
                if outer.counter is None:
                    return "•"
                outer.counter += 1
                return f"{outer.counter - 1}."
        return "•"

    def _roles(self, element: _Element, attributes: Attributes, style: str) -> None:
        found = traits.trait(element.tag, attributes, style)
        if found is None:
            return
        if found.onwards:
            # Begun below everything else, and ended with the mail: it must not lie within a role that ends before.
            if not self._onwards and not any(each.roles for each in self._stack):
                self._page.begin(found.role)
                self._onwards = 1
            return
        self._page.begin(found.role)
        element.roles = 1

    def _style(self, tag: str, attributes: Attributes) -> Style | None:
        if tag == "blockquote":
            return Style.QUOTE
        if traits.is_code(tag, attributes):
            return Style.CODE_BLOCK
        return traits.STYLES.get(tag)

    def _leave(self, element: _Element) -> None:
        page = self._page
        if element.href:
            beside = self._links.beside(page.since(element.start), element.href)
            if beside and not element.tiny:
                page.aside(beside)
        if element.style is not None:
            page.close(element.style)
        if element.roles:
            text = page.end()
            if _FORWARD.match(text) is not None:
                page.renamed(Role.FORWARD)
        if element.row:
            page.one_line -= 1
            page.cell(first=True)
        if element.listing or element.tag == "dd":
            page.indent(-1)
        if element.gap:
            page.block(element.gap)
