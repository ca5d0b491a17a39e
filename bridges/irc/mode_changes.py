"""MODE lines of ours, and what became of every change in them.

A server echoes what it changed, answers errors one by one, and says nothing to what is so already; so a change that was
neither echoed nor refused by the time the server has said all counts as done.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from bridges.irc.channels import Channel
from bridges.irc.common import Common
from bridges.irc.inquiries import Inquiries
from bridges.irc.numerics import REFUSES_MODE, refused
from bridges.irc.protocol.line import Injection, Line, nick_of, serialise
from bridges.irc.protocol.modes import ModeChange, batches, mode_words, parse_modes
from gateway.bridge import Ticket
from gateway.model import Condition, Refused

#: Bytes of a MODE line behind the channel's name: what others are sent has our mask before it (RFC 2812 §2.3).
_ROOM = 300

# Already on a list, or not on it: what was wanted is so (InspIRCd).
AS_WANTED = frozenset(("697", "698"))


class Tally:
    """One ticket for several requests. ``part`` for each of them, then ``seal``; the first refusal gives the condition, the
    texts of all are told."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._left = 1
        self._refusals: list[Refused] = []

    def part(self) -> Ticket:
        self._left += 1
        return _Part(self)

    def refuse(self, why: Refused) -> None:
        self._refusals.append(why)

    def seal(self) -> None:
        self._left -= 1
        if not self._left:
            together = joined(self._refusals)
            if together is None:
                self._ticket.done()
            else:
                self._ticket.refused(together)


class _Part:
    """``gateway.bridge.Ticket``."""

    reference = ""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self._tally.seal()

    def refused(self, why: Refused) -> None:
        self._tally.refuse(why)
        self._tally.seal()


def joined(refusals: Iterable[Refused]) -> Refused | None:
    """Several refusals as one: the condition of the first, each text once."""
    refusals = list(refusals)
    if not refusals:
        return None
    first = refusals[0]
    text = " ".join(dict.fromkeys(each.text for each in refusals))
    return Refused(first.condition, text, first.type, first.address)


class ModeChanges:
    """``inquiries.Inquiry``: the changes of one line. ``ended`` is told the refusals."""

    words = "the change of modes"

    def __init__(
        self,
        common: Common,
        channel: Channel,
        changes: Sequence[ModeChange],
        ended: Callable[[list[Refused]], None],
    ) -> None:
        self._common = common
        self._channel = channel
        self._fold = common.standing.casemapping.fold
        self._left = [self._key(change) for change in changes]
        arguments = (change.argument for change in changes if change.argument is not None)
        self._about = {"mode", channel.key, *map(self._fold, arguments)}
        self._letters = {change.letter for change in changes}
        self._refusals: list[Refused] = []
        self._ended = ended

    @property
    def complete(self) -> bool:
        return not self._left

    def hears(self, line: Line) -> bool:
        if line.command in AS_WANTED:
            return len(line.params) > 2 and self._fold(line.params[1]) == self._channel.key
        if line.command != "MODE" or not self._common.standing.is_me(nick_of(line.source)):
            return False
        if self._fold(line.params[0]) != self._channel.key:
            return False
        found = False
        for change in parse_modes(line.params[1:], self._common.standing.support):
            if self._key(change) in self._left:
                self._left.remove(self._key(change))
                found = True
        return found

    def refuses(self, line: Line) -> bool:
        if line.command not in REFUSES_MODE:
            return False
        about = line.params[1:-1] or line.params[1:]
        if not any(self._fold(word) in self._about or word in self._letters for word in about):
            return False
        self._refusals.append(refused(line.command, line.params, self._common.network))
        return True

    def over(self, why: Refused | None) -> None:
        if why is not None and self._left and not self._refusals:
            self._refusals.append(why)
        self._ended(self._refusals)

    def _key(self, change: ModeChange) -> tuple[bool, str, str]:
        return change.adding, change.letter, self._fold(change.argument or "")


def change_modes(
    common: Common, inquiries: Inquiries, channel: Channel, changes: Sequence[ModeChange], ticket: Ticket
) -> None:
    """Send the changes in as few lines as the server takes."""
    if not changes:
        ticket.done()
        return
    tally = Tally(ticket)
    for batch in batches(changes, common.standing.support, _ROOM):
        part = tally.part()
        try:
            line = serialise("MODE", channel.name, *mode_words(batch))
        except Injection as error:
            part.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            continue
        inquiries.ask([line], ModeChanges(common, channel, batch, partial(_settle, part)))
    tally.seal()


def _settle(part: Ticket, refusals: list[Refused]) -> None:
    together = joined(refusals)
    if together is None:
        part.done()
    else:
        part.refused(together)
