"""Until where has the XMPP server dealt with what we wrote? A component's stream has no acknowledgements (XEP-0114).

It is processed in order, though, so an answer to a ping of ours proves that the server has read everything written before
it. One ping a second is enough, and none while nothing is said. Time is counted in *epochs*, each from one barrier to the
next. An epoch counts as confirmed only when the barrier *after* its own has come back too, a second later: by then what was
read has also left the server's buffers, and killing the server does not take it along.
"""

import asyncio
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.bridge import Cancellable, Clock
from gateway.model import Condition, Refused
from gateway.xmpp.iq import IqTracker

_PING = "<ping xmlns='urn:xmpp:ping'/>"
#: Seconds from one barrier to the next.
INTERVAL = 1.0
#: Seconds after which an answer is not waited for any more, and the question asked again.
_PATIENCE = 30.0
_FAREWELL = 2.0
#: Outcomes that the server had no part in.
_NO_ANSWER = frozenset({Condition.REMOTE_SERVER_TIMEOUT, Condition.RESOURCE_CONSTRAINT})


class Barrier:
    """``stamp`` what is written; ``on_confirmed`` is told each time more of it is safe."""

    def __init__(
        self, jid: str, iq: IqTracker, clock: Clock, on_confirmed: Callable[[int, float], None]
    ) -> None:
        """``on_confirmed`` gets the last epoch that is safe and the time (Unix seconds) at which that ended."""
        self.confirmed = 0  # everything stamped with it or less is safe
        self._jid = jid
        self._iq = iq
        self._clock = clock
        self._on_confirmed = on_confirmed
        self._epoch = 1
        self._used = 0  # the last epoch in which anything was written
        self._ended: dict[int, float] = {}  # when epochs that are not confirmed ended
        self._up = False
        self._connection = 0
        self._asked = False
        self._timer: Cancellable | None = None

    def stamp(self) -> int:
        """The epoch of what is being written now."""
        epoch = self._epoch
        if self._used != epoch:
            self._used = epoch
            self._arm()
        return epoch

    def up(self) -> None:
        self._up = True
        self._arm()

    def lost(self) -> int:
        """The connection is gone; the first epoch of which anything may have been lost. What is written again is stamped
        again, with a later one."""
        self._up = False
        self._asked = False
        self._connection += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        first = self.confirmed + 1
        self._begin()
        # Whoever wrote it takes care of it now.
        self.confirmed = self._used = self._epoch - 1
        self._ended.clear()
        return first

    async def finish(self) -> None:
        """We are about to leave: find out whether everything has arrived, for a few seconds at most. A server that goes on
        living needs no second barrier."""
        if not self._up or self._used <= self.confirmed:
            return
        epoch = self._epoch
        self._begin()
        over: asyncio.Future[Element | Refused] = asyncio.get_running_loop().create_future()

        def answered(outcome: Element | Refused) -> None:
            if not over.done():
                over.set_result(outcome)

        self._iq.request_cb(self._jid, _PING, answered, sender=self._jid, timeout=_FAREWELL)
        outcome = await over
        if not (isinstance(outcome, Refused) and outcome.condition in _NO_ANSWER):
            self._confirm(epoch)

    def _begin(self) -> None:
        self._ended[self._epoch] = self._clock.now()
        self._epoch += 1

    def _arm(self) -> None:
        if self._up and self._timer is None and not self._asked and self._used > self.confirmed:
            self._timer = self._clock.call_later(INTERVAL, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._asked = True
        epoch, connection = self._epoch, self._connection
        self._begin()

        def answered(outcome: Element | Refused) -> None:
            if connection != self._connection:
                return
            self._asked = False
            if not (isinstance(outcome, Refused) and outcome.condition in _NO_ANSWER):
                self._returned(epoch)
            self._arm()

        self._iq.request_cb(self._jid, _PING, answered, sender=self._jid, timeout=_PATIENCE)

    def _returned(self, epoch: int) -> None:
        self._confirm(epoch - 1)

    def _confirm(self, safe: int) -> None:
        if safe <= self.confirmed:
            return
        self.confirmed = safe
        when = self._ended.get(safe, 0.0)
        for each in [each for each in self._ended if each <= safe]:
            del self._ended[each]
        self._on_confirmed(safe, when)
