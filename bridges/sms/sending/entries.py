"""What is noted in the book of what is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import Executable

from bridges.sms.sending.messages import Message
from bridges.sms.sending.states import PieceState
from bridges.sms.traffic import Outcome, Report
from gateway.bridge import Values
from gateway.model import Refused


@dataclass(frozen=True, slots=True)
class Taken:
    """A message is ours to send, together with ``also``. It is numbered now if it has no number. Comes to whether it is
    new."""

    message: Message
    also: Sequence[tuple[Executable, Values]] = ()


@dataclass(frozen=True, slots=True)
class Writing:
    """A piece of a message is about to be written, which was submitted as number ``seq``. Comes to a ``Permit``."""

    id: str
    seq: int
    n: int
    route: str
    total: int
    counts: PieceState


class Permit(Enum):
    GO = auto()
    SKIP = auto()  # not this piece: the network has it, or may have
    STOP = auto()  # nothing of this message any more


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome of writing a piece. ``again``: the route takes the same twice for one. Comes to whether something may be
    left to be written."""

    id: str
    n: int
    outcome: Outcome
    again: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Nobody will try any more what was submitted as number ``seq``."""

    id: str
    seq: int
    why: Refused


@dataclass(frozen=True, slots=True)
class Postponed:
    id: str
    seq: int
    next_at: float
    attempts: int
    refused: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reported:
    report: Report


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Found as being written when we began: the one who wrote it has ended."""

    id: str
    n: int
    again: bool


@dataclass(frozen=True, slots=True)
class Waited:
    """No report has told for long enough whether the network has it."""

    id: str
    n: int


@dataclass(frozen=True, slots=True)
class Swept:
    """Early reports older than this (Unix seconds) belong to nothing."""

    before: float


Entry = Taken | Writing | Answered | Failed | Postponed | Reported | Interrupted | Waited | Swept
