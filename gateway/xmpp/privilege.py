"""What a server allows a component to do for its users (XEP-0356), read from the server's advertisement.

Values only. Servers differ: ejabberd 23.01 speaks ``urn:xmpp:privilege:1``; Debian's module for Prosody nests the namespaces
of several iq rights inside one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Literal
from xml.etree.ElementTree import Element

from gateway.xmpp.text import attribute

VERSION_1 = "urn:xmpp:privilege:1"
VERSION_2 = "urn:xmpp:privilege:2"
NAMESPACES = (VERSION_2, VERSION_1)

Verb = Literal["get", "set"]
_VERBS: Mapping[str, frozenset[Verb]] = {
    "get": frozenset({"get"}),
    "set": frozenset({"set"}),
    "both": frozenset({"get", "set"}),
}
_NOTHING: frozenset[Verb] = frozenset()

#: Elements of an advertisement that are looked at, and namespaces that are remembered.
_ELEMENTS_LIMIT = 1000
_NAMESPACES_LIMIT = 100


class Right(StrEnum):
    """Rights as they are named to people and watched one by one."""

    ROSTER_GET = "roster get"
    ROSTER_SET = "roster set"
    MESSAGE = "message"
    IQ = "iq"


@dataclass(frozen=True, slots=True)
class Rights:
    """What one server grants. ``namespace`` is the version it speaks, which requests have to use; ``presence`` is empty,
    ``managed_entity`` or ``roster``."""

    namespace: str = VERSION_2
    roster: frozenset[Verb] = _NOTHING
    message: bool = False
    presence: str = ""
    iq: Mapping[str, frozenset[Verb]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def carbons(self) -> bool:
        """Whether a message sent for a user also reaches the user's own devices. Measured: it does not where version 1 is
        spoken (ejabberd 23.01)."""
        return self.message and self.namespace == VERSION_2

    def grants(self, right: Right) -> bool:
        return {
            Right.ROSTER_GET: "get" in self.roster,
            Right.ROSTER_SET: "set" in self.roster,
            Right.MESSAGE: self.message,
            Right.IQ: bool(self.iq),
        }[right]

    def described(self) -> list[str]:
        """One line for every right, for people."""
        lines = [f"roster: {_both(self.roster)}"] if self.roster else []
        if self.message:
            lines.append("message: outgoing")
        if self.presence:
            lines.append(f"presence: {self.presence} (not needed, and not used)")
        return lines + [f"iq {namespace}: {_both(verbs)}" for namespace, verbs in self.iq.items()]


def _both(verbs: frozenset[Verb]) -> str:
    return "get and set" if len(verbs) > 1 else next(iter(verbs))


def read_advertisement(message: Element) -> Rights | None:
    """The rights in a message; None if it advertises none. Total."""
    for namespace in NAMESPACES:
        privilege = message.find(f"{{{namespace}}}privilege")
        if privilege is not None and privilege.find("{urn:xmpp:forward:0}forwarded") is None:
            return _rights(privilege, namespace)
    return None


def _rights(privilege: Element, namespace: str) -> Rights:
    roster, message, presence = _NOTHING, False, ""
    iq: dict[str, frozenset[Verb]] = {}
    # All descendants, because some nest what should stand side by side.
    for element in islice(privilege.iter(), _ELEMENTS_LIMIT):
        type_ = element.get("type", "")
        if element.tag == f"{{{namespace}}}perm":
            match element.get("access"):
                case "roster":
                    roster = _VERBS.get(type_, _NOTHING)
                case "message":
                    message = type_ == "outgoing"
                case "presence":
                    presence = type_ if type_ in ("managed_entity", "roster") else ""
        elif element.tag == f"{{{namespace}}}namespace" and type_ in _VERBS and len(iq) < _NAMESPACES_LIMIT:
            iq[element.get("ns", "")] = _VERBS[type_]
    return Rights(namespace, roster, message, presence, MappingProxyType(iq))


def privileged_message(rights: Rights, inner: str) -> str:
    """What asks a server to send ``inner``, a message in ``jabber:client`` from a user's bare JID (XEP-0356 §5.3)."""
    return f"<privilege xmlns='{rights.namespace}'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></privilege>"


def privileged_iq(rights: Rights, user: str, to: str, verb: Verb, id_: str, payload: str) -> str:
    """What asks a server to send a request as a user (XEP-0356 §6.3); ``to`` empty for the user's own server."""
    target = f" to='{attribute(to)}'" if to else ""
    return (
        f"<privileged_iq xmlns='{rights.namespace}'><iq xmlns='jabber:client' type='{verb}' id='{attribute(id_)}' "
        f"from='{attribute(user)}'{target}>{payload}</iq></privileged_iq>"
    )
