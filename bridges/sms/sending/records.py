"""A message and its pieces as they are worked on between being read and being committed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Executable

from bridges.sms.sending.early import Early, Key
from bridges.sms.sending.matching import Candidate, Rule, decimal, party, spellings, stripped
from bridges.sms.sending.messages import Message
from bridges.sms.sending.states import MessageState, PieceState
from gateway.bridge import Values
from gateway.model import Refused


@dataclass(slots=True)
class Piece:
    """``until`` is above 0 once nobody knew whether the network has it."""

    n: int
    route: str
    state: PieceState = PieceState.WAITING
    provider_id: str = ""
    tries: int = 0
    written: float = 0.0
    until: float = 0.0
    parties: dict[str, PieceState] = field(default_factory=dict)
    code: str = ""
    why: Refused | None = None


@dataclass(slots=True)
class Record:
    id: str
    owner: str
    recipients: tuple[str, ...]
    state: MessageState = MessageState.QUEUED
    route: str = ""
    pinned: bool = False
    total: int = 0
    counts: PieceState = PieceState.DELIVERED
    attempts: int = 0
    next_at: float = 0.0
    refused: frozenset[str] = frozenset()
    news: int = 0
    owed: bool = False
    changed: float = 0.0
    why: Refused | None = None
    pieces: dict[int, Piece] = field(default_factory=dict)

    @property
    def parties(self) -> tuple[str, ...]:
        return tuple(map(party, self.recipients))


Place = tuple[Record, Piece]


@dataclass(slots=True)
class Page:
    """What one commit changes. ``records`` are all that it may touch."""

    records: dict[str, Record]
    new: list[Message] = field(default_factory=list)
    messages: dict[str, Record] = field(default_factory=dict)
    pieces: dict[tuple[str, int], Place] = field(default_factory=dict)
    early: dict[Key, Early] = field(default_factory=dict)
    not_early: set[Key] = field(default_factory=set)
    rules: dict[tuple[str, Rule], int] = field(default_factory=dict)
    also: list[tuple[Executable, Values]] = field(default_factory=list)
    _index: dict[tuple[str, str], dict[tuple[str, int], Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.records.values():
            for piece in record.pieces.values():
                self.index(record, piece)

    def index(self, record: Record, piece: Piece) -> None:
        """Let it be found by the id that it has now."""
        if piece.provider_id:
            for spelling in {stripped(piece.provider_id), decimal(piece.provider_id)}:
                places = self._index.setdefault((piece.route, spelling), {})
                places[record.id, piece.n] = record, piece

    def candidates(self, route: str, id: str) -> Iterator[Candidate[Place]]:
        """Pieces on the route whose id may be this one, spelt otherwise."""
        found: dict[tuple[str, int], Place] = {}
        for spelling in spellings(id):
            found.update(self._index.get((route, spelling), {}))
        for record, piece in found.values():
            yield Candidate(
                (record, piece),
                piece.provider_id,
                record.parties,
                piece.state.rank < PieceState.FAILED.rank,
                piece.written,
            )

    def touch(self, record: Record, *pieces: Piece) -> None:
        self.messages[record.id] = record
        for piece in pieces:
            self.pieces[record.id, piece.n] = record, piece

    @property
    def empty(self) -> bool:
        changes: Sequence[object] = (self.new, self.messages, self.early, self.not_early, self.rules)
        return not any(changes)
