"""One IMAP connection: TLS, login, and commands with their responses (RFC 3501, RFC 9051).

Every step has a time limit. Nothing is sent before the certificate was checked, no password without TLS but to this machine,
and nothing that came before STARTTLS is believed after it (the injections of CVE-2021-33515 and its like).
"""

import asyncio
import base64
import re
import ssl
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bridges.email.imap.responses import Response, Responses, Unintelligible
from bridges.email.imap.stream import Stream

_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
_READ = 65_536


class Trouble(StrEnum):
    """What can be done about it."""

    UNREACHABLE = "unreachable"  # try again later
    CERTIFICATE = "certificate"
    CREDENTIALS = "credentials"  # nothing works until they are changed
    REFUSED = "refused"  # the server will not do this


class ImapError(Exception):
    """``str`` is a sentence for whoever owns the mailbox."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Server:
    """``context`` decides whose certificates are good. ``at`` is the address to connect to, where ``host`` was resolved and
    judged already; its certificate is that of ``host`` all the same."""

    host: str
    port: int
    security: Security
    context: ssl.SSLContext | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """A password, or an OAuth 2.0 access token (XOAUTH2)."""

    user: str
    secret: str
    token: bool = False


class ImapConnection:
    """Commands go one after the other: whoever has the connection awaits each of them. All raise ``ImapError``."""

    def __init__(
        self,
        server: Server,
        stream: Stream,
        *,
        timeout: float,
        literal_most: int,
    ) -> None:
        self._server = server
        self._stream = stream
        self._timeout = timeout
        self._responses = Responses(literal_most)
        self._waiting: deque[Response] = deque()
        self._commands = 0
        self.capabilities: frozenset[str] = frozenset()
        self._idling: asyncio.Timeout | None = None
        self._woken = False
        self.news = False  # something changed in the mailbox since it was last looked at

    @classmethod
    async def open(cls, server: Server, *, timeout: float = 30.0, literal_most: int = 30_000_000) -> Self:
        """Connect, with TLS, as far as the greeting. ``timeout``: seconds for each step."""
        try:
            async with asyncio.timeout(timeout):
                stream = await Stream.open(server.at or server.host, server.port)
        except (OSError, TimeoutError) as error:
            raise _unreachable(server, error) from error
        connection = cls(server, stream, timeout=timeout, literal_most=literal_most)
        try:
            if server.security is Security.TLS:
                await connection._secure()
            await connection._greet()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _greet(self) -> None:
        greeting = await self._response()
        if greeting.status not in ("OK", "PREAUTH"):
            raise self._refused("turns us away", greeting)
        self._learn(greeting)
        if self._server.security is Security.STARTTLS:
            await self._start_tls()
        if not self.capabilities:
            await self.command(b"CAPABILITY")

    async def _start_tls(self) -> None:
        if self.capabilities and "STARTTLS" not in self.capabilities:
            raise ImapError(
                Trouble.REFUSED,
                f"{self._server.host} offers no encryption (STARTTLS); use its port with TLS.",
            )
        await self.command(b"STARTTLS")
        if self._waiting or self._responses.pending:
            raise ImapError(Trouble.REFUSED, f"{self._server.host} spoke before the encryption began.")
        await self._secure()
        self.capabilities = frozenset()

    async def _secure(self) -> None:
        context = self._server.context or ssl.create_default_context()
        try:
            async with asyncio.timeout(self._timeout):
                await self._stream.secure(context, self._server.host)
        except ssl.SSLCertVerificationError as error:
            raise _certificate(self._server, error) from error
        except (OSError, TimeoutError) as error:
            raise _unreachable(self._server, error) from error

    async def close(self) -> None:
        """Without another word; twice is once."""
        await self._stream.close()

    # -- login -------------------------------------------------------------------------------------------------

    async def log_in(self, login: Login) -> None:
        if "\0" in login.user or "\0" in login.secret:
            raise ImapError(Trouble.CREDENTIALS, "User name and password must not hold a NUL character.")
        mechanism, words = (
            (b"XOAUTH2", f"user={login.user}\x01auth=Bearer {login.secret}\x01\x01")
            if login.token
            else (b"PLAIN", f"\0{login.user}\0{login.secret}")
        )
        try:
            if f"AUTH={mechanism.decode()}" in self.capabilities:
                await self._authenticate(mechanism, words.encode())
            elif login.token:
                raise ImapError(Trouble.REFUSED, f"{self._server.host} takes no OAuth tokens (XOAUTH2).")
            elif "LOGINDISABLED" in self.capabilities:
                raise ImapError(Trouble.REFUSED, f"{self._server.host} takes no passwords on this port.")
            else:
                await self.command(b"LOGIN", login.user.encode(), login.secret.encode())
        except ImapError as error:
            if error.trouble is Trouble.REFUSED:
                raise ImapError(Trouble.CREDENTIALS, str(error)) from error
            raise
        if not self.capabilities or not any(each.startswith("IDLE") for each in self.capabilities):
            await self.command(b"CAPABILITY")  # servers offer more to whom they know

    async def _authenticate(self, mechanism: bytes, words: bytes) -> None:
        encoded = base64.b64encode(words)
        first = b"AUTHENTICATE " + mechanism
        if "SASL-IR" in self.capabilities:
            tag = await self._send(first + b" " + encoded)
        else:
            tag = await self._send(first)
            await self._continued(tag)
            await self._write(encoded + b"\r\n")
        while True:
            response = await self._response()
            if (
                response.tag == "+"
            ):  # an error in JSON (XOAUTH2): the server waits for an answer, then says no
                await self._write(b"\r\n")
            elif response.tag == tag:
                self._completed(response)
                return
            else:
                self._learn(response)

    # -- waiting -----------------------------------------------------------------------------------------------

    async def idle(self, seconds: float) -> bool:
        """Wait for news (RFC 2177) for so long; whether there are any. Without IDLE it is a question after that time."""
        if "IDLE" not in self.capabilities:
            await asyncio.sleep(min(seconds, 60.0))
            await self.command(b"NOOP")
            return self.news
        tag = await self._send(b"IDLE")
        await self._continued(tag)
        try:
            async with asyncio.timeout(seconds) as self._idling:
                while not (self.news or self._woken):
                    self._heard(await self._response(patient=True), tag)
        except TimeoutError:
            pass  # the usual end: nothing happened, or somebody woke us
        finally:
            self._idling = None
            self._woken = False
        await self._write(b"DONE\r\n")
        while True:
            response = await self._response()
            if response.tag == tag:
                self._completed(response)
                return self.news
            self._heard(response, tag)

    def wake(self) -> None:
        """End ``idle``, or the next one: there is something to do."""
        self._woken = True
        if self._idling is not None and not self._idling.expired():
            self._idling.reschedule(0.0)

    # -- commands ----------------------------------------------------------------------------------------------

    async def command(self, words: bytes, *strings: bytes, literal: bytes | None = None) -> list[Response]:
        """``words`` as they are, then ``strings`` quoted (lists in brackets as they are), then ``literal``. The untagged
        responses to it."""
        tag = await self._send(words, *strings, literal=literal)
        found: list[Response] = []
        while True:
            response = await self._response()
            if response.tag == tag:
                self._completed(response)
                found.append(response)
                return found
            self._heard(response, tag)
            found.append(response)

    async def _send(self, words: bytes, *strings: bytes, literal: bytes | None = None) -> str:
        self._commands += 1
        tag = f"c{self._commands}"
        line = tag.encode() + b" " + words
        for each in strings:
            line += b" "
            if each.startswith(b"(") or (_QUOTABLE.fullmatch(each) and len(each) < 1000):
                quoted = each.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
                line += each if each.startswith(b"(") else b'"' + quoted + b'"'
            else:
                await self._literal(tag, line, each)
                line = b""
        if literal is not None:
            await self._literal(tag, line + b" ", literal)
            line = b""
        await self._write(line + b"\r\n")
        return tag

    async def _literal(self, tag: str, line: bytes, literal: bytes) -> None:
        if "LITERAL+" in self.capabilities:
            await self._write(line + b"{%d+}\r\n" % len(literal) + literal)
            return
        await self._write(line + b"{%d}\r\n" % len(literal))
        await self._continued(tag)
        await self._write(literal)

    async def _continued(self, tag: str) -> None:
        while True:
            response = await self._response()
            if response.tag == "+":
                return
            if response.tag == tag:
                self._completed(response)
                raise self._refused("does not go on", response)
            self._heard(response, tag)

    def _heard(self, response: Response, tag: str) -> None:
        if response.status == "BYE" and tag:
            raise ImapError(
                Trouble.UNREACHABLE, f"{self._server.host} ends the connection: {_said(response)}"
            )
        self._learn(response)
        if response.name in ("EXISTS", "EXPUNGE", "RECENT"):
            self.news = self.news or response.name == "EXISTS"

    def _learn(self, response: Response) -> None:
        words: list[str] = []
        if response.code.upper().startswith("CAPABILITY "):
            words = response.code.split()[1:]
        elif response.name == "CAPABILITY":
            words = [
                each.decode("ascii", "replace") for each in response.values[1:] if isinstance(each, bytes)
            ]
        if words:
            self.capabilities = frozenset(each.upper() for each in words)

    def _completed(self, response: Response) -> None:
        self._learn(response)
        if response.status != "OK":
            raise self._refused("refuses", response)

    def _refused(self, what: str, response: Response) -> ImapError:
        away = "UNAVAILABLE" in response.code.upper() or response.status == "BYE"
        trouble = Trouble.UNREACHABLE if away else Trouble.REFUSED
        return ImapError(trouble, f"{self._server.host} {what}: {_said(response)}")

    # -- bytes -------------------------------------------------------------------------------------------------

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._stream.write(data)
        except (OSError, TimeoutError) as error:
            raise _unreachable(self._server, error) from error

    async def _response(self, *, patient: bool = False) -> Response:
        """The next one. ``patient``: however long it takes."""
        seconds = None if patient else self._timeout
        while not self._waiting:
            try:
                async with asyncio.timeout(seconds):
                    data = await self._stream.read(_READ)
            except TimeoutError as error:
                if seconds is None:
                    raise
                raise _unreachable(self._server, error) from error
            except OSError as error:
                raise _unreachable(self._server, error) from error
            if not data:
                raise ImapError(Trouble.UNREACHABLE, f"{self._server.host} closed the connection.")
            try:
                self._waiting += self._responses.feed(data)
            except Unintelligible as error:
                raise ImapError(
                    Trouble.UNREACHABLE, f"{self._server.host} does not speak IMAP as we know it: {error}."
                ) from error
        return self._waiting.popleft()


def _said(response: Response) -> str:
    words = "".join(each for each in response.text if each.isprintable())[:200]
    return words or response.code[:100] or response.status


def _words(error: BaseException) -> str:
    return (
        "it did not answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    )


def _unreachable(server: Server, error: BaseException) -> ImapError:
    return ImapError(
        Trouble.UNREACHABLE, f"{server.host} port {server.port} cannot be reached: {_words(error)}."
    )


def _certificate(server: Server, error: ssl.SSLCertVerificationError) -> ImapError:
    return ImapError(
        Trouble.CERTIFICATE,
        f"{server.host} shows a certificate that is not to be trusted: {error.verify_message}.",
    )
