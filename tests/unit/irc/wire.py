"""The two ends of a connection for tests: a transport that remembers, and an owner who is told lines."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from bridges.irc.dial import Endpoint
from bridges.irc.link import IrcConnection, IrcReactor
from bridges.irc.protocol.line import Line

HOST = "127.0.0.1"


class Wire(asyncio.Transport):
    """A transport that only remembers what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unsent = 0
        self.reading = True
        self.ended = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class WireDialer:
    """Connects to nothing: tests play the server through ``protocol``."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.wire = Wire()
        self.greeting = greeting

    async def dial(
        self, endpoint: Endpoint, context: ssl.SSLContext | None, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self.protocol = protocol()
        self.protocol.connection_made(self.wire)
        if self.greeting:
            self.protocol.data_received(self.greeting)


@dataclass
class Owner:
    """Whoever uses a connection, and all it was told."""

    lines: list[Line] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    writable: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_line(self, line: Line) -> None:
        if line.command == "BOOM":
            raise RuntimeError("our own fault")
        self.lines.append(line)

    def on_closed(self, cause: str) -> None:
        self.causes.append(cause)
        self.closed.set()

    def on_writable(self) -> None:
        self.writable += 1

    @property
    def commands(self) -> list[str]:
        return [line.command for line in self.lines]


async def wired(greeting: bytes = b"", lines_per_turn: int = 256) -> tuple[IrcConnection, WireDialer, Owner]:
    dialer, owner = WireDialer(greeting), Owner()
    reactor = IrcReactor(dialer, lines_per_turn=lines_per_turn)
    connection = reactor.connection(owner.on_line, owner.on_closed, owner.on_writable)
    await connection.open(Endpoint("irc.example", 6667))
    return connection, dialer, owner


async def turns(number: int = 1) -> None:
    for _ in range(number):
        await asyncio.sleep(0)
