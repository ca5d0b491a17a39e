"""One connection to a message centre: a ``Session`` on a socket, with TLS, and a time for every step.

It knows who waits for which answer, and nothing of messages, other connections, or when to connect again.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Final, Protocol, cast

import structlog

from bridges.sms.smpp.bodies import Bind
from bridges.sms.smpp.dialling import Connector, Endpoint
from bridges.sms.smpp.events import Answered, BindRefused, Bound, Brought, Ended, Event, Odd, Unanswered
from bridges.sms.smpp.pdu import Message
from bridges.sms.smpp.session import Mode, Session, Timing
from gateway.bridge import Cancellable, Clock

log = structlog.get_logger(__name__)

#: Octets that wait for a peer that does not read. What we write without being asked is bounded by windows.
_UNREAD: Final = 1024 * 1024
_SOCKET_UNREAD: Final = 64 * 1024

_RINVBNDSTS: Final = 0x04  # §5.1.3

#: Messages one after the other that have no answer in time, until another session is tried.
_IGNORED: Final = 10


class Listener(Protocol):
    """Whose connections these are."""

    def brought(self, link: "Link", brought: Brought) -> None:
        """A message came; ``link.answer`` when it is kept, or cannot be."""

    def changed(self, link: "Link") -> None:
        """There may be room now, or none any more."""

    def answered(self, token: "Token", answer: Answered) -> None:
        """An answer came; said before whoever waits for it goes on, and before ``changed``."""

    def late(self, token: "Token", answer: Answered) -> None:
        """An answer came after its deadline."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: the message may have been taken. ``text`` is for people."""

    text: str


class NotWritten(Exception):
    """The connection had ended before anything of the message was written."""


