"""How much of everything one user, and all users together, may do: token buckets, one object for each component.

``Limits`` owns the values in force and what has been taken. Which stanza or transfer costs what, and who is told, is the
affair of those who take. Nothing here has a timer: a bucket is worked out when it is looked at, and forgotten once it is
full.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.bridge import Clock
from gateway.model import Condition, ErrorType, Refused
from gateway.texts import Text


class Kind(StrEnum):
    """What is limited. One unit each, but bytes of media."""

    MESSAGES = "messages"  # with a text, to rooms, people, networks and the gateway
    SIGNALS = "signals"  # messages without one: typing, receipts, markers
    JOINS = "joins"
    NEW_CONTACTS = "new-contacts"  # first messages to somebody
    SUBSCRIPTIONS = "subscriptions"
    ARCHIVE_QUERIES = "archive-queries"
    COMMANDS = "commands"  # steps of ad-hoc commands, searches, changes of nick
    REGISTRATIONS = "registrations"  # attempts to register or to change a registration
    MEDIA = "media"  # bytes, both ways
    ERRORS = "errors"  # answers to what was beyond another limit
    HEARD = "heard"  # private messages that one user gets from one sender; the owner is both of them
    HEARD_FROM_ALL = "heard-from-all"  # the same from all senders


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """The values, by the names they have in the configuration (``[limits]``). 0 stands for no limit. A burst is what may
    come at once after a quiet time; where there is none of its own, it is the number itself."""

    messages_per_minute: int = 120
    messages_burst: int = 120
    messages_per_second_total: int = 1_000
    joins_per_minute: int = 120
    joins_burst: int = 600
    new_contacts_per_hour: int = 60
    subscriptions_per_minute: int = 120
    subscriptions_burst: int = 1_500
    archive_queries_per_minute: int = 300
    archive_queries_burst: int = 1_000
    commands_per_minute: int = 120
    registrations_per_hour: int = 20
    media_bytes_per_day: int = 1_000_000_000
    errors_per_minute: int = 60
    signals_per_minute: int = 600
    foreign_messages_per_minute: int = 60
    foreign_messages_burst: int = 100
    foreign_messages_held: int = 500  # not a rate: so many wait for one user; more are dropped
    loop_turns: int = 5  # nor this: how often a text may come round before it is cut


@dataclass(frozen=True, slots=True)
class Rate:
    """``amount`` in ``seconds`` for long, ``burst`` at once."""

    amount: int
    seconds: int
    burst: int

    @property
    def cost(self) -> float:
        """Seconds in which one unit comes back; 0 if nothing is limited."""
        return self.seconds / self.amount if self.amount else 0.0


_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def _own(policy: LimitPolicy) -> dict[Kind, Rate]:
    """What one user may do."""

    def rate(amount: int, seconds: int, burst: int = 0) -> Rate:
        return Rate(amount, seconds, burst or amount)

    return {
        Kind.MESSAGES: rate(policy.messages_per_minute, _MINUTE, policy.messages_burst),
        Kind.SIGNALS: rate(policy.signals_per_minute, _MINUTE),
        Kind.JOINS: rate(policy.joins_per_minute, _MINUTE, policy.joins_burst),
        Kind.NEW_CONTACTS: rate(policy.new_contacts_per_hour, _HOUR),
        Kind.SUBSCRIPTIONS: rate(policy.subscriptions_per_minute, _MINUTE, policy.subscriptions_burst),
        Kind.ARCHIVE_QUERIES: rate(policy.archive_queries_per_minute, _MINUTE, policy.archive_queries_burst),
        Kind.COMMANDS: rate(policy.commands_per_minute, _MINUTE),
        Kind.REGISTRATIONS: rate(policy.registrations_per_hour, _HOUR),
        Kind.MEDIA: rate(policy.media_bytes_per_day, _DAY),
        Kind.ERRORS: rate(policy.errors_per_minute, _MINUTE),
        Kind.HEARD: rate(policy.foreign_messages_per_minute, _MINUTE, policy.foreign_messages_burst),
        # One sender is to be stopped long before many are.
        Kind.HEARD_FROM_ALL: rate(
            10 * policy.foreign_messages_per_minute, _MINUTE, 10 * policy.foreign_messages_burst
        ),
    }


def _total(policy: LimitPolicy) -> dict[Kind, Rate]:
    """What all users may do together. A burst of five seconds: everybody's clients come back at once after an outage."""
    most = policy.messages_per_second_total
    return {Kind.MESSAGES: Rate(most, 1, 5 * most)}


