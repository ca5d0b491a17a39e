"""Dialling: from an endpoint to an open, trusted transport, and from what went wrong to a sentence for people.

Knows nothing of IRC. Resolves by itself and races the addresses (RFC 8305), because uvloop's ``create_connection`` cannot
and because what comes later (proxies, one source address for each user) needs a socket of our own anyway.
"""

import asyncio
import hmac
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, zip_longest
from typing import Any, Protocol

#: What ``getaddrinfo`` gives: family, type, protocol, canonical name, address.
AddressInfo = tuple[int, int, int, str, Any]

#: Host and port to addresses, the best first. Raises ``OSError``.
Resolver = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]

#: An address and where to bind to, to a connected non-blocking socket. Raises ``OSError``.
Connector = Callable[[AddressInfo, tuple[str, int] | None], Coroutine[Any, Any, socket.socket]]


#: Hosts of which the address that worked is remembered.
_HOSTS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to trust the server: by the CAs, or by ``fingerprint`` *instead of* them (see ``normal_fingerprint``)."""

    verify: bool = True
    ca_file: str = ""  # PEM; empty: the system's CAs
    fingerprint: str = ""  # SHA-256 of the server's certificate in DER, hex
    server_name: str = ""  # for SNI and verification; empty: the endpoint's host
    certificate: str = field(default="", repr=False)  # ours, to show: PEM of key and certificate


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect, and from where. ``local_addr`` is numeric; port 0 there means any."""

    host: str
    port: int
    tls: TlsSettings | None = None
    local_addr: tuple[str, int] | None = None


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
        """Connect ``protocol()`` (whose ``connection_made`` comes before this returns). Raises ``OSError``, ``ssl.SSLError``
        or ``ValueError`` and leaves nothing open; has no deadline of its own."""


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
        self, stagger: float = 0.25, *, resolve: Resolver | None = None, connect: Connector | None = None
    ) -> None:
        self._stagger = stagger
        self._resolve = resolve or _resolve
        self._connect = connect or _connect
        self._worked: dict[
            tuple[str, int], AddressInfo
        ] = {}  # of hosts with several addresses: the one that did

    async def dial(
        self, endpoint: Endpoint, context: ssl.SSLContext | None, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        infos = _usable(await self._resolve(endpoint.host, endpoint.port), endpoint.local_addr)
        if len(infos) == 1:
            sock = await self._connect(infos[0], endpoint.local_addr)
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

    async def _one_of(self, infos: Sequence[AddressInfo], endpoint: Endpoint) -> socket.socket:
        """Of the servers behind a name that stands for many, the one that worked before, as long as it does."""
        where = (endpoint.host, endpoint.port)
        known = self._worked.pop(where, None)
        if known is not None and known in infos:
            infos = [known, *(info for info in infos if info != known)]
        self._worked[where], sock = await self._race(_interleaved(infos), endpoint.local_addr)
        if len(self._worked) > _HOSTS_KEPT:
            del self._worked[next(iter(self._worked))]
        return sock

    async def _race(
        self, infos: Iterator[AddressInfo], local_addr: tuple[str, int] | None
    ) -> tuple[AddressInfo, socket.socket]:
        """The first socket that connects, and where to; all others are closed. Raises the first attempt's ``OSError`` if
        none does."""
        attempts: dict[asyncio.Task[socket.socket], AddressInfo] = {}
        failures: list[BaseException] = []
        winner: tuple[AddressInfo, socket.socket] | None = None
        try:
            while winner is None:
                info = next(infos, None)
                if info is not None:
                    attempts[asyncio.create_task(self._connect(info, local_addr))] = info
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
                    result.close()


async def _resolve(host: str, port: int) -> Sequence[AddressInfo]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connect(info: AddressInfo, local_addr: tuple[str, int] | None) -> socket.socket:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        if local_addr is not None:
            sock.bind(local_addr)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _usable(infos: Sequence[AddressInfo], local_addr: tuple[str, int] | None) -> Sequence[AddressInfo]:
    if local_addr is None:
        return infos
    family = socket.AF_INET6 if ":" in local_addr[0] else socket.AF_INET
    return [info for info in infos if info[0] == family]


def _interleaved(infos: Sequence[AddressInfo]) -> Iterator[AddressInfo]:
    """RFC 8305 §4: families in turn, the resolver's favourite first."""
    favourite = [info for info in infos if info[0] == infos[0][0]]
    others = [info for info in infos if info[0] != infos[0][0]]
    return (info for info in chain.from_iterable(zip_longest(favourite, others)) if info is not None)


def explain(error: Exception, endpoint: Endpoint, timeout: float) -> ConnectFailed:
    """What went wrong while dialling, where, and what to do."""
    host, where = endpoint.host, f"{endpoint.host} port {endpoint.port}"
    match error:
        case ConnectFailed():
            return error
        case ssl.SSLCertVerificationError():
            return ConnectFailed(
                f"The certificate of {where} is not trusted: {error.verify_message or error.reason}. Ask the network's "
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
        case OSError():
            return ConnectFailed(f"{where} cannot be reached: {error.strerror or error}.")
        case _:
            return ConnectFailed(f"Connecting to {where} failed: {error}.")
