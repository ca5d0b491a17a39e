"""What ``causeway doctor`` finds out about a provider: whether it lets us in, whether our clocks agree, and whether its
callbacks find the way to us as they were sent. Sends no text.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bridges.sms.http import echoes, filling
from bridges.sms.http.calling import Answered, Call
from bridges.sms.http.echoes import Echoes, Heard
from bridges.sms.http.preset import Preset
from bridges.sms.http.signatures import HEADERS, WINDOW, Scheme
from gateway.bridge import Clock, Finding, Hint, Verdict

_SECONDS = 10.0  # for one request
_BODY = 16_384
_NOTABLE = 30.0  # seconds that clocks differ
#: What has to arrive as it is: signatures are made of it, letter by letter.
_QUERY, _CONTENT = "causeway=echo%20a+b%2Fc", b'{"echo": "\xc3\xa9 + %20"}'
_SIGNATURE = "causeway-echo+/=="


@dataclass(frozen=True, slots=True)
class Examined:
    """A route, as far as it matters. ``address`` is where its callbacks come, empty where that is not known (the gateway
    does not run); ``sources``: only requests from some addresses are taken."""

    name: str
    preset: Preset
    address: str
    sources: bool
    echoes: Echoes | None
    clock: Clock
    http: Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]]

    @property
    def subject(self) -> str:
        return f"route {self.name}"


async def route(
    looked_at: Examined,
    settings: Iterable[str | Hint],
    probe: Callable[[], Call | None],
    refused: Callable[[Answered], bool],
    obstacle: str,
) -> Sequence[Finding]:
    """All of it. ``settings`` are what is wrong with them, ``obstacle`` is why callbacks cannot be taken at all; empty if
    nothing is. ``probe`` raises ``Unfilled``."""
    subject = looked_at.subject
    found = [
        Finding(Verdict.NOTE, each.text, f"settings of {subject}")
        if isinstance(each, Hint)
        else Finding(Verdict.FAIL, f"{each.rstrip('.')}.", f"settings of {subject}")
        for each in settings
        if each
    ]
    try:
        found += await provider(looked_at, probe(), refused)
    except filling.Unfilled:
        text = "A value or secret has a control character in it: write it in one line."
        return [*found, Finding(Verdict.FAIL, text, subject)]
    if obstacle:
        text = f"{obstacle[:1].upper()}{obstacle[1:]}."
        return [*found, Finding(Verdict.FAIL, text, f"callbacks of {subject}")]
    return [*found, *(await callbacks(looked_at) if looked_at.preset.event else ())]


async def provider(
    route: Examined, call: Call | None, refused: Callable[[Answered], bool]
) -> Sequence[Finding]:
    """By ``call``, which costs nothing; ``refused`` says whether an answer to it refuses our credentials."""
    title = route.preset.title
    if call is None:
        text = (
            f"{title} knows no request that shows whether the credentials are good and sends nothing: text yourself "
            "once, and "
            "see."
        )
        return [Finding(Verdict.UNKNOWN, text, route.subject)]
    host, begun = urlsplit(call.url).netloc, route.clock.monotonic()
    try:
        async with asyncio.timeout(_SECONDS), route.http() as session:
            answered, date = await _fetched(session, call)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        text = f"{title} cannot be reached at {host} ({_words(error)}): check the network, and the address."
        return [Finding(Verdict.FAIL, text, route.subject)]
    took = route.clock.monotonic() - begun
    if refused(answered):
        text = f"{title} refuses the credentials ({answered.status}): copy them again from its console."
        found = Finding(Verdict.FAIL, text, route.subject)
    elif answered.status >= 500:
        text = f"{title} is in trouble: it answers {answered.status}. Try again later, or look at its status page."
        found = Finding(Verdict.NOTE, text, route.subject)
    else:
        found = Finding(
            Verdict.OK, f"{title} at {host} knows us, within {took * 1000:.0f} ms.", route.subject
        )
    return [found, *_clocks(route, title, date)]


def _clocks(route: Examined, title: str, date: str) -> Sequence[Finding]:
    try:
        apart = abs(parsedate_to_datetime(date).timestamp() - route.clock.now())
    except (ValueError, TypeError, OverflowError):
        return []
    if apart <= _NOTABLE:
        return []
    text = (
        f"The clocks of {title} and of this machine are {apart:.0f} s apart; callbacks whose time is {WINDOW:.0f} s off are "
        "refused. Let the machine keep time (systemd-timesyncd, chrony)."
    )
    return [Finding(Verdict.FAIL if apart > WINDOW else Verdict.NOTE, text, f"clock of {route.subject}")]


# -- callbacks -----------------------------------------------------------------------------------------------------------


async def callbacks(route: Examined) -> Sequence[Finding]:
    """By a request to ourselves at the address that the provider has."""
    subject = f"callbacks of {route.subject}"
    if not route.address or route.echoes is None:
        text = "Whether callbacks arrive can only be tried while the gateway runs."
        return [Finding(Verdict.UNKNOWN, text, subject)]
    header = HEADERS.get(route.preset.signature.scheme, "")
    word = route.echoes.expect(header)
    method = "POST" if "POST" in route.preset.webhook.methods else route.preset.webhook.methods[0]
    headers = {echoes.HEADER: word, "Content-Type": "application/json"} | (
        {header: _SIGNATURE} if header else {}
    )
    body = _CONTENT if method == "POST" else b""
    host = urlsplit(route.address).netloc
    try:
        async with asyncio.timeout(_SECONDS), aiohttp.ClientSession(trust_env=False) as session:
            url = f"{route.address}?{_QUERY}"
            answered, _ = await _fetched(session, Call(method, url, headers, body))
    except aiohttp.ClientConnectorCertificateError as error:
        text = f"The certificate of {host} is not trusted ({_words(error)}), so providers bring nothing: renew it."
        return [Finding(Verdict.FAIL, text, subject)]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        text = (
            f"Nobody answers at {host} ({_words(error)}), where callbacks of {route.preset.title} are to come: check "
            "web.public_url and the web server in front. (Some routers let no machine inside call their outer address: then "
            "try it from elsewhere.)"
        )
        return [Finding(Verdict.FAIL, text, subject)]
    arrived = echoes.heard(word, answered.body)
    if arrived is None:
        return [_somebody_else(route, host, answered.status, subject)]
    if lost := _changed(route, arrived, method, header):
        text = (
            f"Callbacks arrive, but the web server in front changes {lost}, so that no signature can be right: let it "
            "pass all."
        )
        return [Finding(Verdict.FAIL, text, subject)]
    return [*_seen(route, arrived, subject)]


def _somebody_else(route: Examined, host: str, status: int, subject: str) -> Finding:
    path = urlsplit(route.address).path
    base = path[: path.index("/bridge/") + 8] if "/bridge/" in path else "/bridge/"
    text = (
        f"Something answers at {host} with {status}, but not this gateway: have the web server there pass {base} on to "
        "web.listen, or correct web.public_url."
    )
    fix = (
        f"location {base} {{\n    proxy_pass http://127.0.0.1:5290;  # web.listen\n"
        "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n}"
    )
    return Finding(Verdict.FAIL, text, subject, fix, f"nginx, the server of {host}")


def _changed(route: Examined, arrived: Heard, method: str, header: str) -> str:
    sent = hashlib.sha256(_CONTENT if method == "POST" else b"").hexdigest()
    if not urlsplit(route.address).path.endswith(arrived.path):
        return "the path"
    if arrived.query != _QUERY:
        return "the query"
    if arrived.body != sent:
        return "the body"
    if header and arrived.signature != _SIGNATURE:
        return f"the header {header}"
    return "the method" if arrived.method != method else ""


def _seen(route: Examined, arrived: Heard, subject: str) -> Sequence[Finding]:
    parts, signed = urlsplit(route.address), route.preset.signature.scheme is not Scheme.NONE
    how = "signatures are checked" if signed else "they are not signed"
    found = [Finding(Verdict.OK, f"Callbacks arrive at {parts.netloc} as they were sent; {how}.", subject)]
    near = _near(parts.hostname or "")
    if parts.scheme != "https" and not near:
        text = (
            f"Callbacks come to {parts.netloc} without TLS, so texts can be read on the way: put a web server with a "
            "certificate "
            "in front, and write https:// in web.public_url."
        )
        found.append(Finding(Verdict.NOTE, text, f"tls of the {subject}"))
    if route.sources and not near and _near(arrived.remote):
        text = (
            f"All callbacks seem to come from {arrived.remote}, so `sources` lets in all or nobody: have the web server "
            "send "
            "X-Forwarded-For, and name it in web.trusted_proxies."
        )
        found.append(Finding(Verdict.FAIL, text, f"sources of {route.subject}"))
    return found


def _near(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".internal"))


async def _fetched(session: aiohttp.ClientSession, call: Call) -> tuple[Answered, str]:
    """The answer, and when it was given (its Date). Raises what aiohttp raises."""
    url = URL(call.url, encoded=True)  # as it is written, to the letter
    async with session.request(
        call.method, url, data=call.body or None, headers=call.headers, allow_redirects=False
    ) as response:
        body = b""
        while len(body) < _BODY and (block := await response.content.read(_BODY - len(body))):
            body += block
        return Answered(response.status, body), response.headers.get("Date", "")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    system = getattr(error, "os_error", None) or error
    return getattr(system, "strerror", None) or type(error).__name__
