"""When a message is tried again, how many at once, and how long things are kept. Seconds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bridges.sms.sending.states import Receipts

_MINUTE = 60.0
_DAY = 24 * 3600.0
_SPREAD = 0.2
_LONGEST_LATER = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """``after_passing``: after refusals that say "later"; ``after_away``: while no route can be used, which costs nobody
    anything; ``after_unknown``: before a route that takes the same twice for one is asked again; ``after_mistake``: of ours.

    ``at_once``: messages that are under way on one route. ``held`` messages and ``news`` of them are in memory; what is more
    waits in the tables."""

    receipts: Receipts = Receipts.HANDSET
    expire: float = _DAY
    unknown_wait: float = 10 * _MINUTE
    after_passing: Sequence[float] = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
    after_away: Sequence[float] = (2.0, 5.0, 10.0, 20.0, 30.0)
    after_unknown: Sequence[float] = (5.0, 30.0, 60.0, 120.0, 300.0)
    after_mistake: float = _MINUTE
    after_no_store: Sequence[float] = (0.5, 1.0, 2.0, 5.0, 10.0)
    at_once: int = 200
    held: int = 20_000
    news: int = 5_000
    early: float = 15 * _MINUTE  # reports that belong to nothing yet
    keep: float = 30 * _DAY  # rows, for reports that come late
    sweep: float = _MINUTE
    tell_again: float = 5 * _MINUTE  # those who could not be told
    grace: float = 5.0  # for what is under way when we end

    @property
    def longest(self) -> float:
        """The longest wait between two attempts."""
        ours = (*self.after_passing, *self.after_away, *self.after_unknown, *self.after_no_store)
        return max(max(ours) * (1.0 + _SPREAD), self.after_mistake, _LONGEST_LATER)


def step(delays: Sequence[float], count: int) -> float:
    """The delay after the ``count``-th time, from 1; the last one for all that follow."""
    return delays[min(max(count, 1), len(delays)) - 1]


def spread(delay: float, later: float, chance: random.Random) -> float:
    """A delay that others do not have at the same time, and not less than the provider wants, within reason."""
    return max(delay * chance.uniform(1.0, 1.0 + _SPREAD), min(later, _LONGEST_LATER))
