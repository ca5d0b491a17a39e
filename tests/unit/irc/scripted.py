"""A session without a network: the test plays the server line by line, and sees what reaches the core."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridges.irc.bridge import IrcBridge
from bridges.irc.config import IrcSettings
from bridges.irc.dial import ConnectFailed, Endpoint
from bridges.irc.protocol.decode import decode, encode
from bridges.irc.protocol.line import Line, parse
from bridges.irc.session import IrcSession
from gateway.bridge import Account, Answer, Capabilities, ForgetfulMemory, Services, SessionEnded
from gateway.model import (
    ChatState,
    Condition,
    DeliveryState,
    Departure,
    Message,
    Occupant,
    Question,
    Reaction,
    Refused,
    Retraction,
    Topic,
)
from tests.fakes.clock import ManualClock, settle

NETWORK = "irc.example"
TOKEN = "abcdefghij234567abcdefghij"
ME = ":Nick!~nick@my.host"
BOB = ":Bob!bob@his.host"


class Recorder:
    """``gateway.bridge.Sink`` that remembers every call as ``(name, *arguments)``."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.can: Capabilities | None = None
        self.answer = ""  # of the user's client, to whatever somebody asks
        self.files: list[tuple[str, Answer[str]]] | None = None  # None: there is no place for any

    def take(self) -> list[tuple[Any, ...]]:
        calls, self.calls = self.calls, []
        return calls

    def online(self, nick: str) -> None:
        self.calls.append(("online", nick))

    def own_nick(self, nick: str) -> None:
        self.calls.append(("own_nick", nick))

    def refold(self) -> None:
        self.calls.append(("refold",))

    def abilities(self, can: Capabilities) -> None:
        self.can = can  # told at every connection: kept out of what tests compare

    def asked(self, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        self.calls.append(("asked", sender, question))
        answer(self.answer)

    def service(self, text: str) -> None:
        self.calls.append(("service", text))

    def direct(self, message: Message) -> None:
        self.calls.append(("direct", message))

    def delivery(self, foreign_id: str, state: DeliveryState, why: Refused | None = None) -> None:
        self.calls.append(("delivery", foreign_id, state, why))

    def direct_sent(self, contact: str, message: Message) -> None:
        self.calls.append(("direct_sent", contact, message))

    def reacted(self, room: str, reaction: Reaction) -> None:
        self.calls.append(("reacted", room, reaction))

    def retracted(self, room: str, retraction: Retraction) -> None:
        self.calls.append(("retracted", room, retraction))

    def typing(self, room: str, sender: str, state: ChatState) -> None:
        self.calls.append(("typing", room, sender, state))

    def room_joined(self, room: str, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        self.calls.append(("room_joined", room, nick, list(occupants), topic))

    def room_refused(self, room: str, why: Refused) -> None:
        self.calls.append(("room_refused", room, why))

    def room_message(self, room: str, message: Message) -> None:
        self.calls.append(("room_message", room, message))

    def room_note(self, room: str, text: str) -> None:
        self.calls.append(("room_note", room, text))

    def invited(self, name: str, actor: str, reason: str = "") -> None:
        self.calls.append(("invited", name, actor, reason))

    def knocked(self, room: str, nick: str, reason: str = "") -> None:
        self.calls.append(("knocked", room, nick, reason))

    def publish(self, text: str, name: str, answer: Answer[str]) -> None:
        if self.files is None:
            answer.refused(Refused(Condition.SERVICE_UNAVAILABLE, "There is no place for files here."))
        else:
            self.files.append((text, answer))

    def room_password(self, room: str, password: str) -> None:
        self.calls.append(("room_password", room, password))

    def room_configured(self, room: str) -> None:
        self.calls.append(("room_configured", room))

    def topic(self, room: str, topic: Topic) -> None:
        self.calls.append(("topic", room, topic))

    def arrived(self, room: str, occupant: Occupant) -> None:
        self.calls.append(("arrived", room, occupant))

    def departed(self, rooms: Sequence[str], nick: str, departure: Departure) -> None:
        self.calls.append(("departed", list(rooms), nick, departure))

    def renamed(self, rooms: Sequence[str], old: str, new: str) -> None:
        self.calls.append(("renamed", list(rooms), old, new))


class Receipt:
    """``gateway.bridge.Ticket``; fails if it is closed twice."""

    def __init__(self, reference: str = "") -> None:
        self.reference = reference
        self.outcome: str | Refused = ""
        self.ids: list[str] = []

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        assert not self.outcome
        self.outcome = "done"
        self.ids = list(foreign_ids)

    def refused(self, why: Refused) -> None:
        assert not self.outcome
        self.outcome = why

    @property
    def why(self) -> Refused:
        assert isinstance(self.outcome, Refused)
        return self.outcome


class FakeConnection:
    """``session.Connection`` whose server is the test."""

    def __init__(
        self,
        server: "Server",
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self.server = server
        self.on_line = on_line
        self.on_closed = on_closed
        self.fallback_encoding = ""
        self.decoder: Callable[[bytes], str] | None = None
        self.encoder: Callable[[str], bytes] | None = None
        self.cipher = ""
        self.linelen = 512
        self.writable = True
        self.ended = ""

    async def open(self, endpoint: Endpoint, *, timeout: float = 30.0) -> None:
        await self.server.answer(endpoint)
        self.server.connection = self

    def send(self, line: str) -> None:
        assert not any(char in line for char in "\r\n\0")
        tags, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
        assert len(self._bytes(rest)) <= self.linelen - 2
        assert len(tags.encode()) < 4096
        if not self.ended:
            self.server.sent.append(line)
            self.server.wire.append(self._bytes(line))

    def _bytes(self, line: str) -> bytes:
        return encode(line) if self.encoder is None else self.encoder(line)

    def close(self, cause: str = "") -> None:
        self._end("closed", cause)

    def abort(self, cause: str = "") -> None:
        self._end("aborted", cause)

    def _end(self, how: str, cause: str) -> None:
        if not self.ended:
            self.ended = how
            asyncio.get_running_loop().call_soon(self.on_closed, cause)


class Server:
    """The network: which endpoints answer, what was sent to it, and what it says."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.wire: list[bytes] = []  # the same as it travels
        self.dialled: list[tuple[str, int, bool]] = []
        self.endpoints: list[Endpoint] = []
        self.failures: dict[int, Exception] = {}
        self.hang = False
        self.connection: FakeConnection | None = None
        self.on_writable: Callable[[], None] = lambda: None

    async def answer(self, endpoint: Endpoint) -> None:
        self.dialled.append((endpoint.host, endpoint.port, endpoint.tls is not None))
        self.endpoints.append(endpoint)
        if self.hang:
            await asyncio.get_running_loop().create_future()
        if endpoint.port in self.failures:
            failure = self.failures[endpoint.port]
            if isinstance(failure, ConnectFailed):
                raise failure
            raise ConnectFailed(f"{endpoint.host} port {endpoint.port}: {failure}.") from failure

    def connect(
        self,
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
        on_writable: Callable[[], None],
    ) -> FakeConnection:
        self.on_writable = on_writable
        return FakeConnection(self, on_line, on_closed)

    def says(self, *lines: str) -> None:
        assert self.connection is not None
        for line in lines:
            self.connection.on_line(parse(line))

    def says_raw(self, raw: bytes) -> None:
        assert self.connection is not None
        decoder = self.connection.decoder
        text = decode(raw, self.connection.fallback_encoding) if decoder is None else decoder(raw)
        self.connection.on_line(parse(text))

    def hangs_up(self, cause: str = "The server closed the connection.") -> None:
        assert self.connection is not None
        self.connection.ended = "by the server"
        self.connection.on_closed(cause)

    def take(self) -> list[str]:
        sent, self.sent = self.sent, []
        return sent


class Scene:
    """One session, its server, its core and its clock."""

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        user: Mapping[str, str] | None = None,
        *,
        nick: str = "Nick",
        network: str = NETWORK,
        rooms: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.memory = ForgetfulMemory()
        self.server = Server()
        self.sink = Recorder()
        services = Services(self.clock, random.Random(7), "1.2.3", memory=self.memory)
        self.bridge = IrcBridge(IrcSettings.model_validate(settings or {}), services, self.server.connect)
        self.account = Account("opaque", network, nick, user or {}, {}, rooms or {}, "ann@example.org", TOKEN)
        self.running: asyncio.Task[None] | None = None
        self.begin()

    def begin(self) -> None:
        session = self.bridge.session(self.account, self.sink)
        assert isinstance(session, IrcSession)
        self.session = session

    async def anew(self) -> "Scene":
        """The next connection of the same user, dialled."""
        self.server.dialled.clear()
        self.server.endpoints.clear()
        self.begin()
        return await self.start()

    async def start(self) -> "Scene":
        self.running = asyncio.create_task(self.session.run())
        await settle()
        return self

    async def login(self, *isupport: str, caps: str = "") -> "Scene":
        """Up to the welcome, with nothing left in the records. ``caps``: further capabilities, with their values."""
        await self.start()
        usual = "message-tags server-time batch multi-prefix userhost-in-names chghost"
        names = " ".join(cap.partition("=")[0] for cap in caps.split())
        self.server.says(
            f":{NETWORK} CAP * LS :{usual} {caps}",
            f":{NETWORK} CAP * ACK :{usual} {names}",
            f":{NETWORK} 001 Nick :Welcome",
        )
        if isupport:
            self.server.says(f":{NETWORK} 005 Nick {' '.join(isupport)} :are supported by this server")
        await settle()
        self.server.take()
        self.sink.take()
        return self

    async def in_room(
        self, room: str = "#foo", names: str = "@Nick!~nick@my.host Bob!bob@his.host"
    ) -> "Scene":
        """Logged in, and in a room."""
        if self.running is None:
            await self.login()
        self.session.join(room, "Nick", "")
        await self.clock.advance(0)
        self.enter(room, names)
        self.server.take()
        self.sink.take()
        return self

    def enter(self, room: str, names: str) -> None:
        """The server lets us in."""
        self.server.says(
            f"{ME} JOIN {room}",
            f":{NETWORK} 353 Nick = {room} :{names}",
            f":{NETWORK} 324 Nick {room} +nt",  # else it would be asked for them
            f":{NETWORK} 366 Nick {room} :End of /NAMES list.",
        )

    async def ended(self) -> SessionEnded:
        """Why the session ended."""
        assert self.running is not None
        try:
            await self.running
        except SessionEnded as ended:
            return ended
        raise AssertionError("the session ended as if we had closed it")

    async def finish(self) -> None:
        """Close politely; the server hangs up."""
        assert self.running is not None
        if not self.running.done():
            self.session.close("")
            await settle()
            if self.server.connection is not None and not self.server.connection.ended:
                self.server.hangs_up()
            await self.running
