"""Who may come in: by the token, by a session that the token began, or by the word of the operator's own web server; and
whether a request comes from a page of ours at all.

A browser on the operator's machine runs other people's pages too. They must not get in by a name of their own that they let
point here (so ``Host`` is checked), nor send forms in the operator's name (so their origin and a token of the session are).
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from gateway.bridge import Clock
from gateway.ops.settings import OperatorSettings
from gateway.page.sessions import Guesses, Sessions, fingerprint
from gateway.web.clients import Clients

_log = structlog.get_logger(__name__)

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_TOKEN = 1_000
_LONGEST_NAME = 100
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may see and do everything. ``author`` is how records name them; ``csrf`` has to come back with forms."""

    author: str
    csrf: str
    signed_in: bool  # by a session of ours, which can be ended


class Entry:
    """See the module's text."""

    def __init__(self, settings: OperatorSettings, clients: Clients, clock: Clock) -> None:
        token = settings.token.get_secret_value() if settings.token is not None else ""
        self.takes_token = bool(token)
        self._token = fingerprint(token)
        self._header = settings.proxy_user_header
        self._names = _LOCAL | {_bare(each) for each in settings.hosts} | {_bare(settings.address[0])}
        self._hosts = frozenset(_bare(each) for each in settings.hosts)
        self._clients = clients
        self._sessions = Sessions(clock)
        self._guesses = Guesses(clock)
        self._key = secrets.token_bytes(32)
        self._cookie = _cookie(socket.gethostname(), settings.listen)

    # -- where a request comes from --------------------------------------------------------------------------------

    def is_ours(self, request: web.Request) -> bool:
        """Whether the page was asked for by one of its names: the address that was connected to is one, too."""
        name = _host(request.headers.get("Host", ""))
        if name in self._names:
            return bool(name)
        address = request.get_extra_info("sockname")
        return bool(name) and isinstance(address, tuple) and name == _bare(str(address[0]))

    def is_from_us(self, request: web.Request) -> bool:
        """Whether a form was sent from a page of ours, as far as the browser says."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        origins = request.headers.getall("Origin", ())
        if site not in {"same-origin", "none"} or len(origins) > 1:
            return False
        return not origins or self._is_our_origin(origins[0], request.headers.get("Host", ""))

    def _is_our_origin(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            port, own = parts.port, urlsplit(f"//{host}").port
        except ValueError:
            return False
        usual = _PORTS.get(parts.scheme)
        name = _bare(parts.hostname or "")
        if usual is None or not name:
            return False
        if name in self._hosts:
            return True  # the operator's web server may have changed the name that we see
        return name == _host(host) and (port or usual) == (own or usual)

    def client(self, request: web.Request) -> str:
        return self._clients.address(request.remote or "", request.headers.getall("X-Forwarded-For", ()))

    def is_encrypted(self, request: web.Request) -> bool:
        """Whether there is TLS between the browser and the operator's web server."""
        said = request.headers.get("X-Forwarded-Proto", "")
        return said == "https" and self._clients.trusts(request.remote or "")

    # -- who it is -------------------------------------------------------------------------------------------------

    def visitor(self, request: web.Request) -> Visitor | None:
        name = self._vouched_for(request)
        if name:
            csrf = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
            return Visitor(name, csrf, signed_in=False)
        session = self._sessions.find(request.cookies.get(self._cookie, ""))
        return Visitor("page", session.csrf, signed_in=True) if session is not None else None

    def _vouched_for(self, request: web.Request) -> str:
        """Whom the operator's web server has let in; empty if that is nobody."""
        if not self._header or not self._clients.trusts(request.remote or ""):
            return ""
        said = request.headers.getall(self._header, ())
        name = said[0].strip() if len(said) == 1 else ""
        return name if name.isprintable() and len(name) <= _LONGEST_NAME else ""

    def try_token(self, request: web.Request, token: str) -> bool:
        """Whether it is the token. Raises ``HTTPTooManyRequests`` for one more wrong one where there were too many.

        The right one is let in whatever else was tried: a program with an old token, or anybody on this machine, would
        otherwise lock out who has it. What keeps guessers out is its length, which the configuration insists on.
        """
        right = (
            self.takes_token
            and len(token) <= _LONGEST_TOKEN
            and hmac.compare_digest(fingerprint(token), self._token)
        )
        if right:
            return True
        client = self.client(request)
        wait = self._guesses.wait(client)
        if wait > 0:
            text = "That is not the token, and too many wrong ones have been tried. The right one is always taken."
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": str(int(wait) + 1)})
        self._guesses.wrong(client)
        _log.warning("a wrong token was tried at the operator's page", client=client)
        return False

    def shows_token(self, request: web.Request) -> bool:
        """Whether the token came as machines send it: as Bearer, or as Basic with any name. Raises as ``try_token``."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        match kind.lower():
            case "bearer":
                return self.try_token(request, value.strip())
            case "basic":
                try:
                    pair = base64.b64decode(value.strip(), validate=True).decode("utf-8", "surrogateescape")
                except (binascii.Error, ValueError):
                    return False
                return self.try_token(request, pair.partition(":")[2])
        return False

    def sign_in(self, request: web.Request, response: web.Response) -> None:
        """Begin a session; whatever the browser had before ends."""
        self._sessions.end(request.cookies.get(self._cookie, ""))
        response.set_cookie(
            self._cookie,
            self._sessions.begin(),
            httponly=True,
            samesite="Strict",
            secure=self.is_encrypted(request),
            path="/",
        )
        _log.info("signed in at the operator's page", client=self.client(request))

    def sign_out(self, request: web.Request, response: web.Response) -> None:
        self._sessions.end(request.cookies.get(self._cookie, ""))
        response.del_cookie(self._cookie, path="/", httponly=True, samesite="Strict")


def is_genuine(form: Mapping[str, str], visitor: Visitor) -> bool:
    """Whether a form was made by a page that was given to this visitor."""
    return hmac.compare_digest(fingerprint(form.get("csrf", "")), fingerprint(visitor.csrf))


def _cookie(machine: str, listen: str) -> str:
    """Its name. Cookies know hosts, not ports (RFC 6265 §8.5): a browser would take one gateway's for that of another on the
    same machine, or at the other end of another tunnel, and sign its operator out."""
    return f"causeway-{hashlib.sha256(f'{machine} {listen}'.encode()).hexdigest()[:12]}"


def _bare(host: str) -> str:
    """As it is compared: lower case, without brackets and dot; an address in its usual spelling."""
    name = host.strip().strip("[]").removesuffix(".").lower()
    try:
        parsed = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _host(header: str) -> str:
    """The name in a ``Host`` header; empty if it is none."""
    try:
        return _bare(urlsplit(f"//{header}").hostname or "")
    except ValueError:
        return ""
