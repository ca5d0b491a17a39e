"""The LMTP server (RFC 2033): the edge over aiosmtpd. Knows commands and answers, not what becomes of mail.

aiosmtpd has the dialogue; what it gets wrong for LMTP, or does not do, is here: an answer for every accepted recipient
whatever happens (its own refusals of DATA are one line, and a client would wait for the others), 451 for every fault of
ours (an exception would become 500, and a bounce that quotes it), enhanced status codes, paths that are read in one way
only, long lines and large mails without an object per line, and connections that are counted and end.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import AnyStr, Protocol, TypeVar

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from bridges.email.receiving import paths, replies
from bridges.email.receiving.body import Body, Room
from bridges.email.receiving.replies import Reply

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

_CHUNK = 64 * 1024  # octets that are read at once, and the longest command line that is looked at
_GRACE = 5.0  # seconds that mails under way have at the end


@dataclass(frozen=True, slots=True)
class Offered:
    """A mail as it was delivered: lines end in CRLF as they were sent, dots are unstuffed. ``sender`` is empty for the null
    reverse-path; ``client`` is what the server called itself; ``utf8`` whether it said SMTPUTF8."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes | bytearray
    client: str = ""
    utf8: bool = False


class Border(Protocol):
    """Who decides about mail. What is raised is answered with 451."""

    async def sender(self, address: str) -> Reply:
        """Empty for the null reverse-path."""

    async def recipient(self, sender: str, address: str) -> Reply:
        """Whether mail for ``address`` would be taken. Has no effects: servers ask without having a mail."""

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        """One answer for each recipient, in order; a positive one says that the mail is safe here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``size`` in octets; ``timeout`` in seconds without a command, or for one mail."""

    size: int = 30_000_000
    recipients: int = 100
    connections: int = 50
    timeout: float = 300.0
    memory: int = 150_000_000  # octets of all mails that are being read from connections at one time