_NOTHING = Rate(0, 1, 0)

_MANY: Mapping[Kind, Text] = {
    Kind.MESSAGES: Text(
        "You are sending more messages than this gateway carries for one user; this one was not sent."
    ),
    Kind.SIGNALS: Text("You are sending more than this gateway carries for one user."),
    Kind.JOINS: Text(
        "You are joining more rooms than this gateway asks for at a time; this one was not joined."
    ),
    Kind.NEW_CONTACTS: Text(
        "You have written to more new people than this gateway allows in an hour; this message was not "
        "sent. Those you write to already are not affected."
    ),
    Kind.SUBSCRIPTIONS: Text(
        "You are adding more contacts than this gateway takes at a time; this one was not added."
    ),
    Kind.ARCHIVE_QUERIES: Text("You are asking for more of your archives than this gateway reads at a time."),
    Kind.COMMANDS: Text(
        "You are running more commands, or changing your nick more often, than this gateway takes at a time."
    ),
    Kind.REGISTRATIONS: Text("You have tried to register more often than this gateway allows."),
    Kind.MEDIA: Text(
        "Your files of today are more than this gateway carries for one user; this one was not passed on."
    ),
    Kind.ERRORS: Text("You are getting more errors than this gateway sends."),
    Kind.HEARD: Text("This sender writes more than this gateway carries."),
    Kind.HEARD_FROM_ALL: Text("This user is written to more than this gateway carries."),
}
_FULL = Text("This gateway is carrying as much as it can for all its users at the moment; this was not sent.")
_NEVER = Text("This is more than this gateway carries at all; it was not sent. Send less, or in parts.")

#: Buckets of one kind in memory. When there are so many, those that are nearest to being full are forgotten.
_MOST = 100_000
#: So many may be there before the first look for full ones; the next is at twice of what was left.
_FIRST_SWEEP = 1_000
#: Seconds. Sums of floats miss what they should be by less.
_SLACK = 1e-6


