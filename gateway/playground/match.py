"""Patterns for stanzas, with descriptions a person can read. They know no more of XMPP than RFC 6121's attributes."""

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

CLIENT = "jabber:client"
MUC_USER = "http://jabber.org/protocol/muc#user"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"

_DEFAULT_TYPE = {"message": "normal", "presence": "available", "iq": ""}


@dataclass(frozen=True, slots=True)
class Pattern:
    """Holds for stanzas that have every given part. None: anything. ``has``: paths of ``Element.find``, with namespaces in
    braces. ``also``: a further condition."""

    kind: str
    sender: str | None = None
    type: str | None = None
    id: str | None = None
    body: str | None = None
    subject: str | None = None
    has: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    also: Callable[[Element], bool] | None = None

    def __call__(self, stanza: Element) -> bool:
        return (
            stanza.tag == f"{{{CLIENT}}}{self.kind}"
            and (self.sender is None or stanza.get("from") == self.sender)
            and (self.type is None or (stanza.get("type") or _DEFAULT_TYPE[self.kind]) == self.type)
            and (self.id is None or stanza.get("id") == self.id)
            and (self.body is None or child_text(stanza, "body") == self.body)
            and (self.subject is None or child_text(stanza, "subject") == self.subject)
            and all(stanza.find(path) is not None for path in self.has)
            and set(self.status) <= status_codes(stanza)
            and (self.also is None or self.also(stanza))
        )

    def __str__(self) -> str:
        parts = [self.kind]
        for word, value in (
            ("of type", self.type),
            ("from", self.sender),
            ("with id", self.id),
            ("saying", self.body),
            ("with subject", self.subject),
        ):
            if value is not None:
                parts.append(f"{word} {value!r}")
        if self.has:
            parts.append(f"holding {' and '.join(self.has)}")
        if self.status:
            parts.append(f"with status {' and '.join(str(code) for code in self.status)}")
        if self.also is not None:
            parts.append("meeting a further condition")
        return " ".join(parts)


def message(
    sender: str | None = None,
    body: str | None = None,
    *,
    type: str | None = None,
    id: str | None = None,
    subject: str | None = None,
    has: tuple[str, ...] = (),
    also: Callable[[Element], bool] | None = None,
) -> Pattern:
    return Pattern("message", sender, type, id, body, subject, has, (), also)


def presence(
    sender: str | None = None,
    *,
    type: str | None = None,
    id: str | None = None,
    status: tuple[int, ...] = (),
    has: tuple[str, ...] = (),
    also: Callable[[Element], bool] | None = None,
) -> Pattern:
    """``status``: codes of muc#user that must all be there."""
    return Pattern("presence", sender, type, id, None, None, has, status, also)


def iq(
    sender: str | None = None, *, type: str | None = None, id: str | None = None, has: tuple[str, ...] = ()
) -> Pattern:
    return Pattern("iq", sender, type, id, None, None, has)


def child_text(stanza: Element, name: str) -> str | None:
    """The text of a child in the stanzas' own namespace; None where it is absent, empty text where it is empty."""
    found = stanza.find(f"{{{CLIENT}}}{name}")
    return None if found is None else (found.text or "")


def status_codes(stanza: Element) -> set[int]:
    """XEP-0045 §15.6: the status codes of a presence or message."""
    found = stanza.findall(f"{{{MUC_USER}}}x/{{{MUC_USER}}}status")
    return {int(one.get("code", "0")) for one in found}


def error_condition(stanza: Element) -> str | None:
    """RFC 6120 §8.3.3: the condition of an error stanza, None if it is no error."""
    error = stanza.find(f"{{{CLIENT}}}error")
    if stanza.get("type") != "error" or error is None:
        return None
    for child in error:
        if child.tag.startswith(f"{{{STANZA_ERRORS}}}") and not child.tag.endswith("}text"):
            return child.tag[child.tag.rfind("}") + 1 :]
    return "undefined-condition"


def error_text(stanza: Element) -> str:
    """RFC 6120 §8.3.2: what the error says to people."""
    return stanza.findtext(f"{{{CLIENT}}}error/{{{STANZA_ERRORS}}}text") or ""


def show(stanza: Element) -> str:
    """One line of XML for a report, cut where it is long."""
    text = tostring(stanza, encoding="unicode").replace("\n", "&#10;")
    return text if len(text) <= 600 else f"{text[:600]}... ({len(text)} characters)"
