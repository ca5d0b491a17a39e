"""When a mail is tried again, when its sender hears that it takes long, and when it has failed. Seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Against a smarthost that is the operator's own, and has a queue of its own for what is beyond it.

    ``after_later``: after an answer that says "later". ``after_cut``: after a connection that ended before the server had
    the mail, which is no failure of the mail. ``after_unknown``: after one that ended later than that; every attempt may
    be one more copy for the recipient, so there are few. ``after_trouble``: before the next connection, when none can be
    had."""

    after_later: Sequence[float] = (30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)
    after_cut: Sequence[float] = (5.0, 30.0, 60.0, 120.0, 300.0)
    after_unknown: Sequence[float] = (60.0, 300.0, 1200.0, 1800.0)
    after_trouble: Sequence[float] = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
    warn: float = 15 * _MINUTE
    give_up: float = 48 * 60 * _MINUTE
    idle: float = 30.0  # a connection without mail is closed
    widen: float = _MINUTE  # after which a server that wanted fewer connections is tried with all
    sweep: float = _MINUTE
    keep: float = 60 * 24 * 60 * _MINUTE  # rows: as long as return addresses are good

    @property
    def longest(self) -> float:
        """The longest wait between two attempts."""
        return max(*self.after_later, *self.after_cut, *self.after_unknown)


def step(delays: Sequence[float], count: int) -> float:
    """The delay after the ``count``-th time (from 1); the last one for all that follow."""
    return delays[min(max(count, 1), len(delays)) - 1]
