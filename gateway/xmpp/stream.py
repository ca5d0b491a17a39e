"""One connection to the server, from TCP to the handshake of XEP-0114 and the stanzas after it.

This is the edge to slixmpp: its ``XMLStream`` opens the stream and ends it. Nothing else of slixmpp runs: no parser, no
stanza objects, no handlers that answer for us, no roster, no send queue, no timers. Whole stanzas are handed on as
parsed elements. Knows nothing of reconnection; says how the stream ended in a ``Trouble``.
"""

import asyncio
import errno
import hashlib
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast
from xml.etree.ElementTree import Element

import structlog
from slixmpp.xmlstream import XMLStream

from gateway.xmpp.parser import BadStream, StreamParser
from gateway.xmpp.stanza import CLIENT, COMPONENT, name_of, namespace_of
from gateway.xmpp.text import attribute

STREAMS = "http://etherx.jabber.org/streams"
_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
_HANDSHAKE = f"{{{COMPONENT}}}handshake"
_STANZAS = frozenset(
    f"{{{ns}}}{name}" for ns in (COMPONENT, CLIENT) for name in ("message", "presence", "iq")
)
#: What listens where we do not belong, by the namespace it answers in.
_OTHER_STREAMS = {CLIENT: "users", "jabber:server": "servers"}

#: Bytes parsed in one turn of the loop: a few dozen stanzas, so that one large read never holds up everybody else.
SLICE = 16 * 1024
#: Bytes the transport may hold unsent before it asks us to pause.
WRITE_BUFFER = 64 * 1024

logger = structlog.stdlib.get_logger(__name__)


class Symptom(StrEnum):
    """How a connection failed or ended."""

    UNRESOLVABLE = "unresolvable"  # the host name has no address
    CLOSED_PORT = "closed-port"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect-timeout"
    HANDSHAKE_TIMEOUT = "handshake-timeout"
    STREAM_ERROR = "stream-error"  # ``condition`` and ``text`` are the server's
    FOREIGN = "foreign"  # something answers, but no XMPP component port
    BAD_XML = "bad-xml"
    LOST = "lost"
    SILENT = "silent"  # connected, but not a sign of life within the deadline


@dataclass(frozen=True, slots=True)
class Trouble:
    """How a connection failed or ended. ``up`` tells whether the handshake had been accepted before."""

    symptom: Symptom
    condition: str = ""
    text: str = ""
    up: bool = False


Connector = Callable[[Callable[[], asyncio.BaseProtocol], str, int], Awaitable[object]]


