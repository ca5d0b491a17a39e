"""The identification server (RFC 1413): tells IRC servers whom of our users one of their connections belongs to.

What it tells is the beginning of the user's token, in which nothing of the user is; only our operators can say whose it is.
It answers those who are the other end of the connection they ask about, and nobody else. Knows no IRC.
"""

import asyncio
import errno
import re
from collections.abc import Sequence
from typing import cast

import structlog

from bridges.irc.claims import Claims, Place
from gateway.bridge import Cancellable, Clock

_log = structlog.get_logger(__name__)

#: Characters of a token that are told: what the shortest user names of networks have room for (irc.md's USERLEN of 10).
SHOWN = 10

MAX_QUERY = 128  # bytes; the longest that makes sense has about twenty
MAX_ASKERS = 200  # connections at a time
TIMEOUT = 10.0  # seconds for a query; servers that ask do so at once

_QUERY = re.compile(rb"[ \t]*(\d{1,5})[ \t]*,[ \t]*(\d{1,5})[ \t]*")


def read(line: bytes) -> tuple[int, int] | None:
    """The port here and the port there of a query, without its line end; None if it is none."""
    match = _QUERY.fullmatch(line)
    if match is None:
        return None
    here, there = int(match[1]), int(match[2])
    return (here, there) if 1 <= here <= 65535 and 1 <= there <= 65535 else None


def reply(line: bytes, claims: Claims, here: str, asker: str) -> str:
    """What is answered to ``asker``, an address, who has called ``here``. Nothing of the query comes back but numbers."""
    ports = read(line)
    if ports is None:
        return "0 , 0 : ERROR : INVALID-PORT"
    owner = claims.whose((here, ports[0]), (asker, ports[1]))
    if owner is None:
        what = "ERROR : NO-USER"
    elif not owner:
        what = "ERROR : HIDDEN-USER"
    else:
        what = f"USERID : UNIX : {owner[:SHOWN]}"
    return f"{ports[0]} , {ports[1]} : {what}"


class Identd:
    """``host`` empty: all addresses of this machine."""

    def __init__(self, claims: Claims, clock: Clock, host: str, port: int) -> None:
        self.claims = claims
        self.clock = clock
        self._host = host
        self._port = port
        self._askers: set[_Asker] = set()

    async def run(self) -> None:
        """Answer until cancelled. A port that cannot be had is told in the log, and nobody is answered."""
        try:
            server = await self._listen()
        except OSError as error:
            _log.error("identd does not run", reason=self._explained(error))
            return
        _log.info("identd listens", port=server.sockets[0].getsockname()[1])
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            for asker in list(self._askers):
                asker.end()

    async def trial(self) -> Sequence[str]:
        """What keeps it from running, in sentences."""
        try:
            server = await self._listen()
        except OSError as error:
            return (self._explained(error),)
        server.close()
        return ()

    def admit(self, asker: "_Asker") -> bool:
        if len(self._askers) >= MAX_ASKERS:
            return False
        self._askers.add(asker)
        return True

    def gone(self, asker: "_Asker") -> None:
        self._askers.discard(asker)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: _Asker(self), self._host or None, self._port
        )

    def _explained(self, error: OSError) -> str:
        where = f"identd cannot listen on {self._host or 'all addresses'} port {self._port}"
        match error.errno:
            case errno.EACCES | errno.EPERM:
                fix = (
                    "Give the service AmbientCapabilities=CAP_NET_BIND_SERVICE, or set identd_port to one above 1023 and "
                    "redirect port 113 to it."
                )
            case errno.EADDRINUSE:
                fix = "Stop the other identd, or set another identd_port. If the gateway is running, this is its own."
            case _:
                fix = "Correct identd_host and identd_port."
        return f"{where}: {error.strerror or error}. {fix}"


class _Asker(asyncio.Protocol):
    """One connection: one query, one answer."""

    def __init__(self, identd: Identd) -> None:
        self._identd = identd
        self._transport: asyncio.Transport | None = None
        self._deadline: Cancellable | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asked with isinstance: uvloop's transports are asyncio's in deed, not in descent.
        self._transport = cast("asyncio.Transport", transport)
        if not self._identd.admit(self):
            self.end()
            return
        self._deadline = self._identd.clock.call_later(TIMEOUT, self.end)

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._received += data[: MAX_QUERY + 2]
        line, end, _ = self._received.partition(b"\n")
        if not end and len(self._received) <= MAX_QUERY:
            return
        here: Place = self._transport.get_extra_info("sockname")
        there: Place = self._transport.get_extra_info("peername")
        answer = reply(line.removesuffix(b"\r"), self._identd.claims, here[0], there[0])
        self._transport.write(f"{answer}\r\n".encode("ascii"))
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._identd.gone(self)

    def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
