"""XML in the small: elements rendered from parts that are escaped here, and parsed ones read within bounds.

Children are ready XML. Names and namespaces are ours, never a peer's. The hottest stanzas do not come
through here; they have their own templates.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from xml.etree.ElementTree import Element

from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.text import attribute, escape


def element(
    name: str, namespace: str = "", attributes: Mapping[str, str | None] | None = None, *children: str
) -> str:
    """An element with ready ``children``. Attributes that are None are left out; ``namespace`` empty means
    that of the element around it."""
    declared = f" xmlns='{attribute(namespace)}'" if namespace else ""
    given = (
        "".join(f" {key}='{attribute(value)}'" for key, value in attributes.items() if value is not None)
        if attributes
        else ""
    )
    content = "".join(children)
    return f"<{name}{declared}{given}>{content}</{name}>" if content else f"<{name}{declared}{given}/>"


def text_element(
    name: str, text: str, namespace: str = "", attributes: Mapping[str, str | None] | None = None
) -> str:
    """An element that holds nothing but ``text`` (any Unicode)."""
    return element(name, namespace, attributes, escape(text))


def children(parent: Element, name: str, namespace: str, limit: int) -> Iterator[Element]:
    """The children of that name, in order. More than ``limit`` raise a ``policy-violation``."""
    found = list(islice(parent.iterfind(f"{{{namespace}}}{name}"), limit + 1))
    if len(found) > limit:
        raise RefusedError(
            Refused(
                Condition.POLICY_VIOLATION, f"More than {limit} <{name}/> elements are not accepted here."
            )
        )
    return iter(found)


def content(parent: Element, limit: int) -> str:
    """The character data before the first child. More than ``limit`` characters raise a
    ``policy-violation``."""
    text = parent.text or ""
    if len(text) > limit:
        raise RefusedError(
            Refused(
                Condition.POLICY_VIOLATION,
                f"The text is too long: {len(text)} characters, where at most {limit} are accepted.",
            )
        )
    return text


def child_content(parent: Element, name: str, namespace: str, limit: int) -> str | None:
    """``content`` of the first child of that name, None where there is none."""
    found = parent.find(f"{{{namespace}}}{name}")
    return None if found is None else content(found, limit)
