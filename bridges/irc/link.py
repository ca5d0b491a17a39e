"""The edge over the ``irc`` library: one connection that turns bytes into ``Line`` values and lines into bytes.

Real subclasses of the library's reactor, connection and protocol: its life cycle, ``Event`` for the end, and its command
methods (``join``, ``nick``, ``quit`` ...) work, and all they send goes through our checks. Replaced, because in 20.5.0 they
block, grow, or let one bad line end the connection: dialling and login, framing, decoding, parsing, dispatch, sending,
hanging up. The names replaced are private in part; ``tests/unit/irc/test_irc_library_contract.py`` watches them. Knows
nothing of what lines mean.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import structlog
from irc.client import Event, ServerNotConnectedError
from irc.client_aio import AioConnection, AioReactor, IrcProtocol
from irc.features import FeatureSet

from bridges.irc.claims import Claims, Place
from bridges.irc.dial import (
    ConnectFailed,
    Dialer,
    Endpoint,
    LoopDialer,
    TlsContexts,
    TlsSettings,
    check_fingerprint,
    explain,
)
from bridges.irc.protocol.decode import DEFAULT_FALLBACK, decode, encode
from bridges.irc.protocol.line import Injection, Line, LineSplitter, Malformed, TooLong, parse
from bridges.irc.tally import Tally

log = structlog.get_logger(__name__)

#: Lines that one connection may handle before all others get their turn.
LINES_PER_TURN = 256
#: And their bytes: the list of a big channel has many names in a line.
BYTES_PER_TURN = 32 * 1024

#: Bytes written and not yet taken by the server; with more, nobody is reading there.
MAX_UNSENT = 1 << 20
#: Client tags: "@", 4094 bytes, a space (message-tags, "Size limit").
MAX_TAGS = 4096

#: Our own failures that are logged for one connection; the rest is only counted.
LOGGED_FAILURES = 3


class LinkProtocol(IrcProtocol):
    """The library's protocol with what it leaves out: the cause of an end, and back-pressure."""

    connection: "IrcConnection"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connection.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection.lost(exc)

    def pause_writing(self) -> None:
        self.connection.writable = False

    def resume_writing(self) -> None:
        self.connection.resumed()


class IrcReactor(AioReactor):
    """What all IRC connections of a bridge share: the running loop, the dialer and the TLS contexts."""

    def __init__(
        self,
        dialer: Dialer | None = None,
        *,
        lines_per_turn: int = LINES_PER_TURN,
        claims: Claims | None = None,
    ) -> None:
        """Call on the running loop. ``claims`` is told whose connections there are, if anybody wants to know."""
        super().__init__(loop=asyncio.get_running_loop())
        # The library's reading of ISUPPORT, which nobody here looks at: one is enough.
        self.features = FeatureSet()
        self.claims = claims
        self.dialer: Dialer = dialer or LoopDialer(claims=claims)
        self.contexts = TlsContexts()
        self.lines_per_turn = lines_per_turn

    def connection(
        self,
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
        on_writable: Callable[[], None],
        tally: Tally | None = None,
    ) -> "IrcConnection":
        """A connection yet to be opened. The callbacks run on the loop; an exception of ``on_line`` costs that line only."""
        connection = IrcConnection(self, on_line, on_closed, on_writable, tally or Tally())
        self.connections.append(connection)
        return connection

    def _remove_connection(self, connection: "IrcConnection") -> None:
        if connection in self.connections:
            self.connections.remove(connection)


