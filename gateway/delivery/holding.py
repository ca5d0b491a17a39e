"""Messages for the user that have their row, and wait for something before they go out: their files, or their turn in a
flood.

The row says what would be left of the message if the process died now; it is written again if more has become of it. Knows
nothing of what is waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.delivery.entry import Entry
from gateway.delivery.journal import Journal, Kept
from gateway.model import DeliveryState, MessageKind, Refused
from gateway.storage.errors import StorageError


@dataclass(slots=True, eq=False)
class Held:
    """To be given back once. ``outcome`` of its commit; ``then``: what waits for that."""

    entry: Entry
    key: str
    outcome: Kept | StorageError | None = None
    then: Callable[[], None] | None = None


class Holding:
    """``show`` is given what goes on its way, with how it was kept."""

    def __init__(self, journal: Journal, show: Callable[[Entry, Kept | StorageError], None]) -> None:
        self._journal = journal
        self._show = show
        self._held: dict[str, Held] = {}

    def hold(self, entry: Entry, key: str) -> Held:
        """Write it down, and wait."""
        held = Held(entry, key)
        self._held.setdefault(entry.id, held)
        self._journal.enter(entry, partial(self._written, held), key)
        return held

    def _written(self, held: Held, outcome: Kept | StorageError) -> None:
        held.outcome = outcome
        then, held.then = held.then, None
        if then is not None:
            then()

    def release(self, held: Held, body: str, extra: str, kind: MessageKind) -> None:
        """It goes on its way, as it is now."""
        self._after_commit(held, partial(self._go, held, body, extra, kind))

    def _go(self, held: Held, body: str, extra: str, kind: MessageKind) -> None:
        entry = held.entry
        if self._held.get(entry.id) is held:
            del self._held[entry.id]
        elif held.outcome is not Kept.KNOWN:
            return  # its user is gone
        entry.body, entry.extra, entry.kind = body, extra, kind
        if isinstance(held.outcome, StorageError):
            self._journal.enter(entry, partial(self._show, entry), held.key)
        elif held.outcome is Kept.KNOWN:
            self._show(entry, Kept.KNOWN)
        else:
            # First the row: after a crash it must not be told that a file was lost which has been shown. What has not
            # changed takes the same way, for it must not overtake what has.
            self._journal.enter(entry, partial(self._rewritten, entry))

    def _rewritten(self, entry: Entry, outcome: Kept | StorageError) -> None:
        if isinstance(outcome, StorageError):
            self._journal.note(entry)
        self._show(entry, Kept.NEW)

    def drop(self, held: Held, now: float, why: Refused) -> None:
        """It is not wanted any more, and its user knows."""

        def dropped() -> None:
            self._held.pop(held.entry.id, None)
            if held.outcome is Kept.NEW:
                held.entry.advance(DeliveryState.FAILED, now, why)
                held.entry.settle()
                self._journal.note(held.entry)

        self._after_commit(held, dropped)

    @staticmethod
    def _after_commit(held: Held, act: Callable[[], None]) -> None:
        if held.outcome is None:
            held.then = act
        else:
            act()

    def forget(self, owner: str) -> None:
        """Nothing of the user's goes out any more."""
        for id_ in [id_ for id_, held in self._held.items() if held.entry.owner == owner]:
            del self._held[id_]