class Hooks:
    """aiosmtpd's hooks, by their names. Nothing that goes wrong in them gets out."""

    def __init__(self, border: Border, hostname: str, limits: Limits) -> None:
        self.hostname = hostname
        self.limits = limits
        self.room = Room(limits.size, limits.memory)
        self._border = border

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # RFC 2033 §5 demands both. HELP is aiosmtpd's, and last.
        return [*responses[:-1], "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await _safely(self._border.sender(paths.sender(address)), replies.OUR_FAULT)
        if reply.positive:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply.line

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self.limits.recipients:
            return replies.TOO_MANY_RECIPIENTS.line
        sender = paths.sender(envelope.mail_from or "")
        reply = await _safely(self._border.recipient(sender, address), replies.OUR_FAULT)
        if reply.positive:
            envelope.rcpt_tos.append(address)
        return reply.line

    async def mail(self, session: Session, envelope: Envelope, raw: bytes | bytearray) -> Sequence[Reply]:
        sender, recipients = paths.sender(envelope.mail_from or ""), tuple(envelope.rcpt_tos)
        offered = Offered(sender, recipients, raw, session.host_name or "", envelope.smtp_utf8)
        faults: Sequence[Reply] = [replies.OUR_FAULT] * len(recipients)
        answers = await _safely(self._border.mail(offered), faults)
        if len(answers) != len(recipients):
            log.error("answers and recipients differ in number", answers=len(answers))
            return faults
        return answers

    async def handle_exception(self, error: Exception) -> str:
        log.error("a command could not be understood", error=type(error).__name__)
        return replies.OUR_FAULT.line


async def _safely(decision: Awaitable[_T], otherwise: _T) -> _T:
    try:
        return await decision
    except Exception:
        log.exception("mail could not be taken")
        return otherwise


@dataclass(slots=True)
class _Door:
    """Which connections there are, and whether more mails may come."""

    inside: set["Conversation"] = field(default_factory=set)
    closing: bool = False


class Conversation(LMTP):
    """One connection."""

    line_length_limit = _CHUNK  # what the stream reader buffers; lines of mails may be of any length

    def __init__(self, hooks: Hooks, door: _Door, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            hooks,
            data_size_limit=hooks.limits.size,
            enable_SMTPUTF8=True,
            hostname=hooks.hostname,
            ident="LMTP",
            tls_context=tls,
            timeout=hooks.limits.timeout,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self._hooks = hooks
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._door.inside.add(self)
        super().connection_made(transport)
        if self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(_ended)

    def connection_lost(self, error: Exception | None) -> None:
        self._door.inside.discard(self)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        super().eof_received()
        return False  # a connection that ends before it was greeted stays half open else

    @property
    def idle(self) -> bool:
        """Whether no mail is under way."""
        return self.envelope is None or not self.envelope.rcpt_tos

    @property
    def task(self) -> "asyncio.Task[None] | None":
        return self._handler_coroutine

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        # aiosmtpd reads paths with the parser of header fields: comments, folding, and exceptions of its own.
        return paths.read(arg) or (None, None)

    async def push(self, status: AnyStr) -> None:
        # RFC 2034: aiosmtpd's own replies have no enhanced status codes.
        await super().push(_enhanced(status) if isinstance(status, str) else status)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Unlike aiosmtpd's: one answer for each recipient in every case, and lines of any length."""
        envelope, session = self.envelope, self.session
        if envelope is None or session is None or await self.check_helo_needed("LHLO"):
            return
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 No recipient was accepted")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        with Body(self._hooks.room) as body:
            refused = await body.read(self._reader)
            self._reset_timeout()
            if refused is None:
                answers = await self._hooks.mail(session, envelope, body.take())
            else:
                answers = [refused] * len(envelope.rcpt_tos)
        self.envelope = self._create_envelope()
        await super().push("\r\n".join(reply.line for reply in answers))
        if self._door.closing and self.transport is not None:
            self.transport.close()


def _ended(task: "asyncio.Task[None]") -> None:
    """Of a connection; that it broke is nothing that anybody has to see."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("a connection broke", error=type(error).__name__)


_STATUSES = {
    "250": "2.0.0",
    "252": "2.0.0",
    "221": "2.0.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "538": "5.7.11",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.7.0",
    "555": "5.5.4",
}


def _enhanced(line: str) -> str:
    code, text = line[:3], line[4:]
    status = _STATUSES.get(code)
    if status is None or line[3:4] != " " or text.startswith((code[0] + ".", "HELP", "ENHANCEDSTATUSCODES")):
        return line
    return f"{code} {status} {text}"


class _Full(asyncio.Protocol):
    """A connection beyond the limit: told so, and ended."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.write(b"421 4.3.2 Too many connections; try again later\r\n")
            transport.close()


class Listener:
    """The open door: TCP, a Unix socket, or both."""

    def __init__(
        self, border: Border, hostname: str, limits: Limits, tls: ssl.SSLContext | None = None
    ) -> None:
        self._hooks = Hooks(border, hostname, limits)
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._sockets: list[Path] = []
        self._door = _Door()

    @property
    def connections(self) -> int:
        return len(self._door.inside)

    @property
    def busy(self) -> int:
        """Connections with a mail under way."""
        return sum(not each.idle for each in self._door.inside)

    async def open_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen there; returns the port. Raises OSError."""
        server = await asyncio.get_running_loop().create_server(self._conversation, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def open_unix(self, path: Path, mode: int = 0o660) -> None:
        """Listen on a socket that whoever ``mode`` lets may connect to. One that is left from before gives way; raises
        OSError where a server listens on it, or where there is something else."""
        await asyncio.to_thread(_clear, path)
        # Nobody connects before the mode is set: the socket is made under another name.
        hidden = path.with_name(f".{path.name}.new")
        await asyncio.to_thread(_clear, hidden)
        server = await asyncio.get_running_loop().create_unix_server(self._conversation, hidden)
        self._servers.append(server)
        hidden.chmod(mode)
        hidden.rename(path)
        self._sockets.append(path)

    async def close(self) -> None:
        """Let nobody in any more, let mails that are under way come to their end, for a few seconds."""
        self._door.closing = True
        for server in self._servers:
            server.close()
        for conversation in [each for each in self._door.inside if each.idle]:
            conversation.abort()
        tasks = [task for each in self._door.inside if (task := each.task) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        for conversation in list(self._door.inside):
            conversation.abort()
        for path in self._sockets:
            path.unlink(missing_ok=True)
        self._servers.clear()
        self._sockets.clear()

    def _conversation(self) -> asyncio.Protocol:
        if self._door.closing:
            return _Full()
        if len(self._door.inside) >= self._hooks.limits.connections:
            log.warning("a connection was refused: there are too many", connections=len(self._door.inside))
            return _Full()
        return Conversation(self._hooks, self._door, self._tls)


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises OSError."""
    if not path.exists():
        return
    if not path.is_socket():
        raise FileExistsError(f"{path} is there, and is no socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(f"Something listens on {path} already.")
