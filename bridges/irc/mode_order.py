"""``/mode`` as people write it in a channel: a MODE line of their own, and its answers as words of the channel.

Like biboumi, which takes the words after ``/mode`` as they are; the channel's name goes before them.
"""

from datetime import UTC, datetime

from bridges.irc.channels import Channel
from bridges.irc.common import Common
from bridges.irc.lists import ENDS, ENTRIES, read_entry
from bridges.irc.mode_changes import joined
from bridges.irc.numerics import REFUSES_MODE, refused
from bridges.irc.protocol.line import Line, nick_of, serialise
from gateway.bridge import Ticket
from gateway.model import Refused

COMMAND = "/mode"
_MAX_SHOWN = 100  # entries of a list
_MAX_WORDS = 20


def read_order(channel: Channel, text: str) -> str:
    """The line that ``text`` means. Raises ``Injection``."""
    words = text[len(COMMAND) :].split()[:_MAX_WORDS]
    return serialise("MODE", channel.name, *words)


class ModeOrder:
    """``inquiries.Inquiry``: shows in the channel what the server answers; errors go to who wrote it."""

    words = "the MODE"
    complete = False  # whatever comes until the server has said all

    def __init__(self, common: Common, channel: Channel, ticket: Ticket) -> None:
        self._common = common
        self._channel = channel
        self._ticket = ticket
        self._shown: list[str] = []
        self._refusals: list[Refused] = []

    def hears(self, line: Line) -> bool:
        if line.command == "MODE":
            return self._common.standing.is_me(nick_of(line.source)) and self._about(line.params[:1])
        if not self._about(line.params[1:3]):
            return False
        if line.command == "324":
            self._shown.append(f"Mode {self._channel.name} [{' '.join(line.params[2:])}]")
        elif line.command in ENTRIES:
            entry = read_entry(line)
            if entry is not None and len(self._shown) < _MAX_SHOWN:
                self._shown.append(f"{entry.mask}{_origin(entry.setter, entry.time)}")
        elif line.command in ENDS and not self._shown:
            self._shown.append(line.params[-1])
        return True

    def refuses(self, line: Line) -> bool:
        if line.command not in REFUSES_MODE:
            return False
        self._refusals.append(refused(line.command, line.params, self._common.network))
        return True

    def over(self, why: Refused | None) -> None:
        if self._shown:
            self._common.sink.room_note(self._channel.key, "\n".join(self._shown))
        together = joined([*self._refusals, *([why] if why is not None else [])])
        if together is None:
            self._ticket.done()
        else:
            self._ticket.refused(together)

    def _about(self, words: tuple[str, ...] | list[str]) -> bool:
        return any(self._common.standing.fold(word) == self._channel.key for word in words)


def _origin(setter: str, time: float | None) -> str:
    by = f" set by {setter}" if setter else ""
    at = f" on {datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC" if time is not None else ""
    return by + at
