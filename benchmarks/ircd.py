"""The fast IRC end: a server that does only what a gateway needs to log in, join and talk (RFC 2812, no extensions).

Channels have real members, which are connections of the gateway, and ghosts, who exist as names only and in whose
name the load speaks. Nobody's name is checked, nothing is limited, nothing is kept.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from benchmarks.peer import Peer, feed
from benchmarks.watching import Watcher

NAME = b"irc.bench"
_GHOST_HOST = b"ghost.bench"
_NAMES_BYTES = 400  # of a 353 line's list, so that the line stays under the 512 of RFC 2812 §2.3
_WELCOME = (
    b":irc.bench 001 %(nick)b :Welcome\r\n"
    b":irc.bench 002 %(nick)b :Your host is irc.bench\r\n"
    b":irc.bench 003 %(nick)b :This server was created today\r\n"
    b":irc.bench 004 %(nick)b irc.bench bench-1 io ovtnimk\r\n"
    b":irc.bench 005 %(nick)b CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnt CASEMAPPING=ascii NICKLEN=30 CHANNELLEN=64"
    b" TOPICLEN=400 NETWORK=bench :are supported by this server\r\n"
    b":irc.bench 422 %(nick)b :No message of the day\r\n"
)


def ghost_mask(nick: bytes) -> bytes:
    return b"%b!%b@%b" % (nick, nick, _GHOST_HOST)


class Channel:
    """A channel: ghosts in a prepared NAMES block, members as connections by nick."""

    def __init__(self, name: bytes, ghosts: Iterable[bytes] = ()) -> None:
        self.name = name
        self.ghosts = list(ghosts)
        self.members: dict[bytes, IrcClient] = {}
        self._ghost_names = _names_lines(name, self.ghosts)

    def names(self, nick: bytes) -> bytes:
        """353 lines and 366 for ``nick``."""
        lines = self._ghost_names + _names_lines(self.name, self.members)
        return (lines + b":irc.bench 366 \0 %b :End of NAMES\r\n" % self.name).replace(b"\0", nick)

    def who(self, nick: bytes) -> bytes:
        """352 lines and 315."""
        head = b":irc.bench 352 %b %b " % (nick, self.name)
        ghosts = [b"%b%b %b irc.bench %b H :0 %b\r\n" % (head, g, _GHOST_HOST, g, g) for g in self.ghosts]
        members = [b"%b%b user.bench irc.bench %b H :0 %b\r\n" % (head, m, m, m) for m in self.members]
        return b"".join((*ghosts, *members, b":irc.bench 315 %b %b :End of WHO\r\n" % (nick, self.name)))

    def say(self, lines: bytes) -> None:
        """The same bytes to every member."""
        for member in self.members.values():
            member.write(lines)

    def privmsg(self, ghost: bytes, text: bytes) -> bytes:
        return b":%b PRIVMSG %b :%b\r\n" % (ghost_mask(ghost), self.name, text)

    async def flood(self, blocks: Iterable[bytes], seconds: float) -> None:
        await feed(list(self.members.values()), blocks, seconds)


def _names_lines(channel: bytes, nicks: Iterable[bytes]) -> bytes:
    """353 lines addressed to NUL, to be replaced by the nick of whoever asks."""
    lines: list[bytes] = []
    batch: list[bytes] = []
    size = 0
    for nick in nicks:
        batch.append(nick)
        size += len(nick) + 1
        if size > _NAMES_BYTES:
            lines.append(b" ".join(batch))
            batch, size = [], 0
    if batch:
        lines.append(b" ".join(batch))
    return b"".join(b":irc.bench 353 \0 = %b :%b\r\n" % (channel, line) for line in lines)


class Ircd:
    """Listens on a free loopback port."""

    def __init__(self) -> None:
        self.port = 0
        self.watchers: list[Watcher] = []
        self.channels: dict[bytes, Channel] = {}
        self.clients: set[IrcClient] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: IrcClient(self), "127.0.0.1", 0, backlog=4096
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for client in list(self.clients):
            client.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def channel(self, name: str, ghosts: Iterable[str] = ("carol",)) -> Channel:
        """Make a channel, or make it anew: of its members nothing is kept."""
        made = Channel(name.encode(), [nick.encode() for nick in ghosts])
        self.channels[made.name] = made
        return made

    def find(self, name: bytes) -> Channel:
        if name not in self.channels:
            self.channels[name] = Channel(name)
        return self.channels[name]


class IrcClient(Peer):
    """One connection of the gateway."""

    def __init__(self, ircd: Ircd) -> None:
        super().__init__(ircd.watchers)
        self._ircd = ircd
        self._held = b""
        self._nick = b""
        self._user = b""
        self._negotiating = False
        self._welcomed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._ircd.clients.add(self)

    def gone(self) -> None:
        self._ircd.clients.discard(self)
        for channel in self._ircd.channels.values():
            if channel.members.get(self._nick) is self:
                del channel.members[self._nick]

    @property
    def mask(self) -> bytes:
        return b"%b!%b@user.bench" % (self._nick, self._user or self._nick)

    def received(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if line.startswith(b"PRIVMSG "):
                continue  # counted by the watchers; nobody is there to hear it
            command, _, rest = line.rstrip(b"\r").partition(b" ")
            action = _COMMANDS.get(command.upper())
            if action is not None:
                action(self, rest)

    def _cap(self, rest: bytes) -> None:
        word, _, names = rest.partition(b" ")
        match word.upper():
            case b"LS":
                self._negotiating = not self._welcomed
                self.write(b":irc.bench CAP * LS :\r\n")
            case b"REQ":
                self._negotiating = not self._welcomed
                self.write(b":irc.bench CAP * NAK %b\r\n" % names)
            case b"END":
                self._negotiating = False
                self._welcome()

    def _set_nick(self, rest: bytes) -> None:
        self._nick = rest.lstrip(b":")
        self._welcome()

    def _set_user(self, rest: bytes) -> None:
        self._user = rest.partition(b" ")[0]
        self._welcome()

    def _welcome(self) -> None:
        if self._nick and self._user and not self._negotiating and not self._welcomed:
            self._welcomed = True
            self.write(_WELCOME % {b"nick": self._nick})

    def _ping(self, rest: bytes) -> None:
        self.write(b":irc.bench PONG irc.bench :%b\r\n" % rest.lstrip(b":"))

    def _join(self, rest: bytes) -> None:
        for name in rest.partition(b" ")[0].lstrip(b":").split(b","):
            channel = self._ircd.find(name)
            channel.members[self._nick] = self
            channel.say(b":%b JOIN %b\r\n" % (self.mask, name))
            self.write(channel.names(self._nick))

    def _part(self, rest: bytes) -> None:
        for name in rest.partition(b" ")[0].lstrip(b":").split(b","):
            channel = self._ircd.find(name)
            channel.say(b":%b PART %b\r\n" % (self.mask, name))
            channel.members.pop(self._nick, None)

    def _mode(self, rest: bytes) -> None:
        target, _, change = rest.partition(b" ")
        if target.startswith(b"#") and not change:
            self.write(
                b":irc.bench 324 %b %b +nt\r\n:irc.bench 329 %b %b 1700000000\r\n"
                % (self._nick, target, self._nick, target)
            )
        elif change.lstrip(b"+") == b"b":
            self.write(b":irc.bench 368 %b %b :End of channel ban list\r\n" % (self._nick, target))

    def _who(self, rest: bytes) -> None:
        name = rest.partition(b" ")[0]
        if name in self._ircd.channels:
            self.write(self._ircd.channels[name].who(self._nick))
        else:
            self.write(b":irc.bench 315 %b %b :End of WHO\r\n" % (self._nick, name))

    def _quit(self, _rest: bytes) -> None:
        self.write(b"ERROR :Closing link\r\n")
        self.close()


_COMMANDS: Mapping[bytes, Callable[[IrcClient, bytes], None]] = {
    b"CAP": IrcClient._cap,
    b"NICK": IrcClient._set_nick,
    b"USER": IrcClient._set_user,
    b"PING": IrcClient._ping,
    b"JOIN": IrcClient._join,
    b"PART": IrcClient._part,
    b"MODE": IrcClient._mode,
    b"WHO": IrcClient._who,
    b"QUIT": IrcClient._quit,
}
