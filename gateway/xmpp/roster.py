"""Users' rosters as far as we are concerned (RFC 6121 §2): read, and written item by item; or a suggestion, where the server
lets us do neither (XEP-0144)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from xml.etree.ElementTree import Element

from gateway.xmpp.privileges import ROSTER, Privileges
from gateway.xmpp.xml import element, text_element

EXCHANGE = "http://jabber.org/protocol/rosterx"

#: Items that are looked at, groups of one, and characters of a name.
_ITEMS_LIMIT = 20_000
_GROUPS_LIMIT = 50
NAME_LIMIT = 200
#: Items in one suggestion: a stanza has to stay well below 256 KiB.
SUGGESTED_LIMIT = 300


@dataclass(frozen=True, slots=True)
class RosterItem:
    """``subscription`` is the user's view: ``to`` means that the user sees the contact. Empty in a change: as it is."""

    jid: str
    name: str = ""
    subscription: str = "none"
    groups: tuple[str, ...] = ()


def read_roster(answer: Element) -> Iterator[RosterItem]:
    """The items of a roster result."""
    for item in islice(answer.iter(f"{{{ROSTER}}}item"), _ITEMS_LIMIT):
        groups = tuple(each.text or "" for each in islice(item.iterfind(f"{{{ROSTER}}}group"), _GROUPS_LIMIT))
        yield RosterItem(item.get("jid", ""), item.get("name", ""), item.get("subscription", "none"), groups)


def render_item(item: RosterItem) -> str:
    """For a roster set; the server takes over all of it."""
    return element(
        "item",
        "",
        {"jid": item.jid, "name": item.name[:NAME_LIMIT] or None, "subscription": item.subscription or None},
        *(text_element("group", group) for group in item.groups),
    )


def suggestion(items: Iterable[RosterItem]) -> str:
    """``<x/>`` that suggests adding ``items`` (XEP-0144 §3.1)."""
    return element(
        "x",
        EXCHANGE,
        None,
        *(
            element(
                "item",
                "",
                {"action": "add", "jid": item.jid, "name": item.name[:NAME_LIMIT] or None},
                *(text_element("group", group) for group in item.groups),
            )
            for item in islice(items, SUGGESTED_LIMIT)
        ),
    )


class Rosters:
    """Rosters of users whose server lets us. Every call raises ``RefusedError`` where it does not, or fails."""

    def __init__(self, privileges: Privileges) -> None:
        self._privileges = privileges

    async def read(self, user: str) -> dict[str, RosterItem]:
        """By JID."""
        answer = await self._privileges.roster(user, "get")
        return {item.jid: item for item in read_roster(answer)}

    async def write(self, user: str, item: RosterItem) -> None:
        """Add or change one item: Prosody answers a set of several several times."""
        await self._privileges.roster(user, "set", render_item(item))

    async def rename(self, user: str, names: dict[str, tuple[str, str]]) -> int:
        """Give items their names: by JID the name we gave before (or empty) and the new one. An item that the user has named
        keeps that name. Nothing is added. The number of items renamed."""
        roster = await self.read(user)
        renamed = 0
        for jid, (old, new) in names.items():
            item = roster.get(jid)
            if item is not None and item.name in ("", old) and item.name != new:
                await self.write(user, replace(item, name=new, subscription=""))
                renamed += 1
        return renamed
