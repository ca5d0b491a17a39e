"""The modes of our channels: kept up to date, told to the core as settings and traits, and changed for it.

What the modes are is asked once, when a channel was entered and nothing more urgent waits to be sent, and whenever somebody
wants to see them. Who may speak follows from them: a change of ``m`` is told once it has lasted, and in portions.
"""

from collections.abc import Iterator, Mapping, Sequence

from bridges.irc.alarm import NEVER
from bridges.irc.channels import Channel
from bridges.irc.common import Common
from bridges.irc.inquiries import Inquiries
from bridges.irc.mode_changes import change_modes
from bridges.irc.numerics import REFUSES_MODE, refused
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.modes import ModeChange, ModeKind, apply, difference, parse_modes
from bridges.irc.room_settings import BadSetting, fields, traits, wanted
from gateway.bridge import Answer, Ticket
from gateway.model import Condition, Field, Refused, RoomTraits

ASK_AFTER = 1.0  # seconds from the end of the list of occupants
_ASK_AGAIN = 2.0  # seconds until the send queue is looked at again
LASTING = 0.2  # seconds that a change of +m has to last
PORTION = 500  # occupants told in one turn of the loop
_PAUSE = 0.01

# What servers write in place of a key that we are not to know.
_HIDDEN = frozenset(("<key>", "*"))


class _Look:
    """``inquiries.Inquiry``: what are the modes of a channel? Without an ``answer`` nobody waits for it."""

    words = "the question for the channel's modes"

    def __init__(self, of: "RoomModes", channel: Channel, answer: Answer[Sequence[Field]] | None) -> None:
        self._of = of
        self._channel = channel
        self._answer = answer
        self._why: Refused | None = None
        self.complete = False

    def hears(self, line: Line) -> bool:
        if line.command == "324" and self._of.about(line, self._channel):
            self.complete = True
            return True
        return line.command == "329" and self._of.about(line, self._channel)

    def refuses(self, line: Line) -> bool:
        if line.command not in REFUSES_MODE or not self._of.about(line, self._channel):
            return False
        self._why = self._of.refused(line)
        self.complete = True
        return True

    def over(self, why: Refused | None) -> None:
        if self._answer is None:
            return
        why = why or self._why
        if why is not None:
            self._answer.refused(why)
        else:
            self._answer.told(self._of.fields(self._channel))


class RoomModes:
    """The modes of one session's channels."""

    __slots__ = ("_ask_at", "_common", "_inquiries", "_reviews", "_telling", "_unasked")

    def __init__(self, common: Common, inquiries: Inquiries) -> None:
        self._common = common
        self._inquiries = inquiries
        self._unasked: list[Channel] = []
        self._ask_at = NEVER
        self._reviews: dict[Channel, tuple[float, bool]] = {}  # when, and what is told until then
        self._telling: dict[Channel, Iterator[str]] = {}  # whose occupants are being told anew

    # what the network tells

    def entered(self, channel: Channel) -> None:
        """The channel's occupants were told."""
        if not channel.modes_known and channel not in self._unasked:
            self._unasked.append(channel)
            self._ask_at = min(self._ask_at, self._common.clock.monotonic() + ASK_AFTER)
            self._common.alarm.need(self._ask_at)

    def heard(self, line: Line, channel: Channel, changes: Sequence[ModeChange]) -> None:
        """A MODE: somebody changed modes, maybe some of the channel itself, maybe because we asked for it."""
        if any(change.kind not in (ModeKind.PREFIX, ModeKind.LIST) for change in changes):
            modes = apply(channel.modes, changes)
            if modes != channel.modes and channel.live:
                self._common.sink.room_configured(channel.key)
            self._become(channel, modes)
        if self._inquiries:
            self._inquiries.hears(line)

    def kicked(self, line: Line) -> None:
        """A KICK of ours, which a moderator may be waiting for."""
        if self._inquiries:
            self._inquiries.hears(line)

    def listed(self, line: Line) -> bool:
        """324: all modes of a channel; whether somebody had asked for them."""
        channel = self._common.channels.get(line.params[1])
        if channel is not None:
            changes = [
                change._replace(argument="") if change.argument in _HIDDEN else change
                for change in parse_modes(line.params[2:], self._common.standing.support)
            ]
            channel.modes_known = True
            self._become(channel, apply({}, changes))
        return self._inquiries.hears(line)

    # what the core asks for

    def settings(self, channel: Channel, answer: Answer[Sequence[Field]]) -> None:
        self._inquiries.ask([serialise("MODE", channel.name)], _Look(self, channel, answer))

    def configure(self, channel: Channel, values: Mapping[str, str], ticket: Ticket) -> None:
        support = self._common.standing.support
        try:
            modes = wanted(values, channel.modes, support)
        except BadSetting as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        changes = difference(channel.modes, modes, support)
        change_modes(self._common, self._inquiries, channel, changes, ticket)

    @staticmethod
    def traits(channel: Channel) -> RoomTraits:
        return traits(channel.modes, complete=channel.modes_known)

    # pieces

    def fields(self, channel: Channel) -> Sequence[Field]:
        return fields(channel.modes, self._common.standing.support)

    def about(self, line: Line, channel: Channel) -> bool:
        return any(self._common.standing.fold(word) == channel.key for word in line.params[1:3])

    def refused(self, line: Line) -> Refused:
        return refused(line.command, line.params, self._common.network)

    def expire(self, now: float) -> float:
        """Ask and tell what is due; when to look again."""
        if now >= self._ask_at:
            self._ask(now)
        for channel, (at, told) in list(self._reviews.items()):
            if now >= at:
                del self._reviews[channel]
                if ("m" in channel.modes) is not told:
                    self._telling[channel] = iter(list(channel.members))
        for channel in list(self._telling):
            if self._common.channels.get(channel.name) is channel:
                self._tell(channel)
            else:
                del self._telling[channel]
        following = min((at for at, _ in self._reviews.values()), default=NEVER)
        return min(self._ask_at, following, now + _PAUSE if self._telling else NEVER)

    def close(self) -> None:
        self._unasked.clear()
        self._reviews.clear()
        self._telling.clear()
        self._ask_at = NEVER

    def _become(self, channel: Channel, modes: dict[str, str]) -> None:
        key, known = modes.get("k"), channel.modes.get("k")
        if key not in (known, "") and key not in _HIDDEN:
            self._common.sink.room_password(channel.key, key or "")
        before, channel.modes = "m" in channel.modes, modes
        if ("m" in modes) is not before and channel.live and channel not in self._reviews:
            at = self._common.clock.monotonic() + LASTING
            self._reviews[channel] = (at, before)
            self._common.alarm.need(at)

    def _ask(self, now: float) -> None:
        while self._unasked and self._common.queue.idle:
            channel = self._unasked.pop(0)
            if self._common.channels.get(channel.name) is channel and not channel.modes_known:
                look = _Look(self, channel, None)
                self._inquiries.ask([serialise("MODE", channel.name)], look, fence=False)
        self._ask_at = now + _ASK_AGAIN if self._unasked else NEVER

    def _tell(self, channel: Channel) -> None:
        """Tell the next portion of those that the channel's ``m`` gives or takes the voice of."""
        common = self._common
        for count, folded in enumerate(self._telling[channel], 1):
            user = common.channels.user(folded)
            if user is not None and channel.modes_of(folded) == "":
                common.sink.arrived(channel.key, common.channels.occupant(channel, user))
            if count == PORTION:
                return
        del self._telling[channel]
