"""The subscription of one user and one of our addresses as a state machine (RFC 6121 §3, Appendix A), without any I/O.

Seen from our address: ``from`` means that the user may see it, ``to`` that it may see the user. Everything that can happen
gives the next state and what is to be sent; a peer that repeats itself gets the same answer and changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.storage.records import SubscriptionState


class Asked(StrEnum):
    """What became of our own request to see the user; stored as ``pending``."""

    NOTHING = ""  # none is under way
    WAITING = "asked"  # sent, not answered
    REFUSED = "refused"  # the user said no: they are not asked again, however often they add us anew


class Act(StrEnum):
    """What is sent to the user, between bare JIDs. ``SHOW`` is the address's presence as it is now."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    SHOW = "show"
    HIDE = "unavailable"


class Event(StrEnum):
    """What the user's server sends, what it was made to write into the roster (``GRANT``), and what we want ourselves
    (``ASK``, ``END``)."""

    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"
    GRANT = "grant"
    ASK = "ask"
    END = "end"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a subscription stands. There are ten of these at most, so records can share them."""

    from_: bool = False
    to: bool = False
    asked: Asked = Asked.NOTHING

    @property
    def state(self) -> SubscriptionState:
        return _STATES[self.from_, self.to]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remember."""
        return self == NONE


NONE = Subscription()

_STATES = {
    (False, False): SubscriptionState.NONE,
    (True, False): SubscriptionState.FROM,
    (False, True): SubscriptionState.TO,
    (True, True): SubscriptionState.BOTH,
}
_DIRECTIONS = {state: directions for directions, state in _STATES.items()}

Result = tuple[Subscription, tuple[Act, ...]]


def stored(state: SubscriptionState, pending: str) -> Subscription:
    """What the database remembers."""
    from_, to = _DIRECTIONS[state]
    return Subscription(from_, to, Asked(pending) if pending in _PENDING else Asked.NOTHING)


_PENDING = frozenset(each.value for each in Asked)


def next_state(now: Subscription, event: Event) -> Result:
    """The next state and what is sent because of it, in order."""
    return _TABLE[event](now)


def _subscribe(now: Subscription) -> Result:
    # A server repeats a request at every login of the user until it is answered (RFC 6121 §3.1.3).
    acts = (Act.SUBSCRIBED, Act.SHOW)
    if now.to or now.asked is not Asked.NOTHING:
        return Subscription(True, now.to, now.asked), acts
    # XEP-0100 §4.6.1: we want to know when the user is there. Asked once.
    return Subscription(True, False, Asked.WAITING), (*acts, Act.SUBSCRIBE)


def _subscribed(now: Subscription) -> Result:
    # RFC 6121 §3.1.6: approval of what was never asked for changes nothing.
    if now.asked is Asked.NOTHING:
        return now, ()
    return Subscription(now.from_, True), ()


def _unsubscribe(now: Subscription) -> Result:
    acts: tuple[Act, ...] = (Act.HIDE, Act.UNSUBSCRIBED) if now.from_ else (Act.UNSUBSCRIBED,)
    if now.to or now.asked is Asked.WAITING:
        return NONE, (*acts, Act.UNSUBSCRIBE)
    return Subscription(asked=now.asked), acts


def _unsubscribed(now: Subscription) -> Result:
    # A request that is turned down is a refusal; an approval that is taken back may only be half of a removal.
    asked = Asked.REFUSED if now.asked is not Asked.NOTHING else Asked.NOTHING
    return Subscription(now.from_, False, asked), ()


def _grant(now: Subscription) -> Result:
    """Both see each other, by the roster that we were allowed to write (XEP-0356 §4)."""
    return Subscription(True, True), () if now.from_ else (Act.SHOW,)


def _ask(now: Subscription) -> Result:
    """The user did something that only makes sense with us in the roster (registering): ask, even if refused before."""
    if now.to or now.asked is Asked.WAITING:
        return now, ()
    return Subscription(now.from_, False, Asked.WAITING), (Act.SUBSCRIBE,)


def _end(now: Subscription) -> Result:
    """We go: everything is taken back (XEP-0100 §4.3.1). Nothing is left to remember."""
    if now.empty:
        return now, ()
    return NONE, (Act.HIDE, Act.UNSUBSCRIBE, Act.UNSUBSCRIBED)


_TABLE = {
    Event.SUBSCRIBE: _subscribe,
    Event.SUBSCRIBED: _subscribed,
    Event.UNSUBSCRIBE: _unsubscribe,
    Event.UNSUBSCRIBED: _unsubscribed,
    Event.GRANT: _grant,
    Event.ASK: _ask,
    Event.END: _end,
}