async def tcp(protocol: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> object:
    """The real connector. Raises ``OSError``."""
    return await asyncio.get_running_loop().create_connection(protocol, host, port)


def trouble_of(error: OSError | UnicodeError) -> Trouble:
    """What kept a connection from being made."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return Trouble(Symptom.UNRESOLVABLE)
    # asyncio folds the errors of several addresses into one without an errno
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return Trouble(Symptom.CLOSED_PORT)
    if isinstance(error, TimeoutError):
        return Trouble(Symptom.CONNECT_TIMEOUT)
    return Trouble(Symptom.UNREACHABLE, text=getattr(error, "strerror", None) or str(error))


class ComponentStream(XMLStream):
    """One connection: an asyncio protocol for exactly one ``connection_made``. ``ended`` is done when all is over."""

    def __init__(
        self,
        jid: str,
        secret: str,
        *,
        monotonic: Callable[[], float],
        on_up: Callable[[], None],
        on_stanza: Callable[[Element], None],
        on_writable: Callable[[bool], None],
    ) -> None:
        """The callbacks come from the event loop and must not raise: ``on_up`` once, when the handshake is accepted;
        after it ``on_stanza`` for every message, presence and iq, in order; ``on_writable`` as the transport fills and
        empties."""
        loop = asyncio.get_running_loop()
        # XEP-0114 has no TLS; an empty context saves slixmpp's loading of every CA (40 ms on the loop).
        super().__init__(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), loop=loop)
        self.default_ns = COMPONENT
        self.stream_ns = STREAMS
        self.stream_header = (
            "<?xml version='1.0'?>"
            f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}' to='{attribute(jid)}'>"
        )
        self.stream_footer = "</stream:stream>"
        self.up = False
        self.last_heard = monotonic()
        self.bytes_received = 0
        self.ended: asyncio.Future[Trouble] = loop.create_future()
        self._secret = secret
        self._monotonic = monotonic
        self._on_up = on_up
        self._on_stanza = on_stanza
        self._on_writable = on_writable
        self._trouble: Trouble | None = None
        self._parser = StreamParser()
        self._opened = False  # the server's header is there
        self._backlog: deque[bytes] = deque()
        self._pump: asyncio.Handle | None = None
        self._gone: tuple[BaseException | None] | None = (
            None  # connection_lost came, the backlog is not yet read
        )

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport, send_event: bool = True) -> None:
        # uvloop's transports are no asyncio.Transport by descent, only by what they can do.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=WRITE_BUFFER)
        super().connection_made(transport, send_event)

    def data_received(self, data: bytes) -> None:
        self.last_heard = self._monotonic()
        self.bytes_received += len(data)
        if not self._backlog and len(data) <= SLICE:
            self._parse(data)
            return
        self._backlog.extend(data[at : at + SLICE] for at in range(0, len(data), SLICE))
        if self._pump is None and self.transport is not None:
            self.transport.pause_reading()
            self._pump_one()

    def pause_writing(self) -> None:
        self._on_writable(False)

    def resume_writing(self) -> None:
        self._on_writable(True)

    def connection_lost(self, exception: BaseException | None) -> None:
        # What the server sent before is still to be read: it counts those stanzas as delivered.
        if self._backlog and self._trouble is None:
            self._gone = (exception,)
            return
        self._finish(exception)

    # --- reading, slice by slice

    def _pump_one(self) -> None:
        self._pump = None
        if self._backlog and self._trouble is None:
            self._parse(self._backlog.popleft())
        if self._backlog and self._trouble is None:
            self._pump = self.loop.call_soon(self._pump_one)
        elif self._gone is not None:
            self._finish(self._gone[0])
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        try:
            whole = parser.feed(data)
        except BadStream as bad:
            self.fail(Trouble(Symptom.FOREIGN if bad.header else Symptom.BAD_XML, text=str(bad), up=self.up))
            return
        if not self._opened and parser.root is not None:
            self._opened = True
            self.start_stream_handler(parser.root)
        for element in whole:
            if self._trouble is not None:
                return
            if self.up and element.tag in _STANZAS:
                self._on_stanza(element)
            else:
                self._other(element)
        if parser.closed:
            self.abort()

    def start_stream_handler(self, xml: Element) -> None:
        """The server's stream header is there: prove that we know the secret (XEP-0114 §3)."""
        if xml.tag != f"{{{STREAMS}}}stream":
            self.fail(Trouble(Symptom.FOREIGN, text=f"it answers with <{name_of(xml)}>"))
            return
        if self._parser.namespace in _OTHER_STREAMS:
            self.fail(
                Trouble(Symptom.FOREIGN, text=f"it is one for {_OTHER_STREAMS[self._parser.namespace]}")
            )
            return
        digest = hashlib.sha1((xml.get("id", "") + self._secret).encode(), usedforsecurity=False).hexdigest()
        # Not by ``send_raw``, which writes what it sends into the debug log.
        self.write(f"<handshake>{digest}</handshake>".encode())

    def _other(self, xml: Element) -> None:
        """A child of the stream that is no stanza, or comes before the handshake."""
        if xml.tag == _HANDSHAKE and not self.up:
            self.up = True
            self._on_up()
        elif xml.tag == f"{{{STREAMS}}}error":
            self.fail(_stream_error(xml, self.up))
        elif xml.tag == f"{{{STREAMS}}}features" and not self.up:
            self.fail(Trouble(Symptom.FOREIGN, text="it offers log-in"))
        else:
            logger.warning(
                "ignored an element that is no stanza", name=name_of(xml), namespace=namespace_of(xml)
            )

    # --- our side

    @property
    def closing(self) -> bool:
        """Whether what is written now would go nowhere."""
        return self.transport is None or self.transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self.closing:
            self.transport.write(data)

    def fail(self, trouble: Trouble) -> None:
        """End the connection at once, for this reason (the first one counts)."""
        if self._trouble is None:
            self._trouble = trouble
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        self._backlog.clear()
        if self.transport is not None:
            self.transport.abort()
        if self._gone is not None:
            self._finish(self._gone[0])

    def _finish(self, exception: BaseException | None) -> None:
        self._gone = None
        super().connection_lost(exception)
        if self.ended.done():
            return
        if self._trouble is None:
            text = str(exception) if exception is not None else ""
            self._trouble = Trouble(Symptom.LOST, text=text, up=self.up)
        self.ended.set_result(self._trouble)


def _stream_error(error: Element, up: bool) -> Trouble:
    """RFC 6120 §4.9.2: one condition, perhaps a text and an application's own element."""
    condition, text = "undefined-condition", ""
    for child in error:
        if namespace_of(child) != _ERRORS:
            continue
        if name_of(child) == "text":
            text = (child.text or "")[:500]
        else:
            condition = name_of(child)
    return Trouble(Symptom.STREAM_ERROR, condition, text, up)
