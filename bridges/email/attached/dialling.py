"""The way to the servers of an attached mailbox, and whether its login is good there."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bridges.email.attached.account import Mailing
from bridges.email.attached.hosts import IMAP_PORTS, SMTP_PORTS, Hosts, NotReached
from bridges.email.attached.tokens import NoToken, Tokens
from bridges.email.imap.client import ImapConnection, ImapError, Login, Security, Server, Trouble
from bridges.email.sending.faults import Fault, SmarthostTrouble
from bridges.email.sending.smarthost import Connection, Smarthost

Result = TypeVar("Result")

_STEP = 8.0  # seconds for one answer, while somebody waits
_ALL = 20.0  # less than people are let wait for a registration
_SENDING = 60.0

#: What a user can do about a fault of the server that the user has named.
_FAULTS = {
    Fault.CONNECT: "{place}, where your mail is sent, cannot be reached: {why}.",
    Fault.SILENT: "{place}, where your mail is sent, does not answer: check the name of your SMTP server, and its port.",
    Fault.GREETING: "{place}, where your mail is sent, turns this gateway away: {why}.",
    Fault.HELLO: "{place}, where your mail is sent, refuses this gateway's name: {why}.",
    Fault.NOT_TLS: "{place} does not speak TLS from the first byte: write your SMTP server as {place}/starttls.",
    Fault.NO_STARTTLS: "{place} offers no encryption (STARTTLS): use port 465 of your SMTP server.",
    Fault.STARTTLS: "{place} offers encryption, which then fails: {why}.",
    Fault.CERTIFICATE: "{place} shows a certificate that is not to be trusted: {why}.",
    Fault.NO_LOGIN: "{place} lets nobody log in: check the name of your SMTP server, and its port.",
    Fault.LOGIN: "{place}, where your mail is sent, does not accept your login: {why}.",
    Fault.LOGIN_WANTED: "{place}, where your mail is sent, wants another login: {why}.",
}
_CREDENTIALS = frozenset({Fault.LOGIN, Fault.LOGIN_WANTED})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a mailbox cannot be used. ``text`` is a sentence for its user; ``credentials``: until they are changed;
    ``lasting``: until the user changes something."""

    text: str
    credentials: bool = False
    lasting: bool = False


def of_imap(error: ImapError) -> Obstacle:
    credentials = error.trouble is Trouble.CREDENTIALS
    return Obstacle(str(error), credentials, credentials or error.trouble is Trouble.CERTIFICATE)


def of_smtp(trouble: SmarthostTrouble, place: str) -> Obstacle:
    words = _FAULTS.get(trouble.fault)
    text = (
        words.format(place=place, why=trouble.why or "it says no more") if words is not None else str(trouble)
    )
    # RFC 4954 §6: 454 is a login that cannot be checked just now.
    credentials = trouble.fault in _CREDENTIALS and not trouble.why.startswith("4")
    return Obstacle(text, credentials, credentials)


def of_token(error: NoToken) -> Obstacle:
    return Obstacle(str(error), error.credentials, error.credentials)


class Dialling:
    """``context`` decides whose certificates are good, for all mailboxes; ``hello`` is how we name ourselves."""

    def __init__(self, hosts: Hosts, context: ssl.SSLContext, hello: str, tokens: Tokens) -> None:
        self.tokens = tokens
        self._hosts = hosts
        self._context = context
        self._hello = hello

    async def imap(self, mailing: Mailing) -> Server:
        """Raises ``NotReached``."""
        host = mailing.imap
        at = await self._hosts.find(host, IMAP_PORTS)
        return Server(host.name, host.port, host.security, self._context, at)

    async def smtp(self, mailing: Mailing, timeout: float = _SENDING) -> Smarthost:
        """Raises ``NotReached``."""
        host = mailing.smtp
        at = await self._hosts.find(host, SMTP_PORTS)
        return Smarthost(
            host.name,
            host.port,
            "starttls" if host.security is Security.STARTTLS else "tls",
            self._hello,
            username=mailing.user,
            password=mailing.secret,
            token=mailing.token,
            timeout=timeout,
            at=at,
            context=self._context,
        )

    async def logged_in(
        self, owner: str, mailing: Mailing, attempt: Callable[[Mailing], Awaitable[Result]]
    ) -> Result:
        """``attempt`` with a login that should be good, and once more with a new token where it was not. Raises ``NoToken``,
        ``NotStored`` and what ``attempt`` does."""
        current = await self.tokens.login(owner, mailing)
        try:
            return await attempt(current)
        except (ImapError, SmarthostTrouble) as error:
            if mailing.renewal is None or not _login_refused(error):
                raise
        return await attempt(await self.tokens.login(owner, mailing, refused=current.secret))

    async def connect(self, owner: str, mailing: Mailing) -> Connection:
        """For sending. Raises ``SmarthostTrouble``, ``NoToken`` and ``NotStored``."""

        async def attempt(current: Mailing) -> Connection:
            return await Connection.open(await self.smtp(current))

        try:
            return await self.logged_in(owner, mailing, attempt)
        except NotReached as error:
            raise SmarthostTrouble(Fault.CONNECT, mailing.smtp.name, str(error)) from error

    async def tried(self, owner: str, mailing: Mailing) -> Obstacle | None:
        """Log in for reading and for sending; what is in the way, if anything is. Takes twenty seconds at most. Raises
        ``NotStored``."""
        try:
            async with asyncio.timeout(_ALL):
                await self.logged_in(owner, mailing, self._read)
                await self.logged_in(owner, mailing, self._send)
        except ImapError as error:
            return of_imap(error)
        except SmarthostTrouble as trouble:
            return of_smtp(trouble, mailing.smtp.name)
        except NoToken as error:
            return of_token(error)
        except NotReached as error:
            return Obstacle(str(error), lasting=True)
        except TimeoutError:
            return Obstacle(
                f"The servers of {mailing.mailbox.domain} do not answer in time. Try again later."
            )
        return None

    async def _read(self, mailing: Mailing) -> None:
        connection = await ImapConnection.open(await self.imap(mailing), timeout=_STEP)
        try:
            await connection.log_in(login_of(mailing))
        finally:
            await connection.close()

    async def _send(self, mailing: Mailing) -> None:
        connection = await Connection.open(await self.smtp(mailing, _STEP))
        await connection.quit()


def _login_refused(error: ImapError | SmarthostTrouble) -> bool:
    if isinstance(error, ImapError):
        return of_imap(error).credentials
    return of_smtp(error, "").credentials


def login_of(mailing: Mailing) -> Login:
    return Login(mailing.user, mailing.secret, mailing.token)