class IrcConnection(AioConnection):
    """One connection, used once. No line comes before ``open`` has returned. ``on_closed(cause)`` comes exactly once after a
    successful ``open``, after the last line; ``cause`` is a sentence for people (what ``close`` was given, if it was us).

    Fairness: one turn of the loop handles at most ``lines_per_turn`` lines; while more are waiting nothing is read.
    """

    protocol_class = LinkProtocol

    def __init__(
        self,
        reactor: IrcReactor,
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
        on_writable: Callable[[], None],
        tally: Tally,
    ) -> None:
        super().__init__(reactor)
        self._tally = tally
        self.features = reactor.features
        self._on_line = on_line
        self._on_closed = on_closed
        self._on_writable = on_writable
        self._splitter = LineSplitter()
        self._waiting: list[bytes] = []  # lines received for later turns
        self._turn_planned = False
        self._unwritten: list[bytes] = []  # lines to go out at the end of this turn
        self._tls: TlsSettings | None = None
        self._owner = ""
        self._ends: tuple[Place, Place] | None = None  # as ``claims`` was told
        self._distrust: ConnectFailed | None = None
        self._lost = False  # the transport is gone
        self._closing = False  # we hang up, or have: nothing is handled or sent any more
        self._cause = ""
        self.server = ""
        self.transport: asyncio.Transport | None = None
        self.connected = False
        self.writable = True  # False while the server does not take what was written
        self.encoding, self.fallback_encoding = "utf-8", DEFAULT_FALLBACK
        # Of users who have set encodings that need a closer look:
        self.decoder: Callable[[bytes], str] | None = None
        self.encoder: Callable[[str], bytes] | None = None
        self.linelen = 512  # of lines sent, with CR LF, without tags; ISUPPORT's LINELEN can raise it
        self.malformed = 0  # lines that were none
        self.failures = 0  # lines on which our own code failed

    @property
    def dropped(self) -> int:
        """Lines thrown away for their length."""
        return self._splitter.dropped

    @property
    def cipher(self) -> str:
        """How the connection is encrypted, in a few words; empty if it is not."""
        tls = self.extra("ssl_object")
        cipher = tls.cipher() if tls is not None else None
        return f"{tls.version()}, {cipher[0]}" if tls is not None and cipher is not None else ""

    def extra(self, name: str) -> Any:
        """What the transport knows of itself by this name, see ``asyncio.BaseTransport.get_extra_info``; None if nothing."""
        return self.transport.get_extra_info(name) if self.transport is not None else None

    # -- opening ----------------------------------------------------------------------------------------------------

    async def open(self, endpoint: Endpoint, *, timeout: float = 30.0) -> None:
        """Dial, within ``timeout`` seconds in all. Raises ``ConnectFailed`` and leaves nothing open."""
        if self.transport is not None or self._closing:
            raise RuntimeError("An IrcConnection is used once.")
        self.server = endpoint.host
        self._tls = endpoint.tls
        self._owner = endpoint.origin.owner
        try:
            async with asyncio.timeout(timeout):
                context = None if endpoint.tls is None else await self.reactor.contexts.get(endpoint.tls)
                await self.reactor.dialer.dial(
                    endpoint, context, lambda: self.protocol_class(self, self.reactor.loop)
                )
            if self._distrust is not None:
                raise self._distrust
        except BaseException as error:
            self._closing = True
            if self.transport is not None:
                self.transport.abort()
            self.reactor._remove_connection(self)
            if isinstance(error, Exception):
                raise explain(error, endpoint, timeout) from error
            raise
        self.connected = True
        if self._waiting or self._lost:
            self._plan_turn()

    async def connect(self, server: str, port: int, *_: object, **__: object) -> None:
        """The library's name for ``open``; unlike there, logging in is the caller's."""
        await self.open(Endpoint(server, port))

    def made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there; not a byte of it counts before the pin was compared."""
        # Not asked with isinstance: uvloop's transports are asyncio's in deed, not in descent.
        transport = cast("asyncio.Transport", transport)
        self.transport = transport
        self._tally.open += 1
        if self.reactor.claims is not None:
            here, there = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
            if here and there:
                self._ends = here, there
                self.reactor.claims.hold(here, there, self._owner)
        if self._tls is None:
            return
        tls = transport.get_extra_info("ssl_object")
        try:
            check_fingerprint(self._tls, None if tls is None else tls.getpeercert(binary_form=True))
        except ConnectFailed as failed:
            self._distrust = failed
            self._closing = True
            transport.abort()

    # -- receiving --------------------------------------------------------------------------------------------------

    def process_data(self, new_data: bytes) -> None:
        """One read of the transport."""
        lines = self._splitter.feed(new_data)
        self._tally.lines_in += len(lines)
        if self._waiting or not self.connected:
            self._waiting += lines
            return
        most: int = self.reactor.lines_per_turn
        budget = most if len(new_data) <= BYTES_PER_TURN else self._budget(lines)
        if len(lines) > budget:
            self._waiting = lines[budget:]
            lines = lines[:budget]
            self._plan_turn()
            self._pause()
        self._dispatch(lines)

    def _budget(self, lines: list[bytes]) -> int:
        """How many of ``lines`` one turn handles."""
        most: int = self.reactor.lines_per_turn
        left = BYTES_PER_TURN
        for number, line in enumerate(lines[:most], 1):
            left -= len(line)
            if left < 0:
                return number
        return most

    def _dispatch(self, lines: list[bytes]) -> None:
        process = self._process_line
        for raw in lines:
            if self._closing:
                return
            process(decode(raw, self.fallback_encoding) if self.decoder is None else self.decoder(raw))

    def _process_line(self, line: str) -> None:
        """One line, which must not cost the ones after it, whatever it is and whatever our own code makes of it."""
        try:
            self._on_line(parse(line))
        except Malformed:
            self.malformed += 1
        except Exception:
            self.failures += 1
            if self.failures <= LOGGED_FAILURES:
                log.exception("handling an IRC line failed", server=self.server, failures=self.failures)

    def _plan_turn(self) -> None:
        if not self._turn_planned:
            self._turn_planned = True
            self.reactor.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Handle waiting lines; read on when there are none left, or end if that was all."""
        self._turn_planned = False
        budget = self._budget(self._waiting)
        lines, self._waiting = self._waiting[:budget], self._waiting[budget:]
        self._dispatch(lines)
        if self._closing:
            self._waiting.clear()
        if self._waiting:
            self._plan_turn()
        elif self._lost:
            self._finish()
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def _pause(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    # -- sending ----------------------------------------------------------------------------------------------------

    def send(self, line: str) -> None:
        """Send one line (without line end). All lines of a loop turn go out as one write. Raises ``Injection`` and
        ``TooLong``, and ``ServerNotConnectedError`` before ``open``; does nothing once closed."""
        if self._closing or self._lost:
            return
        if self.transport is None:
            raise ServerNotConnectedError("Not connected.")
        data = self._prep_message(line)
        if not self._unwritten:
            self.reactor.loop.call_soon(self._flush)
        self._unwritten.append(data)

    def send_raw(self, string: str) -> None:
        """The library's name for ``send``; all its command methods end here."""
        self.send(string)

    def _prep_message(self, string: str) -> bytes:
        """The bytes of a line. The last guard: ``serialise`` has refused what breaks out of a line, raw lines come here."""
        if "\n" in string or "\r" in string or "\0" in string:
            raise Injection("A line to the server holds a line break or a NUL.")
        data = (encode(string, self.encoding) if self.encoder is None else self.encoder(string)) + b"\r\n"
        if len(data) > self.linelen:
            tags, body = 0, len(data)
            if data[0:1] == b"@":
                tags = data.find(b" ") + 1
                body -= tags
            if body > self.linelen or tags > MAX_TAGS:
                raise TooLong(
                    f"A line to the server has {body} bytes and {tags} of tags; it takes {self.linelen} and {MAX_TAGS}."
                )
        return data

    def _flush(self) -> None:
        if not self._unwritten:
            return
        self._tally.lines_out += len(self._unwritten)
        data = b"".join(self._unwritten)
        self._unwritten.clear()
        if self.transport is None or self._lost or self.transport.is_closing():
            return
        self.transport.write(data)
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.abort("The server does not take what we send.")

    def resumed(self) -> None:
        """The server takes again what we write."""
        self.writable = True
        if not self._closing:
            self._on_writable()

    # -- ending -----------------------------------------------------------------------------------------------------

    def close(self, cause: str = "") -> None:
        """Write what is queued, then hang up. A server that takes nothing holds that up: ``abort`` then."""
        if self._closing or self.transport is None:
            return
        self._flush()
        self._cause = cause
        self._closing = True
        self.transport.close()

    def abort(self, cause: str = "") -> None:
        """Hang up at once; what is queued is lost."""
        if self.transport is None:
            return
        if not self._closing:
            self._cause = cause
        self._closing = True
        self.transport.abort()

    def disconnect(self, message: str = "") -> None:
        """The library's name for ``close``; unlike there, a QUIT is the caller's, while there is somebody to read it."""
        self.close(message)

    def lost(self, error: Exception | None) -> None:
        """The transport is gone; lines that came before are still handled."""
        self._lost = True
        self._tally.open -= 1
        if self._ends is not None and self.reactor.claims is not None:
            self.reactor.claims.release(*self._ends)
        self._unwritten.clear()
        if not self._closing:
            self._cause = _cause(error)
        if self.connected:
            self._plan_turn()

    def _finish(self) -> None:
        self.connected = False
        self.reactor._remove_connection(self)
        self._handle_event(Event("disconnect", self.server, "", [self._cause]))

    def _handle_event(self, event: Any) -> None:
        """Events go to this connection's owner: no handlers for all connections, no lock. The end is the only one."""
        if event.type == "disconnect":
            self._on_closed(event.arguments[0])


def _cause(error: Exception | None) -> str:
    match error:
        case None:
            return "The server closed the connection."
        case ConnectionResetError() | BrokenPipeError():
            return "The server dropped the connection."
        case TimeoutError():
            return "The connection timed out."
        case OSError():
            return f"The connection broke: {error.strerror or error}."
        case _:
            return f"The connection broke: {error}."
