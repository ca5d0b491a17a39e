"""One connection of one user, from dialling to the last word.

Here the parts are put together (``rooms``, ``hearing``, ``speaking`` ...), lines are given to them, and the life of the
connection is watched: login deadline, keep-alive, farewell. Does not know what the core asks for.
"""

import asyncio
from typing import ClassVar

from bridges.irc import ending
from bridges.irc.alarm import NEVER, Alarm
from bridges.irc.answers import Answers
from bridges.irc.channels import Channels
from bridges.irc.commands import Commands
from bridges.irc.common import Common, Connect, Connection, Handlers, by_command
from bridges.irc.composing import Composing
from bridges.irc.console import Console
from bridges.irc.dial import Endpoint
from bridges.irc.entry import Entry, Hall, Security
from bridges.irc.expression import Expression
from bridges.irc.governing import Governing
from bridges.irc.hearing import Hearing
from bridges.irc.inquiries import Inquiries
from bridges.irc.inviting import Inviting
from bridges.irc.joining import Joining
from bridges.irc.keepalive import KeepAlive
from bridges.irc.labels import Labels
from bridges.irc.listing import Listing
from bridges.irc.numerics import is_error
from bridges.irc.particulars import Particulars
from bridges.irc.pasting import Pasting
from bridges.irc.prelude import Prelude
from bridges.irc.profile import Profile
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.questions import Questions
from bridges.irc.refusals import Refusals
from bridges.irc.regain import Regain
from bridges.irc.requests import Requests
from bridges.irc.room_modes import RoomModes
from bridges.irc.rooms import Rooms
from bridges.irc.sendqueue import SendQueue
from bridges.irc.speaking import Speaking
from bridges.irc.standing import Standing
from bridges.irc.terms import Terms
from bridges.irc.text import one_line
from gateway.bridge import Capabilities, Services, SessionEnded, Sink
from gateway.model import Condition, Departure, Exit, Refused

QUIT_TIME = 2.0  # seconds for the server to close after our QUIT
_MAX_QUIT = 300  # bytes
_MAX_TOKEN = 400
_ABOUT_NICKS = frozenset(("432", "433", "436", "437"))


