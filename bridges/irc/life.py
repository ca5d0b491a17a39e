"""The life of one connection of one user, from dialling to the last word: lines are given to the ``parts``, and watched are
login deadline, keep-alive and farewell. Does not know what the core asks for.
"""

import asyncio
from typing import ClassVar

from bridges.irc import ending
from bridges.irc.alarm import NEVER
from bridges.irc.answers import Answers
from bridges.irc.backlog import Backlog
from bridges.irc.common import Connect, Connection, Handlers, by_command
from bridges.irc.console import Console
from bridges.irc.dial import Endpoint
from bridges.irc.entry import Security
from bridges.irc.expression import Expression
from bridges.irc.governing import Governing
from bridges.irc.hearing import Hearing
from bridges.irc.inviting import Inviting
from bridges.irc.keepalive import KeepAlive
from bridges.irc.listing import Listing
from bridges.irc.numerics import is_error
from bridges.irc.parts import Parts
from bridges.irc.profile import Profile
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.rooms import Rooms
from bridges.irc.tally import Tally
from bridges.irc.terms import Terms
from bridges.irc.text import one_line
from gateway.bridge import Capabilities, Services, SessionEnded, Sink
from gateway.model import Condition, Departure, Exit, Refused

QUIT_TIME = 2.0  # seconds for the server to close after our QUIT
_MAX_QUIT = 300  # bytes
_MAX_TOKEN = 400
_ABOUT_NICKS = frozenset(("432", "433", "436", "437"))


