"""The scripted server itself: connections, relaying, and the levers that tests pull. Commands are in ``commands``."""

import asyncio
import datetime
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.playground.expect import DEADLINE, Inbox
from gateway.playground.irc_client import Line, read_line
from gateway.playground.ircd import modern
from gateway.playground.ircd.commands import COMMANDS, UNREGISTERED
from gateway.playground.ircd.history import History
from gateway.playground.ircd.scram import Scram
from gateway.playground.ircd.state import Channel, IrcdSettings, Member, User

_READ_LIMIT = 16384

#: Called before a command's own handling, with the connection and the parameters; True: nothing more is to be done.
Hook = Callable[["Connection", list[str]], bool | None]


#: Its reference, its target, its client tags, and its lines: whether each goes on the one before, its command, its text.
Batch = tuple[str, str, tuple[str, ...], list[tuple[bool, str, str]]]


@dataclass(frozen=True, slots=True)
class Received:
    """A line that a client sent. ``nick`` is its sender, or "*" before registration."""

    nick: str
    raw: str
    command: str
    params: tuple[str, ...]


class Connection:
    """One client's socket, and what it negotiated. ``user`` exists once it is registered."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.number = 0
        self.caps: set[str] = set()
        self.negotiating = False
        self.nick = ""
        self.ident = ""
        self.realname = ""
        self.account = ""
        self.password = ""
        self.sasl = ""  # the mechanism being spoken
        self.scram = Scram({})
        self.client_tags: tuple[str, ...] = ()  # of the line being handled: those to be passed on
        self.batch: Batch | None = None  # the message of several lines that is being received
        self.batch_label = ""
        self.answer: list[str] | None = None  # lines of the answer to a labelled request, while it is handled
        self.user: User | None = None
        peer = writer.get_extra_info("peername") or ("127.0.0.1", 0)
        self.host = str(peer[0])

    @property
    def name(self) -> str:
        """How the server addresses the client in numerics."""
        return self.nick or "*"

    def send(self, line: str) -> None:
        if self.answer is not None:
            self.answer.append(line)
            return
        self.raw(f"{line}\r\n".encode())

    def raw(self, data: bytes) -> None:
        """Send exactly these bytes."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self, reason: str = "") -> None:
        """Say ERROR where there is a reason, and close once all is sent."""
        if reason:
            self.send(f"ERROR :Closing link: {reason}")
        self._writer.close()

    def abort(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()


class Ircd:
    """``start`` it, let clients in, look at ``received``, ``users`` and ``channels``, and pull the levers."""

    PACKAGES: tuple[str, ...] = ()
    name = "our own IRC server"

    def __init__(self, settings: IrcdSettings | None = None) -> None:
        self.settings = settings or IrcdSettings()
        self.host = "127.0.0.1"
        self.port = 0
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.connections: dict[str, Connection] = {}  # of registered users, by folded nick
        self.all_connections: list[Connection] = []
        self.hooks: dict[str, Hook] = {}
        self.deaf = False  # accepts connections and never answers
        self.names_delay = 0.0  # seconds between a JOIN and its NAMES
        self.received: Inbox[Received] = Inbox("the IRC server", lambda one: f"{one.nick}: {one.raw}")
        self.commands = dict(COMMANDS)
        self.memory = modern.Memory()
        self.history = History()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(1)

    # Coming and going

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> "Ircd":
        """Listen; port 0 takes a free one, or after ``stop`` the same as before."""
        self.host = host
        self._server = await asyncio.start_server(self._serve, host, port or self.port, limit=_READ_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Refuse connections from now on, and reset those there are. Users and channels are forgotten."""
        if self._server is not None:
            self._server.close()
        self.drop_connections()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        self.users.clear()
        self.channels.clear()

    async def restart(self) -> None:
        await self.stop()
        await self.start(self.host)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        connection.number = next(self._ids)
        self.all_connections.append(connection)
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            while data := await reader.readline():
                self._receive(connection, data)
                await writer.drain()
        except (OSError, ValueError):
            pass  # reset, or a line beyond every limit: both end the connection below
        finally:
            self.remove(connection, "Connection closed")
            writer.close()
            self.all_connections.remove(connection)
            if task is not None:
                self._tasks.discard(task)

    def _receive(self, connection: Connection, data: bytes) -> None:
        line = read_line(data.decode(errors="replace").rstrip("\r\n"))
        if not line.command:
            return
        self.received.put(Received(connection.name, line.raw, line.command, line.params))
        if self.deaf:
            return
        hook = self.hooks.get(line.command)
        params = list(line.params)
        connection.client_tags = tuple(
            f"{key}={value}" if value else key for key, value in line.tags.items() if key.startswith("+")
        )
        label = line.tags.get("label", "") if modern.LABELS in connection.caps else ""
        # The label of a batch's beginning is for the whole, which is answered at the end.
        if line.command == "BATCH":
            label, connection.batch_label = connection.batch_label, label
        if label and connection.user is not None:
            connection.answer = []
        try:
            self._handle(connection, line, hook, params)
        finally:
            answer, connection.answer = connection.answer, None
            if answer is not None:
                for each in modern.labelled(self.settings.name, label, answer):
                    connection.send(each)

    def _handle(self, connection: Connection, line: Line, hook: Hook | None, params: list[str]) -> None:
        if hook is not None and hook(connection, params):
            return
        if connection.batch is not None and line.tags.get("batch") == connection.batch[0] and len(params) > 1:
            connection.batch[3].append(("draft/multiline-concat" in line.tags, line.command, params[1]))
            return
        handler = self.commands.get(line.command)
        if handler is None:
            self.numeric(connection, 421, line.command, "Unknown command")
        elif connection.user is None and line.command not in UNREGISTERED:
            self.numeric(connection, 451, "You have not registered")
        else:
            handler(self, connection, params)

    async def expect(
        self, command: str, *params: str, nick: str | None = None, within: float = DEADLINE
    ) -> Received:
        """Take the oldest received line with this command and these first parameters ("*": anything). Raises
        ``Unmet``."""

        def wanted(got: Received) -> bool:
            return (
                got.command == command
                and (nick is None or got.nick == nick)
                and len(got.params) >= len(params)
                and all(want in {"*", one} for want, one in zip(params, got.params, strict=False))
            )

        return await self.received.take(wanted, " ".join((command, *params)), within)

    # Speaking

    def numeric(self, connection: Connection, number: int, *params: str) -> None:
        """Send a numeric; the last parameter is the trailing one."""
        middle = "".join(f"{word} " for word in params[:-1])
        connection.send(f":{self.settings.name} {number:03} {connection.name} {middle}:{params[-1]}")

    def relay(
        self,
        source: str,
        text: str,
        to: Iterable[User],
        *,
        but: User | None = None,
        tags: Sequence[str] = (),
        account: str = "",
    ) -> str:
        """Send ``:source text`` to those of ``to`` that are connected, each with the tags it asked for. Client tags go to
        those with message-tags only. Returns the message's id."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        message_id = self.next_id()
        for user in to:
            connection = self.connections.get(self.settings.fold(user.nick))
            if connection is None or user is but:
                continue
            caps = connection.caps
            given = [f"time={now}"] if "server-time" in caps else []
            if account and "account-tag" in caps:
                given.append(f"account={account}")
            if "message-tags" in caps:
                given += [f"msgid={message_id}", *tags]
            head = f"@{';'.join(given)} " if given else ""
            connection.send(f"{head}:{source} {text}")
        return message_id

    def next_id(self) -> str:
        """An id for a message."""
        return f"m{next(self._ids)}"

    def neighbours(self, user: User) -> list[User]:
        """Everybody who shares a channel with ``user``, once each, without ``user``."""
        found = {
            id(member.user): member.user
            for key in user.channels
            for member in self.channels[key].members.values()
            if member.user is not user
        }
        return list(found.values())

    # State

    def find(self, nick: str) -> User | None:
        return self.users.get(self.settings.fold(nick))

    def channel(self, name: str) -> Channel | None:
        return self.channels.get(self.settings.fold(name))

    def connection(self, nick: str) -> Connection:
        """Of a connected user; raises KeyError."""
        return self.connections[self.settings.fold(nick)]

    def enter(self, user: User, channel_name: str, letters: Iterable[str] = ()) -> Channel:
        """Put ``user`` into a channel, making it where it is new. Tells nobody."""
        key = self.settings.fold(channel_name)
        channel = self.channels.setdefault(key, Channel(channel_name))
        held = set(letters)
        if not channel.members and self.settings.first_is_operator:
            held.add("o")
        channel.members[self.settings.fold(user.nick)] = Member(user, held)
        user.channels.add(key)
        return channel

    def exit(self, user: User, channel: Channel) -> None:
        """Take ``user`` out of a channel; empty channels go. Tells nobody."""
        key = self.settings.fold(channel.name)
        channel.members.pop(self.settings.fold(user.nick), None)
        user.channels.discard(key)
        if not channel.members:
            self.channels.pop(key, None)

    def rename(self, user: User, nick: str) -> None:
        """Give ``user`` another nick and tell everybody concerned."""
        old, new = self.settings.fold(user.nick), self.settings.fold(nick)
        audience = [user, *self.neighbours(user)]
        source = user.mask
        self.users[new] = self.users.pop(old)
        if (connection := self.connections.pop(old, None)) is not None:
            self.connections[new] = connection
            connection.nick = nick
        for key in user.channels:
            members = self.channels[key].members
            members[new] = members.pop(old)
        user.nick = nick
        self.relay(source, f"NICK :{nick}", audience)

    def quit(self, user: User, reason: str) -> None:
        """Take ``user`` off the network and tell the neighbours."""
        self.relay(user.mask, f"QUIT :{reason}", self.neighbours(user))
        for key in tuple(user.channels):
            self.exit(user, self.channels[key])
        folded = self.settings.fold(user.nick)
        self.users.pop(folded, None)
        self.connections.pop(folded, None)

    def remove(self, connection: Connection, reason: str) -> None:
        if connection.user is not None:
            self.quit(connection.user, reason)
            connection.user = None

    # Levers for tests

    def add_user(self, nick: str, *channels: str, letters: str = "") -> User:
        """Somebody without a connection, who joins the channels before everybody's eyes."""
        user = User(nick, f"~{nick[:9]}", "virtual.example", nick)
        self.users[self.settings.fold(nick)] = user
        for name in channels:
            channel = self.enter(user, name, letters)
            self.relay(
                user.mask, f"JOIN {channel.name}", [one.user for one in channel.members.values()], but=user
            )
        return user

    def populate(self, channel: str, count: int, stem: str = "user") -> None:
        """Fill a channel with ``count`` silent occupants, before anybody of interest joins."""
        for number in range(count):
            user = User(f"{stem}{number}", f"~{stem}", f"host{number % 251}.example", stem)
            self.users[self.settings.fold(user.nick)] = user
            self.enter(user, channel)

    def say_as(
        self, nick: str, target: str, text: str, *, command: str = "PRIVMSG", tags: Sequence[str] = ()
    ) -> None:
        """Let anybody, even somebody who is not there, say something to a channel or to a connected user."""
        user = self.find(nick)
        source = user.mask if user is not None else f"{nick}!~{nick}@virtual.example"
        channel = self.channel(target)
        one = self.find(target)
        to = (
            [m.user for m in channel.members.values()]
            if channel is not None
            else [one]
            if one is not None
            else []
        )
        self.relay(source, f"{command} {target} :{text}", to, but=user, tags=tags)

    def inject(self, nick: str, data: bytes) -> None:
        """Send raw bytes to one connected user: garbage, half lines, numerics out of nowhere."""
        self.connection(nick).raw(data)

    async def flood_without_newline(self, nick: str, size: int) -> None:
        """Send ``size`` bytes and no line end, as fast as they are taken."""
        connection = self.connection(nick)
        block = b"x" * 65536
        sent = 0
        while sent < size:
            connection.raw(block[: min(len(block), size - sent)])
            sent += len(block)
            await connection.drain()

    def netsplit(self, nicks: Iterable[str], servers: str = "hub.example leaf.example") -> None:
        """These users leave at once, as servers do when they lose each other."""
        for nick in tuple(nicks):
            if (user := self.find(nick)) is not None:
                connection = self.connections.get(self.settings.fold(nick))
                self.quit(user, servers)
                if connection is not None:
                    connection.user = None
                    connection.abort()

    def drop_connections(self) -> None:
        """Reset every connection without a word."""
        for connection in tuple(self.all_connections):
            connection.abort()

    def later(self, delay: float, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(delay, action)
