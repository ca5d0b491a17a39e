"""HTTP connections to exactly the addresses that were judged: a host is resolved once, and what it resolves to later, when
the judgement is over, plays no part (DNS rebinding)."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.bridge.reach import IpAddress
from gateway.media.refusals import refused
from gateway.media.targets import Targets, literal_address
from gateway.model import Condition

#: Gives the addresses of a host name; raises ``OSError`` if it has none.
Resolve = Callable[[str], Awaitable[Sequence[IpAddress]]]


async def system_resolve(host: str) -> list[IpAddress]:
    """The addresses the machine's resolver knows for ``host``, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


class _Pinned(AbstractResolver):
    """Knows one answer, and looks nothing up."""

    def __init__(self, addresses: Sequence[IpAddress]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=socket.AF_INET if each.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in self._addresses
        ]

    async def close(self) -> None:
        """It holds nothing."""


class Dialler:
    """Opens HTTP sessions, each to one host. ``agent`` is what we call ourselves."""

    def __init__(
        self, targets: Targets, resolve: Resolve, *, agent: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self.targets = targets
        self._resolve = resolve
        self._agent = agent
        self._tls = tls

    @asynccontextmanager
    async def session(self, url: URL) -> AsyncIterator[aiohttp.ClientSession]:
        """A session for requests to the host of ``url``, which ``Targets.parse`` gave. No proxy, no cookies, no redirects
        followed, nothing decompressed. Raises ``MediaError`` where the host may not be connected to."""
        allowed = frozenset(addresses := self.targets.open_to(url, await self._addresses(url.raw_host or "")))

        def open_socket(info: tuple[Any, ...]) -> socket.socket:
            # The last word, whatever the library made of the host's name on its way here.
            if ipaddress.ip_address(str(info[4][0])) not in allowed:
                raise OSError("an address that was not judged")
            return socket.socket(info[0], info[1], info[2])

        connector = aiohttp.TCPConnector(
            resolver=_Pinned(addresses),
            use_dns_cache=False,
            force_close=True,
            ssl=self._tls if self._tls is not None else True,
            socket_factory=open_socket,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),  # whoever asks has a deadline for the whole
            headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
        ) as session:
            yield session

    async def _addresses(self, host: str) -> Sequence[IpAddress]:
        literal = literal_address(host)
        if literal is not None:
            return [literal]
        try:
            return await self._resolve(host)
        except (OSError, UnicodeError):
            raise refused(
                f"There is no host {host}, as far as this gateway can tell.",
                Condition.REMOTE_SERVER_NOT_FOUND,
            ) from None