class Life:
    """The life of one connection. ``session`` has what the core asks for."""

    __slots__ = (
        "_alive",
        "_clock",
        "_close_by",
        "_closing",
        "_connect",
        "_connection",
        "_dialling",
        "_farewell",
        "_online",
        "_over",
        "_parts",
        "_profile",
        "_sink",
        "_tally",
    )

    def __init__(
        self,
        profile: Profile,
        sink: Sink,
        services: Services,
        connect: Connect,
        plain: Capabilities,
        security: Security,
        tally: Tally | None = None,
        *,
        show_all: bool,
    ) -> None:
        self._tally = tally or Tally()
        self._profile = profile
        self._sink = sink
        self._clock = services.clock
        self._connect = connect
        self._connection: Connection | None = None
        self._parts = Parts(self, profile, sink, services, plain, security, self._tally, show_all=show_all)
        self._online = False
        self._over: asyncio.Future[None] | None = None
        self._dialling: asyncio.Task[bool] | None = None
        self._closing = False
        self._farewell: SessionEnded | None = None  # why the network ends it, if it said so
        self._close_by = NEVER  # monotonic seconds
        self._alive = KeepAlive(profile.settings.ping_after, profile.settings.ping_timeout)

    # -- begin and end --------------------------------------------------------------------------

    async def run(self) -> None:
        try:
            with self._parts.entry.place():
                while not self._closing:
                    self._over = asyncio.get_running_loop().create_future()
                    self._dialling = asyncio.create_task(self._open())
                    if not await self._dialled(self._dialling):
                        return
                    self._dialling = None
                    await self._over
                    if self._parts.entry.upgrade is None:
                        return
        finally:
            self._end_everything()

    def close(self, reason: str) -> None:
        if self._closing:
            return
        self._closing = True
        if self._dialling is not None and not self._dialling.done():
            self._dialling.cancel()
        elif self._connection is not None:
            words = one_line(reason or self._profile.settings.quit_message, _MAX_QUIT)
            self._parts.queue.urgent(serialise("QUIT", words) if words else "QUIT")
            self._close_by = self._clock.monotonic() + QUIT_TIME
            self._parts.alarm.need(self._close_by)

    # -- connecting --------------------------------------------------------------------------------------------

    async def _open(self) -> bool:
        connection = await self._parts.entry.open(self._attempt)
        self._connection = self._parts.queue.outlet = connection
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
        self._parts.entry.start()
        return True

    async def _attempt(self, endpoint: Endpoint) -> Connection:
        def closed(cause: str) -> None:
            if self._connection is connection:  # and not one that we left for another
                self._closed(cause)

        connection = self._connect(self._line, closed, self._parts.queue.pump)
        self._parts.particulars.tune(connection)
        await connection.open(endpoint, timeout=self._profile.settings.connect_timeout)
        return connection

    # -- lines -------------------------------------------------------------------------------------------------

    def _line(self, line: Line) -> None:
        self._alive.heard = True
        if not self._online and self._registering(line):
            return
        tags = line.tags
        if tags and ("batch" in tags or "label" in tags):
            self._parts.answers.hear(line)
        else:
            self.dispatch(line)

    def dispatch(self, line: Line) -> None:
        entry = _HANDLERS.get(line.command)
        if entry is not None:
            part, handle, least = entry
            if len(line.params) >= least:
                handle(getattr(self._parts, part), line)
                return
        if is_error(line.command):
            self._parts.refusals.take(line)
        else:
            self._parts.console.other(line)

    def _registering(self, line: Line) -> bool:
        """Before the welcome; whether the line is done with."""
        if self._farewell is not None and line.command != "ERROR":
            return True
        try:
            self._parts.entry.feed(line)
        except SessionEnded as ended:
            if line.command in _ABOUT_NICKS:
                self._parts.console.copy(line)
            self.give_up(ended)
            return True
        if self._parts.entry.upgrade is not None:
            self._move()
            return True
        if self._parts.entry.login.welcome:
            self._welcomed()
            return True
        if is_error(line.command) and line.command not in _HANDLERS:
            self._parts.console.copy(line)  # 433 and the like: the login deals with it
            return True
        return False

    def _move(self) -> None:
        """The server wants us on another port."""
        connection, self._connection = self._connection, None
        self._parts.queue.outlet = None
        if connection is not None:
            connection.close()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _welcomed(self) -> None:
        login = self._parts.entry.login
        self._online = True
        self._tally.logins += 1
        self._alive.start(self._clock.monotonic())
        self._parts.alarm.need(self._alive.next)
        self._parts.standing.call_me(login.welcome)
        self._parts.console.welcomed()
        self._parts.terms.look()
        self._parts.backlog.begin(login.enabled)
        if not login.account and (self._profile.sasl is not None or self._profile.commands):
            self._parts.joining.expect_login()
        for room, mine in self._profile.rooms.items():
            self._parts.particulars.adjust(room, mine)
        self._parts.joining.hold()
        self._parts.prelude.begin()
        self._sink.online(self._parts.standing.nick)
        if login.shortcoming:
            self._sink.service(login.shortcoming)
        self._parts.regain.begin(account=bool(login.account))

    def _ping(self, line: Line) -> None:
        token = one_line(line.params[0], _MAX_TOKEN) if line.params else ""
        self._parts.queue.urgent(serialise("PONG", token) if token else "PONG")

    def lengthen(self, linelen: int) -> None:
        if self._connection is not None:
            # Never shorter: lines of the old length may wait to be sent.
            self._connection.linelen = max(linelen, self._connection.linelen)

    # -- the end -----------------------------------------------------------------------------------------------

    def _error_line(self, line: Line) -> None:
        words = line.params[-1] if line.params else ""
        if self._closing and self._connection is not None:
            self._connection.close()  # our QUIT was heard
            return
        if self._parts.commands.quitting:
            self._parts.rooms.gone(Departure(Exit.QUIT, words))
            self._farewell = ending.left(self._profile.network)
        elif self._farewell is None:
            self._farewell = ending.sent_away(self._profile.network, words)
        self._parts.console.progress(f"ERROR: {words}")

    def _kill(self, line: Line) -> None:
        if self._parts.standing.is_me(line.params[0]):
            self._farewell = ending.sent_away(self._profile.network, f"killed: {line.params[-1]}")

    def _closed(self, cause: str) -> None:
        if self._parts.commands.quitting and not self._closing:
            self._parts.rooms.gone(Departure(Exit.QUIT))
            self._farewell = ending.left(self._profile.network)
        if not self._closing:
            self._parts.console.progress("ERROR: Connection closed.")
        self._finish(self._farewell or ending.broken(self._profile.network, cause))

    def give_up(self, why: SessionEnded) -> None:
        """Hang up from our side: the login failed, or there is no answer."""
        if self._parts.entry.login.rejected:
            self._tally.rejected += why.credentials
        else:
            self._tally.refused += why.credentials
        self._farewell = why
        words = one_line(why.refused.text, _MAX_QUIT) if not self._online else ""
        self._parts.queue.urgent(serialise("QUIT", words) if words else "QUIT")
        self._finish(why)

    def _finish(self, why: SessionEnded) -> None:
        if self._over is not None and not self._over.done():
            self._tally.lost += not self._closing
            self._parts.backlog.leave()
            if self._closing:
                self._over.set_result(None)
            else:
                self._over.set_exception(why)

    def _end_everything(self) -> None:
        self._online = False
        lost = Refused(
            Condition.RECIPIENT_UNAVAILABLE,
            f"The connection to {self._profile.network} ended before this was through. Send it again later.",
        )
        self._parts.close(lost)
        if self._connection is not None:
            self._connection.close()
            self._connection = self._parts.queue.outlet = None

    # -- time --------------------------------------------------------------------------------------------------

    def ring(self, now: float) -> float:
        """All deadlines; when to look again."""
        network, settings = self._profile.network, self._profile.settings
        if now >= self._close_by:  # our QUIT was not answered
            return self._hang_up(ending.left(network))
        if self._alive.dead(now):
            return self._hang_up(ending.silent(network, settings.ping_after + settings.ping_timeout))
        try:
            entry = self._parts.entry.expire(now)
        except SessionEnded as ended:
            self.give_up(ended)
            return NEVER
        if self._alive.look(now):
            self._parts.queue.urgent(serialise("PING", network))
        return min(entry, self._close_by, self._alive.next, self._parts.expire(now))

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
        ("console", Console.HANDLERS),
        ("rooms", Rooms.HANDLERS),
        ("inviting", Inviting.HANDLERS),
        ("hearing", Hearing.HANDLERS),
        ("answers", Answers.HANDLERS),
        ("expression", Expression.HANDLERS),
        ("listing", Listing.HANDLERS),
        ("governing", Governing.HANDLERS),
        ("terms", Terms.HANDLERS),
        ("backlog", Backlog.HANDLERS),
        ("life", Life.HANDLERS),
    ]
)
