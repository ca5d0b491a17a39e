"""The receiving half of an XML stream: bytes in, the stream's header, whole stanzas and its end out.

Sans-I/O. Everything a peer could use against us is bounded here, before anything else sees it: no document type (and so
no entities), one unfinished stanza's size, nesting, and the memory that is kept for every name ever met. Knows no JID
and no socket.
"""

import re
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

#: A stanza may be this large, in bytes, before the link is given up.
MAX_STANZA = 1024 * 1024
MAX_HEADER = 8 * 1024
#: Elements nested deeper, the stream counted, are left out of their stanza.
MAX_DEPTH = 256
#: Distinct element and attribute names after which the parser is renewed.
MAX_NAMES = 8192

#: What may stand behind the last stanza for its end to be known to the byte.
_END_TAG = re.compile(rb"</[^<>]*>\s*")


class BadStream(Exception):
    """The peer sent what no XMPP server sends; the argument says what, for the log. ``header`` tells whether the stream
    had not even been opened, which means that it is probably no XMPP server."""

    def __init__(self, what: str, *, header: bool) -> None:
        super().__init__(what)
        self.header = header


class StreamParser:
    """One stream. ``root`` is its header, once that is there; ``closed`` tells whether it has ended. After ``BadStream`` a
    parser is of no further use."""

    def __init__(
        self, *, max_stanza: int = MAX_STANZA, max_depth: int = MAX_DEPTH, max_names: int = MAX_NAMES
    ) -> None:
        self._max_stanza = max_stanza
        self._max_depth = max_depth
        self._max_names = max_names
        self._builder = TreeBuilder()
        self.root: Element | None = None
        self.closed = False
        self._namespaces: list[tuple[str | None, str]] = []  # as the stream's header declares them
        self._depth = 0
        self._whole: list[Element] = []  # stanzas that the data being parsed has completed
        self._unfinished = 0  # bytes since the last whole stanza
        self._new_parser()
        self._expat.StartNamespaceDeclHandler = self._declare

    @property
    def namespace(self) -> str:
        """The default namespace of the stream's header: what kind of stream the peer thinks it is."""
        return next((uri for prefix, uri in self._namespaces if not prefix), "")

    def feed(self, data: bytes) -> list[Element]:
        """Parse ``data``; the stanzas that it completed. Cut large input into slices of a few KiB: the bounds are checked
        between them."""
        try:
            self._expat.Parse(data)
        except expat.ExpatError as error:
            raise BadStream(f"XML that is not well-formed ({error})", header=self.root is None) from None
        self._fed += len(data)
        whole = self._whole
        if self._depth <= 1 and (whole or self.closed or (self._depth == 1 and data.isspace())):
            self._unfinished = 0
        else:
            self._unfinished = (0 if whole else self._unfinished) + len(data)
            self._check_bounds()
        if whole:
            self._whole = []
            if self.root is not None:
                del self.root[:]  # or every stanza of the stream would be kept
            if len(self._names) > self._max_names:
                self._renew(data)
        return whole

    def _check_bounds(self) -> None:
        if self.root is None:
            if self._unfinished > MAX_HEADER:
                raise BadStream(f"no stream header within {MAX_HEADER} bytes", header=True)
        elif self._unfinished > self._max_stanza:
            raise BadStream(f"a stanza without end (more than {self._max_stanza} bytes)", header=False)

    def _new_parser(self) -> None:
        # expat and pyexpat keep every name they have met; with our own table we see how many those are.
        self._names: dict[str, str] = {}
        self._tags: dict[str, str] = {}  # some of them as ElementTree spells them
        self._fed = 0
        self._stanza_end = 0  # where the end tag of the last whole stanza begins
        parser = expat.ParserCreate("utf-8", "}", self._names)  # RFC 6120 §11.6
        parser.buffer_text = True
        # Newer expats put off parsing large tokens until more bytes come, which on a quiet stream may be never.
        if hasattr(parser, "SetReparseDeferralEnabled"):
            parser.SetReparseDeferralEnabled(False)
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        parser.EntityDeclHandler = self._refuse_document_type
        self._expat = parser
        self._listen()

    def _listen(self) -> None:
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._builder.data

    def _renew(self, data: bytes) -> None:
        """Forget the names, if the last byte of ``data`` is known to be the end of a stanza; else at a later time."""
        tail = data[self._stanza_end - (self._fed - len(data)) :]
        if self.root is None or self._depth != 1 or _END_TAG.fullmatch(tail) is None:
            return
        self._new_parser()
        parser = self._expat
        parser.StartElementHandler = None
        uri, _, name = self.root.tag[1:].rpartition("}")
        prefix = next((prefix for prefix, bound in self._namespaces if prefix and bound == uri), "")
        declarations = " ".join(
            f"xmlns{':' + prefix if prefix else ''}='{_quoted(uri)}'" for prefix, uri in self._namespaces
        )
        # The prefix matters: the end tag of the stream has to be spelled as its header.
        header = f"<{prefix + ':' if prefix else ''}{name} {declarations}>".encode()
        parser.Parse(header)
        self._fed = len(header)
        self._listen()

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if self.root is None:
            self._namespaces.append((prefix, uri or ""))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        for key in attributes:
            if "}" in key:
                attributes = {("{" + k if "}" in k else k): v for k, v in attributes.items()}
                break
        depth = self._depth = self._depth + 1
        if depth > self._max_depth:
            # Servers pass on what any user nests: what is too deep is left out, and costs nobody else the link.
            self._expat.CharacterDataHandler = None
            return
        tag = self._tags.get(name)
        if tag is None:
            tag = self._tags[name] = "{" + name if "}" in name else name
        element: Element = self._builder.start(tag, attributes)
        if depth == 1:
            self.root = element

    def _end(self, name: str) -> None:
        depth = self._depth = self._depth - 1
        if depth >= self._max_depth:
            if depth == self._max_depth:
                self._expat.CharacterDataHandler = self._builder.data
            return
        element: Element = self._builder.end(name)
        if depth == 1:
            self._stanza_end = self._expat.CurrentByteIndex
            self._whole.append(element)
        elif depth == 0:
            self.closed = True

    def _refuse_document_type(self, *_: object) -> None:
        # RFC 6120 §11.1: neither document types nor entity declarations
        raise BadStream("a document type declaration", header=self.root is None)


def _quoted(uri: str) -> str:
    return uri.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