class Failed(Exception):
    """There is no session; ``str`` is for people. ``status``: the peer refused the login with it. ``lasting``: until
    somebody changes the configuration (a certificate)."""

    def __init__(self, text: str, *, status: int | None = None, lasting: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.lasting = lasting


class Token:
    """A message that waits for its answer; ``written`` is when it was written."""

    __slots__ = ("answer", "context", "written")

    def __init__(self, context: object, written: float) -> None:
        self.context = context
        self.written = written
        self.answer: asyncio.Future[Answered | Silence] = asyncio.get_running_loop().create_future()


class Link(asyncio.Protocol):
    """``closed`` is done when the connection is over, with a sentence why (empty: we ended it)."""

    def __init__(
        self,
        name: str,
        bind: Bind,
        mode: Mode,
        timing: Timing,
        window: int,
        listener: Listener,
        clock: Clock,
    ) -> None:
        self.name = name
        self.mode = mode
        self._clock = clock
        self._listener = listener
        self._window = window
        self._timing = timing
        self._session = Session(bind, mode, timing, clock.monotonic())
        self._transport: asyncio.Transport | None = None
        self._timer: Cancellable | None = None
        self._timer_due = float("inf")
        self._readable = True  # the peer takes what we write
        self._reserved = 0
        self._odd = 0
        self._ignored = 0
        self._bound: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
        self._why: str | None = None  # why it ends, once it does; empty: we wanted it
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        bind: Bind,
        mode: Mode,
        *,
        name: str,
        timing: Timing,
        window: int,
        listener: Listener,
        clock: Clock,
        connector: Connector,
    ) -> "Link":
        """Connect and log in, within the times for that. Raises ``Failed``."""
        links: list[Link] = []

        def protocol() -> Link:
            links.append(cls(name, bind, mode, timing, window, listener, clock))
            return links[-1]

        try:
            async with asyncio.timeout(endpoint.timeout):
                await connector(endpoint, protocol)
        except ssl.SSLCertVerificationError as error:
            text = f"{endpoint.place} shows a certificate that is not to be trusted: {_reason(error)}"
            raise Failed(text, lasting=True) from error
        except (OSError, ValueError, TimeoutError) as error:
            _abort(links)
            raise Failed(f"{endpoint.place} cannot be reached: {_words(error, endpoint)}") from error
        except BaseException:
            _abort(links)
            raise
        link = links[-1]
        try:
            await link._bound
        except BaseException:
            link.abort()
            raise
        return link

    # -- for the route -------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many messages can be submitted now, besides those for which there is a reservation."""
        if not (self._readable and self.transmits):
            return 0
        return self._window - self.busy

    @property
    def transmits(self) -> bool:
        transport = self._transport
        return self._session.transmits and transport is not None and not transport.is_closing()

    @property
    def certificate(self) -> bytes | None:
        """The message centre's, in DER."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return cast("bytes | None", tls.getpeercert(binary_form=True)) if tls is not None else None

    @property
    def busy(self) -> int:
        """Messages without an answer, and reservations."""
        return self._session.open + self._reserved

    def reserve(self) -> None:
        """Room for a message; ``release`` gives it back."""
        self._reserved += 1

    def release(self) -> None:
        self._reserved -= 1

    def submit(self, message: Message, context: object) -> Token:
        """Write it, now; ``Token.answer`` will have the answer, in bounded time. Raises ``NotWritten``, ``Unwritable``."""
        if not self.transmits:
            raise NotWritten
        now = self._clock.monotonic()
        token = Token(context, now)
        self._session.submit(message, token, now)
        self._flush()
        return token

    def answer(self, brought: Brought, status: int) -> bool:
        """What became of a message that was ``brought``; whether that could be written."""
        transport = self._transport
        if transport is None or transport.is_closing() or not self._session.answer(brought, status):
            return False
        self._flush()
        return True

    async def close(self) -> None:
        """End the session as it should be, in bounded time."""
        if self.closed.done():
            return
        self._session.unbind(self._clock.monotonic())
        self._flush()
        if self._session.deadline == float("inf") or self._transport is None:
            self.abort()
        await self.closed

    def abort(self) -> None:
        """At once."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class
        self._transport.set_write_buffer_limits(high=_SOCKET_UNREAD)
        self._flush()

    def data_received(self, data: bytes) -> None:
        before = self._session.open
        for event in self._session.receive(data, self._clock.monotonic()):
            self._happened(event)
        self._flush()
        if self._session.open < before:
            self._listener.changed(self)

    def pause_writing(self) -> None:
        self._readable = False

    def resume_writing(self) -> None:
        self._readable = True
        self._listener.changed(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        why = self._why
        if why is None:
            why = "it closed the connection" if error is None else f"the connection broke: {error}"
        for token in self._session.lost():
            _settle(token, Silence(f"the connection ended before the answer came ({why or 'we closed it'})"))
        if not self._bound.done():
            self._bound.set_exception(Failed(f"{why or 'we closed it'} before the login was answered"))
            self._bound.exception()  # nobody may wait for it any more
        self.closed.set_result(why)
        self._listener.changed(self)

    # -- what the session says -----------------------------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        match event:
            case Answered():
                self._answered(event)
            case Brought():
                self._listener.brought(self, event)
            case Unanswered(token):
                _settle(token, Silence(f"no answer came within {self._timing.response:g} seconds"))
                self._ignored += 1
                if self._ignored >= _IGNORED:
                    self._begin_anew("messages are not answered")
            case Bound():
                if not self._bound.done():
                    self._bound.set_result(event)
                log.info(
                    "bound", link=self.name, mode=self.mode, peer=event.system_id[:40], version=event.version
                )
                self._listener.changed(self)
            case BindRefused(status):
                if not self._bound.done():
                    self._bound.set_exception(
                        Failed(f"the login was refused with status 0x{status:08x}", status=status)
                    )
                self._close("it refused the login")
            case Odd(text):
                self._odd += 1
                if self._odd & (self._odd - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a peer cannot fill the log
                    log.info("odd PDU", link=self.name, what=text, count=self._odd)
            case Ended(text, kind):
                self._close(text if kind else "")

    def _answered(self, answer: Answered) -> None:
        token = answer.token
        if not isinstance(token, Token):
            raise TypeError("only tokens are submitted")
        if answer.late:
            self._listener.late(token, answer)
            return
        self._ignored = 0
        self._listener.answered(token, answer)
        _settle(token, answer)
        if answer.status == _RINVBNDSTS:
            self._begin_anew("it says that we are not logged in")

    def _begin_anew(self, why: str) -> None:
        """Say goodbye: in another session it may work again."""
        log.warning("SMPP session is of no use", link=self.name, why=why)
        self._session.unbind(self._clock.monotonic())

    def _close(self, why: str) -> None:
        """What is to be written still is, where the peer reads."""
        self._why = why
        if self._transport is not None and not self._transport.is_closing():
            self._write()
            self._transport.close()
            # A peer that does not read would keep it open for ever.
            self._arm(self._clock.monotonic() + self._timing.unbind)

    def _flush(self) -> None:
        self._write()
        due = self._session.deadline
        if due < self._timer_due:
            self._arm(due)

    def _write(self) -> None:
        transport = self._transport
        octets = self._session.take()
        if not octets or transport is None or transport.is_closing():
            return
        transport.write(octets)
        if transport.get_write_buffer_size() > _UNREAD:
            self._why = "it does not read what we write"
            transport.abort()

    # -- time ----------------------------------------------------------------------------------------------------------

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._clock.call_later(max(0.0, due - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        """One timer a connection; it may ring too early, for deadlines move."""
        self._timer, self._timer_due = None, float("inf")
        if self.closed.done():
            return
        if self._transport is not None and self._transport.is_closing():
            self._transport.abort()
            return
        before = self._session.open
        for event in self._session.passed(self._clock.monotonic()):
            self._happened(event)
        self._flush()
        if self._session.open < before:
            self._listener.changed(self)


def _settle(token: object, outcome: Answered | Silence) -> None:
    if isinstance(token, Token) and not token.answer.done():
        token.answer.set_result(outcome)


def _abort(links: list[Link]) -> None:
    for link in links:
        link.abort()


def _words(error: BaseException, endpoint: Endpoint) -> str:
    if isinstance(error, TimeoutError):
        tls = "; is it a port for SMPP over TLS?" if endpoint.context is not None else ""
        return f"it did not answer in time{tls}"
    if isinstance(error, ssl.SSLError) and endpoint.context is not None:
        return f"TLS failed ({error.reason or error}); is it a port for SMPP over TLS?"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; correct host and port"
    if isinstance(error, socket.gaierror):
        return f"its name is not known ({error.strerror}); correct host"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _reason(error: ssl.SSLCertVerificationError) -> str:
    return str(getattr(error, "verify_message", "") or error)
