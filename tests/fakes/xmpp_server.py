"""The server's side of XEP-0114 inside the test's loop: accepts components, routes between them, misbehaves on demand.

A real server in small: it checks the handshake, refuses or accepts a second link of the same domain (``on_second``), and
routes every stanza for a domain that is linked to one of its links. What the tests see as ``received`` is what else came.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, tostring

STREAMS = "http://etherx.jabber.org/streams"
COMPONENT = "jabber:component:accept"
HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='{ns}' xmlns:stream='"
    + STREAMS
    + "' from='{domain}' id='{id}'>"
)


@dataclass
class Behaviour:
    """How the server treats who connects; may be changed at any time for the connections to come."""

    silent: bool = False  # takes the connection and never says a word
    header_only: bool = False  # opens its stream and never answers the handshake
    hang_up: bool = False  # closes at once
    first_words: bytes | None = None  # said at once, in place of everything else
    refuse: str = ""  # the stream error that answers the handshake
    refuse_text: str = ""
    features: bool = False  # opens its stream as a server does for users
    on_second: Literal["conflict", "balance"] = "conflict"
    deaf: bool = False  # stops reading after the handshake
    echo: bool = True  # routes what a component sends to its own domain back to it


class Connection(asyncio.Protocol):
    """One component's link, seen from the server."""

    def __init__(self, server: "FakeXmppServer") -> None:
        self._server = server
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self._root: Element | None = None
        self._id = f"id-{len(server.connections)}"
        self.domain = ""
        self.up = asyncio.Event()
        self.closed = asyncio.Event()
        self.ended_politely = False
        self.raw = bytearray()
        self.received: list[Element] = []
        self._news = asyncio.Event()

    # --- what a test does

    def send(self, text: str | bytes) -> None:
        self.transport.write(text.encode() if isinstance(text, str) else text)

    def error(self, condition: str, text: str = "") -> None:
        words = f"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text}</text>" if text else ""
        self.send(
            f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{words}</stream:error></stream:stream>"
        )
        self.transport.close()

    def kill(self) -> None:
        """As kill -9: the connection is reset."""
        self.transport.abort()

    def close(self) -> None:
        self.transport.close()

    def stall(self) -> None:
        """Stop reading."""
        self.transport.pause_reading()

    def resume(self) -> None:
        self.transport.resume_reading()

    async def expect(self, wanted: Callable[[Element], bool] = lambda stanza: True) -> Element:
        """The first stanza that fits and was not yet asked for; waits for it."""
        async with asyncio.timeout(10):
            while True:
                for at, stanza in enumerate(self.received):
                    if wanted(stanza):
                        return self.received.pop(at)
                self._news.clear()
                await self._news.wait()

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by descent
        self._server.connections.append(self)
        how = self._server.behaviour
        if how.first_words is not None:
            self.send(how.first_words)
        if how.hang_up:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        how = self._server.behaviour
        self._server.bytes_read += len(data)
        if how.silent or how.hang_up or how.first_words is not None:
            return
        if len(self.raw) < 65536:
            self.raw += data
        self._parser.feed(data)
        try:
            for event, element in self._parser.read_events():
                self._parsed(event, element)
        except ParseError:
            self.error("not-well-formed")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self.closed.set()
        self._news.set()

    def _parsed(self, event: str, element: Element) -> None:
        if event == "start":
            self._depth += 1
            if self._depth == 1:
                self._root = element
                self._opened(element)
            return
        self._depth -= 1
        if self._depth == 0:
            self.ended_politely = True
            self.send("</stream:stream>")
            self.transport.close()
        elif self._depth == 1:
            assert self._root is not None
            self._root.clear()
            self._stanza(element)

    def _opened(self, header: Element) -> None:
        how = self._server.behaviour
        self.domain = header.get("to", "")
        namespace = "jabber:client" if how.features else COMPONENT
        self.send(HEADER.format(ns=namespace, domain=self.domain, id=self._id))
        if how.features:
            self.send("<stream:features/>")
        elif self.domain not in self._server.domains:
            self.error("host-unknown")

    def _stanza(self, element: Element) -> None:
        how = self._server.behaviour
        if self.up.is_set():
            self._server.route(self, element)
            return
        secret = self._server.domains[self.domain]
        digest = hashlib.sha1((self._id + secret).encode()).hexdigest()
        if how.header_only:
            return
        if how.refuse:
            self.error(how.refuse, how.refuse_text)
        elif element.tag != f"{{{COMPONENT}}}handshake" or element.text != digest:
            self.error("not-authorized")
        elif self._server.links(self.domain) and how.on_second == "conflict":
            self.error("conflict", "Component already connected")
        else:
            self.send("<handshake/>")
            self.up.set()
            self._server.accepted.put_nowait(self)
            if how.deaf:
                self.stall()

    def take(self, element: Element) -> None:
        self.received.append(element)
        self._news.set()


@dataclass
class FakeXmppServer:
    """``async with FakeXmppServer() as server``: listens on a free port of 127.0.0.1."""

    domains: dict[str, str] = field(default_factory=lambda: {"irc.localhost": "s3cret"})
    behaviour: Behaviour = field(default_factory=Behaviour)
    host: str = "127.0.0.1"
    port: int = 0
    bytes_read: int = 0
    connections: list[Connection] = field(default_factory=list)
    accepted: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Begin to listen (again, on the same port)."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and reset every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self.connections:
            if not connection.closed.is_set():
                connection.kill()
                await connection.closed.wait()

    async def link(self) -> Connection:
        """The next connection whose handshake is accepted."""
        async with asyncio.timeout(10):
            return await self.accepted.get()

    def links(self, domain: str) -> list[Connection]:
        return [c for c in self.connections if c.domain == domain and c.up.is_set() and not c.closed.is_set()]

    def route(self, source: Connection, element: Element) -> None:
        domain = (element.get("to") or "").partition("/")[0].rpartition("@")[2]
        targets = self.links(domain)
        if not targets:
            source.take(element)
        elif self.behaviour.echo:
            self.rng.choice(targets).send(tostring(element))

    def forget(self, connection: Connection) -> None:
        """A closed connection stays in ``connections`` for the test to look at."""
