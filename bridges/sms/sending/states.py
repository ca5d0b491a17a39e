"""How far a piece and a message have come, and what follows for the message from its pieces. Values only.

Pieces only ever get further; so messages are never told back and forth.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from bridges.sms.traffic import Coverage, Stage
from gateway.model import Condition, Refused


class PieceState(StrEnum):
    WAITING = "waiting"  # to be written: certainly not with the network
    AGAIN = "again"  # perhaps with the network, which takes the same twice for one: to be written again
    WRITING = "writing"
    UNKNOWN = "unknown"  # perhaps with the network; a report may tell
    ACCEPTED = "accepted"
    BUFFERED = "buffered"
    LOST = "lost"  # the network does not know, or no report has told
    CARRIER = "carrier"
    FAILED = "failed"
    DELIVERED = "delivered"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def to_write(self) -> bool:
        return self in _TO_WRITE


_RANKS = {each: rank for rank, each in enumerate(PieceState)}
_TO_WRITE = frozenset({PieceState.WAITING, PieceState.AGAIN})
_STAGES = {
    Stage.BUFFERED: PieceState.BUFFERED,
    Stage.CARRIER: PieceState.CARRIER,
    Stage.DELIVERED: PieceState.DELIVERED,
    Stage.FAILED: PieceState.FAILED,
    Stage.LOST: PieceState.LOST,
}


class MessageState(StrEnum):
    QUEUED = "queued"  # something is left to be written
    SENT = "sent"  # the network has it, or part of it may
    UNKNOWN = "unknown"
    FAILED = "failed"
    DELIVERED = "delivered"

    @property
    def told(self) -> bool:
        """Whether its owner has to know."""
        return self in _TOLD


_TOLD = frozenset({MessageState.UNKNOWN, MessageState.FAILED, MessageState.DELIVERED})
#: A delivery that counted as one by setting may turn out to be none; and what was given up may arrive.
_FURTHER: Mapping[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(MessageState),
    MessageState.SENT: _TOLD,
    MessageState.UNKNOWN: _TOLD,
    MessageState.FAILED: frozenset({MessageState.DELIVERED}),
    MessageState.DELIVERED: frozenset({MessageState.FAILED}),
}


class Receipts(StrEnum):
    """What people are told as "delivered"."""

    HANDSET = "handset"  # the phone has it
    NETWORK = "network"  # or its carrier has it, and nobody will say more
    ACCEPTED = "accepted"  # or the provider has it, and nobody will ever say more


def counting(receipts: Receipts, coverage: Coverage) -> PieceState:
    """The least that counts as delivered on a route of such coverage."""
    if receipts is Receipts.ACCEPTED and coverage is Coverage.NOTHING:
        return PieceState.ACCEPTED
    return PieceState.DELIVERED if receipts is Receipts.HANDSET else PieceState.CARRIER


_COUNTS: Mapping[PieceState, frozenset[PieceState]] = {
    PieceState.ACCEPTED: frozenset(
        {PieceState.ACCEPTED, PieceState.BUFFERED, PieceState.CARRIER, PieceState.DELIVERED}
    ),
    PieceState.CARRIER: frozenset({PieceState.CARRIER, PieceState.DELIVERED}),
    PieceState.DELIVERED: frozenset({PieceState.DELIVERED}),
}


def reported(state: PieceState, stage: Stage) -> PieceState:
    """Where a report takes a piece: never back."""
    said = _STAGES[stage]
    if state.to_write and said in {PieceState.FAILED, PieceState.LOST}:
        return state  # the network refused it, and says the same once more
    return said if said.rank > state.rank else state


def together(parties: Mapping[str, PieceState], count: int) -> PieceState:
    """How far a piece for ``count`` people came, of whom some are known."""
    states = list(parties.values()) + [PieceState.ACCEPTED] * (count - len(parties))
    if PieceState.FAILED in states:
        return PieceState.FAILED
    if PieceState.LOST in states and all(each.rank >= PieceState.LOST.rank for each in states):
        return PieceState.LOST
    return min((each for each in states if each is not PieceState.LOST), key=lambda each: each.rank)


def aggregated(
    total: int, pieces: Iterable[PieceState], counts: PieceState, *, apart: bool = False
) -> MessageState:
    """What a message of ``total`` pieces is, by those that are known. ``apart``: each makes sense without the others, so
    that all are written, whatever becomes of one."""
    states = list(pieces)
    written = len(states) >= max(total, 1) and all(each.rank > PieceState.WRITING.rank for each in states)
    if PieceState.FAILED in states and (written or not apart):
        return MessageState.FAILED
    if not written:
        return MessageState.QUEUED
    if PieceState.LOST in states:
        return MessageState.UNKNOWN
    if all(each in _COUNTS[counts] for each in states):
        return MessageState.DELIVERED
    return MessageState.SENT


def further(old: MessageState, new: MessageState) -> MessageState:
    return new if new in _FURTHER[old] else old


#: The first of them says most to whoever wrote.
_TELLING = (
    Condition.NOT_ALLOWED,
    Condition.ITEM_NOT_FOUND,
    Condition.FORBIDDEN,
    Condition.POLICY_VIOLATION,
    Condition.NOT_ACCEPTABLE,
    Condition.RESOURCE_CONSTRAINT,
    Condition.RECIPIENT_UNAVAILABLE,
    Condition.SERVICE_UNAVAILABLE,
    Condition.INTERNAL_SERVER_ERROR,
    Condition.REMOTE_SERVER_TIMEOUT,
)


def most_telling(whys: Iterable[Refused]) -> Refused | None:
    """Of several reasons the one to give; of equals the first."""
    return min(
        whys,
        key=lambda why: _TELLING.index(why.condition) if why.condition in _TELLING else len(_TELLING),
        default=None,
    )
