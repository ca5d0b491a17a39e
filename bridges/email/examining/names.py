"""The DNS, as far as mail needs it: the edge over aiodns, which asks without blocking and gives up in time."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Protocol

import aiodns

_SECONDS, _TRIES = 2.0, 2
_NO_SUCH_NAME, _NO_SUCH_RECORD = 4, 1  # ARES_ENOTFOUND, ARES_ENODATA
_MOST = 50  # records of one kind that are looked at


class NoAnswer(Exception):
    """No name server answers, or none that knows: nothing is known then. The argument says what was asked."""


class Names(Protocol):
    """All raise ``NoAnswer``, and say nothing where there is nothing. Names are in A-labels, without a dot at the end."""

    async def texts(self, name: str) -> Sequence[str]:
        """TXT."""

    async def exchangers(self, name: str) -> Sequence[tuple[int, str]]:
        """MX, the most wanted first; an empty name is "no mail here" (RFC 7505)."""

    async def addresses(self, name: str) -> Sequence[str]:
        """A and AAAA."""

    async def pointers(self, address: str) -> Sequence[str]:
        """PTR."""

    async def exists(self, name: str) -> bool:
        """Whether there is anything of that name, or below it (RFC 8020)."""

    async def close(self) -> None: ...


class Dns:
    """``Names`` by the name servers of this machine, or by ``servers`` at ``port``."""

    def __init__(self, servers: Sequence[str] | None = None, port: int = 53) -> None:
        self._servers = servers
        self._port = port
        self._resolver: aiodns.DNSResolver | None = None

    async def texts(self, name: str) -> Sequence[str]:
        return [each.data.decode("utf-8", "replace") for each in await self._found(name, "TXT")]

    async def exchangers(self, name: str) -> Sequence[tuple[int, str]]:
        return sorted((each.priority, _bare(each.exchange)) for each in await self._found(name, "MX"))

    async def addresses(self, name: str) -> Sequence[str]:
        found = [*await self._found(name, "A"), *await self._found(name, "AAAA")]
        return [each.addr for each in found]

    async def pointers(self, address: str) -> Sequence[str]:
        return [_bare(each.dname) for each in await self._found(ip_address(address).reverse_pointer, "PTR")]

    async def exists(self, name: str) -> bool:
        return await self._asked(name, "TXT") is not None

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def _found(self, name: str, kind: str) -> Sequence[Any]:
        return await self._asked(name, kind) or []

    async def _asked(self, name: str, kind: str) -> Sequence[Any] | None:
        """The records of that kind, None where there is no such name."""
        if self._resolver is None:
            # Not earlier: it needs the running loop.
            self._resolver = aiodns.DNSResolver(
                self._servers, timeout=_SECONDS, tries=_TRIES, udp_port=self._port, tcp_port=self._port
            )
        try:
            result = await self._resolver.query_dns(name, kind)
        except aiodns.error.DNSError as error:
            if error.args[0] == _NO_SUCH_NAME:
                return None
            if error.args[0] == _NO_SUCH_RECORD:
                return []
            raise NoAnswer(f"{kind} of {name}") from error
        wanted = f"{kind}RecordData"
        return [each.data for each in result.answer if type(each.data).__name__ == wanted][:_MOST]


def _bare(name: str) -> str:
    return name.rstrip(".").lower()
