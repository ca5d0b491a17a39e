"""One call at a server's door: connect, ask what it can do, go. Nobody is ever there for that: no nick, no user.

Knows what a call can come to, and nothing of what to make of it.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from bridges.irc.dial import ConnectFailed, Endpoint, TlsSettings
from bridges.irc.link import IrcConnection, IrcReactor
from bridges.irc.protocol.caps import CapNegotiator
from bridges.irc.protocol.line import Line

CONNECT_SECONDS = 6.0
_ANSWER_SECONDS = 6.0
_END_SECONDS = 2.0
_MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class Call:
    """What came of it. ``failure``: there is no connection, and ``certificate`` (DER) is what the server showed all the
    same, if it did. ``offered`` are its capabilities with their values, None if it told of none. ``words``: with which it
    turned us away. ``there`` is the address that was reached."""

    endpoint: Endpoint
    failure: ConnectFailed | None = None
    certificate: bytes | None = field(default=None, repr=False)
    cipher: str = ""
    there: str = ""
    offered: Mapping[str, str] | None = None
    words: str = ""


async def call(reactor: IrcReactor, endpoint: Endpoint) -> Call:
    """In bounded time; raises nothing of the network's."""
    visit = _Visit(reactor)
    try:
        await visit.connection.open(endpoint, timeout=CONNECT_SECONDS)
    except ConnectFailed as failed:
        shown = await _shown(reactor, endpoint) if failed.certificate else None
        return Call(endpoint, failed, shown)
    connection = visit.connection
    try:
        there = connection.extra("peername")
        connection.send("CAP LS 302")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await visit.over.wait()
        connection.send("QUIT")
        return Call(
            endpoint,
            None,
            _certificate(connection),
            connection.cipher,
            there[0] if there else "",
            None if visit.caps.waiting else dict(visit.caps.offered),
            visit.words,
        )
    finally:
        await visit.end()


class _Visit:
    """What is said to us; ``over`` once we know what we came for."""

    def __init__(self, reactor: IrcReactor) -> None:
        self.caps = CapNegotiator(())
        self.words = ""
        self.over = asyncio.Event()
        self._gone = asyncio.Event()
        self.connection: IrcConnection = reactor.connection(self._heard, self._closed, lambda: None)

    def _heard(self, line: Line) -> None:
        if line.command == "ERROR":
            self.words = (line.params[-1] if line.params else "")[:_MAX_WORDS]
        self.caps.feed(line)  # what it would have us answer is for those who stay
        if not self.caps.waiting or self.words:
            self.over.set()

    def _closed(self, cause: str) -> None:
        self.over.set()
        self._gone.set()

    async def end(self) -> None:
        """Hang up, and wait until that is done, but not for long."""
        self.connection.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            self.connection.abort()


async def _shown(reactor: IrcReactor, endpoint: Endpoint) -> bytes | None:
    """The certificate that was not trusted, from a call at which nothing is said."""
    name = endpoint.tls.server_name if endpoint.tls is not None else ""
    visit = _Visit(reactor)
    try:
        trusting = replace(endpoint, tls=TlsSettings(verify=False, server_name=name))
        await visit.connection.open(trusting, timeout=CONNECT_SECONDS)
    except ConnectFailed:
        return None
    try:
        return _certificate(visit.connection)
    finally:
        await visit.end()


def _certificate(connection: IrcConnection) -> bytes | None:
    tls = connection.extra("ssl_object")
    return cast("bytes | None", tls.getpeercert(binary_form=True)) if tls is not None else None
