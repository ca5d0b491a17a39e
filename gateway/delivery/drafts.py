"""What a user has written and what is not said yet, since it may still be replaced. It is in the ledger all the same, so
that a crash does not swallow it.

Knows when it is safe; how it goes out is ``outbound``'s business.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.delivery.entry import Entry
from gateway.delivery.journal import Kept
from gateway.storage.errors import StorageError


@dataclass(slots=True, eq=False)
class Draft:
    """Exactly one of ``send`` and ``drop`` is called. ``refuse`` is called if it could not be written down; then neither
    of the others does anything."""

    entry: Entry
    go: Callable[[Entry], None]
    forget: Callable[[Entry], None]
    refuse: Callable[[StorageError], None]
    outcome: Kept | StorageError | None = None
    then: Callable[[Entry], None] | None = None

    def kept(self, outcome: Kept | StorageError) -> None:
        """What became of its commit."""
        self.outcome = outcome
        if isinstance(outcome, StorageError):
            self.refuse(outcome)
        elif self.then is not None:
            self.then(self.entry)

    def send(self, text: str) -> None:
        """Say it, as ``text``."""
        self.entry.body = text
        self._decide(self.go)

    def drop(self) -> None:
        """Something later was said in its place."""
        self._decide(self.forget)

    def _decide(self, act: Callable[[Entry], None]) -> None:
        if self.outcome is None:
            self.then = act
        elif not isinstance(self.outcome, StorageError):
            act(self.entry)
