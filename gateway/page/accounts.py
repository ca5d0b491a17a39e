"""Finding accounts among thousands: by bridge, state and words, a page at a time."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.ops.status import GatewayView, SessionView
from gateway.page import phrases
from gateway.page.requests import number

PER_PAGE = 50
_LONGEST = 200  # characters of what is searched for


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty means all."""

    bridge: str = ""
    state: str = ""
    words: str = ""
    page: int = 1

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "Search":
        return cls(
            fields.get("bridge", "")[:_LONGEST],
            fields.get("state", "")[:_LONGEST],
            fields.get("q", "")[:_LONGEST],
            number(fields.get("page", ""), 1, 1_000_000),
        )

    def fields(self, **other: object) -> dict[str, str]:
        """As they stand in a link; what says nothing is left out."""
        given: dict[str, object] = {
            "bridge": self.bridge,
            "state": self.state,
            "q": self.words,
            "page": self.page,
            **other,
        }
        return {name: str(value) for name, value in given.items() if value and (name, value) != ("page", 1)}


@dataclass(frozen=True, slots=True)
class Row:
    bridge: str
    session: SessionView


@dataclass(frozen=True, slots=True)
class Found:
    """``rows`` of this page; ``first`` and ``last`` count from 1. ``states`` are of the bridge that is looked at, before
    anything else is asked for."""

    rows: tuple[Row, ...]
    total: int
    first: int
    last: int
    pages: int
    page: int
    states: tuple[tuple[str, int], ...]


def find(view: GatewayView, search: Search) -> Found:
    words = search.words.casefold().split()
    bridges = [each for each in view.bridges if search.bridge in {"", each.name}]
    states: Counter[str] = Counter()
    for each in bridges:
        states.update(each.states)
    by_state: dict[str, list[tuple[str, SessionView]]] = {state: [] for state in phrases.STATES}
    for each in bridges:
        for session in each.sessions:
            if search.state in {"", session.state} and (not words or _has(session, words)):
                by_state.setdefault(session.state, []).append((each.name, session))
    total = sum(map(len, by_state.values()))
    pages = max(1, -(-total // PER_PAGE))
    page = min(search.page, pages)
    start = (page - 1) * PER_PAGE
    every = itertools.chain.from_iterable(by_state.values())
    rows = tuple(Row(*each) for each in itertools.islice(every, start, start + PER_PAGE))
    first = start + 1 if rows else 0
    return Found(rows, total, first, start + len(rows), pages, page, tuple(phrases.in_order(states)))


def _has(session: SessionView, words: list[str]) -> bool:
    text = f"{session.owner} {session.network} {session.reason}".casefold()
    return all(word in text for word in words)
