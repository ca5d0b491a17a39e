"""A stanza as it came off the wire, and the JIDs in it: thin views over a parsed element, nothing validated twice.

The server has checked and normalised both addresses before a component sees them (RFC 6120 §8.1), and slixmpp's ``JID``
refuses what other software lets through (every emoji in a resource), so addresses are read as text.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from xml.etree.ElementTree import Element

Kind = Literal["message", "presence", "iq"]

COMPONENT = "jabber:component:accept"
CLIENT = "jabber:client"

LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: RFC 6121 §4.7.1, §5.2.2: what an absent type means.
_DEFAULT_TYPE = {"message": "normal", "presence": "available", "iq": ""}
#: The same with the name, by tag.
_KINDS = {
    f"{{{namespace}}}{kind}": (kind, default)
    for namespace in (COMPONENT, CLIENT)
    for kind, default in _DEFAULT_TYPE.items()
}
_BODY, _CLIENT_BODY = f"{{{COMPONENT}}}body", f"{{{CLIENT}}}body"


@dataclass(frozen=True, slots=True)
class Jid:
    """An address as text, split. ``local`` and ``resource`` are empty where absent; ``local`` is still escaped."""

    full: str
    bare: str
    local: str
    domain: str
    resource: str

    def __str__(self) -> str:
        return self.full


@lru_cache(maxsize=8192)
def parse_jid(text: str) -> Jid:
    """Split ``text`` (RFC 7622 §3.2: resource behind the first slash, local part before the first at sign). Total."""
    bare, _, resource = text.partition("/")
    local, at, domain = bare.partition("@")
    if not at:
        local, domain = "", bare
    return Jid(text, bare, local, domain, resource)


class Stanza:
    """One inbound message, presence or iq. ``body`` is a message's own; None where there is none. ``bare`` tells whether
    there is a body and nothing else, as in most messages."""

    __slots__ = ("bare", "body", "element", "id", "kind", "sender", "to", "type")

    def __init__(self, element: Element) -> None:
        kind, usual = _KINDS.get(element.tag) or (name_of(element), "")
        get = element.get
        self.kind: str = kind
        self.type: str = get("type") or usual
        self.id: str = get("id") or ""
        self.sender: Jid = parse_jid(get("from") or "")
        self.to: Jid = parse_jid(get("to") or "")
        self.element = element
        body: str | None = None
        if kind == "message":
            body = element.findtext(_BODY)
            if body is None:
                body = element.findtext(_CLIENT_BODY)
        self.body = body
        self.bare = body is not None and len(element) == 1

    def child(self, name: str, namespace: str | None = None) -> Element | None:
        """The first child of that name; without ``namespace`` one of the stream's own, which some servers leave in
        ``jabber:client``."""
        if namespace is not None:
            return self.element.find(f"{{{namespace}}}{name}")
        found = self.element.find(f"{{{COMPONENT}}}{name}")
        return found if found is not None else self.element.find(f"{{{CLIENT}}}{name}")

    def text(self, name: str) -> str | None:
        """The text of a child of the stream's namespace (``body``, ``subject``, ``status``), None where absent."""
        found = self.child(name)
        return None if found is None else (found.text or "")

    @property
    def lang(self) -> str:
        """The language its sender writes (``xml:lang``, RFC 6120 §8.1.5: servers stamp that of the client's stream); empty
        if unknown."""
        return self.element.get(LANG) or ""

    @property
    def payload(self) -> Element | None:
        """The first child element: an iq's query."""
        return self.element[0] if len(self.element) else None


def namespace_of(element: Element) -> str:
    tag = element.tag
    return tag[1 : tag.rfind("}")] if tag[:1] == "{" else ""


def name_of(element: Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :]
