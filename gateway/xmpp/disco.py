"""Service discovery (XEP-0030, XEP-0128): what an address is, what it offers, and what belongs to it.

Knows how to ask providers and how to render what they say; what is said comes from them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import TypeVar
from xml.etree.ElementTree import Element

from gateway.model import Condition, Refused
from gateway.texts import Languages
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import DataSet, render_data
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.rsm import Paging, locate, read_paging, render_set
from gateway.xmpp.stanza import LANG, Jid, Stanza, name_of
from gateway.xmpp.xml import element

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"

#: Items of a page when the requester names no number, and at most.
PAGE_USUAL = 100
PAGE_MOST = 500
#: Bytes of a page: servers accept stanzas of 256 KiB, and escapes take room.
PAGE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    category: str
    type: str
    name: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class DiscoInfo:
    """What an address says of itself. XEP-0030 §3.1 wants at least one identity; the feature disco#info is
    added."""

    identities: tuple[Identity, ...]
    features: frozenset[str] = frozenset()
    forms: tuple[DataSet, ...] = ()

    @property
    def announced(self) -> list[str]:
        """The features as they are sent: each once, sorted."""
        return sorted(self.features | {INFO})


@dataclass(frozen=True, slots=True)
class DiscoItem:
    jid: str
    name: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class ItemList:
    """Items in a stable order. ``large`` marks a list that may be long, such as all channels of an IRC network: its pages
    are described even if nobody asked for pages. One that is not ``complete`` bears no count. ``find`` tells where in a
    large one the item of a JID stands."""

    items: Sequence[DiscoItem]
    large: bool = False
    complete: bool = True
    find: Callable[[str], int | None] | None = None


Found = TypeVar("Found")

#: Given the target, the node (or "") and the requester; None where the provider has nothing to say about
#: that.
Provider = Callable[[Jid, str, Jid], Found | Awaitable[Found | None] | None]
InfoProvider = Provider[DiscoInfo]
ItemsProvider = Provider[ItemList]

_NOTHING = Refused(Condition.ITEM_NOT_FOUND, "There is nothing at this address or node.")


class Disco:
    """Answers discovery queries from the first provider that knows, with names in the requester's language."""

    def __init__(
        self,
        info: Sequence[InfoProvider],
        items: Sequence[ItemsProvider],
        languages: Languages | None = None,
    ) -> None:
        self._info = tuple(info)
        self._items = tuple(items)
        self._languages = languages or Languages({})

    def register(self, router: Router) -> None:
        router.on("iq", INFO, "get", self.info)
        router.on("iq", ITEMS, "get", self.items)

    def info(self, stanza: Stanza, reply: Reply) -> Awaitable[None] | None:
        """Answer disco#info."""
        node = _query(stanza).get("node", "")
        found = _ask(self._info, stanza.to, node, stanza.sender)

        def answer(info: DiscoInfo | None) -> None:
            if info is None:
                raise RefusedError(_NOTHING)
            reply.result(render_info(info, node))

        return _when_known(found, answer)

    def items(self, stanza: Stanza, reply: Reply) -> Awaitable[None] | None:
        """Answer disco#items."""
        query = _query(stanza)
        node = query.get("node", "")
        paging = read_paging(query)
        found = _ask(self._items, stanza.to, node, stanza.sender)

        def answer(items: ItemList | None) -> None:
            if items is None:
                raise RefusedError(_NOTHING)
            language = self._languages.best(query.get(LANG) or stanza.lang)
            reply.result(render_items(items, node, paging, partial(self._languages.say, language=language)))

        return _when_known(found, answer)


def render_info(info: DiscoInfo, node: str = "") -> str:
    """The disco#info ``<query/>``; ``node`` mirrors the one asked for (XEP-0030 §3.2)."""
    return element(
        "query",
        INFO,
        {"node": node or None},
        *(
            element(
                "identity",
                "",
                {
                    "category": identity.category,
                    "type": identity.type,
                    "name": identity.name or None,
                    "xml:lang": identity.lang or None,
                },
            )
            for identity in info.identities
        ),
        *(element("feature", "", {"var": feature}) for feature in info.announced),
        *(render_data(form) for form in info.forms),
    )


def render_items(
    listed: ItemList, node: str = "", paging: Paging | None = None, say: Callable[[str], str] = str
) -> str:
    """The disco#items ``<query/>`` with the page asked for, cut to what fits one stanza. Raises
    ``RefusedError`` (``item-not-found``) if the page cannot be found."""
    items = listed.items
    total = len(items)
    wanted = paging or Paging()
    start, end = locate(
        wanted,
        total,
        listed.find
        or (
            lambda identifier: next(
                (at for at, item in enumerate(items) if _item_id(item) == identifier), None
            )
        ),
        PAGE_USUAL if wanted.limit is None else PAGE_MOST,
    )
    rendered: list[str] = []
    size = 0
    backwards = wanted.before is not None
    for item in reversed(items[start:end]) if backwards else items[start:end]:
        text = element(
            "item", "", {"jid": item.jid, "node": item.node or None, "name": say(item.name) or None}
        )
        size += len(text.encode())
        if size > PAGE_BYTES and rendered:
            break
        rendered.append(text)
    if backwards:
        rendered.reverse()
        start = end - len(rendered)
    end = start + len(rendered)
    described = ""
    # XEP-0059 §2.2: of a list without any item the empty <query/> says enough
    if total and (paging is not None or listed.large or len(rendered) < total):
        first, last = (_item_id(items[start]), _item_id(items[end - 1])) if rendered else ("", "")
        described = render_set(first, last, start, total if listed.complete else None)
    return element("query", ITEMS, {"node": node or None}, *rendered, described)


def _item_id(item: DiscoItem) -> str:
    return f"{item.jid}#{item.node}" if item.node else item.jid


def _query(stanza: Stanza) -> Element:
    query = stanza.payload
    if query is None or name_of(query) != "query":
        raise RefusedError(Refused(Condition.BAD_REQUEST, "Service discovery asks with a <query/> element."))
    return query


def _ask(
    providers: tuple[Provider[Found], ...], target: Jid, node: str, requester: Jid
) -> Found | Awaitable[Found | None] | None:
    """The first answer that is not None. Waits only if a provider does: a client that opens a hundred rooms
    asks about all of them at once, and a task for each would be refused as too many."""
    for number, provider in enumerate(providers):
        found = provider(target, node, requester)
        if isawaitable(found):
            return _ask_on(found, providers[number + 1 :], target, node, requester)
        if found is not None:
            return found
    return None


async def _ask_on(
    awaited: Awaitable[Found | None],
    providers: tuple[Provider[Found], ...],
    target: Jid,
    node: str,
    requester: Jid,
) -> Found | None:
    found = await awaited
    if found is not None:
        return found
    rest = _ask(providers, target, node, requester)
    return await rest if isawaitable(rest) else rest


def _when_known(
    found: Found | Awaitable[Found | None] | None, answer: Callable[[Found | None], None]
) -> Awaitable[None] | None:
    if not isawaitable(found):
        answer(found)
        return None

    async def wait(awaited: Awaitable[Found | None]) -> None:
        answer(await awaited)

    return wait(found)
