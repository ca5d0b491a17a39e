"""Private messages on their way in: passed on at once, unless somebody outside writes more than a person can read.

Beyond the burst of ``Limits`` the messages of one sender wait and come at a bounded rate; beyond the number that may wait
they are dropped and counted. The user is told when it begins, and at the end what was lost. Stands before the ledger of
messages, which keeps what waits, and looks like it; knows no stanza.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from gateway.accounts.account import Account
from gateway.accounts.context import DeliveryEvents
from gateway.bridge import Cancellable, Clock, NotKept
from gateway.delivery.holding import Held
from gateway.limits import Kind, Limits, duration
from gateway.model import Condition, DeliveryState, ErrorType, Message, Refused

_log = structlog.get_logger(__name__)

#: Senders whose losses are counted by name, for one account.
_NAMES = 10
#: Seconds between two looks at what waits, at least.
_SOONEST = 0.05
#: Seconds without anything too fast until a flood is over, so that one flood is one notice.
_QUIET = 15.0

_Waiting = tuple[Message, str, Held]


@dataclass(slots=True)
class _Flood:
    """What waits for one account, by sender, and what was lost."""

    account: Account
    last: float  # when something was too fast, monotonic
    waiting: dict[str, deque[_Waiting]] = field(default_factory=dict)
    count: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    lost_besides: int = 0  # of senders beyond those that are counted by name

    def lose(self, sender: str) -> None:
        if sender in self.lost or len(self.lost) < _NAMES:
            self.lost[sender] += 1
        else:
            self.lost_besides += 1


class Inflow:
    """``DeliveryEvents`` before ``ledger``. ``heard`` is told of every message that is passed on; ``notify`` shows the user
    a notice of their network."""

    def __init__(
        self,
        ledger: DeliveryEvents,
        limits: Limits,
        clock: Clock,
        heard: Callable[[Account, Message], None],
        notify: Callable[[Account, str], None],
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._heard = heard
        self._notify = notify
        self._floods: dict[tuple[str, str], _Flood] = {}
        self._timer: Cancellable | None = None

    # -- DeliveryEvents ----------------------------------------------------------------------------------------

    def received(self, account: Account, message: Message, extra: str = "", held: Held | None = None) -> None:
        if self._floods:
            flood = self._floods.get((account.owner, account.network))
            if flood is not None and message.sender in flood.waiting:
                self._hold(flood, message, extra, held)
                return
        if self._take(account, message.sender):
            self._pass(account, message, extra, held)
        else:
            self._begin(account, message, extra, held)

    def hold(self, account: Account, message: Message, extra: str = "") -> Held:
        return self._ledger.hold(account, message, extra)

    def drop(self, held: Held) -> None:
        self._ledger.drop(held)

    async def committed(self, account: Account, message: Message, extra: str = "") -> None:
        """The network keeps what comes too fast, and tries again."""
        if not self._take(account, message.sender):
            wait = self._wait(account, message.sender)
            text = f"This recipient is getting too many messages; please try again in {duration(wait)}."
            raise NotKept(Refused(Condition.RESOURCE_CONSTRAINT, text, ErrorType.WAIT))
        await self._ledger.committed(account, message, extra)
        self._heard(account, message)

    def withdrawn(self, account: Account, foreign_id: str) -> None:
        self._ledger.withdrawn(account, foreign_id)

    def reported(self, account: Account, foreign_id: str, state: DeliveryState, why: Refused | None) -> None:
        self._ledger.reported(account, foreign_id, state, why)

    def close(self) -> None:
        """Pass on what waits, while there is somebody to see it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for flood in self._floods.values():
            for waiting in flood.waiting.values():
                for message, extra, held in waiting:
                    self._pass(flood.account, message, extra, held)
            self._tell_losses(flood)
        self._floods.clear()

    # -- pieces ------------------------------------------------------------------------------------------------

    def _pass(self, account: Account, message: Message, extra: str, held: Held | None) -> None:
        self._ledger.received(account, message, extra, held)
        self._heard(account, message)

    def _take(self, account: Account, sender: str) -> bool:
        pair = f"{account.owner} {account.network} {sender}"
        if self._limits.take(pair, Kind.HEARD) is not None:
            return False
        if self._limits.take(account.owner, Kind.HEARD_FROM_ALL) is not None:
            self._limits.give_back(pair, Kind.HEARD)
            return False
        return True

    def _wait(self, account: Account, sender: str) -> float:
        """Seconds until ``_take`` will do."""
        pair = f"{account.owner} {account.network} {sender}"
        return max(self._limits.wait(pair, Kind.HEARD), self._limits.wait(account.owner, Kind.HEARD_FROM_ALL))

    def _begin(self, account: Account, message: Message, extra: str, held: Held | None) -> None:
        """A sender is too fast, for the first time in a while."""
        key = (account.owner, account.network)
        flood = self._floods.get(key)
        if flood is None:
            flood = self._floods[key] = _Flood(account, self._clock.monotonic())
            _log.info("messages are held back", user=account.owner, network=account.network)
            self._announce(account, message.sender)
        self._hold(flood, message, extra, held)
        self._schedule()

    def _announce(self, account: Account, sender: str) -> None:
        policy = self._limits.policy
        if policy.foreign_messages_held:
            what = f"come one by one from now on, {policy.foreign_messages_per_minute} a minute"
        else:
            what = "are dropped until it is quiet again"
        self._notify(account, f"{sender} is writing very fast; further messages {what}.")

    def _hold(self, flood: _Flood, message: Message, extra: str, held: Held | None) -> None:
        flood.last = self._clock.monotonic()
        if flood.count >= self._limits.policy.foreign_messages_held:
            flood.lose(message.sender)
            if held is not None:
                self._ledger.drop(held)
            return
        # What waits has its row all the same: a crash shows it at once, but loses nothing.
        held = held or self._ledger.hold(flood.account, message, extra)
        flood.waiting.setdefault(message.sender, deque()).append((message, extra, held))
        flood.count += 1

    def _schedule(self) -> None:
        if self._timer is None and self._floods:
            soonest = min(self._due(flood) for flood in self._floods.values())
            self._timer = self._clock.call_later(max(_SOONEST, soonest), self._look)

    def _due(self, flood: _Flood) -> float:
        """Seconds until the next message of a flood, or its end."""
        if flood.waiting:
            return min(self._wait(flood.account, sender) for sender in flood.waiting)
        return flood.last + _QUIET - self._clock.monotonic()

    def _look(self) -> None:
        self._timer = None
        for key, flood in list(self._floods.items()):
            self._drain(flood)
            if not flood.count and self._due(flood) <= 0:
                del self._floods[key]
                self._tell_losses(flood)
        self._schedule()

    def _drain(self, flood: _Flood) -> None:
        """Pass on what may be passed on now, one of each sender in turn."""
        moved = True
        while moved:
            moved = False
            for sender, waiting in list(flood.waiting.items()):
                if not self._take(flood.account, sender):
                    continue
                message, extra, held = waiting.popleft()
                flood.count -= 1
                if not waiting:
                    del flood.waiting[sender]
                moved = True
                self._pass(flood.account, message, extra, held)

    def _tell_losses(self, flood: _Flood) -> None:
        if not flood.lost:
            return
        account = flood.account
        parts = [f"{number} from {sender}" for sender, number in flood.lost.most_common()]
        if flood.lost_besides:
            parts.append(f"{flood.lost_besides} from others")
        total = flood.lost.total() + flood.lost_besides
        _log.info("messages were dropped", user=account.owner, network=account.network, number=total)
        more = "more message was" if total == 1 else "more messages were"
        self._notify(account, f"{total} {more} too many and held back for good: {', '.join(parts)}.")
