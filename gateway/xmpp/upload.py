"""Asking an upload service for slots (XEP-0363 §4 and §5), in the component's own name.

The service is that of the XMPP server we are a component of, found once and again from time to time. Knows no HTTP.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Blob, Clock
from gateway.media.slots import Slot
from gateway.media.targets import refused
from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.xml import element

UPLOAD = "urn:xmpp:http:upload:0"
_INFO = "http://jabber.org/protocol/disco#info"
_ITEMS = "http://jabber.org/protocol/disco#items"
_DATA = "jabber:x:data"

_log = structlog.get_logger(__name__)

_DEADLINE = 10.0  # seconds for one question
_MOST_ITEMS = 50
_KNOWN_FOR = 3600.0  # seconds until a service that was found is looked for again
_MISSED_FOR = 300.0
#: XEP-0363 §5: the only headers a service may ask for.
_HEADERS = {"authorization": "Authorization", "cookie": "Cookie", "expires": "Expires"}
_URL_LIMIT = 4096
#: Refusals of the service itself, not of one file: asked again only after ``_MISSED_FOR``.
_CLOSED = frozenset({Condition.FORBIDDEN, Condition.NOT_ALLOWED, Condition.NOT_AUTHORIZED})


class Requests(Protocol):
    """``IqTracker.request``."""

    async def request(self, to: str, payload: str, *, sender: str, timeout: float = 30.0) -> Element: ...


@dataclass(frozen=True, slots=True)
class Service:
    """An upload service; ``most`` is the largest file it takes, in bytes, if it says so."""

    jid: str
    most: int | None = None


@dataclass(slots=True)
class _Search:
    """The outcome of looking for the service: ``found`` None is that there is none. ``until`` is monotonic."""

    found: Service | None
    until: float


class ComponentSlots:
    """``gateway.media.slots.Slots`` for the component ``jid``. ``service``: its JID where the operator says so; else it is
    looked for among the items of the domains above ours."""

    def __init__(self, jid: str, iq: Requests, clock: Clock, service: str = "") -> None:
        self._jid = jid
        self._iq = iq
        self._clock = clock
        self._named = service
        self._searching = asyncio.Lock()
        self._search: _Search | None = None
        self._closed_until = 0.0
        self._closed = ""

    async def slot(self, file: Blob, user: str) -> Slot:
        """See ``Slots``. ``user`` does not matter: the service sees the component."""
        if self._clock.monotonic() < self._closed_until:
            raise refused(self._closed, Condition.FORBIDDEN)
        service = await self.service()
        if service is None:
            raise refused("The XMPP server has no upload service.", Condition.ITEM_NOT_FOUND)
        if service.most is not None and file.size > service.most:
            raise refused(f"The upload service takes files of up to {service.most / 1e6:.3g} MB.")
        wanted = {"filename": file.name, "size": str(file.size), "content-type": file.media_type}
        try:
            answer = await self._ask(service.jid, element("request", UPLOAD, wanted))
        except RefusedError as error:
            raise self._refusal(error.refused) from error
        found = answer.find(f"{{{UPLOAD}}}slot")
        slot = read_slot(found) if found is not None else None
        if slot is None:
            raise refused(
                "The upload service gave no usable place for the file.", Condition.UNDEFINED_CONDITION
            )
        return slot

    def _refusal(self, why: Refused) -> Exception:
        text = f"The upload service refused the file: {why.text or why.condition.value}"
        if why.condition in _CLOSED:
            self._closed, self._closed_until = text, self._clock.monotonic() + _MISSED_FOR
            _log.warning(
                "the upload service does not take files of this component", component=self._jid, reason=text
            )
        return refused(text, why.condition)

    async def service(self) -> Service | None:
        """The service, looked for if that was not done lately."""
        async with self._searching:
            now = self._clock.monotonic()
            if self._search is None or self._search.until <= now:
                found = await self._look()
                self._search = _Search(found, now + (_KNOWN_FOR if found else _MISSED_FOR))
                _log.info("upload service", component=self._jid, service=found.jid if found else None)
            return self._search.found

    def forget(self) -> None:
        """Look again at the next file: the link to the server is new, and so may the server be."""
        self._search = None
        self._closed_until = 0.0

    async def _look(self) -> Service | None:
        if self._named:
            return await self._examine(self._named) or Service(self._named)
        for domain in _above(self._jid):
            try:
                answer = await self._ask(domain, element("query", _ITEMS))
            except RefusedError:
                continue
            items = answer.findall(f"{{{_ITEMS}}}query/{{{_ITEMS}}}item")[:_MOST_ITEMS]
            jids = [jid for item in items if (jid := item.get("jid")) and "@" not in jid and jid != self._jid]
            # What is called so is most likely it; asking the others costs them an answer each.
            for jid in (domain, *sorted(jids, key=lambda each: "upload" not in each)):
                if (service := await self._examine(jid)) is not None:
                    return service
        return None

    async def _examine(self, jid: str) -> Service | None:
        try:
            answer = await self._ask(jid, element("query", _INFO))
        except RefusedError:
            return None
        query = answer.find(f"{{{_INFO}}}query")
        if query is None or not any(
            each.get("var") == UPLOAD for each in query.iterfind(f"{{{_INFO}}}feature")
        ):
            return None
        return Service(jid, _most(query))

    async def _ask(self, to: str, payload: str) -> Element:
        return await self._iq.request(to, payload, sender=self._jid, timeout=_DEADLINE)


def _above(jid: str) -> Iterator[str]:
    """The domains a component's domain is below of: ``irc.chat.example.org`` gives chat.example.org and example.org; a
    single label is no server's, save ``localhost``."""
    rest = jid
    for _ in range(3):
        _, dot, rest = rest.partition(".")
        if not dot or ("." not in rest and rest != "localhost"):
            return
        yield rest


def _most(query: Element) -> int | None:
    """The largest file, out of the service's form (XEP-0363 §4)."""
    for form in islice(query.iterfind(f"{{{_DATA}}}x"), 10):
        values = {
            field.get("var"): field.findtext(f"{{{_DATA}}}value") or ""
            for field in islice(form.iterfind(f"{{{_DATA}}}field"), 20)
        }
        most = values.get("max-file-size", "")
        if values.get("FORM_TYPE") == UPLOAD and most.isascii() and most.isdigit() and len(most) < 17:
            return int(most)
    return None


def read_slot(found: Element) -> Slot | None:
    """A ``<slot/>``; None if it lacks one of the two links."""
    put, get = found.find(f"{{{UPLOAD}}}put"), found.find(f"{{{UPLOAD}}}get")
    if put is None or get is None:
        return None
    to, from_ = put.get("url") or "", get.get("url") or ""
    if not all(len(url) <= _URL_LIMIT and url.startswith(("https://", "http://")) for url in (to, from_)):
        return None
    headers: list[tuple[str, str]] = []
    for each in islice(put.iterfind(f"{{{UPLOAD}}}header"), 10):
        name = _HEADERS.get(_one_line(each.get("name") or "").lower())
        if name is not None:
            headers.append((name, _one_line(each.text or "")[:8192]))
    return Slot(to, from_, tuple(headers))


def _one_line(text: str) -> str:
    """XEP-0363 §5: newlines are stripped before anything becomes a header."""
    return "".join(each for each in text if each.isprintable()).strip()