class _Buckets:
    """All buckets of one kind, as the generic cell rate algorithm keeps them: of each only the time at which it is full
    again (in monotonic seconds). A unit taken moves that by ``cost``; it may be ``depth`` ahead of now. No entry: full."""

    __slots__ = (
        "all_cost",
        "all_depth",
        "all_full",
        "cost",
        "depth",
        "full",
        "own",
        "sweep_at",
        "total",
    )

    def __init__(self) -> None:
        self.full: dict[str, float] = {}
        self.all_full = 0.0
        self.sweep_at = _FIRST_SWEEP
        self.set(_NOTHING, _NOTHING)

    def set(self, own: Rate, total: Rate) -> None:
        self.own, self.total = own, total
        self.cost, self.depth = own.cost, own.cost * own.burst + _SLACK
        self.all_cost, self.all_depth = total.cost, total.cost * total.burst + _SLACK

    def sweep(self, now: float) -> None:
        """Forget what is full; where that is not enough, what is nearest to it. Done each time the number has doubled, so
        the work for one taking stays the same however many users there are."""
        kept = {owner: time for owner, time in self.full.items() if time > now}
        if len(kept) > _MOST // 2:
            bound = sorted(kept.values())[-_MOST // 2]
            kept = {owner: time for owner, time in kept.items() if time > bound}
        self.full = kept
        self.sweep_at = min(_MOST, max(_FIRST_SWEEP, 2 * len(kept)))


class Limits:
    """``owner`` is a user's bare JID, everywhere."""

    __slots__ = ("_buckets", "_monotonic", "hit", "policy")

    def __init__(self, policy: LimitPolicy, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._buckets = {kind: _Buckets() for kind in Kind}
        self.hit = dict.fromkeys(Kind, 0)  # how often there was not enough, since the start
        self.apply(policy)

    # -- values in force ---------------------------------------------------------------------------------------

    def apply(self, policy: LimitPolicy) -> None:
        """Other values from now on. What has been taken stays taken: a bucket that is half an hour from being full is that
        under the new rate too, or full sooner if the new one is never so far."""
        self.policy = policy
        own, total = _own(policy), _total(policy)
        for kind, buckets in self._buckets.items():
            buckets.set(own[kind], total.get(kind, _NOTHING))

    def rate(self, kind: Kind) -> Rate:
        """What holds for every user."""
        return self._buckets[kind].own

    # -- taking ------------------------------------------------------------------------------------------------

    def take(self, owner: str, kind: Kind, amount: float = 1.0) -> Refused | None:
        """Take ``amount`` if it is there: of the user's, and of what is for all. Otherwise nothing is taken, and the refusal
        says how long to wait."""
        buckets = self._buckets[kind]
        now = self._monotonic()
        cost, depth = buckets.cost, buckets.depth
        all_full = 0.0
        if buckets.all_cost:
            all_full = (buckets.all_full if buckets.all_full > now else now) + amount * buckets.all_cost
            if all_full - now > buckets.all_depth:
                self.hit[kind] += 1
                return _refused(_FULL, amount > buckets.total.burst, all_full - now - buckets.all_depth)
        if cost:
            full = buckets.full
            time = full.get(owner, now)
            time = (time if time > now else now) + amount * cost
            if time - now > depth:
                self.hit[kind] += 1
                # After the values were lowered, a bucket may be emptier than empty.
                time = min(time, now + depth + amount * cost)
                return _refused(_MANY[kind], amount * cost > depth, time - now - depth)
            full[owner] = time
            if len(full) > buckets.sweep_at:
                buckets.sweep(now)
        if all_full:
            buckets.all_full = all_full
        return None

    def give_back(self, owner: str, kind: Kind, amount: float = 1.0) -> None:
        """What was taken was not needed (a file that did not come). Never more than was taken: full is full."""
        buckets = self._buckets[kind]
        cost = self.rate(kind).cost
        time = buckets.full.get(owner)
        if time is not None:
            buckets.full[owner] = time - amount * cost
        buckets.all_full -= amount * buckets.all_cost

    def left(self, owner: str, kind: Kind) -> float:
        """How much the user could take now, infinite if there is no limit."""
        buckets = self._buckets[kind]
        now = self._monotonic()
        rate = self.rate(kind)
        own = _left(rate, buckets.full.get(owner, 0.0) - now)
        return min(own, _left(buckets.total, buckets.all_full - now))

    def wait(self, owner: str, kind: Kind) -> float:
        """Seconds until the user can take one unit; 0 if that is now."""
        buckets = self._buckets[kind]
        now = self._monotonic()
        rate = self.rate(kind)
        own = buckets.full.get(owner, 0.0) - now + rate.cost * (1 - rate.burst)
        total = buckets.all_full - now + buckets.all_cost * (1 - buckets.total.burst)
        return max(0.0, own if rate.cost else 0.0, total if buckets.all_cost else 0.0)

    def remembered(self) -> int:
        """Buckets in memory, for gauges and tests."""
        return sum(len(buckets.full) for buckets in self._buckets.values())


def _left(rate: Rate, behind: float) -> float:
    """``behind``: seconds until the bucket is full."""
    return max(0.0, rate.burst - max(0.0, behind) / rate.cost) if rate.cost else math.inf


def _refused(text: Text, never: bool, wait: float) -> Refused:
    if never:
        return Refused(Condition.RESOURCE_CONSTRAINT, _NEVER, ErrorType.MODIFY)
    return Refused(
        Condition.RESOURCE_CONSTRAINT,
        Text("{refusal} Please wait {time} and try again.", refusal=text, time=duration(wait)),
        ErrorType.WAIT,
    )


def duration(seconds: float) -> Text:
    """A time to wait, for people: rounded up, in seconds, minutes or hours."""
    if seconds > 2 * _HOUR:
        return Text("{number} hours", number=math.ceil(seconds / _HOUR))
    if seconds > 2 * _MINUTE:
        return Text("{number} minutes", number=math.ceil(seconds / _MINUTE))
    number = max(1, math.ceil(seconds))
    return Text("{number} seconds", number=number) if number > 1 else Text("1 second")
