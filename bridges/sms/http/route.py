"""``traffic.Route`` over HTTP: when a request may be made, making it, and what is certain when it fails."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from ipaddress import ip_network
from urllib.parse import urlsplit

import aiohttp
import structlog

from bridges.sms.http import examining, filling, replaying
from bridges.sms.http.calling import Addresses, Answered, Call, Caller
from bridges.sms.http.echoes import Echoes
from bridges.sms.http.failings import Meaning, rejected
from bridges.sms.http.gate import Gate
from bridges.sms.http.places import Places
from bridges.sms.http.preset import Preset
from bridges.sms.http.settings import HttpRoute
from bridges.sms.http.webhooks import RouteDesk, Terms, Webhooks, unsafe
from bridges.sms.traffic import (
    Away,
    Failing,
    Intake,
    NotTaken,
    OptOut,
    Outcome,
    Rejected,
    Seen,
    Submission,
    Turn,
    Unknown,
    Ways,
)
from gateway.bridge import Finding, Hint, NotStored, Services, Verdict, WebRequest
from gateway.bridge.web import path

_log = structlog.get_logger(__name__)

_CONNECT = 10.0  # seconds
_BODY = 65_536  # octets of an answer
_HOLD = 60.0  # seconds that a throttled text is repeated before others may have it
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_AGAIN = 5.0
_PROBE = 20.0


class HttpWay:
    """A provider over HTTP."""

    def __init__(
        self,
        name: str,
        settings: HttpRoute,
        services: Services,
        webhooks: Webhooks,
        further: Callable[[], Sequence[str | Hint]] = tuple,
    ) -> None:
        """``further`` finds what is wrong besides, for ``trial``."""
        self._name = name
        self._settings = settings
        self._services = services
        self._webhooks = webhooks
        self._further = further
        self._base = (
            f"{settings.callback_url}{path(services.name)}" if settings.callback_url else services.web
        )
        self._preset = settings.described
        self._secrets, self._broken = _secrets(settings)
        self._caller = Caller(self._preset, settings.filled, self._secrets)
        self._broken = self._broken or self._caller.broken
        self._ways = Ways(**self._preset.ways.model_dump(exclude={"groups_with"}))
        self._gate = Gate(services.clock, settings.rate, settings.window)
        self._session: aiohttp.ClientSession | None = None
        self._addresses = Addresses()
        self._desk: RouteDesk | None = None
        self._echoes = Echoes(services.random)
        self._places = Places(self._caller, self._preset, self._fetched)
        self._open = asyncio.Event()
        self._intake: Intake | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> Ways:
        return self._ways

    @property
    def preset(self) -> Preset:
        return self._preset

    @property
    def address(self) -> str:
        """What the operator gives to the provider for callbacks, and to nobody else. Empty while it is not known."""
        return self._addresses.inbound

    async def opened(self) -> str:
        """``address``, as soon as callbacks are taken there."""
        await self._open.wait()
        return self.address

    def seen(self) -> Seen:
        why = self._gate.why
        counts = dict(self._desk.counts) if self._desk is not None else {}
        connected = not why and self._session is not None
        return Seen(connected, why, self._gate.waiting, None, counts, self.address)

    def pieces(self, submission: Submission) -> int:
        return self._caller.requests(submission)

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        return self._turn()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Turn]:
        if self._broken:
            raise Away("its secrets cannot be used")
        if self._session is None:
            raise Away("it is not started yet")
        async with self._gate.entered():
            yield _Writing(self)

    async def run(self, intake: Intake) -> None:
        self._intake = intake
        try:
            async with self._http() as self._session:
                await self._receive(intake)
        finally:
            self._intake = None
            self._session = None
            self._open.clear()
            self._webhooks.closed(self._name)

    async def _receive(self, intake: Intake) -> None:
        """Take callbacks, until cancelled."""
        clock = self._services.clock
        terms = self._terms()
        trouble = self._broken or self._web_trouble()
        while trouble:
            _log.error("a route does not work, or receives nothing", route=self._name, reason=trouble)
            intake.trouble(self._name, trouble)
            await clock.sleep(3600.0)
        while True:
            try:
                secret = await self._webhooks.secret(self._name)
                break
            except NotStored as error:
                _log.warning("a route has no address yet", route=self._name, reason=str(error))
                await clock.sleep(_AGAIN)
        who, echoes = self._places.who, self._echoes
        self._desk = RouteDesk(self._name, self._preset, secret, terms, intake, clock, who=who, echoes=echoes)
        self._addresses = self._webhooks.addresses(self._name, secret, self._base)
        self._webhooks.opened(self._name, self._desk)
        self._open.set()
        await asyncio.get_running_loop().create_future()

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        downloads = self._preset.downloads
        if not any(_is_host(host, each) for each in downloads.hosts):
            return None
        if not downloads.auth or parts.scheme != "https":
            return {}
        basic = self._caller.basic()
        return {"Authorization": basic} if basic else {}

    async def examined(self) -> Sequence[Finding]:
        clock, address = self._services.clock, self._addresses.inbound if self._open.is_set() else ""
        looked_at = examining.Examined(
            self._name, self._preset, address, bool(self._settings.sources), self._echoes, clock, self._http
        )
        if self._broken:
            return [Finding(Verdict.FAIL, f"{self._broken}.", looked_at.subject)]
        settings = (self._settings.trouble(self._secrets), *await asyncio.to_thread(self._further))
        probe = partial(self._caller.probe, clock.now())
        return await examining.route(looked_at, settings, probe, self._refuses, self._web_trouble())

    def replayed(self, request: WebRequest) -> Sequence[str]:
        """What a callback that was written down would have come to."""
        return replaying.replayed(
            self._name, self._preset, self._terms(), request, self._services.clock.now()
        )

    def _refuses(self, answered: Answered) -> bool:
        """Whether that says that our credentials are not good."""
        outcome = self._caller.judged(answered, self._services.clock.now())
        return answered.status in (401, 403) or (isinstance(outcome, Rejected) and outcome.operator)

    async def trial(self) -> Sequence[str]:
        if self._broken:
            return [self._broken]
        found = [self._settings.trouble(self._secrets), self._web_trouble()]
        further = await asyncio.to_thread(self._further)
        found += [each.text if isinstance(each, Hint) else each for each in further]
        try:
            call = self._caller.probe(self._services.clock.now())
        except filling.Unfilled:
            return [
                *filter(None, found),
                "a value or secret has a control character in it; write it in one line",
            ]
        if call is not None:
            async with self._http() as session:
                found.append(await self._probed(session, call))
        return [each for each in found if each]

    async def _probed(self, session: aiohttp.ClientSession, call: Call) -> str:
        title, host = self._preset.title, urlsplit(call.url).hostname
        try:
            async with asyncio.timeout(_PROBE):
                answered = await fetched(session, call)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            reason = type(error).__name__
            return f"{title} cannot be reached at {host} ({reason}); check the network, and the address"
        if self._refuses(answered):
            return f"{title} refuses the credentials ({answered.status}); copy them again from its console"
        return ""

    # -- for ``_Writing`` --------------------------------------------------------------------------------------

    async def write(self, submission: Submission, piece: int) -> Outcome:
        """One request, repeated as long as the provider asks for patience, for a minute."""
        clock = self._services.clock
        end = clock.monotonic() + _HOLD
        pause = _FIRST_PAUSE
        while True:
            outcome = await self._attempt(submission, piece)
            if not (isinstance(outcome, Rejected) and self._is_throttling(outcome)):
                return outcome
            wait = max(outcome.later, pause)
            self._gate.pause(wait, "it asks for a pause")
            if clock.monotonic() + wait > end:
                return outcome
            await clock.sleep(wait)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _is_throttling(self, outcome: Rejected) -> bool:
        return outcome.failing is Failing.PASSING and (
            outcome.code in ("429", "420") or self._preset.errors.get(outcome.code) is Meaning.THROTTLED
        )

    async def _attempt(self, submission: Submission, piece: int) -> Outcome:
        title, clock = self._preset.title, self._services.clock
        try:
            place = await self._places.of(submission, clock.now())
            if isinstance(place, Rejected):
                return place
            if self._session is None:
                return rejected(Meaning.PROVIDER, title, words="the route has ended")
            call = self._caller.call(submission, self._addresses, clock.now(), piece, place)
        except filling.Unfilled as error:
            return rejected(Meaning.OTHER, title, words=str(error))
        try:
            answered = await self._fetched(call)
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ) as error:
            # Nothing was written: there was no connection, or none to trust.
            self._gate.failed(f"{title} cannot be reached")
            _log.warning("a provider was not reached", route=self._name, reason=type(error).__name__)
            return rejected(Meaning.PROVIDER, title, words="it cannot be reached")
        except TimeoutError:
            return Unknown(f"{title} did not answer within {self._settings.timeout:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _log.warning("an answer did not come", route=self._name, reason=type(error).__name__)
            return Unknown(f"The connection to {title} broke before it answered.")
        self._gate.reached()
        outcome = self._places.judged(submission, self._caller.judged(answered, clock.now()))
        outcome = self._caller.named(outcome, submission, piece)
        if isinstance(outcome, Rejected) and self._preset.errors.get(outcome.code) is Meaning.OPTED_OUT:
            await self._opted_out(submission)
        return outcome

    async def _opted_out(self, submission: Submission) -> None:
        """The provider knows by its own list what ours does not yet. Of several recipients nobody knows who it was."""
        if self._intake is None or len(submission.recipients) != 1:
            return
        try:
            await self._intake.opted(OptOut(self._name, submission.sender, submission.recipients[0]))
        except NotTaken as error:
            _log.warning("a STOP that the provider knows was not kept", route=self._name, reason=str(error))

    # -- pieces ------------------------------------------------------------------------------------------------

    async def _fetched(self, call: Call) -> Answered:
        """Raises what aiohttp raises."""
        if self._session is None:
            raise aiohttp.ClientConnectionError("the route has ended")
        async with asyncio.timeout(self._settings.timeout):
            return await fetched(self._session, call)

    def _http(self) -> aiohttp.ClientSession:
        tls: ssl.SSLContext | bool = True
        if self._settings.ca_file is not None:
            tls = ssl.create_default_context(cafile=self._settings.ca_file)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._settings.window, ssl=tls, keepalive_timeout=15.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, connect=_CONNECT),
            headers={"User-Agent": f"Causeway/{self._services.version}"},
        )

    def _terms(self) -> Terms:
        user, password = self._settings.login
        sources = tuple(ip_network(each) for each in self._settings.sources)
        return Terms(self._base, self._signing(), user, password, sources)

    def _signing(self) -> dict[str, str]:
        signature = self._preset.signature
        own = {**self._settings.filled, **self._secrets}
        found = {
            name: filling.text(template, own)
            for name, template in (
                ("secret", signature.secret),
                ("shared", signature.shared),
                ("account", signature.account),
            )
        }
        return {name: each for name, each in found.items() if each}

    def _web_trouble(self) -> str:
        if not self._preset.event:
            return ""
        if not self._services.web:
            return (
                "nothing can be received, and nobody learns what arrived: set web.listen and web.public_url"
            )
        keys = {name: each for name, each in self._signing().items() if name != "account"}
        password = bool(self._settings.login[1])
        return unsafe(self._preset, self._base, keys, password=password, sources=bool(self._settings.sources))


class _Writing:
    """``traffic.Turn``."""

    def __init__(self, way: HttpWay) -> None:
        self._way = way

    async def send(self, submission: Submission, piece: int) -> Outcome:
        return await self._way.write(submission, piece)


async def fetched(session: aiohttp.ClientSession, call: Call) -> Answered:
    """The answer to a request that is made once. Raises what aiohttp raises."""
    begun = False

    async def once(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # aiohttp would repeat a GET whose connection broke (RFC 9110 §9.2.2), and a text would be sent twice.
        nonlocal begun
        if begun:
            raise aiohttp.ClientConnectionError("the connection broke")
        begun = True
        return await handler(request)

    async with session.request(
        call.method,
        call.url,
        data=call.body or None,
        headers=call.headers,
        allow_redirects=False,
        middlewares=(once,),
    ) as response:
        body = b""
        while len(body) < _BODY and (block := await response.content.read(_BODY - len(body))):
            body += block
        return Answered(response.status, body, response.headers.get("Retry-After", ""))


def _secrets(settings: HttpRoute) -> tuple[dict[str, str], str]:
    """The secrets, and what is wrong if they cannot be had."""
    try:
        return settings.kept_secrets(), ""
    except OSError as error:
        nothing = dict.fromkeys(settings.described.secrets, "")
        return nothing, f"{error.filename} cannot be read ({error.strerror}); let the gateway's user read it"


def _is_host(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
