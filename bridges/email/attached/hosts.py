"""Servers that users name: where they are, and whether we go there.

A name is somebody's input. It is resolved once, what it leads to is judged, and that very address is connected to: nobody
gets us to talk to machines near us, not even by a name that changes its mind.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bridges.email.addresses import ascii_domain, parse
from bridges.email.imap.client import Security
from gateway.bridge import BadAddress
from gateway.bridge.reach import is_public

Resolve = Callable[[str], Awaitable[Sequence[str]]]

#: Ports of these protocols, and how they are secured (RFC 8314).
IMAP_PORTS: Mapping[int, Security] = {993: Security.TLS, 143: Security.STARTTLS}
SMTP_PORTS: Mapping[int, Security] = {465: Security.TLS, 587: Security.STARTTLS}

_LONGEST = 300
_STARTTLS = "/starttls"


class NotReached(Exception):
    """A server that cannot, or must not, be connected to; one sentence for whoever named it."""


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    port: int
    security: Security


def read(text: str, ports: Mapping[int, Security]) -> Host:
    """``name``, ``name:port`` or ``name:port/starttls``; the first of ``ports`` if none is said. Raises ``BadAddress``."""
    written = text.strip().lower()
    starttls = written.endswith(_STARTTLS)
    name, _, digits = written.removesuffix(_STARTTLS).partition(":")
    shown = "".join(each for each in text if each.isprintable())[:80]
    if len(text) > _LONGEST or (digits and not (digits.isascii() and digits.isdigit() and len(digits) < 6)):
        raise BadAddress(
            f"{shown} is no server: write a name like mail.example.org, or mail.example.org:993."
        )
    port = int(digits) if digits else next(iter(ports))
    try:
        name = name if name == "localhost" else ascii_domain(parse(f"x@{name}").domain)
    except BadAddress:
        raise BadAddress(f"{shown} is no name of a server: write one like mail.example.org.") from None
    if not 0 < port < 65536:
        raise BadAddress(f"{port} is no port.")
    return Host(name, port, Security.STARTTLS if starttls else ports.get(port, Security.TLS))


async def resolved(name: str) -> Sequence[str]:
    """``Resolve`` by the system, in the order in which it would connect. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class Hosts:
    """``allowed`` are names that may be private, and have any port: the operator's own."""

    def __init__(self, allowed: Collection[str] = (), resolve: Resolve = resolved) -> None:
        self._allowed = frozenset(each.lower() for each in allowed)
        self._resolve = resolve

    async def find(self, host: Host, ports: Mapping[int, Security]) -> str:
        """The address to connect to. Raises ``NotReached``."""
        own = host.name in self._allowed
        if not own and host.port not in ports:
            usual = " or ".join(map(str, ports))
            raise NotReached(f"{host.name}: port {host.port} is not used here; it is {usual}.")
        try:
            found = await self._resolve(host.name)
        except (OSError, UnicodeError):
            raise NotReached(f"There is no server called {host.name}: check its name.") from None
        # Mail is reached by IPv4 everywhere, and by IPv6 only where both sides have set it up.
        addresses = sorted(
            (ipaddress.ip_address(each.partition("%")[0]) for each in found), key=lambda each: each.version
        )
        for each in addresses:
            if own or is_public(each):
                return str(each)
        raise NotReached(f"{host.name} is in a private network, where this gateway does not go for users.")