class Life:
    """The life of one connection, and the parts that make use of it. ``session`` has what the core asks for."""

    def __init__(
        self,
        profile: Profile,
        sink: Sink,
        services: Services,
        connect: Connect,
        plain: Capabilities,
        security: Security,
        *,
        show_all: bool,
    ) -> None:
        clock, settings = services.clock, profile.settings
        self._profile = profile
        self._sink = sink
        self._clock = clock
        self._connect = connect
        self._connection: Connection | None = None
        self._standing = Standing(profile.nick, profile.encodings)
        self._alarm = Alarm(clock, self._ring)
        self._queue = SendQueue(clock, self._write, self._writable, burst=profile.burst, rate=profile.rate)
        common = Common(
            profile.network, sink, clock, self._standing, Channels(self._standing), self._queue, self._alarm
        )
        self._channels = common.channels
        self._console = Console(common, show_all)
        self._labels = Labels(clock, self._alarm)
        self._requests = Requests(common, self._labels)
        self._joining = Joining(common)
        inquiries = Inquiries(common)
        modes = RoomModes(common, inquiries)
        self._regain = Regain(common, profile.nick, settings.regain_commands)
        self._rooms = Rooms(
            common,
            self._joining,
            self._requests,
            self._console,
            modes,
            self._regain,
            server_modes=show_all,
            names_time=settings.names_timeout,
        )
        self._composing = Composing(common)
        pasting = Pasting(common, settings.paste_lines)
        self._speaking = Speaking(common, self._labels, self._composing, pasting)
        self._questions = Questions(common, services.version)
        self._hearing = Hearing(
            common,
            self._console,
            self._speaking,
            self._questions,
            self._composing,
            formatting=settings.formatting,
        )
        self._expression = Expression(
            common,
            self._requests,
            self._speaking,
            self._hearing,
            self._composing,
            formatting=settings.formatting,
        )
        self._answers = Answers(
            common,
            self._labels,
            self._requests,
            self._speaking,
            self._hearing,
            self._console,
            self._rooms.splits,
            self._dispatch,
        )
        self._listing = Listing(common, self._console)
        self._commands = Commands(common, self._requests, self._console)
        self._prelude = Prelude(common, self._commands, profile.commands, self._joining.release)
        self._inviting = Inviting(common, self._requests, self._console)
        self._governing = Governing(common, inquiries, modes, self._console)
        # Those in which somebody waits for an answer.
        self._asking = (
            self._requests,
            self._answers,
            self._listing,
            self._questions,
            self._governing,
            pasting,
        )
        hall = Hall(self._queue.urgent, self._alarm.need, self._console.progress, self._give_up)
        self._entry = Entry(profile, security, clock, services.random, hall)
        self._particulars = Particulars(common, self._entry)
        self._refusals = Refusals(
            common,
            self._console,
            self._rooms,
            self._joining,
            self._regain,
            self._requests,
            self._governing,
            self._speaking,
            self._listing,
            self._questions,
        )
        self._terms = Terms(
            common,
            self._entry,
            self._console,
            self._joining,
            self._rooms,
            self._regain,
            plain,
            self._lengthen,
            self._refusals.take,
            typing=settings.typing,
        )
        self._online = False
        self._over: asyncio.Future[None] | None = None
        self._dialling: asyncio.Task[bool] | None = None
        self._closing = False
        self._farewell: SessionEnded | None = None  # why the network ends it, if it said so
        self._close_by = NEVER  # monotonic seconds
        self._alive = KeepAlive(settings.ping_after, settings.ping_timeout)

    # -- begin and end --------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            with self._entry.place():
                await self._live()
        finally:
            self._end_everything()

    async def _live(self) -> None:
        while not self._closing:
            self._over = asyncio.get_running_loop().create_future()
            self._dialling = asyncio.create_task(self._open())
            if not await self._dialled(self._dialling):
                return
            self._dialling = None
            await self._over
            if self._entry.upgrade is None:
                return

    def close(self, reason: str) -> None:
        if self._closing:
            return
        self._closing = True
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
        elif self._connection is not None:
            words = one_line(reason or self._profile.settings.quit_message, _MAX_QUIT)
            self._queue.urgent(serialise("QUIT", words) if words else "QUIT")
            self._close_by = self._clock.monotonic() + QUIT_TIME
            self._alarm.need(self._close_by)

    # -- connecting --------------------------------------------------------------------------------------------

    async def _open(self) -> bool:
        self._connection = await self._entry.open(self._attempt)
        return True

    async def _dialled(self, dialling: asyncio.Task[bool]) -> bool:
        """Whether there is a connection now; False if we were told to close meanwhile. Raises ``SessionEnded``."""
        try:
            await dialling
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closing or (task is not None and task.cancelling()):
                raise
            return False
        if self._closing:
            return False
        self._entry.start()
        return True

    async def _attempt(self, endpoint: Endpoint) -> Connection:
        def closed(cause: str) -> None:
            if self._connection is connection:  # and not one that we left for another
                self._closed(cause)

        connection = self._connect(self._line, closed, self._queue.pump)
        self._particulars.tune(connection)
        await connection.open(endpoint, timeout=self._profile.settings.connect_timeout)
        return connection

    def _write(self, line: str) -> None:
        if self._connection is not None:
            self._connection.send(line)

    def _writable(self) -> bool:
        return self._connection is not None and self._connection.writable

    @property
    def _itself(self) -> "Life":
        return self

    # -- lines -------------------------------------------------------------------------------------------------

    def _line(self, line: Line) -> None:
        self._alive.heard = True
        if not self._online and self._registering(line):
            return
        tags = line.tags
        if tags and ("batch" in tags or "label" in tags):
            self._answers.hear(line)
        else:
            self._dispatch(line)

    def _dispatch(self, line: Line) -> None:
        entry = _HANDLERS.get(line.command)
        if entry is not None and len(line.params) >= entry[2]:
            entry[1](getattr(self, entry[0]), line)
        elif is_error(line.command):
            self._refusals.take(line)
        else:
            self._console.other(line)

    def _registering(self, line: Line) -> bool:
        """Before the welcome; whether the line is done with."""
        if self._farewell is not None and line.command != "ERROR":
            return True
        try:
            self._entry.feed(line)
        except SessionEnded as ended:
            if line.command in _ABOUT_NICKS:
                self._console.copy(line)
            self._give_up(ended)
            return True
        if self._entry.upgrade is not None:
            self._move()
            return True
        if self._entry.login.welcome:
            self._welcomed()
            return True
        if is_error(line.command) and line.command not in _HANDLERS:
            self._console.copy(line)  # 433 and the like: the login deals with it
            return True
        return False

    def _move(self) -> None:
        """The server wants us on another port."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _welcomed(self) -> None:
        login = self._entry.login
        self._online = True
        self._alive.start(self._clock.monotonic())
        self._alarm.need(self._alive.next)
        self._standing.call_me(login.welcome)
        self._terms.look()
        if not login.account and (self._profile.sasl is not None or self._profile.commands):
            self._joining.expect_login()
        for room, mine in self._profile.rooms.items():
            self._particulars.adjust(room, mine)
        self._joining.hold()
        self._prelude.begin()
        self._sink.online(self._standing.nick)
        if login.shortcoming:
            self._sink.service(login.shortcoming)
        self._regain.begin(account=bool(login.account))

    def _ping(self, line: Line) -> None:
        token = one_line(line.params[0], _MAX_TOKEN) if line.params else ""
        self._queue.urgent(serialise("PONG", token) if token else "PONG")

    def _lengthen(self, linelen: int) -> None:
        if self._connection is not None:
            # Never shorter: lines of the old length may wait to be sent.
            self._connection.linelen = max(linelen, self._connection.linelen)

    # -- the end -----------------------------------------------------------------------------------------------

    def _error_line(self, line: Line) -> None:
        words = line.params[-1] if line.params else ""
        if self._closing and self._connection is not None:
            self._connection.close()  # our QUIT was heard
            return
        if self._commands.quitting:
            self._rooms.gone(Departure(Exit.QUIT, words))
            self._farewell = ending.left(self._profile.network)
        elif self._farewell is None:
            self._farewell = ending.sent_away(self._profile.network, words)
        self._console.progress(f"ERROR: {words}")

    def _kill(self, line: Line) -> None:
        if self._standing.is_me(line.params[0]):
            self._farewell = ending.sent_away(self._profile.network, f"killed: {line.params[-1]}")

    def _closed(self, cause: str) -> None:
        if self._commands.quitting and not self._closing:
            self._rooms.gone(Departure(Exit.QUIT))
            self._farewell = ending.left(self._profile.network)
        if not self._closing:
            self._console.progress("ERROR: Connection closed.")
        self._finish(self._farewell or ending.broken(self._profile.network, cause))

    def _give_up(self, why: SessionEnded) -> None:
        """Hang up from our side: the login failed, or there is no answer."""
        self._farewell = why
        words = one_line(why.refused.text, _MAX_QUIT) if not self._online else ""
        self._queue.urgent(serialise("QUIT", words) if words else "QUIT")
        self._finish(why)

    def _finish(self, why: SessionEnded) -> None:
        if self._over is not None and not self._over.done():
            if self._closing:
                self._over.set_result(None)
            else:
                self._over.set_exception(why)

    def _end_everything(self) -> None:
        self._online = False
        self._alarm.stop()
        self._entry.close()
        self._joining.close()
        self._prelude.close()
        lost = Refused(
            Condition.RECIPIENT_UNAVAILABLE,
            f"The connection to {self._profile.network} ended before this was through. Send it again later.",
        )
        self._queue.close(lost)
        for part in self._asking:
            part.close(lost)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- time --------------------------------------------------------------------------------------------------

    def _ring(self, now: float) -> float:
        """All deadlines; when to look again."""
        network, settings = self._profile.network, self._profile.settings
        if now >= self._close_by:  # our QUIT was not answered
            return self._hang_up(ending.left(network))
        if self._alive.dead(now):
            return self._hang_up(ending.silent(network, settings.ping_after + settings.ping_timeout))
        try:
            entry = self._entry.expire(now)
        except SessionEnded as ended:
            self._give_up(ended)
            return NEVER
        if self._alive.look(now):
            self._queue.urgent(serialise("PING", network))
        return min(
            entry,
            self._regain.expire(now),
            self._close_by,
            self._alive.next,
            self._joining.expire(now),
            self._rooms.expire(now),
            self._composing.expire(now),
            *(part.expire(now) for part in self._asking),
        )

    def _hang_up(self, why: SessionEnded) -> float:
        self._finish(why)
        if self._connection is not None:
            self._connection.abort()
        return NEVER

    HANDLERS: ClassVar[Handlers["Life"]] = {
        "PING": (_ping, 0),
        "ERROR": (_error_line, 0),
        "KILL": (_kill, 1),
    }


_HANDLERS = by_command(
    [
        ("_console", Console.HANDLERS),
        ("_rooms", Rooms.HANDLERS),
        ("_inviting", Inviting.HANDLERS),
        ("_hearing", Hearing.HANDLERS),
        ("_answers", Answers.HANDLERS),
        ("_expression", Expression.HANDLERS),
        ("_listing", Listing.HANDLERS),
        ("_governing", Governing.HANDLERS),
        ("_terms", Terms.HANDLERS),
        ("_itself", Life.HANDLERS),
    ]
)
