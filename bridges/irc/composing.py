"""Who is typing, both ways (IRCv3 client tag ``+typing``): told again and again on IRC, once on the other side.

What others claim counts for seconds and is bounded; what the user does is repeated as long as it lasts, never more often
than every three seconds for one target, and never at the cost of lines that somebody waits for.
"""

from dataclasses import dataclass

from bridges.irc.alarm import NEVER
from bridges.irc.common import Common
from bridges.irc.extras import TYPING
from bridges.irc.protocol.line import Line, nick_of
from gateway.model import ChatState

INTERVAL = 3.0  # seconds between two notifications to one target (typing, "Format")
_REPEAT = 4.0  # others forget an "active" after six
_LONGEST = 30.0  # seconds that we repeat it without news of the user
_BELIEVED = {"active": (ChatState.COMPOSING, 6.0), "paused": (ChatState.PAUSED, 30.0)}
_SAID = {ChatState.COMPOSING: "active", ChatState.PAUSED: "paused"}
#: In larger channels somebody is always typing: neither told nor shown.
CROWD = 100
_MOST_OTHERS = 500
_MOST_TARGETS = 100


@dataclass(slots=True)
class _Own:
    """What the user does at one target, and when it is to be said (again)."""

    target: str
    word: str  # what to say when it is due; empty: nothing, but it is too early for anything else
    since: float
    last: float  # when anything was said
    due: float


class Composing:
    """Of one session."""

    __slots__ = ("_common", "others", "own")

    def __init__(self, common: Common) -> None:
        self._common = common
        self.own: dict[str, _Own] = {}  # by folded target
        self.others: dict[
            tuple[str, str], tuple[str, ChatState, float]
        ] = {}  # (place, folded nick) -> nick ...

    # -- the user ----------------------------------------------------------------------------------------------

    def type(self, target: str, key: str, state: ChatState) -> None:
        """``key`` is the folded target."""
        channel = self._common.channels.get(target)
        if not self._common.standing.extras.typing or (channel is not None and len(channel.members) > CROWD):
            return
        now = self._common.clock.monotonic()
        known = self.own.get(key)
        if known is None:
            if state not in _SAID or len(self.own) >= _MOST_TARGETS:
                return
            known = self.own[key] = _Own(target, "", now, now - INTERVAL, NEVER)
        known.word, known.since = _SAID.get(state, "done"), now
        known.due = max(now, known.last + INTERVAL)
        self._say(known, now)

    def said(self, key: str) -> None:
        """The user has said something there: that ends it without a word."""
        known = self.own.get(key)
        if known is not None:
            known.word, known.due = "", known.last + INTERVAL

    def _say(self, own: _Own, now: float) -> None:
        if own.word and own.due <= now:
            # If lines wait, this is not worth waiting for.
            self._common.queue.now(f"@{TYPING}={own.word} TAGMSG {own.target}")
            own.last = now
            if own.word == "active" and now - own.since < _LONGEST:
                own.due = now + _REPEAT
            else:
                own.word, own.due = "", now + INTERVAL
        self._common.alarm.need(own.due)

    # -- others ------------------------------------------------------------------------------------------------

    def heard(self, line: Line, word: str) -> None:
        """A TAGMSG that tells of its sender."""
        common = self._common
        nick, folded = nick_of(line.source), common.standing.casemapping.fold(nick_of(line.source))
        target = line.params[0]
        channel = common.channels.get(target)
        if channel is not None:
            if not channel.live or folded not in channel.members or len(channel.members) > CROWD:
                return
            place = channel.key
        elif common.standing.is_me(target):
            place = ""
        else:
            return
        known = self.others.get((place, folded))
        if word not in _BELIEVED:
            if known is not None:
                del self.others[place, folded]
                common.sink.typing(place, nick, ChatState.ACTIVE)
            return
        state, seconds = _BELIEVED[word]
        if known is None and len(self.others) >= _MOST_OTHERS:
            return
        until = common.clock.monotonic() + seconds
        self.others[place, folded] = (nick, state, until)
        common.alarm.need(until)
        if known is None or known[1] is not state:
            common.sink.typing(place, nick, state)

    def spoke(self, place: str, nick: str) -> None:
        """A message ends it, as clients know by themselves."""
        self.others.pop((place, self._common.standing.casemapping.fold(nick)), None)

    # -- time --------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> float:
        """When to look again."""
        for key, own in list(self.own.items()):
            if own.due <= now:
                if own.word:
                    self._say(own, now)
                else:
                    del self.own[key]
        for (place, folded), (nick, _, until) in list(self.others.items()):
            if until <= now:
                del self.others[place, folded]
                self._common.sink.typing(place, nick, ChatState.ACTIVE)
        return min(
            (
                *(own.due for own in self.own.values()),
                *(until for _, _, until in self.others.values()),
            ),
            default=NEVER,
        )
