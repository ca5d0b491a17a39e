"""Who is behind the nicks of a channel that we come into: accounts, bots, staff. Asked before the channel is told, so that
ids and hats are right from the beginning; only where the answer is short and can be kept up to date, and where no line of
the user has to wait for it.
"""

from collections.abc import Callable

from bridges.irc.badges import BOT, OPER
from bridges.irc.channels import Channel
from bridges.irc.common import Common
from bridges.irc.inquiries import Inquiries
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.users import User
from gateway.model import Refused

MOST = 150  # people in a channel
LONGEST = 4.0  # seconds that it is not told for want of an answer

_TOKEN = "271"  # tells our question from those of users
_FIELDS = f"%tuhnfa,{_TOKEN}"


class Faces:
    """Of one session. ``described`` is told of whom there is news."""

    __slots__ = ("_common", "_described", "_inquiries")

    def __init__(
        self, common: Common, inquiries: Inquiries, described: Callable[[User | None], None]
    ) -> None:
        self._common = common
        self._inquiries = inquiries
        self._described = described

    def ask(self, channel: Channel, answered: Callable[[Channel], None]) -> bool:
        """Whether it was asked; ``answered`` is called then, unless the channel's deadline comes first."""
        common = self._common
        standing = common.standing
        if (
            not standing.tells_accounts
            or "WHOX" not in standing.support.tokens
            or not 1 < len(channel.members) <= MOST
            or not common.queue.idle
        ):
            return False
        channel.deadline = common.clock.monotonic() + LONGEST
        common.alarm.need(channel.deadline)
        self._inquiries.ask(
            [serialise("WHO", channel.name, _FIELDS)], _Who(self, channel, answered), fence=False
        )
        return True

    def hears(self, channel: Channel, line: Line) -> tuple[bool, bool]:
        """Whether a line is of the answer, and whether it ends it."""
        params, standing = line.params, self._common.standing
        if line.command == "315":
            mine = len(params) > 1 and standing.fold(params[1]) == channel.key
            return mine, mine
        if line.command != "354" or len(params) != 7 or params[1] != _TOKEN:
            return False, False
        _, _, user, host, nick, flags, account = params
        if self._common.channels.is_member(channel, nick):
            bot = standing.support.tokens.get("BOT", "")
            worn = OPER * ("*" in flags) + BOT * (bot != "" and bot in flags)
            identity = f"{user}@{host}" if user and host else None
            known = self._common.channels.describe(nick, "" if account == "0" else account, worn, identity)
            self._described(known)
        return True, False


class _Who:
    """``inquiries.Inquiry``."""

    words = "the question who is there"

    def __init__(self, of: Faces, channel: Channel, answered: Callable[[Channel], None]) -> None:
        self._of = of
        self._channel = channel
        self._answered = answered
        self.complete = False

    def hears(self, line: Line) -> bool:
        heard, self.complete = self._of.hears(self._channel, line)
        return heard

    def refuses(self, line: Line) -> bool:
        """263: the server is busy."""
        self.complete = line.command == "263" and line.params[1:2] == ["WHO"]
        return self.complete

    def over(self, why: Refused | None) -> None:
        self._answered(self._channel)
