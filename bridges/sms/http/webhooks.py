"""Callbacks of providers: which route one is for, whether it is genuine, and what it is answered.

Addresses are ``<base>/ROUTE/SECRET`` and, for reports of one message, ``<base>/ROUTE/SECRET/REFERENCE``; the secret has 128
bits and is kept in the bridge's memory. A callback is answered once what it says is committed, and never later than
providers wait: 2xx then, 5xx while we are at fault (they try again), 4xx for what is forged.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bridges.sms.http.calling import Addresses
from bridges.sms.http.echoes import Echoes
from bridges.sms.http.preset import Preset
from bridges.sms.http.reading import News, OfMember, Reader, Trouble, Unread
from bridges.sms.http.signatures import Finding, Scheme, Secrets, Verdict, same_password, verify
from bridges.sms.traffic import Inbound, Intake, NotTaken, Report
from gateway.bridge import Clock, Services, WebRequest, WebResponse

_log = structlog.get_logger(__name__)

_SECRET = "webhook"
_BITS = 128
_REFERENCE = re.compile(r"[a-z0-9]{1,32}")
_ANSWER_SECONDS = 1.9  # Telnyx waits for 2 seconds, the others longer
_REPLAYS = 20_000
_NOT_FOUND = WebResponse(404, b"")
_AGAIN = {"Retry-After": "5"}


class Desk(Protocol):
    """Where callbacks of one route are taken."""

    secret: str

    async def take(self, request: WebRequest, reference: str) -> WebResponse: ...


class Webhooks:
    """All callbacks of the bridge; answers below ``Services.web``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._desks: dict[str, Desk] = {}

    async def secret(self, route: str) -> str:
        """The part of a route's addresses that nobody can guess: the same after restarts. Raises ``NotStored``."""
        memory, network = self._services.memory, f"route {route}"
        kept = (await memory.recall("", network)).get(_SECRET)
        if not kept:
            kept = f"{self._services.random.getrandbits(_BITS):032x}"
            await memory.remember("", network, _SECRET, kept, secret=True)
        return kept

    def addresses(self, route: str, secret: str, base: str) -> Addresses:
        """``base`` is what the provider knows addresses of the bridge to begin with."""
        url = f"{base}/{route}/{secret}" if base else ""
        return Addresses(url, url)

    def opened(self, route: str, desk: Desk) -> None:
        self._desks[route] = desk

    def closed(self, route: str) -> None:
        self._desks.pop(route, None)

    async def answer(self, request: WebRequest) -> WebResponse:
        """See ``gateway.bridge.Serving``."""
        route, _, rest = request.path.partition("/")
        secret, _, reference = rest.partition("/")
        desk = self._desks.get(route)
        # A comparison takes place in any case: how long we take says nothing about which routes there are.
        known = hmac.compare_digest(
            (desk.secret if desk else "x" * 32).encode(), secret.encode("utf-8", "replace")
        )
        if desk is None or not known:
            return _NOT_FOUND
        if reference and not _REFERENCE.fullmatch(reference):
            return _NOT_FOUND
        return await desk.take(request, reference)


@dataclass(frozen=True, slots=True)
class Terms:
    """What callbacks of a route have to show. ``base`` is what the addresses begin with, as the provider knows them;
    ``sources`` networks, none: any."""

    base: str
    secrets: Secrets
    user: str = ""
    password: str = ""
    sources: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


