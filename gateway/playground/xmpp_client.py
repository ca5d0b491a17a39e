"""A test user on a real XMPP server: a raw client on asyncio streams that sends exactly the XML it is given and keeps
what it receives as parsed elements. It logs in with SASL PLAIN over an unencrypted stream, so only ever to loopback."""

import asyncio
import base64
import contextlib
import itertools
from collections.abc import Callable
from xml.etree.ElementTree import Element, XMLParser
from xml.sax.saxutils import escape, quoteattr

from gateway.playground.expect import DEADLINE, Inbox, Unmet
from gateway.playground.match import MUC_USER, error_condition, error_text, iq, presence, show, status_codes

STREAM = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
MUC = "http://jabber.org/protocol/muc"
PING = "urn:xmpp:ping"

Observer = Callable[[str, Element], None]


class LoginFailed(Exception):
    """The server refused the log-in; the text holds its answer."""


class _Stream:
    """Elements out of a stream: every child of the root as it is complete."""

    def __init__(self) -> None:
        self._complete: list[Element] = []
        self._open: list[Element] = []
        self._parser = XMLParser(target=self)

    def feed(self, data: bytes) -> list[Element]:
        """Raises ParseError."""
        self._parser.feed(data)
        complete, self._complete = self._complete, []
        return complete

    # What XMLParser calls on its target.

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes)
        if len(self._open) > 1:
            self._open[-1].append(element)
        self._open.append(element)

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1:
            self._complete.append(element)

    def data(self, text: str) -> None:
        element = self._open[-1]
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text

    def close(self) -> None:
        """Streams are never parsed to their end."""


