"""What the server itself says, in biboumi's words: everything in ``all`` mode; in ``quiet`` mode only the answers to lines
the user wrote, errors that nothing else explains, what servers announce later than at the welcome, and who of those that the
user writes to is away."""

from typing import ClassVar

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common, Handlers
from bridges.irc.numerics import is_error
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Line, mask_of
from gateway.model import Refused

ANSWER_WINDOW = 5.0  # seconds in which a line from the server may be the answer to a line of the user's
MAX_MOTD = 500  # lines

_CHATTER = 15.0  # seconds from the welcome in which servers say what they say to everybody
_AGAIN = 600.0  # seconds in which the same words of somebody who is away are not told again
_MOST_AWAY = 200
_ANNOUNCEMENTS = 10  # told at once; then one in a minute
_PACE = 60.0

# Login chatter and answers to what we asked ourselves: never shown, as biboumi keeps them to itself.
_SILENT = frozenset(
    {"001", "004", "005", "315", "324", "329", "331", "332", "333", "352", "353", "354", "366", "903"}
)
# Of these biboumi ends each parameter after the first with a space.
_SPACED = frozenset(("002", "003"))
_ONLY_LAST = frozenset(("900", "901"))


class Console:
    """The NETWORK address's side of one session."""

    __slots__ = ("_absent", "_all", "_chatter_until", "_common", "_due", "_motd", "_window")

    def __init__(self, common: Common, show_all: bool) -> None:
        self._common = common
        self._all = show_all
        self._window = 0.0  # monotonic seconds until which answers are awaited
        self._motd: list[str] | None = None
        self._chatter_until = NEVER  # monotonic seconds
        self._due = 0.0  # when there is room for all announcements again: monotonic seconds
        self._absent: dict[str, tuple[str, float]] = {}  # by folded nick: what was told of them, and when

    def ask(self) -> None:
        """The user has written a line of his own: answers are welcome for a while."""
        self._window = self._common.clock.monotonic() + ANSWER_WINDOW

    @property
    def asked(self) -> bool:
        return self._window > 0.0 and self._common.clock.monotonic() < self._window

    def progress(self, text: str) -> None:
        """A step of connecting: biboumi tells them, most people never want them."""
        if self._all:
            self._common.sink.service(text)

    def answer(self, line: Line) -> bool:
        """Show ``line`` if the user is waiting for answers; whether he was."""
        if not self.asked:
            return False
        self.ask()  # long answers (LIST, WHOIS) extend the wait
        self._show(line)
        return True

    def welcomed(self) -> None:
        """We are in."""
        self._chatter_until = self._common.clock.monotonic() + _CHATTER

    def announced(self, line: Line) -> None:
        """A notice that is nobody's: of a server, or of services that small ircds name without an address."""
        now = self._common.clock.monotonic()
        coming_in = self._chatter_until == NEVER  # and so is whatever is said then, by whomever
        if self._all or self.asked or coming_in or ("." in line.source and now < self._chatter_until):
            self.other(line)
            return
        due = max(self._due, now)
        if due - now <= (_ANNOUNCEMENTS - 1) * _PACE:
            self._due = due + _PACE
            self._show(line)

    def _wallops(self, line: Line) -> None:
        """To everybody with +w, which users set themselves."""
        self.announced(line._replace(params=["*", f"WALLOPS: {line.params[-1]}"]))

    def _away(self, line: Line) -> None:
        """301: what the user said to somebody will be read later, if at all."""
        if self._all or self.asked:
            self.other(line)
            return
        now = self._common.clock.monotonic()
        nick, words = line.params[1], strip(line.params[-1])
        key = self._common.standing.casemapping.fold(nick)
        told = self._absent.pop(key, None)
        if told is None or told[0] != words or now - told[1] > _AGAIN:
            told = words, now
            self._common.sink.service(f"{nick} is away: {words}" if words else f"{nick} is away.")
        self._absent[key] = told
        if len(self._absent) > _MOST_AWAY:
            del self._absent[next(iter(self._absent))]

    def other(self, line: Line) -> None:
        """A line that has no other handling."""
        if self.answer(line):
            return
        if self._all and line.command not in _SILENT:
            self._show(line)

    def error(self, line: Line, why: Refused) -> None:
        """An error numeric that no open request explains: shown in every mode."""
        if self.answer(line):
            return
        if self._all:
            self._show(line)
        else:
            self._common.sink.service(why.text)

    def copy(self, line: Line) -> None:
        """An error numeric that somebody was told of already: biboumi shows it here as well."""
        if self._all or self.asked:
            self._show(line)

    def _show(self, line: Line) -> None:
        if len(line.params) > 1 or line.command in ("NOTICE", "MODE"):
            self._common.sink.service(strip(words(line)))

    def _ignore(self, line: Line) -> None:
        """Nothing to tell anybody."""

    def _motd_start(self, line: Line) -> None:
        self._motd = []

    def _motd_line(self, line: Line) -> None:
        if self._motd is None:
            self._motd = []
        if len(self._motd) < MAX_MOTD:
            self._motd.append(strip(line.params[1]))

    def _motd_end(self, line: Line) -> None:
        lines, self._motd = self._motd, None
        if lines and (self._all or self.asked):
            self._common.sink.service("\n".join(lines))

    def _no_motd(self, line: Line) -> None:
        if self._all or self.asked:
            self._show(line)

    HANDLERS: ClassVar[Handlers["Console"]] = {
        "372": (_motd_line, 2),
        "375": (_motd_start, 1),
        "376": (_motd_end, 1),
        "301": (_away, 3),
        "WALLOPS": (_wallops, 1),
        "422": (_no_motd, 1),
        **dict.fromkeys(("PONG", "BATCH", "AWAY", "SETNAME", "TAGMSG", "AUTHENTICATE"), (_ignore, 0)),
    }


def words(line: Line) -> str:
    """A server's line as biboumi shows it: ``<prefix>: <parameters from the second on>``."""
    nick, user, host = mask_of(line.source)
    speaker = f"{nick} ({user}@{host})" if user and host else nick or line.source
    rest = line.params[1:]
    if line.command in _SPACED:
        return f"{speaker}: {''.join(f'{word} ' for word in rest)}"
    if line.command in _ONLY_LAST:
        return f"{speaker}: {rest[-1] if rest else ''}"
    if is_error(line.command) and line.command.isdecimal():
        subject = rest[0] if rest else ""
        reason = " ".join(rest[1:]) if len(rest) > 1 else "Unspecified error"
        return f"{speaker}: {subject}: {reason}"
    return f"{speaker}: {' '.join(rest)}"
