"""The lines that the user wants sent once the connection is there, before any channel is joined; ``WAIT 5`` among them
waits that many seconds (for services that take their time to give a cloak, for instance).
"""

from collections.abc import Callable, Sequence

from bridges.irc.commands import Commands
from bridges.irc.common import Common
from gateway.bridge import BadAddress, Cancellable

MAX_WAIT = 60.0  # seconds, all steps together


def waiting(line: str) -> float | None:
    """The seconds of a ``WAIT`` step, None for any other line. Raises ``BadAddress`` for one that makes no sense."""
    word, _, rest = line.strip().partition(" ")
    if word.upper() != "WAIT":
        return None
    digits = rest.strip()
    if digits.isascii() and digits.isdecimal() and len(digits) <= 3 and 1 <= int(digits) <= MAX_WAIT:
        return float(digits)
    raise BadAddress(f"WAIT takes a number of seconds from 1 to {MAX_WAIT:g}, for instance WAIT 5.")


def check(lines: Sequence[str]) -> None:
    """Raises ``BadAddress``."""
    if sum(waiting(line) or 0.0 for line in lines) > MAX_WAIT:
        raise BadAddress(
            f"The WAIT steps of the commands after connecting take at most {MAX_WAIT:g} seconds together."
        )


class Prelude:
    """``done`` is called once all was sent. The lines are the user's, checked when they were set."""

    __slots__ = ("_commands", "_common", "_done", "_lines", "_timer")

    def __init__(
        self, common: Common, commands: Commands, lines: Sequence[str], done: Callable[[], None]
    ) -> None:
        self._common = common
        self._commands = commands
        self._lines = list(lines)
        self._done = done
        self._timer: Cancellable | None = None

    def begin(self) -> None:
        """Go on with the lines, to the end or to the next pause."""
        self._timer = None
        while self._lines:
            line = self._lines.pop(0)
            seconds = waiting(line)
            if seconds is not None:
                self._timer = self._common.clock.call_later(seconds, self.begin)
                return
            self._commands.prelude([line])
        self._done()

    def close(self) -> None:
        """The connection is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._lines.clear()