class RouteDesk:
    """``Desk`` of one route."""

    def __init__(
        self,
        route: str,
        preset: Preset,
        secret: str,
        terms: Terms,
        intake: Intake,
        clock: Clock,
        seconds: float = _ANSWER_SECONDS,
        who: Callable[[str, str, float], Awaitable[str]] | None = None,
        echoes: Echoes | None = None,
    ) -> None:
        """``who`` gives the phone of a member of a group: see ``Places.who``. ``echoes`` are for whoever tries the way."""
        self.secret = secret
        self._echoes = echoes
        self.counts: dict[str, int] = {}
        self._route = route
        self._preset = preset
        self._terms = terms
        self._intake = intake
        self._clock = clock
        self._seconds = seconds
        self._who = who
        self._reader = Reader(route, preset)
        self._replays = Replays(_REPLAYS)

    async def take(self, request: WebRequest, reference: str) -> WebResponse:
        if self._echoes is not None and (echo := self._echoes.answer(request)) is not None:
            return echo
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        finding = self._verified(request)
        if finding.verdict is not Verdict.GENUINE:
            return self._not_genuine(finding.verdict)
        once = hashlib.sha256(finding.once.encode("utf-8", "replace")).digest() if finding.once else b""
        if once and once in self._replays:
            self._count("replayed")
            return self._good()
        answer = await self._taken(request, reference)
        if once and answer.status < 300:
            self._replays.add(once)
        return answer

    def _refusal(self, request: WebRequest) -> WebResponse | None:
        """Why it need not be looked at: not from where it comes, not with that method, not without the login."""
        terms = self._terms
        if terms.sources and not _within(request.remote, terms.sources):
            return self._forged("from an address that is not among the sources")
        if terms.password and not same_password(request, terms.user, terms.password):
            self._count("forged")
            _log.warning("a callback had not the right login", route=self._route)
            return WebResponse(401, headers={"WWW-Authenticate": 'Basic realm="webhook"'})
        if request.method not in self._preset.webhook.methods:
            return WebResponse(405, headers={"Allow": ", ".join(self._preset.webhook.methods)})
        return None

    def _verified(self, request: WebRequest) -> Finding:
        url = f"{self._terms.base}/{request.path}"
        if request.query:
            url += f"?{request.query}"
        return verify(self._preset.signature.scheme, request, url, self._terms.secrets, self._clock.now())

    def _not_genuine(self, verdict: Verdict) -> WebResponse:
        if verdict is Verdict.MISSING:
            self._forged("without a signature")
            return WebResponse(self._preset.signature.missing, headers=_AGAIN)
        if verdict is Verdict.STALE:
            # Rightly signed: either our clock is wrong, and the provider shall try again, or somebody repeats it in vain.
            self._count("stale")
            _log.warning("a callback was signed at another time; is the clock right?", route=self._route)
            return WebResponse(503, headers=_AGAIN)
        return self._forged(
            "with a wrong signature; is the secret right, and public_url the address that it has?"
        )

    def _forged(self, how: str) -> WebResponse:
        self._count("forged")
        _log.warning("a callback was refused", route=self._route, how=how)
        return WebResponse(403)

    async def _taken(self, request: WebRequest, reference: str) -> WebResponse:
        try:
            news = self._reader.read(request, reference)
        except Unread as error:
            # Genuine, so it is we who do not understand; once somebody has seen to it, the next attempt may be read.
            self._count("unread")
            self._intake.trouble(
                self._route, f"A callback of {self._preset.title} was not understood: {error}."
            )
            return WebResponse(500, headers=_AGAIN)
        try:
            async with asyncio.timeout(self._seconds):
                for each in news:
                    await self._bring(each)
        except TimeoutError:
            self._count("late")
            _log.warning("a callback was not committed in time", route=self._route)
            return WebResponse(503, headers=_AGAIN)
        except NotTaken as error:
            self._count("not taken")
            _log.warning("a callback was not taken", route=self._route, reason=str(error), never=error.never)
            return WebResponse(422) if error.never else WebResponse(503, headers=_AGAIN)
        return self._good()

    async def _bring(self, each: News | OfMember | Trouble) -> None:
        if isinstance(each, OfMember):
            phone = await self._who(each.place, each.member, self._clock.now()) if self._who else ""
            if not phone:
                self._count("of nobody")
                return
            each = replace(each.report, recipient=phone)
        if isinstance(each, Inbound):
            self._count("received")
            await self._intake.received(each)
        elif isinstance(each, Report):
            self._count("reported")
            await self._intake.reported(each)
        elif isinstance(each, Trouble):
            self._intake.trouble(self._route, each.text)
        else:
            await self._intake.opted(each)

    def _good(self) -> WebResponse:
        webhook = self._preset.webhook
        return WebResponse(webhook.status, webhook.body.encode(), webhook.type)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


class Replays:
    """What was taken already, at most so many; the oldest are forgotten first, and are then recognised by their ids."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, once: bytes) -> bool:
        return once in self._seen

    def add(self, once: bytes) -> None:
        self._seen[once] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)


def unsafe(preset: Preset, base: str, secrets: Secrets, *, password: bool, sources: bool) -> str:
    """Why callbacks at ``base`` must not be taken so; empty if they may. A sentence with the fix."""
    signed = preset.signature.scheme is not Scheme.NONE
    if signed and not any(secrets.values()):
        return (
            f"callbacks of {preset.title} are signed, but the secret to verify them with is not set; set it, or nothing can "
            "be received"
        )
    host, scheme = _host(base)
    if signed or _near(host):
        return ""
    if scheme != "https":
        return (
            f"callbacks of {preset.title} are not signed, and web.public_url is without TLS: whoever listens could send "
            "messages as anybody; give it an https address"
        )
    if not password and not sources:
        return (
            f"callbacks of {preset.title} are not signed: set webhook_user and webhook_password, and give them to the "
            "provider with the address, or name its addresses in sources"
        )
    return ""


def _host(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0], scheme
    return host.partition(":")[0], scheme


def _near(host: str) -> bool:
    """Whether only this machine or network can reach it."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".internal"))


def _within(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
