"""One connection to the smarthost: the edge over ``aiosmtplib``. It sends a mail to one recipient, and says what came of it.

It knows no queue. What the library does for whole mails is not used: it would hold a mail in memory several times, read
addresses once more, and leave a connection in the middle of a mail after some errors.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, cast

import aiosmtplib

from bridges.email.sending import envelope as commands
from bridges.email.sending.dots import Stuffing
from bridges.email.sending.envelope import Envelope, Offers
from bridges.email.sending.faults import Fault, SmarthostTrouble, explain
from bridges.email.sending.replies import Reply, one_line, read

_PIECE = 128 * 1024
_LONGEST_WAIT = 600.0  # RFC 5321 §4.5.3.2.6: after the dot, ten minutes, for giving up makes duplicates
_START, _CLOSING = 354, 421
# What a login or the lack of it is refused with (RFC 4954 §6): the operator's affair, not that mail's.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_BAD_SEQUENCE = 503
_UNKNOWN_COMMAND = frozenset({500, 501, 502, 504})


@dataclass(frozen=True, slots=True)
class Smarthost:
    """Where mail is handed to. ``timeout``: seconds for one answer. ``token``: the password is an OAuth 2 access token.
    ``at`` is the address to connect to, where ``host`` was resolved and judged already; ``context`` decides whose
    certificates are good, in place of ``verify`` and ``ca_file``."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    hello: str = "localhost"
    verify: bool = True
    ca_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    token: bool = False
    timeout: float = 60.0
    local: bool = False  # on this machine: a password may go there without TLS
    at: str = ""
    context: ssl.SSLContext | None = None

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


