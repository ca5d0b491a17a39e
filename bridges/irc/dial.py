"""Dialling: from an endpoint to an open, trusted transport, and from what went wrong to a sentence for people.

Knows nothing of IRC. Resolves by itself and races the addresses (RFC 8305), because uvloop's ``create_connection`` cannot
and because a source address for each user needs a socket of our own anyway.
"""

import asyncio
import errno
import hmac
import socket
import ssl
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Any, Protocol

from bridges.irc.claims import Claims
from gateway.bridge.reach import is_public

#: What ``getaddrinfo`` gives: family, type, protocol, canonical name, address.
AddressInfo = tuple[int, int, int, str, Any]

#: Host and port to addresses, the best first. Raises ``OSError``.
Resolver = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]

#: Hosts of which the address that worked is remembered.
_HOSTS_KEPT = 1000

#: linux/in6.h: bind to addresses that no interface has, but that are routed here. Python has no name for it.
_IPV6_FREEBIND = 78


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to trust the server: by the CAs, or by ``fingerprint`` *instead of* them (see ``normal_fingerprint``)."""

    verify: bool = True
    ca_file: str = ""  # PEM; empty: the system's CAs
    fingerprint: str = ""  # SHA-256 of the server's certificate in DER, hex
    server_name: str = ""  # for SNI and verification; empty: the endpoint's host
    certificate: str = field(default="", repr=False)  # ours, to show: PEM of key and certificate


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections come from, by family, as numeric addresses, and for whom. With none they come from wherever the
    system likes; with one, only its family is used, unless ``free``: then ``v6`` is out of a prefix that is routed here but
    on no interface, it is tried first, and IPv4 is what is left."""

    v4: str = ""
    v6: str = ""
    free: bool = False
    owner: str = ""  # see ``Claims``

    def bind(self, sock: socket.socket) -> None:
        """Raises ``OSError``."""
        source = self._address(sock.family)
        if not source:
            return
        if self.free and sock.family == socket.AF_INET6 and sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        sock.bind((source, 0))

    def usable(self, infos: Sequence[AddressInfo]) -> Sequence[AddressInfo]:
        """In the order in which to try them."""
        if self.free:
            return sorted(infos, key=lambda info: info[0] != socket.AF_INET6)
        if not self.v4 and not self.v6:
            return infos
        return [info for info in infos if self._address(info[0])]

    def _address(self, family: int) -> str:
        return self.v6 if family == socket.AF_INET6 else self.v4


