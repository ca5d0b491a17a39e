"""A message and its pieces as they are worked on between being read and being committed."""

from collections import OrderedDict
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
    """``until`` is above 0 once nobody knew whether the network has it. ``spelt`` has the forms of the network's id by which
    it is found: in lower case without zeros in front, and read as hexadecimal, in decimal."""

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
    spelt: tuple[str, str] = ("", "")

    def name(self, id: str) -> None:
        """The network knows it by this id, or by none."""
        self.provider_id = id
        self.spelt = (stripped(id), decimal(id)) if id else ("", "")


@dataclass(slots=True)
class Record:
    id: str
    owner: str
    recipients: tuple[str, ...]
    seq: int
    state: MessageState = MessageState.QUEUED
    route: str = ""
    pinned: bool = False
    total: int = 0
    counts: PieceState = PieceState.DELIVERED
    attempts: int = 0
    next_at: float = 0.0
    refused: frozenset[str] = frozenset()
    news: int = 0
    owed: bool = False  # since this page
    changed: float = 0.0
    why: Refused | None = None
    pieces: dict[int, Piece] = field(default_factory=dict)
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.parties = tuple(map(party, self.recipients))

    @property
    def apart(self) -> bool:
        """Whether its pieces are the recipients of a group, and not parts of a text (see ``Route.pieces``)."""
        return 1 < self.total == len(self.recipients)

    def of(self, n: int) -> tuple[str, ...]:
        """Whom a piece is for (``party``)."""
        return self.parties[n : n + 1] if self.apart else self.parties


Place = tuple[Record, Piece]


class Shelf:
    """Records that are at hand, of messages that something has happened to lately; and their pieces by the ids of networks.
    They are as in the tables, but for the page that is being written."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._places: dict[tuple[str, str], dict[tuple[str, int], Place]] = {}
        self._spelt: dict[str, set[tuple[str, str]]] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._records

    def get(self, id: str) -> Record | None:
        return self._records.get(id)

    def put(self, record: Record) -> None:
        self._records[record.id] = record
        for piece in record.pieces.values():
            self.index(record, piece)

    def index(self, record: Record, piece: Piece) -> None:
        """Let it be found by the id that it has now."""
        for spelling in piece.spelt:
            if spelling:
                where = piece.route, spelling
                self._places.setdefault(where, {})[record.id, piece.n] = record, piece
                self._spelt.setdefault(record.id, set()).add(where)

    def candidates(self, route: str, id: str) -> list[Candidate[Place]]:
        """Pieces on the route whose id may be this one, spelt otherwise."""
        found: dict[tuple[str, int], Place] = {}
        for spelling in spellings(id):
            found.update(self._places.get((route, spelling), {}))
        return [
            Candidate(
                (record, piece),
                piece.provider_id,
                record.of(piece.n),
                piece.state.rank < PieceState.FAILED.rank,
                piece.written,
            )
            for record, piece in found.values()
            if piece.route == route  # it may have been refused there, and gone elsewhere
        ]

    def trim(self) -> None:
        """Let go of those that nothing has happened to for the longest time."""
        while len(self._records) > self._most:
            id, record = self._records.popitem(last=False)
            for where in self._spelt.pop(id, ()):
                places = self._places[where]
                for n in record.pieces:
                    places.pop((id, n), None)
                if not places:
                    del self._places[where]

    def clear(self) -> None:
        self._records.clear()
        self._places.clear()
        self._spelt.clear()

    def touch(self, id: str) -> None:
        self._records.move_to_end(id)


@dataclass(slots=True)
class Page:
    """What one commit changes. ``records`` has all that it may touch."""

    records: Shelf
    new: list[Message] = field(default_factory=list)
    messages: dict[str, Record] = field(default_factory=dict)
    pieces: dict[tuple[str, int], Place] = field(default_factory=dict)
    early: dict[Key, Early] = field(default_factory=dict)
    not_early: set[Key] = field(default_factory=set)
    rules: dict[tuple[str, Rule], int] = field(default_factory=dict)
    also: list[tuple[Executable, Values]] = field(default_factory=list)

    def touch(self, record: Record, *pieces: Piece) -> None:
        self.records.touch(record.id)
        self.messages[record.id] = record
        for piece in pieces:
            self.pieces[record.id, piece.n] = record, piece