class XmppClient:
    """One resource of one user, logged in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bare: str) -> None:
        self.bare = bare
        self.jid = bare
        self._reader = reader
        self._writer = writer
        self._stream = _Stream()
        self._ids = itertools.count(1)
        self._observers: list[Observer] = []
        self._listening: asyncio.Task[None] | None = None
        self.inbox: Inbox[Element] = Inbox(bare, show)

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        bare: str,
        password: str,
        resource: str = "desk",
        *,
        priority: int | None = 0,
    ) -> "XmppClient":
        """Log in as ``bare``/``resource`` and send initial presence (``priority`` None: none). Raises ``LoginFailed``."""
        reader, writer = await asyncio.open_connection(host, port)
        client = cls(reader, writer, bare)
        try:
            async with asyncio.timeout(DEADLINE):
                await client._log_in(password, resource)
        except BaseException:
            writer.transport.abort()
            raise
        client._listening = asyncio.create_task(client._listen(), name=f"xmpp-client {client.jid}")
        client.inbox = Inbox(client.jid, show)
        if priority is not None:
            client.send(f"<presence><priority>{priority}</priority></presence>")
        return client

    async def _log_in(self, password: str, resource: str) -> None:
        local, _, domain = self.bare.partition("@")
        await self._open(domain)
        plain = base64.b64encode(f"\0{local}\0{password}".encode()).decode()
        self.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{plain}</auth>")
        answer = await self._next()
        if answer.tag != f"{{{SASL}}}success":
            raise LoginFailed(f"{self.bare} could not log in: {show(answer)}")
        self._stream = _Stream()
        await self._open(domain)
        self.send(
            f"<iq type='set' id='bind'><bind xmlns='{BIND}'><resource>{escape(resource)}</resource></bind></iq>"
        )
        bound = await self._next()
        jid = bound.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid")
        if jid is None:
            raise LoginFailed(f"{self.bare} could not bind the resource {resource!r}: {show(bound)}")
        self.jid = jid

    async def _open(self, domain: str) -> None:
        self.send(
            f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{STREAM}' "
            f"to={quoteattr(domain)} version='1.0'>"
        )
        features = await self._next()
        if features.tag != f"{{{STREAM}}}features":
            raise LoginFailed(f"{self.bare}: the server answered the stream header with {show(features)}")

    async def _next(self) -> Element:
        """Before we listen: the next element, which comes alone."""
        while True:
            data = await self._reader.read(65536)
            if not data:
                raise LoginFailed(f"{self.bare}: the server closed the stream while we logged in")
            if elements := self._stream.feed(data):
                return elements[0]

    async def _listen(self) -> None:
        try:
            while data := await self._reader.read(65536):
                for element in self._stream.feed(data):
                    self._receive(element)
            self.inbox.end("the server closed the connection")
        except OSError as error:
            self.inbox.end(f"the connection broke: {error}")

    def _receive(self, element: Element) -> None:
        for observer in self._observers:
            observer("in", element)
        if element.find(f"{{{PING}}}ping") is not None and element.get("type") == "get":
            sender = quoteattr(element.get("from", self.bare))
            self.send(f"<iq type='result' id={quoteattr(element.get('id', ''))} to={sender}/>")
            return
        self.inbox.put(element)

    def observe(self, observer: Observer) -> None:
        """Call ``observer`` with "in" and every element received from now on."""
        self._observers.append(observer)

    def new_id(self) -> str:
        return f"t{next(self._ids)}"

    def send(self, xml: str) -> None:
        """Send exactly this text."""
        self._writer.write(xml.encode())

    async def drain(self) -> None:
        await self._writer.drain()

    def say(self, to: str, body: str, *, type: str = "chat") -> str:
        """Send a message; gives its id."""
        id = self.new_id()
        self.send(
            f"<message to={quoteattr(to)} type={quoteattr(type)} id='{id}'><body>{escape(body)}</body></message>"
        )
        return id

    async def expect(
        self, wanted: Callable[[Element], bool], description: str = "", within: float = DEADLINE
    ) -> Element:
        """Take the oldest received stanza for which ``wanted`` holds. Raises ``Unmet``."""
        return await self.inbox.take(wanted, description, within)

    async def expect_next(
        self, wanted: Callable[[Element], bool], description: str = "", within: float = DEADLINE
    ) -> Element:
        """As ``expect``, for the very next stanza."""
        return await self.inbox.take_next(wanted, description, within)

    async def iq(self, to: str, payload: str, *, type: str = "get", within: float = DEADLINE) -> Element:
        """Send a request and give its answer, result or error."""
        id = self.new_id()
        self.send(f"<iq to={quoteattr(to)} type='{type}' id='{id}'>{payload}</iq>")
        return await self.expect(
            lambda one: iq(id=id)(one) and one.get("type") in {"result", "error"},
            f"an answer of {to}",
            within,
        )

    async def settle(self, to: str) -> None:
        """Wait until ``to`` has answered a ping: what it sent us before is then in the inbox. Streams keep their order."""
        await self.iq(to, f"<ping xmlns='{PING}'/>")

    async def join(
        self, room: str, nick: str, *, password: str = "", history: int | None = 0, within: float = DEADLINE
    ) -> Element:
        """Join a room (XEP-0045 §7.2) and give our own presence in it. Occupants, history and subject stay in the inbox.
        Raises ``Unmet`` with the room's error if it refuses."""
        answer = await self.try_join(room, nick, password=password, history=history, within=within)
        if (condition := error_condition(answer)) is not None:
            raise Unmet(f"{self.jid} was refused by {room}: {condition}: {error_text(answer)}")
        return answer

    async def try_join(
        self, room: str, nick: str, *, password: str = "", history: int | None = 0, within: float = DEADLINE
    ) -> Element:
        """As ``join``, but gives the presence error where the room refuses."""
        keyword = f"<password>{escape(password)}</password>" if password else ""
        lines = "" if history is None else f"<history maxstanzas='{history}'/>"
        self.send(
            f"<presence to={quoteattr(f'{room}/{nick}')}><x xmlns='{MUC}'>{keyword}{lines}</x></presence>"
        )

        def answered(stanza: Element) -> bool:
            ours = presence()(stanza) and (stanza.get("from") or "").startswith(room)
            return ours and (stanza.get("type") == "error" or 110 in status_codes(stanza))

        return await self.expect(answered, f"to be let into {room} or refused", within)

    def leave(self, room: str, nick: str, status: str = "") -> None:
        said = f"<status>{escape(status)}</status>" if status else ""
        self.send(f"<presence to={quoteattr(f'{room}/{nick}')} type='unavailable'>{said}</presence>")

    async def close(self) -> None:
        """Log out."""
        with contextlib.suppress(OSError):
            self.send("<presence type='unavailable'/></stream:stream>")
            await self._writer.drain()
        await self.drop()

    async def drop(self) -> None:
        """End the connection without a word."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def item(stanza: Element) -> Element | None:
    """The muc#user item of a presence."""
    return stanza.find(f"{{{MUC_USER}}}x/{{{MUC_USER}}}item")
