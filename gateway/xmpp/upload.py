"""Asking an upload service for slots (XEP-0363 §4 and §5), in the component's own name or in a user's.

The service is that of the XMPP server we are a component of, or of the user's; it is looked for from time to time. Knows
no HTTP.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Blob, Clock, MediaError
from gateway.media.arrivals import Publish
from gateway.media.refusals import refused
from gateway.media.service import MediaService
from gateway.media.slots import NotOpen, Slot
from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.privilege import Rights
from gateway.xmpp.stanza import parse_jid
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
_MOST_DOMAINS = 500
#: XEP-0363 §5: the only headers a service may ask for.
_HEADERS = {"authorization": "Authorization", "cookie": "Cookie", "expires": "Expires"}
_URL_LIMIT = 4096
#: Refusals of the service itself, not of one file: asked again only after ``_MISSED_FOR``.
_CLOSED = frozenset({Condition.FORBIDDEN, Condition.NOT_ALLOWED, Condition.NOT_AUTHORIZED})


class Requests(Protocol):
    """``IqTracker.request``."""

    async def request(self, to: str, payload: str, *, sender: str, timeout: float = 30.0) -> Element: ...


class Privileges(Protocol):
    """``gateway.xmpp.privileges.Privileges``, as far as slots need it."""

    def granted(self, domain: str) -> Rights | None: ...

    async def request(
        self, user: str, to: str, verb: Literal["get", "set"], namespace: str, payload: str
    ) -> Element: ...


@dataclass(frozen=True, slots=True)
class Service:
    """An upload service; ``most`` is the largest file it takes, in bytes, if it says so."""

    jid: str
    most: int | None = None


@dataclass(slots=True)
class _Search:
    """The outcome of looking for a service: ``found`` None is that there is none. ``until`` is monotonic."""

    found: Service | None
    until: float


class UploadServices:
    """Finds the upload service of a domain, and remembers it for a while. ``jid`` is who asks."""

    def __init__(self, jid: str, iq: Requests, clock: Clock) -> None:
        self._jid = jid
        self._iq = iq
        self._clock = clock
        self._locks: dict[str, asyncio.Lock] = {}
        self._searches: OrderedDict[str, _Search] = OrderedDict()

    async def of(self, domain: str) -> Service | None:
        """The service among a domain's items. Raises ``MediaError`` if the domain does not answer."""
        async with self._locks.setdefault(domain, asyncio.Lock()):
            now = self._clock.monotonic()
            search = self._searches.get(domain)
            if search is None or search.until <= now:
                try:
                    found = await self._look(domain)
                except RefusedError as error:
                    if error.refused.condition is not Condition.REMOTE_SERVER_TIMEOUT:
                        found = None
                    else:
                        raise refused(error.refused.text, error.refused.condition) from error
                search = _Search(found, now + (_KNOWN_FOR if found else _MISSED_FOR))
                self._remember(domain, search)
                _log.info("upload service", domain=domain, service=found.jid if found else None)
            return search.found

    async def at(self, jid: str) -> Service:
        """The service whose address the operator gave."""
        search = self._searches.get(jid)
        if search is None or search.found is None or search.until <= self._clock.monotonic():
            found = await self.examine(jid) or Service(jid)
            search = _Search(found, self._clock.monotonic() + _KNOWN_FOR)
            self._remember(jid, search)
        return search.found or Service(jid)

    def _remember(self, domain: str, search: _Search) -> None:
        self._searches[domain] = search
        if len(self._searches) > _MOST_DOMAINS:
            oldest, _ = self._searches.popitem(last=False)
            self._locks.pop(oldest, None)

    async def _look(self, domain: str) -> Service | None:
        answer = await self._ask(domain, element("query", _ITEMS))
        items = answer.findall(f"{{{_ITEMS}}}query/{{{_ITEMS}}}item")[:_MOST_ITEMS]
        jids = [jid for item in items if (jid := item.get("jid")) and "@" not in jid and jid != self._jid]
        # What is called so is most likely it; asking the others costs them an answer each.
        for jid in (*sorted(jids, key=lambda each: "upload" not in each), domain):
            if (service := await self.examine(jid)) is not None:
                return service
        return None

    async def examine(self, jid: str) -> Service | None:
        """The service at an address; None if that is none, or does not answer."""
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


