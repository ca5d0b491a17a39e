"""Which lines answer which request of ours: labels, the batches that answers come in, and standard replies.

Every other line goes straight to the part that handles its command; here are only those with a ``label`` or ``batch`` tag,
and the commands BATCH, ACK, FAIL, WARN and NOTE. What a line means is still the parts' business: they are given it, once it
is known whose answer it is.
"""

from collections.abc import Callable
from typing import ClassVar

from bridges.irc import standard_replies
from bridges.irc.batches import Batch, Batches
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.hearing import Hearing
from bridges.irc.labels import Claim, Labels
from bridges.irc.multiline import TYPES as MULTILINE_TYPES
from bridges.irc.multiline import assemble
from bridges.irc.numerics import is_error, refused
from bridges.irc.protocol.line import Line, nick_of
from bridges.irc.requests import Asked, Request, Requests
from bridges.irc.speaking import Speaking
from bridges.irc.splits import MAX_SERVER, Splits
from gateway.model import Refused

#: Of our own lines these come back as they were sent (echo-message, message-redaction): the answer, and no news.
_ECHOED = frozenset(("PRIVMSG", "NOTICE", "TAGMSG", "REDACT"))
#: Of what a server repeats, only this is told again: who came and went then is nobody's business now.
_REPLAYED = frozenset(("PRIVMSG", "NOTICE", "TAGMSG", "REDACT"))

_SPLITS = frozenset(("netsplit", "netjoin"))


class Answers:
    """See the module's text. ``dispatch`` gives a line to the part that handles its command."""

    __slots__ = (
        "_batches",
        "_common",
        "_console",
        "_dispatch",
        "_hearing",
        "_labels",
        "_requests",
        "_speaking",
        "_splits",
    )

    def __init__(
        self,
        common: Common,
        labels: Labels,
        requests: Requests,
        speaking: Speaking,
        hearing: Hearing,
        console: Console,
        splits: Splits,
        dispatch: Callable[[Line], None],
    ) -> None:
        self._common = common
        self._labels = labels
        self._requests = requests
        self._speaking = speaking
        self._hearing = hearing
        self._console = console
        self._splits = splits
        self._dispatch = dispatch
        self._batches = Batches(common.clock, common.alarm, MULTILINE_TYPES)

    def hear(self, line: Line) -> None:
        """A line with a ``label`` or a ``batch`` tag."""
        if line.command == "BATCH" and line.params:
            self._batch(line)
            return
        batch = self._batches.of(line)
        if batch is None:
            self._answer(line.tags.get("label", ""), line, whole=True)
        elif not self._batches.gather(batch, line):
            self._spill(batch)
            self._within(batch, line)

    def expire(self, now: float) -> float:
        """When to look again."""
        overdue, following = self._batches.expire(now)
        for batch in overdue:
            self._ended(batch)
        return min(following, self._labels.expire(now))

    def close(self, why: Refused) -> None:
        """The connection is over."""
        self._batches.clear()
        self._labels.close(why)

    # -- batches -----------------------------------------------------------------------------------------------

    def _batch(self, line: Line) -> None:
        sign = line.params[0][:1]
        if sign == "+" and len(line.params) > 1:
            for batch in self._batches.open(line):
                self._ended(batch)
        elif sign == "-":
            ended = self._batches.close(line)
            if ended is not None:
                self._ended(ended)

    def _ended(self, batch: Batch) -> None:
        if batch.gathered is not None:
            message = assemble(batch.opening, batch.gathered)
            if message is not None:
                self._within(batch, message)
        elif batch.type in _SPLITS:
            self._splits.ended()
        outer = batch.outer.label if batch.outer is not None else ""
        if batch.label and batch.label != outer:
            claim = self._labels.take(batch.label)
            if claim is not None:
                claim.told(batch.label, None)

    def _spill(self, batch: Batch) -> None:
        """What was held back for the end of a batch that got too large comes now, line by line."""
        held, batch.gathered = batch.gathered or [], None
        for line in held:
            self._within(batch, line)

    def _within(self, batch: Batch, line: Line) -> None:
        if batch.type in _SPLITS:
            one, other = (*batch.params, "", "")[:2]
            self._splits.batch = one[:MAX_SERVER] or "*", other[:MAX_SERVER] or "*"
            try:
                self._dispatch(line)
            finally:
                self._splits.batch = None
        elif not batch.replay:
            self._answer(batch.label, line, whole=False)
        elif line.command in _REPLAYED:
            hearing = self._hearing
            hearing.replaying, hearing.counterpart = True, (*batch.params, "")[0]
            try:
                self._answer(batch.label, line, whole=False)
            finally:
                hearing.replaying, hearing.counterpart = False, ""

    # -- answers -----------------------------------------------------------------------------------------------

    def _answer(self, label: str, line: Line, *, whole: bool) -> None:
        """``whole``: the line is all of the answer."""
        claim = self._labels.peek(label) if label else None
        if claim is None:
            self._dispatch(line)
            return
        command = line.command
        if command == "FAIL" or is_error(command):
            self._labels.forget(label)
            claim.refused(label, self._why(line))
            self._console.copy(line)
        elif command == "ACK":
            self._labels.forget(label)
            claim.told(label, None)
        elif command in _ECHOED and self._common.standing.is_me(nick_of(line.source)):
            self._labels.forget(label)
            claim.told(label, line)
        else:
            self._other(label, claim, line, whole=whole)

    def _other(self, label: str, claim: Claim, line: Line, *, whole: bool) -> None:
        if line.command == "NICK" and isinstance(claim, Request) and claim.kind is Asked.NICK:
            # InspIRCd 3 keeps answers back until the request is done, and then names us by the new nick already.
            line = line._replace(source=self._common.standing.nick)
        if whole:
            self._labels.forget(label)
            claim.told(label, line)
        self._requests.answering = True
        try:
            self._dispatch(line)
        finally:
            self._requests.answering = False

    def _why(self, line: Line) -> Refused:
        if line.command == "FAIL":
            return standard_replies.read(line, self._common.network).why
        return refused(line.command, line.params, self._common.network)

    # -- without a label ---------------------------------------------------------------------------------------

    def _fail(self, line: Line) -> None:
        """To the request that it names, as far as it names one; else to the user."""
        reply = standard_replies.read(line, self._common.network)
        if reply.command == "CHATHISTORY":
            return  # nobody asked for it but we
        fold = self._common.standing.casemapping.fold
        keys = [fold(word) for word in reply.context]
        if self._requests.failed(reply.command, [*reply.context, *keys], reply.why) or (
            reply.command in _SPEECH and any(self._speaking.fail(key, reply.why) for key in keys)
        ):
            self._console.copy(line)
        else:
            self._console.error(line, reply.why)

    def _warn(self, line: Line) -> None:
        self._console.error(line, standard_replies.read(line, self._common.network).why)

    def _note(self, line: Line) -> None:
        self._console.other(line)

    def _acknowledged(self, line: Line) -> None:
        """An answer that nobody waits for any more."""

    HANDLERS: ClassVar[Handlers["Answers"]] = {
        "BATCH": (_batch, 1),
        "ACK": (_acknowledged, 0),
        "FAIL": (_fail, 2),
        "WARN": (_warn, 2),
        "NOTE": (_note, 2),
    }


_SPEECH = frozenset(("PRIVMSG", "NOTICE", "TAGMSG", "BATCH", "*"))
