"""The fast end of the component link: the server's side of XEP-0114, and all of the users behind it.

It reads stanzas only where it must: handshakes, and the iqs a gateway may send at any time, which are answered or looped
back as a real server does. Everything else goes past the watchers and is forgotten. It serves one gateway at a time.
"""

import asyncio
import hashlib
import re

from benchmarks.peer import Peer
from benchmarks.watching import Watcher

_ID = "bench"
_HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'"
    " xmlns:stream='http://etherx.jabber.org/streams' from='{jid}' id='" + _ID + "'>"
)
_HANDSHAKE = re.compile(rb"<handshake[^>]*>\s*([0-9a-fA-F]{40})\s*</handshake>")
_IQ = re.compile(rb"<iq\b[^>]*?/>|<iq\b.*?</iq>", re.DOTALL)
_START = re.compile(rb"<iq\b[^>]*>")
_ATTRIBUTE = re.compile(rb"""\b(from|to|id|type)\s*=\s*(['"])(.*?)\2""")
_CUT = max(len(b"<iq") - 1, 1)
_MOST_HELD = 1 << 20  # bytes of an unfinished iq

_RESULT = b"<iq type='result' from='%b' to='%b' id='%b'/>"
_ERROR = (
    b"<iq type='error' from='%b' to='%b' id='%b'><error type='cancel'>"
    b"<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
)
_PING = b"urn:xmpp:ping"


class ComponentServer:
    """Listens for one component, ``jid`` with ``secret``."""

    def __init__(self, jid: str, secret: str) -> None:
        self.jid = jid
        self.port = 0
        self.watchers: list[Watcher] = []
        self._secret = secret
        self._server: asyncio.Server | None = None
        self._link: ComponentLink | None = None
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ComponentLink(self), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._link is not None:
            self._link.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def link(self) -> "ComponentLink":
        if self._link is None:
            raise ConnectionError("the gateway is not connected to the XMPP side")
        return self._link

    async def ready(self, timeout: float) -> None:
        """Wait for a gateway whose handshake was accepted."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            raise TimeoutError(f"the gateway did not connect as a component within {timeout:.0f} s") from None

    async def lost(self) -> None:
        """Wait until no gateway is connected."""
        if self._link is not None:
            await self._lost.wait()

    def send(self, stanza: str) -> None:
        self.link.write(stanza.encode())

    def accepts(self, digest: str) -> bool:
        return digest.lower() == hashlib.sha1((_ID + self._secret).encode()).hexdigest()

    def joined(self, link: "ComponentLink") -> None:
        self._link = link
        self._ready.set()
        self._lost.clear()

    def left(self, link: "ComponentLink") -> None:
        if self._link is link:
            self._link = None
            self._ready.clear()
            self._lost.set()


class ComponentLink(Peer):
    """One stream of a gateway."""

    def __init__(self, server: ComponentServer) -> None:
        super().__init__(server.watchers)
        self._server = server
        self._jid = server.jid.encode()
        self._open = False
        self._held = b""

    def received(self, data: bytes) -> None:
        self._held += data
        if self._open:
            self._answer_iqs()
        else:
            self._shake_hands()

    def gone(self) -> None:
        self._server.left(self)

    def _shake_hands(self) -> None:
        if b"<stream:stream" in self._held and b">" in self._held.partition(b"<stream:stream")[2]:
            self.write(_HEADER.format(jid=self._server.jid).encode())
            self._held = self._held.partition(b"<stream:stream")[2].partition(b">")[2]
        if (found := _HANDSHAKE.search(self._held)) is None:
            return
        if not self._server.accepts(found[1].decode()):
            self.write(
                b"<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
            )
            self.close()
            return
        self.write(b"<handshake/>")
        self._held = self._held[found.end() :]
        self._open = True
        self._server.joined(self)

    def _answer_iqs(self) -> None:
        held = self._held
        if b"<iq" not in held:
            self._held = held[-_CUT:]
            return
        end = 0
        for match in _IQ.finditer(held):
            end = match.end()
            self._iq(match[0])
        rest = held[end:]
        unfinished = rest.find(b"<iq")
        self._held = rest[unfinished:][:_MOST_HELD] if unfinished >= 0 else rest[-_CUT:]

    def _iq(self, stanza: bytes) -> None:
        start = _START.match(stanza)
        if start is None:
            return
        attributes = {name: value for name, _, value in _ATTRIBUTE.findall(start[0])}
        to, sender = attributes.get(b"to", b""), attributes.get(b"from", self._jid)
        if to.partition(b"/")[0].rpartition(b"@")[2] == self._jid:
            self.write(stanza)  # to itself, or to one of its own users: the server routes it back
        elif attributes.get(b"type") in (b"get", b"set"):
            template = _RESULT if _PING in stanza else _ERROR
            self.write(template % (to or self._jid, sender, attributes.get(b"id", b"")))
