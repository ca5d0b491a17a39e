"""Pieces of which nobody knows, or not yet, whether the network has them. Without I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

Piece = tuple[str, int]  # (message, piece)
Phone = tuple[str, str]  # (route, party)


@dataclass(frozen=True, slots=True)
class Doubt:
    id: str
    n: int
    since: float


class Doubts:
    """By the phone that they went to: a report with an id that nobody knows may be about one of them."""

    def __init__(self) -> None:
        self._writing: dict[Phone, set[Piece]] = {}
        self._unknown: dict[Phone, dict[Piece, Doubt]] = {}

    def __len__(self) -> int:
        return len({piece for pieces in self._unknown.values() for piece in pieces})

    def writing(self, route: str, parties: tuple[str, ...], id: str, n: int) -> None:
        for phone in parties:
            self._writing.setdefault((route, phone), set()).add((id, n))

    def unknown(self, route: str, parties: tuple[str, ...], doubt: Doubt) -> None:
        self.clear(route, parties, doubt.id, doubt.n)
        for phone in parties:
            self._unknown.setdefault((route, phone), {})[doubt.id, doubt.n] = doubt

    def clear(self, route: str, parties: tuple[str, ...], id: str, n: int) -> None:
        """It is known now."""
        for phone in parties:
            for places in (self._writing, self._unknown):
                pieces = places.get((route, phone))
                if pieces is None:
                    continue
                if isinstance(pieces, set):
                    pieces.discard((id, n))
                else:
                    pieces.pop((id, n), None)
                if not pieces:
                    del places[route, phone]

    def forget(self, id: str) -> None:
        """The message is no more."""
        for places in (self._writing, self._unknown):
            for (route, phone), pieces in list(places.items()):
                for piece in [each for each in pieces if each[0] == id]:
                    self.clear(route, (phone,), *piece)

    def messages(self, route: str, phone: str) -> Iterator[str]:
        """Which ones a report from there may be about."""
        return (id for id, _ in self._unknown.get((route, phone), {}))

    def one(self, route: str, phone: str, at: float) -> Doubt | None:
        """The piece that a report which came at that time is about, if it can be only one message's and none is just being
        written to that phone, which the report may be about as well: then the first that is in doubt."""
        if self._writing.get((route, phone)):
            return None
        doubts = [each for each in self._unknown.get((route, phone), {}).values() if each.since <= at]
        if len({each.id for each in doubts}) != 1:
            return None
        return min(doubts, key=lambda each: (each.since, each.n))
