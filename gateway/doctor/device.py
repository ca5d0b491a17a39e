"""A device of a user: logs in as any client does, and keeps what it hears. Only for an account that the operator lends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element

from slixmpp.clientxmpp import ClientXMPP
from slixmpp.xmlstream import StanzaBase

from gateway.ops.desk import Login
from gateway.values import is_loopback

_SECONDS = 15.0
_HEARD_MOST = 500


class CannotLogIn(Exception):
    """The argument says why, in one sentence."""


class Device:
    """One client of the account; ``jid`` is the full JID once it is logged in."""

    def __init__(self, login: Login, resource: str) -> None:
        near = bool(login.host) and is_loopback(login.host)
        # Nobody listens between two programs of one machine, and its certificate seldom is for "localhost".
        unencrypted = {"unencrypted_plain": True, "unencrypted_scram": True} if near else {}
        self.client = ClientXMPP(
            f"{login.jid}/{resource}",
            login.password,
            plugin_config={"feature_mechanisms": unencrypted},
            ssl_context=_lenient() if near else None,
        )
        self.client.enable_plaintext = near
        self.client.add_filter("in", self._hear)
        self.heard: list[Element] = []
        self._news = asyncio.Event()

    @property
    def jid(self) -> str:
        return str(self.client.boundjid)

    def send(self, stanza: str) -> None:
        self.client.send_raw(stanza)

    def _hear(self, stanza: StanzaBase) -> StanzaBase:
        if len(self.heard) < _HEARD_MOST:
            self.heard.append(stanza.xml)
        self._news.set()
        return stanza

    async def hears(self, wanted: Callable[[Element], bool], seconds: float) -> Element | None:
        """The first that is wanted, of what was heard or will be."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for each in self.heard:
                        if wanted(each):
                            return each
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None


def _lenient() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def logged_in(login: Login, resource: str) -> AsyncIterator[Device]:
    """A device that is there for as long as the block lasts. Raises ``CannotLogIn``."""
    device = Device(login, resource)
    client = device.client
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[str] = loop.create_future()

    def settled(text: str) -> Callable[[object], None]:
        def settle(_: object) -> None:
            if not outcome.done():
                outcome.set_result(text)

        return settle

    where = f"{login.host} port {login.port}" if login.host else f"the server of {login.jid}"

    def untrusted(error: Exception) -> None:
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        settled(f"TLS with {where} failed ({reason}): see to the certificate that the server shows.")(error)

    client.add_event_handler("session_start", settled(""))
    client.add_event_handler("ssl_invalid_chain", untrusted)
    client.add_event_handler(
        "failed_all_auth", settled(f"The server does not take the password of {login.jid}.")
    )
    if login.host:
        client.connect(login.host, login.port)
    else:
        client.connect()
    try:
        try:
            async with asyncio.timeout(_SECONDS):
                wrong = await outcome
        except TimeoutError:
            wrong = f"{where[:1].upper()}{where[1:]} cannot be reached as a client does: say --as-server HOST:PORT."
        if wrong:
            raise CannotLogIn(wrong)
        yield device
    finally:
        client.cancel_connection_attempt()
        await client.disconnect(wait=1.0)
        # The library leaves its sender running, and asyncio tells of that as an error when both are collected.
        sender = client._run_out_filters
        if sender is not None:
            sender.cancel()
            await asyncio.wait([sender])
