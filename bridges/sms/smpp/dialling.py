"""Where a message centre is, and a connection to it. Knows nothing of what is said there."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_MOST: Final = 8  # addresses of a name that are tried


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``context``: TLS from the first octet, with a certificate of ``server_name``. ``timeout``: seconds for all of it."""

    host: str
    port: int
    context: ssl.SSLContext | None = None
    server_name: str = ""
    timeout: float = 15.0

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


#: Connects a protocol; raises OSError (``ssl.SSLError`` is one) or ValueError. Whoever calls it looks at the time.
Connector = Callable[[Endpoint, Callable[[], asyncio.Protocol]], Awaitable[None]]


async def tcp(endpoint: Endpoint, protocol: Callable[[], asyncio.Protocol]) -> None:
    """``Connector`` over the internet: one address after the other, so that one that swallows everything keeps nobody from
    the next."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))[:_MOST]
    sock = await reached(addresses, 0.8 * endpoint.timeout, loop.sock_connect)  # the rest is for TLS
    tls = endpoint.context is not None
    try:
        await loop.create_connection(
            protocol,
            sock=sock,
            ssl=endpoint.context,
            server_hostname=(endpoint.server_name or endpoint.host) if tls else None,
            ssl_handshake_timeout=endpoint.timeout if tls else None,
        )
    except BaseException:
        sock.close()
        raise


async def reached(
    addresses: Sequence[tuple[int, Any]],
    seconds: float,
    connect: Callable[[socket.socket, Any], Awaitable[None]],
) -> socket.socket:
    """A connection to the first of these (family, address) that takes it; each has its share of the time. Raises OSError
    (TimeoutError is one)."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    failure: OSError = OSError("it has no address")
    for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(max(0.1, (until - loop.time()) / left)):
                await connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