class Refused(Exception):
    """The server's answer to this mail is no; the connection is in order."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.code} {reply.status}")
        self.reply = reply


class Cut(Exception):
    """The connection ended, or made no sense, before the server had the whole mail: it does not have it."""


class Unknown(Exception):
    """The connection ended after the whole mail: nobody knows whether the server has it."""


class Connection:
    """A connection that is ready for mail. One mail at a time; ``usable`` tells whether there can be another."""

    def __init__(self, smtp: aiosmtplib.SMTP, smarthost: Smarthost) -> None:
        self._smtp = smtp
        self._smarthost = smarthost
        self._writer: asyncio.StreamWriter | None = None
        self.offers = Offers(dict(smtp.esmtp_extensions))
        self.name = _called(smtp)
        tls = smtp.get_transport_info("ssl_object") if smtp.is_connected else None
        self.certificate: bytes | None = tls.getpeercert(binary_form=True) if tls is not None else None
        self.sent = 0
        self._begun = False  # a mail that the server did not take as a whole, and does not forget by itself

    @classmethod
    async def open(cls, smarthost: Smarthost) -> "Connection":
        """Connect, secure, log in. Raises ``SmarthostTrouble``."""
        sock = await _dialled(smarthost) if smarthost.at else None
        smtp = aiosmtplib.SMTP(
            hostname=smarthost.host,
            port=smarthost.port if sock is None else None,
            sock=sock,
            local_hostname=smarthost.hello,
            timeout=smarthost.timeout,
            use_tls=smarthost.security == "tls",
            start_tls=False,
            validate_certs=smarthost.verify,
            cert_bundle=str(smarthost.ca_file) if smarthost.ca_file is not None else None,
            tls_context=smarthost.context,
        )
        step = Fault.CONNECT
        try:
            # Every step has its time in the library too; a server that answers one octet a minute has them all.
            async with asyncio.timeout(4 * smarthost.timeout):
                await smtp.connect()
                step = Fault.HELLO
                await _greet(smtp, smarthost)
                if smarthost.security == "starttls":
                    step = Fault.STARTTLS
                    if not smtp.supports_extension("starttls"):
                        raise SmarthostTrouble(Fault.NO_STARTTLS, smarthost.place)
                    await smtp.starttls()
                    await smtp.ehlo()
                if smarthost.username:
                    step = Fault.LOGIN
                    await _log_in(smtp, smarthost)
        except (SmarthostTrouble, aiosmtplib.SMTPException, OSError, ValueError) as error:
            _drop(smtp)
            raise explain(step, smarthost.place, error) from error
        except BaseException:
            _drop(smtp)
            raise
        return cls(smtp, smarthost)

    @property
    def usable(self) -> bool:
        return self._smtp.is_connected

    async def send(self, envelope: Envelope, path: Path) -> Reply:
        """Hand over the mail in the file ``path``. Returns the answer to the whole of it.

        Raises ``Refused``, ``Cut``, ``Unknown``, ``Unsendable``; ``SmarthostTrouble`` where the lack of a login is what is
        refused; ``OSError`` where the file cannot be read. Of the connection, ``usable`` tells."""
        mail = commands.mail(envelope, self.offers)
        rcpt = commands.rcpt(envelope, self.offers)
        file, piece = await asyncio.to_thread(_opened, path)
        try:
            if self._begun:
                await self._reset()
            self._begun = True
            self.sent += 1
            await self._ask(mail)
            await self._ask(rcpt)
            start = await self._command((b"DATA",))
            if start.code != _START:
                raise self._refused(start)
            reply = await self._content(piece, file)
            self._begun = False
            return reply
        except Refused:
            raise
        except BaseException:
            # Also cancellation and programming errors: the next mail must not begin inside this one.
            self.drop()
            raise
        finally:
            if file is not None:
                await asyncio.to_thread(file.close)

    async def answers(self) -> bool:
        """Whether it is alive, after a while of silence."""
        try:
            await self._reset()
        except Cut:
            self.drop()
        return self.usable

    async def tries(self, sender: str, recipient: str) -> tuple[Reply, Reply | None]:
        """The answers to a return path and, if that is good, to a recipient; without a mail. Raises ``Cut``."""
        answer = None
        try:
            first = await self._command((b"MAIL", f"FROM:<{sender}>".encode("ascii")))
            if first.accepted:
                answer = await self._command((b"RCPT", f"TO:<{recipient}>".encode("ascii")))
            await self._reset()
        except Cut:
            self.drop()
            raise
        return first, answer

    async def quit(self) -> None:
        """Say goodbye, briefly."""
        try:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit(timeout=2)
        finally:
            self.drop()

    def drop(self) -> None:
        _drop(self._smtp)

    # How

    async def _reset(self) -> None:
        reply = await self._command((b"RSET",))
        if not reply.accepted:
            raise Cut(f"RSET was answered with {reply.code}")

    async def _ask(self, words: tuple[bytes, ...]) -> None:
        reply = await self._command(words)
        if not reply.accepted:
            raise self._refused(reply)

    async def _command(self, words: tuple[bytes, ...]) -> Reply:
        try:
            reply = read(*await self._smtp.execute_command(*words))
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Cut(f"{words[0].decode()}: {_words(error)}") from error
        return self._sensible(reply, words[0].decode())

    def _sensible(self, reply: Reply, command: str) -> Reply:
        if reply.code == _CLOSING:
            raise Cut(f"{command} was answered with 421 {reply.text}")
        if not reply.definite and reply.code != _START:
            raise Cut(f"{command} was answered with {reply.code}, which means nothing")
        return reply

    def _refused(self, reply: Reply) -> Exception:
        """What a negative answer means."""
        if reply.code in _LOGIN_CODES:
            return SmarthostTrouble(Fault.LOGIN_WANTED, self._smarthost.place, f"{reply.code} {reply.text}")
        if reply.code == _BAD_SEQUENCE or reply.code < 400:
            return Cut(f"an answer out of order: {reply.code} {reply.text}")
        return Refused(reply)

    async def _content(self, piece: bytes, file: BinaryIO | None) -> Reply:
        protocol, transport = self._smtp.protocol, self._smtp.transport
        if protocol is None or transport is None:
            raise Cut("DATA: the connection was lost")
        if self._writer is None:
            # The library's protocol is made for a StreamWriter, which waits while the transport is full.
            self._writer = asyncio.StreamWriter(
                cast("asyncio.WriteTransport", transport), protocol, None, asyncio.get_running_loop()
            )
        stuffing = Stuffing()
        # It listens from now on: a server may say no in the middle.
        answer = asyncio.ensure_future(protocol.read_response(timeout=None))
        whole = False
        try:
            # What comes before it listens the library throws away. Its task begins now; else the answer to a short mail can
            # be quicker (uvloop reads from sockets before it begins tasks), and the mail would be sent again.
            await asyncio.sleep(0)
            while piece and not answer.done():
                self._writer.write(stuffing.feed(piece))
                async with asyncio.timeout(self._smarthost.timeout * 3):
                    await self._writer.drain()
                piece = await asyncio.to_thread(file.read, _PIECE) if file is not None else b""
            if not answer.done():
                whole = True
                self._writer.write(stuffing.end())
            async with asyncio.timeout(min(_LONGEST_WAIT, 10 * self._smarthost.timeout)):
                reply = read(*await answer)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise (Unknown if whole else Cut)(f"the mail: {_words(error)}") from error
        finally:
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # it was seen, or does not matter any more
        return self._judged(reply, whole)

    def _judged(self, reply: Reply, whole: bool) -> Reply:
        """What the answer to the content means."""
        if whole and not reply.definite:
            raise Unknown(f"the mail was answered with {reply.code}, which means nothing")
        if not whole:
            # It stopped listening; what we had still to say would be taken for commands.
            self.drop()
        reply = self._sensible(reply, "the mail")
        if not reply.accepted:
            raise self._refused(reply)
        if not whole:
            raise Cut(f"the mail was answered with {reply.code} before it was there")
        return reply


async def _dialled(smarthost: Smarthost) -> socket.socket:
    """A connection to the very address that was judged."""
    family = socket.AF_INET6 if ":" in smarthost.at else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(smarthost.timeout):
            await asyncio.get_running_loop().sock_connect(sock, (smarthost.at, smarthost.port))
    except BaseException as error:
        sock.close()
        if not isinstance(error, OSError):
            raise
        words = "" if isinstance(error, TimeoutError) else one_line(error.strerror or "")
        fault = Fault.SILENT if isinstance(error, TimeoutError) else Fault.CONNECT
        raise SmarthostTrouble(fault, smarthost.place, words) from error
    return sock


async def _greet(smtp: aiosmtplib.SMTP, smarthost: Smarthost) -> None:
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        # RFC 5321 §3.2: a server that knows no EHLO; it has neither TLS nor logins.
        if error.code not in _UNKNOWN_COMMAND or smarthost.security == "starttls" or smarthost.username:
            raise
        await smtp.helo()


async def _log_in(smtp: aiosmtplib.SMTP, smarthost: Smarthost) -> None:
    if smarthost.security == "none" and not smarthost.local:
        raise SmarthostTrouble(Fault.PASSWORD_IN_CLEAR, smarthost.place)
    if smarthost.token:
        await smtp.auth_xoauth2(smarthost.username, smarthost.password)
    elif not smtp.supports_extension("auth"):
        raise SmarthostTrouble(Fault.NO_LOGIN, smarthost.place)
    else:
        await smtp.login(smarthost.username, smarthost.password)


def _called(smtp: aiosmtplib.SMTP) -> str:
    """What the server calls itself: the first word of its answer to EHLO (RFC 5321 §4.1.1.1)."""
    said = smtp.last_ehlo_response.message.split() if smtp.last_ehlo_response is not None else []
    return one_line(said[0])[:255] if said else ""


def _opened(path: Path) -> tuple[BinaryIO | None, bytes]:
    """The beginning of a file, and the file if there is more."""
    file = path.open("rb")
    try:
        piece = file.read(_PIECE)
    except OSError:
        file.close()
        raise
    if len(piece) < _PIECE:
        file.close()
        return None, piece
    return file, piece


def _drop(smtp: aiosmtplib.SMTP) -> None:
    transport = smtp.transport
    smtp.close()
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()  # what is not written yet must not be written later


def _words(error: BaseException) -> str:
    return one_line(str(error)) or type(error).__name__
