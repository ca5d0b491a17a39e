"""Getting back the nick that the user wanted, when somebody else had it: politely, and never in a fight.

ASKING the network's services, one way after the other, if we are logged in to an account -> WATCHING whether the nick is
free (MONITOR, else ISON once a minute) -> NICK. Knows no rooms; the session tells what we are called.
"""

from collections.abc import Sequence
from enum import Enum, auto

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.protocol.line import Injection, Line, nick_of, serialise

FIRST_LOOK = 5.0  # seconds after the welcome: what the server can do is known, services have seen us
SERVICES_TIME = 10.0  # seconds that services have for one way
INTERVAL = 60.0  # seconds between two looks, and between two NICKs
MOST_FORCED = 3  # renames by force that we undo

#: Atheme; Anope; either in older versions. Whoever knows none of these says so, which is the end of it.
DEFAULT_WAYS = ("NickServ REGAIN {nick}", "NickServ RECOVER {nick}", "NickServ GHOST {nick}")


class _State(Enum):
    CONTENT = auto()  # we have the nick, or do not want it any more
    ASKING = auto()
    WATCHING = auto()


class Regain:
    """One session's. ``ways`` are messages to services: ``SERVICE COMMAND {nick}``."""

    __slots__ = (
        "_account",
        "_common",
        "_forced",
        "_grab_at",
        "_grabbing",
        "_left",
        "_looking",
        "_monitored",
        "_next",
        "_state",
        "_wanted",
        "_ways",
    )

    def __init__(self, common: Common, wanted: str, ways: Sequence[str] = DEFAULT_WAYS) -> None:
        self._common = common
        self._wanted = wanted
        self._ways = tuple(ways)
        self._state = _State.CONTENT
        self._account = False
        self._left: list[str] = []
        self._next = NEVER  # when to do something
        self._grab_at = 0.0  # not before: monotonic seconds
        self._grabbing = False  # a NICK of ours is not answered
        self._looking = 0  # ISONs of ours that are not answered
        self._monitored = False
        self._forced = 0

    def begin(self, *, account: bool) -> None:
        """We are in. ``account``: logged in, so that services know that the nick may be ours."""
        self._account = account
        if not self._have_it():
            self._start(FIRST_LOOK)

    def logged_in(self) -> None:
        """To an account, after the welcome."""
        if not self._account:
            self._account = True
            if self._state is _State.WATCHING:
                self._start(0.0)

    def called(self, *, by_user: bool) -> None:
        """We have another nick now."""
        standing = self._common.standing
        ours, self._grabbing = self._grabbing and self._have_it(), False
        if by_user:
            self._wanted = standing.nick
        if self._have_it():
            self._rest()
            return
        if ours or self._state is not _State.CONTENT:
            return
        # Somebody made us: services for want of a password, or staff.
        self._forced += 1
        if not self._account:
            self._common.sink.service(
                f"{self._common.network} calls you {standing.nick} now. If {self._wanted} is yours, log in to your account "
                "(NickServ), or set the SASL password in the gateway's settings."
            )
        elif self._forced > MOST_FORCED:
            self._common.sink.service(
                f"{self._common.network} calls you {standing.nick} now, again. The gateway does not ask for {self._wanted} "
                "any more."
            )
        else:
            self._start(INTERVAL)

    def refused(self, numeric: str) -> bool:
        """An error about a nick: whether it answers a NICK of ours, which nobody else knows of."""
        if not self._grabbing or numeric not in ("432", "433", "436", "437", "438", "447"):
            return False
        self._grabbing = False
        if numeric == "432":
            self._rest()
        return True

    def expire(self, now: float) -> float:
        """Do what is due; when to look again."""
        if now >= self._next:
            self._next = now + INTERVAL
            if self._state is _State.ASKING:
                self._ask(now)
            elif self._state is _State.WATCHING:
                self._look()
        return self._next

    # -- the steps ---------------------------------------------------------------------------------------------

    def _start(self, delay: float) -> None:
        self._state = _State.ASKING
        self._left = list(self._ways) if self._account else []
        self._at(self._common.clock.monotonic() + delay)

    def _ask(self, now: float) -> None:
        line = self._way(self._left.pop(0)) if self._left else ""
        if line:
            self._common.queue.put(line)
            self._next = now + SERVICES_TIME
            return
        self._state = _State.WATCHING
        self._look()

    def _way(self, template: str) -> str:
        service, _, words = template.partition(" ")
        try:
            return serialise("PRIVMSG", service, words.replace("{nick}", self._wanted))
        except Injection:
            return ""

    def _look(self) -> None:
        if self._common.standing.support.monitor:
            if not self._monitored:
                self._monitored = True
                self._common.queue.put(serialise("MONITOR", "+", self._wanted))
            else:
                self._common.queue.put("MONITOR S")
        else:
            self._looking += 1
            self._common.queue.put(serialise("ISON", self._wanted))

    def _grab(self) -> None:
        now = self._common.clock.monotonic()
        if self._state is not _State.WATCHING or self._grabbing or now < self._grab_at:
            return
        self._grab_at = now + INTERVAL
        self._grabbing = True
        self._common.queue.put(serialise("NICK", self._wanted))

    def _rest(self) -> None:
        if self._monitored:
            self._common.queue.put(serialise("MONITOR", "-", self._wanted))
        self._state = _State.CONTENT
        self._monitored = False
        self._next = NEVER

    def _at(self, when: float) -> None:
        self._next = when
        self._common.alarm.need(when)

    def _have_it(self) -> bool:
        return self._common.standing.is_me(self._wanted)

    def _is_wanted(self, nick: str) -> bool:
        fold = self._common.standing.casemapping.fold
        return fold(nick) == fold(self._wanted)

    # -- what the network says ---------------------------------------------------------------------------------

    def hear(self, line: Line) -> bool:
        """303, 730, 731, 734: whether the line is about our watch alone."""
        if line.command == "303":
            return self._ison(line)
        return self._full() if line.command == "734" else self._monitor(line)

    def _ison(self, line: Line) -> bool:
        if not self._looking:
            return False
        self._looking -= 1
        if not any(map(self._is_wanted, line.params[-1].split())):
            self._grab()
        return True

    def _monitor(self, line: Line) -> bool:
        names = [nick_of(name) or name for name in line.params[-1].split(",")]
        if not self._monitored or not any(map(self._is_wanted, names)):
            return False
        if line.command == "731":
            self._grab()
        return len(names) == 1

    def _full(self) -> bool:
        """ISON does as well."""
        if not self._monitored:
            return False
        self._monitored = False
        self._looking += 1
        self._common.queue.put(serialise("ISON", self._wanted))
        return True