class ComponentSlots:
    """``gateway.media.slots.Slots`` for the component ``jid``. ``service``: its JID where the operator says so; else it is
    looked for on the domains above ours."""

    def __init__(
        self, jid: str, services: UploadServices, iq: Requests, clock: Clock, service: str = ""
    ) -> None:
        self._jid = jid
        self._services = services
        self._iq = iq
        self._clock = clock
        self._named = service
        self._closed_until = 0.0
        self._closed = ""

    async def slot(self, file: Blob, user: str) -> Slot:
        """See ``Slots``. ``user`` does not matter: the service sees the component."""
        if self._clock.monotonic() < self._closed_until:
            raise refused(self._closed, Condition.FORBIDDEN)
        service = await self.service()
        try:
            answer = await self._iq.request(
                service.jid, _request(service, file), sender=self._jid, timeout=_DEADLINE
            )
        except RefusedError as error:
            why = _refusal(error.refused)
            if error.refused.condition in _CLOSED:
                self._closed, self._closed_until = why.refused.text, self._clock.monotonic() + _MISSED_FOR
                _log.warning("no uploads for this component", component=self._jid, reason=self._closed)
            raise why from error
        return _slot(answer)

    async def service(self) -> Service:
        """Where files go. Raises ``MediaError`` if there is no such place."""
        if self._named:
            return await self._services.at(self._named)
        for domain in _above(self._jid):
            if (service := await self._services.of(domain)) is not None:
                return service
        raise refused("The XMPP server has no upload service.", Condition.ITEM_NOT_FOUND)


class UserSlots:
    """``gateway.media.slots.Slots`` in the name of the user, where the user's server grants that (XEP-0356 §4.5)."""

    def __init__(self, services: UploadServices, privileges: Privileges) -> None:
        self._services = services
        self._privileges = privileges

    async def slot(self, file: Blob, user: str) -> Slot:
        """See ``Slots``."""
        domain = parse_jid(user).domain
        rights = self._privileges.granted(domain)
        if rights is None or "get" not in rights.iq.get(UPLOAD, frozenset()):
            raise NotOpen(
                Refused(Condition.FORBIDDEN, f"{domain} grants no upload in the name of its users.")
            )
        service = await self._services.of(domain)
        if service is None:
            raise refused(f"{domain} has no upload service.", Condition.ITEM_NOT_FOUND)
        try:
            answer = await self._privileges.request(user, service.jid, "get", UPLOAD, _request(service, file))
        except RefusedError as error:
            raise _refusal(error.refused) from error
        return _slot(answer)


def _request(service: Service, file: Blob) -> str:
    if service.most is not None and file.size > service.most:
        raise refused(f"The upload service takes files of up to {service.most / 1e6:.3g} MB.")
    return element(
        "request",
        UPLOAD,
        {"filename": file.name, "size": str(file.size), "content-type": file.media_type},
    )


def _refusal(why: Refused) -> MediaError:
    return refused(f"The upload service refused it: {why.text or why.condition.value}", why.condition)


def _slot(answer: Element) -> Slot:
    found = answer.find(f"{{{UPLOAD}}}slot")
    slot = read_slot(found) if found is not None else None
    if slot is None:
        raise refused("The upload service gave no usable place for it.", Condition.UNDEFINED_CONDITION)
    return slot


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


def publish_with(
    media: MediaService, bridge: str, jid: str, iq: Requests, clock: Clock, privileges: Privileges
) -> Publish:
    """How one component publishes what its bridge brings."""
    services = UploadServices(jid, iq, clock)
    component = ComponentSlots(jid, services, iq, clock, media.settings.upload_service)
    return media.publisher(bridge, component, UserSlots(services, privileges)).publish