#: An address and where to come from, to a connected non-blocking socket. Raises ``OSError``.
Connector = Callable[[AddressInfo, Origin], Coroutine[Any, Any, socket.socket]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect, and from where. ``official``: named by the operator, whose secrets are meant for it. ``public``:
    only where that is on the Internet, for it is a user who named it."""

    host: str
    port: int
    tls: TlsSettings | None = None
    origin: Origin = Origin()
    official: bool = False
    public: bool = False


class ConnectFailed(Exception):
    """No connection; the argument is one sentence for people. ``certificate``: the server is there, but not trusted."""

    def __init__(self, text: str, *, certificate: bool = False) -> None:
        super().__init__(text)
        self.certificate = certificate


class Dialer(Protocol):
    """What opens connections; tests and proxies bring their own."""

    async def dial(
        self, endpoint: Endpoint, context: ssl.SSLContext | None, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        """Connect ``protocol()`` (whose ``connection_made`` comes before this returns). Raises ``OSError``, ``SSLError``,
        ``ValueError`` or ``ConnectFailed`` and leaves nothing open; has no deadline of its own."""


def normal_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as 64 lower-case hex digits, however people write it. Raises ``ValueError``."""
    digits = text.replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or digits.strip("0123456789abcdef"):
        raise ValueError("A certificate fingerprint is SHA-256 in hex: 64 digits, with or without colons.")
    return digits


def check_fingerprint(settings: TlsSettings, certificate: bytes | None) -> None:
    """Compare the pin, if there is one, with the certificate (DER) the server showed. Raises ``ConnectFailed``."""
    if not settings.fingerprint:
        return
    found = sha256(certificate or b"").hexdigest()
    if not hmac.compare_digest(found, normal_fingerprint(settings.fingerprint)):
        raise ConnectFailed(
            f"The server's certificate is not the pinned one: its SHA-256 fingerprint is {found}. If the network "
            "announced a new certificate, change the pin; if not, somebody may be in between.",
            certificate=True,
        )


class TlsContexts:
    """One ``SSLContext`` for all connections with the same settings: each costs 50 KiB and the reading of all CAs. A
    connection with a certificate of its own has a context of its own."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[bool, str], ssl.SSLContext] = {}
        self._lock = asyncio.Lock()

    async def get(self, settings: TlsSettings) -> ssl.SSLContext:
        """Raises ``ConnectFailed`` if the CA file cannot be used."""
        verify = settings.verify and not settings.fingerprint
        key = (verify, settings.ca_file if verify else "")
        if settings.certificate:
            return await self._make(settings, *key)
        async with self._lock:
            context = self._contexts.get(key)
            if context is None:
                context = self._contexts[key] = await self._make(settings, *key)
        return context

    async def _make(self, settings: TlsSettings, verify: bool, ca_file: str) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(_context, verify, ca_file, settings.certificate)
        except (OSError, ValueError) as error:
            what = f"The CA file {ca_file} cannot be used" if ca_file else "TLS cannot be set up"
            raise ConnectFailed(f"{what}: {error}. Check `ca_file`.", certificate=True) from error


def _context(verify: bool, ca_file: str, certificate: str) -> ssl.SSLContext:
    if verify:
        context = ssl.create_default_context(cafile=ca_file or None)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        # OpenSSL's way in for a key in memory is not Python's: a file that only we can read, for a moment.
        with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="causeway-") as file:
            file.write(certificate)
            file.flush()
            context.load_cert_chain(file.name)
    return context


class LoopDialer:
    """``Dialer`` on the running loop: tries all addresses, the next one every ``stagger`` seconds until one answers."""

    def __init__(
        self,
        stagger: float = 0.25,
        *,
        resolve: Resolver | None = None,
        connect: Connector | None = None,
        claims: Claims | None = None,
    ) -> None:
        """``claims`` is told whose connections are under way."""
        self._stagger = stagger
        self._resolve = resolve or resolve_name
        self._connect = connect or self._open
        self._claims = claims or Claims()
        self._worked: dict[
            tuple[str, int], AddressInfo
        ] = {}  # of hosts with several addresses: the one that did

    async def dial(
        self, endpoint: Endpoint, context: ssl.SSLContext | None, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        infos = endpoint.origin.usable(_open_to(endpoint, await self._resolve(endpoint.host, endpoint.port)))
        if len(infos) == 1:
            sock = await self._connect(infos[0], endpoint.origin)
        else:
            sock = await self._one_of(infos, endpoint)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if context is None or endpoint.tls is None:
                await loop.create_connection(protocol, sock=sock)
            else:
                name = endpoint.tls.server_name or endpoint.host
                # A peer that does not answer our TLS farewell would hold the transport for 30 s.
                await loop.create_connection(
                    protocol, sock=sock, ssl=context, server_hostname=name, ssl_shutdown_timeout=3.0
                )
        except BaseException:
            sock.close()
            raise
        finally:
            self._claims.forget(sock)

    async def _one_of(self, infos: Sequence[AddressInfo], endpoint: Endpoint) -> socket.socket:
        """Of the servers behind a name that stands for many, the one that worked before, as long as it does."""
        where = (endpoint.host, endpoint.port)
        known = self._worked.pop(where, None)
        if known is not None and known in infos:
            infos = [known, *(info for info in infos if info != known)]
        self._worked[where], sock = await self._race(_interleaved(infos), endpoint.origin)
        if len(self._worked) > _HOSTS_KEPT:
            del self._worked[next(iter(self._worked))]
        return sock

    async def _race(self, infos: Iterator[AddressInfo], origin: Origin) -> tuple[AddressInfo, socket.socket]:
        """The first socket that connects, and where to; all others are closed. Raises the first attempt's ``OSError`` if
        none does."""
        attempts: dict[asyncio.Task[socket.socket], AddressInfo] = {}
        failures: list[BaseException] = []
        winner: tuple[AddressInfo, socket.socket] | None = None
        try:
            while winner is None:
                info = next(infos, None)
                if info is not None:
                    attempts[asyncio.create_task(self._connect(info, origin))] = info
                elif not attempts:
                    raise failures[0] if failures else OSError("no address of the right family")
                wait = None if info is None else self._stagger
                done, _ = await asyncio.wait(attempts, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                for attempt in done:
                    failure = attempt.exception()
                    if failure is not None:
                        del attempts[attempt]
                        failures.append(failure)
                    elif winner is None:
                        winner = (attempts.pop(attempt), attempt.result())
            return winner
        finally:
            for attempt in attempts:
                attempt.cancel()
            for result in await asyncio.gather(*attempts, return_exceptions=True):
                if isinstance(result, socket.socket):
                    self._claims.forget(result)
                    result.close()

    async def _open(self, info: AddressInfo, origin: Origin) -> socket.socket:
        family, kind, protocol, _, address = info
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            origin.bind(sock)
            self._claims.expect(sock, origin.owner)  # a server may ask before we know that it has answered
            await asyncio.get_running_loop().sock_connect(sock, address)
        except BaseException:
            self._claims.forget(sock)
            sock.close()
            raise
        return sock


async def resolve_name(host: str, port: int) -> Sequence[AddressInfo]:
    """``Resolver`` of the system."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _open_to(endpoint: Endpoint, infos: Sequence[AddressInfo]) -> Sequence[AddressInfo]:
    """What a name leads to is judged here, and connected to: what it leads to a moment later plays no part. Raises
    ``ConnectFailed``."""
    if not endpoint.public:
        return infos
    public = [info for info in infos if is_public(ip_address(str(info[4][0]).partition("%")[0]))]
    if infos and not public:
        raise ConnectFailed(
            f"{endpoint.host} is in a private network, where this gateway connects only to what its operator has listed. If "
            "it should be, ask them to list it under `networks`, with its ports, or to set `private_servers`."
        )
    return public


def _interleaved(infos: Sequence[AddressInfo]) -> Iterator[AddressInfo]:
    """RFC 8305 §4: families in turn, the resolver's favourite first."""
    favourite = [info for info in infos if info[0] == infos[0][0]]
    others = [info for info in infos if info[0] != infos[0][0]]
    return (info for info in chain.from_iterable(zip_longest(favourite, others)) if info is not None)


def _verified(error: ssl.SSLCertVerificationError) -> str:
    """OpenSSL's sentence, some of which end with a dot."""
    return str(error.verify_message or error.reason).rstrip(".")


def explain(error: Exception, endpoint: Endpoint, timeout: float) -> ConnectFailed:
    """What went wrong while dialling, where, and what to do."""
    host, where = endpoint.host, f"{endpoint.host} port {endpoint.port}"
    match error:
        case ConnectFailed():
            return error
        case ssl.SSLCertVerificationError():
            return ConnectFailed(
                f"The certificate of {where} is not trusted: {_verified(error)}. Ask the network's "
                "operators, or pin its fingerprint if you know it.",
                certificate=True,
            )
        case ssl.SSLError() if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            return ConnectFailed(
                f"{where} does not speak TLS. Use its TLS port (often 6697), or turn TLS off."
            )
        case ssl.SSLError():
            return ConnectFailed(
                f"TLS with {where} failed: {error.reason or error}. Check that this port speaks TLS."
            )
        case TimeoutError():
            return ConnectFailed(
                f"{where} did not answer within {timeout:g} seconds. Check address and port."
            )
        case socket.gaierror():
            return ConnectFailed(
                f"There is no address for the name {host} ({error.strerror}). Check its spelling."
            )
        case UnicodeError() | ValueError() | OverflowError():
            return ConnectFailed(f"{where} is not a valid address. Check name and port.")
        case ConnectionRefusedError():
            return ConnectFailed(f"{where} refuses connections. Check the port, or try again later.")
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return ConnectFailed(
                f"{where} hung up while we were connecting. Check the port and whether it speaks TLS."
            )
        case OSError(errno=errno.EADDRNOTAVAIL) if endpoint.origin != Origin():
            return ConnectFailed(
                f"{where} cannot be reached from here: the gateway has not the address that its configuration says it "
                "connects from. Tell its operator."
            )
        case OSError():
            return ConnectFailed(f"{where} cannot be reached: {error.strerror or error}.")
        case _:
            return ConnectFailed(f"Connecting to {where} failed: {error}.")
