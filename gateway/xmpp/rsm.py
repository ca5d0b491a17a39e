"""Result set management (XEP-0059): which part of a list was asked for, and how the answer says which part
it is.

Works on positions and ids; does not know what the list holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.xml import child_content, element, text_element

RSM = "http://jabber.org/protocol/rsm"

_ID_LIMIT = 4096  # characters; the longest JID has 3071 bytes


@dataclass(frozen=True, slots=True)
class Paging:
    """What a requester asks for. ``before`` empty means the last page; None means not given, everywhere."""

    limit: int | None = None
    after: str | None = None
    before: str | None = None
    index: int | None = None


def read_paging(parent: Element) -> Paging | None:
    """The ``<set/>`` among the children of ``parent``. Raises ``RefusedError`` (``bad-request``) for
    numbers that are none."""
    found = parent.find(f"{{{RSM}}}set")
    if found is None:
        return None
    after = child_content(found, "after", RSM, _ID_LIMIT)
    return Paging(
        limit=_number(found, "max"),
        after=after or None,  # XEP-0059 §2.2: without an id it means before the first
        before=child_content(found, "before", RSM, _ID_LIMIT),
        index=_number(found, "index"),
    )


def locate(paging: Paging, total: int, position: Callable[[str], int | None], limit: int) -> tuple[int, int]:
    """Start and end of the page in a list of ``total`` items, of ``limit`` items at most. ``position``
    finds an id. Raises ``RefusedError`` (``item-not-found``) for an id that is not in the list (XEP-0059
    §2.4)."""
    size = limit if paging.limit is None else min(paging.limit, limit)
    if paging.before is not None:
        end = _found(position, paging.before) if paging.before else total
        return max(0, end - size), end
    start = paging.index or 0 if paging.after is None else _found(position, paging.after) + 1
    start = min(start, total)
    return start, min(total, start + size)


def render_set(first: str, last: str, index: int, count: int | None) -> str:
    """The ``<set/>`` of an answer. ``first`` empty means an empty page; ``count`` None is left out."""
    return element(
        "set",
        RSM,
        None,
        text_element("first", first, "", {"index": str(index)}) if first else "",
        text_element("last", last) if first else "",
        f"<count>{count}</count>" if count is not None else "",
    )


def _found(position: Callable[[str], int | None], identifier: str) -> int:
    found = position(identifier)
    if found is None:
        raise RefusedError(
            Refused(
                Condition.ITEM_NOT_FOUND,
                "The list has changed and the page asked for cannot be found. Please start from the first page.",
            )
        )
    return found


def _number(parent: Element, name: str) -> int | None:
    text = child_content(parent, name, RSM, _ID_LIMIT)
    if text is None:
        return None
    text = text.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise RefusedError(
            Refused(Condition.BAD_REQUEST, f"The <{name}/> of a page is a number of at most nine digits.")
        )
    return int(text)
