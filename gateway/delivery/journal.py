"""Writing the ledger down: everything that changed since the last commit goes into the next one.

One loop, one commit at a time, so that what comes of commits happens in the order in which it was asked for. Knows entries
and their store; does not know what they are about.

* ``enter`` is for what must be safe before anything else happens: its ``then`` is called after the commit, or with the
  error, and then nothing was written. What is safe elsewhere until then can be ``patient`` and share a commit of others.
* ``note`` is for changes of what is safe already. They wait a moment for company, survive trouble of the database, and are
  written when it is over.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

import structlog

from gateway.bridge import Clock, Contained
from gateway.delivery.entry import Entry
from gateway.storage.deliveries import DeliveryStore, KeyRow, LedgerRow
from gateway.storage.errors import StorageError

_log = structlog.get_logger(__name__)

#: Seconds that changes nobody waits for are gathered.
GATHER = 0.05
#: Seconds that what is patient waits for a commit of others.
_PATIENCE = 0.01
_FIRST_RETRY, _LAST_RETRY = 0.2, 5.0
#: Rows of one commit: it stays short, so that what comes meanwhile does not wait long.
_BATCH = 2_000


class Kept(Enum):
    """What became of something entered."""

    NEW = auto()
    KNOWN = auto()  # its key was there before: it is safe, and is not to be shown again


Then = Callable[[Kept | StorageError], None]


@dataclass(slots=True)
class _Fresh:
    entry: Entry
    key: str
    then: Then
    patient: bool = False


class Journal:
    """``run`` it; ``close`` writes what is left and ends it."""

    def __init__(self, store: DeliveryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._fresh: list[_Fresh] = []
        self._changed: dict[str, Entry] = {}
        self._keys: list[KeyRow] = []
        self._recent: dict[str, None] = {}  # committed keys, the latest last
        self._doubtful: set[str] = (
            set()
        )  # keys of failed commits: they may be there, but nobody has acted on it
        self._wake = asyncio.Event()
        self._turn = asyncio.Event()  # a commit has succeeded, or failed
        self._idle = asyncio.Event()
        self._idle.set()
        self._retry = 0.0
        self._closing = False
        self._committing = 0
        self._patient = False  # the commit under way may still wait

    @property
    def waiting(self) -> int:
        """What was entered and is not committed yet."""
        return len(self._fresh) + self._committing

    # -- what callers do ---------------------------------------------------------------------------------------

    def enter(self, entry: Entry, then: Then, key: str = "", *, patient: bool = False) -> None:
        """Make the entry safe as it is now; ``key`` recognises one that was here before. ``patient``: not at once, where
        that spares a commit."""
        self._fresh.append(_Fresh(entry, key, then, patient))
        if self._patient and not patient:
            self._store.urge()
        self._idle.clear()
        self._wake.set()

    def note(self, entry: Entry, key: KeyRow | None = None) -> None:
        """The entry has changed; ``key`` is one more by which it will be asked for."""
        self._changed[entry.id] = entry
        if key is not None:
            self._keys.append(key)
        self._idle.clear()
        self._wake.set()

    async def flush(self) -> None:
        """Return when everything is written; never, while the database cannot be written."""
        await self._idle.wait()

    async def decided(self) -> None:
        """Return when everything entered so far is safe, or was refused."""
        while self.waiting:
            self._turn.clear()
            await self._turn.wait()

    # -- the loop ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            self._wake.clear()
            if not self._fresh and not self._changed:
                self._idle.set()
                if self._closing:
                    return
                await self._wake.wait()
                continue
            if not self._fresh and not self._closing:
                await self._company(self._retry or GATHER)
            await self._commit()
            self._turn.set()

    def close(self) -> None:
        """Ask ``run`` to end once everything is written, or the database refuses."""
        self._closing = True
        self._wake.set()

    async def _company(self, seconds: float) -> None:
        """Wait a moment for more; somebody who waits for a commit ends it."""
        over = False

        def elapsed() -> None:
            nonlocal over
            over = True
            self._wake.set()

        timer = self._clock.call_later(seconds, elapsed)
        try:
            while not over and not self._fresh and not self._closing:
                self._wake.clear()
                await self._wake.wait()
        finally:
            timer.cancel()

    async def _commit(self) -> None:
        fresh, self._fresh = self._fresh[:_BATCH], self._fresh[_BATCH:]
        self._committing = len(fresh)
        changed = dict(islice(self._changed.items(), _BATCH))
        for id_ in changed:
            del self._changed[id_]
        keys, self._keys = self._keys, []
        self._patient = all(each.patient for each in fresh)
        try:
            new = await self._save(fresh, changed, keys)
        except StorageError as error:
            await self._failed(error, fresh, changed, keys)
            return
        self._retry = 0.0
        self._settle(fresh, {id(each) for each in new})

    async def _save(self, fresh: list[_Fresh], changed: dict[str, Entry], keys: list[KeyRow]) -> list[_Fresh]:
        """Returns those of ``fresh`` that are new."""
        new = self._sift(fresh, set())
        changes = [entry.row() for entry in changed.values()]
        if not any(each.key in self._doubtful for each in new):
            # Nearly always nothing of it was here before: the commit that finds that to be so is cheaper than asking.
            try:
                await self._write(new, changes, keys, surely_new=True)
            except StorageError as error:
                if not error.by_statement:
                    raise
            else:
                return new
        new = self._sift(fresh, await self._known(fresh))
        await self._write(new, changes, keys, surely_new=False)
        return new

    async def _write(
        self, new: list[_Fresh], changes: list[LedgerRow], keys: list[KeyRow], *, surely_new: bool
    ) -> None:
        """``surely_new``: nothing is written if one of the new keys is there."""
        rows = [*(each.entry.row() for each in new), *changes]
        theirs = [(each.key, each.entry.id, each.entry.created) for each in new if each.key]
        patience = _PATIENCE if self._patient else 0.0
        if surely_new and theirs:
            await self._store.save(rows, keys, theirs, patience=patience)
        elif rows or keys:
            await self._store.save(rows, [*keys, *theirs], patience=patience)

    async def _known(self, fresh: list[_Fresh]) -> set[str]:
        """Keys that were here before this process, or before they fell out of its memory."""
        asked = [each.key for each in fresh if each.key and each.key not in self._recent]
        return await self._store.known(asked) if asked else set()

    def _sift(self, fresh: list[_Fresh], known: set[str]) -> list[_Fresh]:
        new: list[_Fresh] = []
        seen: set[str] = set()
        for each in fresh:
            if each.key:
                here = each.key in self._recent or (each.key in known and each.key not in self._doubtful)
                if here or each.key in seen:
                    continue
                seen.add(each.key)
            new.append(each)
        return new

    def _settle(self, fresh: list[_Fresh], new: set[int]) -> None:
        self._committing = 0
        self._patient = False
        for each in fresh:
            if each.key:
                self._remember(each.key)
            self._tell(each, Kept.NEW if id(each) in new else Kept.KNOWN)

    def _remember(self, key: str) -> None:
        self._doubtful.discard(key)
        self._recent.pop(key, None)
        self._recent[key] = None
        if len(self._recent) > 10_000:
            del self._recent[next(iter(self._recent))]

    @staticmethod
    def _tell(each: _Fresh, outcome: Kept | StorageError) -> None:
        # One message's trouble must not stop the ledger.
        with Contained(_log, "a delivery failed after its commit", message=each.entry.id):
            each.then(outcome)

    # -- trouble -----------------------------------------------------------------------------------------------

    async def _failed(
        self, error: StorageError, fresh: list[_Fresh], changed: dict[str, Entry], keys: list[KeyRow]
    ) -> None:
        self._committing = 0
        self._patient = False
        if error.by_statement and len(fresh) + len(changed) > 1:
            await self._one_by_one(fresh, changed, keys)
            return
        if error.by_statement:
            for entry in changed.values():
                _log.error("a delivery could not be written", message=entry.id, reason=str(error))
        else:
            # What is newer has been noted again meanwhile, and is the same object.
            self._changed = {**changed, **self._changed}
            self._keys = keys + self._keys
            if not self._retry:
                _log.error("the delivery ledger cannot be written", reason=str(error), changes=len(changed))
            self._retry = min(max(_FIRST_RETRY, self._retry * 2), _LAST_RETRY)
        self._doubtful.update(each.key for each in fresh if each.key)
        for each in fresh:
            self._tell(each, error)
        if self._closing and not error.by_statement:
            _log.error("changes of deliveries are lost at the end", changes=len(self._changed))
            self._changed, self._keys = {}, []

    async def _one_by_one(self, fresh: list[_Fresh], changed: dict[str, Entry], keys: list[KeyRow]) -> None:
        """A row is at fault: the others must not suffer for it."""
        later, self._fresh = self._fresh, []
        later_changes, self._changed = self._changed, {}
        for entry in changed.values():
            mine = [key for key in keys if key[1] == entry.id]
            try:
                await self._store.save([entry.row()], mine)
            except StorageError as error:
                await self._failed(error, [], {entry.id: entry}, mine)
        for each in fresh:
            self._fresh = [each]
            await self._commit()
        self._fresh = later + self._fresh
        self._changed = {**self._changed, **later_changes}
