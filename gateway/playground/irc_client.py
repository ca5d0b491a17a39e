"""A test user on an IRC server: a small client of its own, so that what it sees does not depend on the bridge's code."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.playground.expect import DEADLINE, Inbox


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read. ``sender`` is the nick or server name of the prefix."""

    raw: str
    command: str
    params: tuple[str, ...]
    sender: str = ""
    prefix: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def read_line(raw: str) -> Line:
    """Read one line without its end (RFC 1459 §2.3.1, IRCv3 message tags; tag values stay escaped). Total."""
    rest = raw
    tags: dict[str, str] = {}
    prefix = ""
    if rest.startswith("@"):
        data, _, rest = rest[1:].partition(" ")
        tags = {key: value for key, _, value in (one.partition("=") for one in data.split(";"))}
        rest = rest.lstrip(" ")
    if rest.startswith(":"):
        prefix, _, rest = rest[1:].partition(" ")
        rest = rest.lstrip(" ")
    head, colon, trailing = rest.partition(" :")
    words = head.split()
    if colon:
        words.append(trailing)
    command = words[0].upper() if words else ""
    return Line(raw, command, tuple(words[1:]), prefix.partition("!")[0], prefix, tags)


@dataclass(frozen=True, slots=True)
class LinePattern:
    """Holds for lines that have every given part; ``params`` are the first ones, "*" among them is anything."""

    command: str
    params: tuple[str, ...] = ()
    sender: str | None = None

    def __call__(self, line: Line) -> bool:
        return (
            line.command == self.command
            and (self.sender is None or line.sender == self.sender)
            and len(line.params) >= len(self.params)
            and all(want in {"*", got} for want, got in zip(self.params, line.params, strict=False))
        )

    def __str__(self) -> str:
        by = f" from {self.sender}" if self.sender is not None else ""
        return f"{' '.join((self.command, *self.params))!r}{by}"


def line(command: str, *params: str, sender: str | None = None) -> LinePattern:
    return LinePattern(command, params, sender)


class IrcClient:
    """One user, registered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nick: str) -> None:
        self.nick = nick
        self.encoding = "utf-8"  # of what is read and sent; can be changed at any time
        self._reader = reader
        self._writer = writer
        self._listening: asyncio.Task[None] | None = None
        self._observers: list[Callable[[Line], None]] = []
        self.inbox: Inbox[Line] = Inbox(f"{nick} (IRC)", lambda one: one.raw)

    @classmethod
    async def connect(
        cls, host: str, port: int, nick: str, *, caps: tuple[str, ...] = (), password: str = ""
    ) -> "IrcClient":
        """Connect and register; with ``caps``, ask for these capabilities. The welcome is taken out of the inbox. Raises
        ``Unmet`` when the server lets us not in."""
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        client = cls(reader, writer, nick)
        client._listening = asyncio.create_task(client._listen(), name=f"irc-client {nick}")
        if caps:
            client.send(f"CAP REQ :{' '.join(caps)}")
        if password:
            client.send(f"PASS {password}")
        client.send(f"NICK {nick}")
        client.send(f"USER {nick} 0 * :{nick}")
        if caps:
            client.send("CAP END")
        try:
            await client.expect(lambda one: one.command in {"376", "422"}, "the end of the welcome")
        except BaseException:
            await client.drop()
            raise
        client.inbox.clear()
        return client

    async def _listen(self) -> None:
        try:
            while raw := await self._reader.readline():
                self._receive(read_line(raw.decode(self.encoding, errors="replace").rstrip("\r\n")))
            self.inbox.end("the server closed the connection")
        except (OSError, ValueError) as error:
            self.inbox.end(f"the connection broke: {error}")

    def _receive(self, got: Line) -> None:
        if got.command == "PING":
            self.send(f"PONG :{got.params[-1] if got.params else ''}")
            return
        if got.command == "NICK" and got.sender == self.nick:
            self.nick = got.params[0]
        for observer in self._observers:
            observer(got)
        self.inbox.put(got)

    def observe(self, observer: Callable[[Line], None]) -> None:
        self._observers.append(observer)

    def send(self, text: str) -> None:
        """Send exactly this line; its end is added."""
        self._writer.write(f"{text}\r\n".encode(self.encoding))

    def say(self, target: str, text: str) -> None:
        self.send(f"PRIVMSG {target} :{text}")

    async def expect(
        self, wanted: Callable[[Line], bool], description: str = "", within: float = DEADLINE
    ) -> Line:
        """Take the oldest received line for which ``wanted`` holds. Raises ``Unmet``."""
        return await self.inbox.take(wanted, description, within)

    async def join(self, channel: str, key: str = "") -> None:
        """Join and wait for the end of the names; raises ``Unmet`` otherwise."""
        self.send(f"JOIN {channel} {key}".rstrip())
        await self.expect(line("366", self.nick, channel), f"to be let into {channel}")

    async def settle(self) -> None:
        """Wait until the server has handled what we sent."""
        self.send("PING :settle")
        await self.expect(lambda one: one.command == "PONG" and one.params[-1] == "settle", "a pong")

    async def close(self, reason: str = "bye") -> None:
        """QUIT, and wait until the server closes."""
        with contextlib.suppress(OSError):
            self.send(f"QUIT :{reason}")
            await self._writer.drain()
            if self._listening is not None:
                await asyncio.wait({self._listening}, timeout=2)
        await self.drop()

    async def drop(self) -> None:
        """End the connection without a word."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
