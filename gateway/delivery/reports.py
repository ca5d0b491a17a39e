"""Which message a network's news is about: those that it has taken, by the ids that it gave them.

The latest are remembered; older ones, and those of earlier processes, are looked up. Knows no session, and not what becomes
of the news.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog

from gateway.bridge import Clock
from gateway.delivery.entry import Entry, entry_of, key_of
from gateway.model import Condition, Refused
from gateway.storage.deliveries import DeliveryStore, KeyRow
from gateway.storage.errors import StorageError
from gateway.texts import Text

_log = structlog.get_logger(__name__)

#: Accepted messages remembered for their reports.
_REMEMBERED = 5_000
_LOOKUPS = 100
_ID_LIMIT = 255  # of foreign ids
_SILENT_AT_ONCE = 200
#: Seconds between two looks for messages that the network has not reported on in time.
_LOOK_SECONDS = 600.0


def fit(foreign_id: str) -> str:
    """An id of the network as the ledger keeps it."""
    return foreign_id[:_ID_LIMIT].replace("\n", " ").replace("\0", "")


class Reports:
    """``spawn`` runs look-ups in tasks that somebody holds."""

    def __init__(self, bridge: str, store: DeliveryStore, spawn: Callable[[Awaitable[None]], None]) -> None:
        self._bridge = bridge
        self._store = store
        self._spawn = spawn
        self._known: dict[str, Entry] = {}  # by the keys of their foreign ids
        self._lookups = 0

    def expect(self, entry: Entry, ids: Sequence[str]) -> Iterator[KeyRow]:
        """There will be news of ``ids``; gives the keys by which they are found later, to be written down."""
        entry.unreported = "\n".join(ids)
        for each in ids:
            key = self._key(entry.owner, entry.network, each)
            self._remember(key, entry)
            yield key, entry.id, entry.created

    def remember(self, entry: Entry) -> None:
        """The network has given no id, and promised no news; if there is some all the same, it names our own id, and comes
        soon or never."""
        self._remember(self._key(entry.owner, entry.network, entry.id), entry)

    def find(self, owner: str, network: str, foreign_id: str, then: Callable[[Entry], None]) -> None:
        """Call ``then`` with the message, now or later, if there is one."""
        key = self._key(owner, network, foreign_id)
        entry = self._known.get(key)
        if entry is not None:
            then(entry)
        elif self._lookups < _LOOKUPS:
            self._lookups += 1
            self._spawn(self._look_up(key, then))
        else:
            _log.warning("a delivery report was not looked up: too many at a time", network=network)

    async def _look_up(self, key: str, then: Callable[[Entry], None]) -> None:
        try:
            row = await self._store.by_key(key)
        except StorageError as error:
            _log.warning("a delivery report was not looked up", reason=str(error))
            return
        finally:
            self._lookups -= 1
        entry = self._known.get(key)
        if entry is None and row is not None:
            entry = entry_of(row)
            self._remember(key, entry)
        if entry is not None:
            then(entry)

    async def silent(self, since: float) -> Sequence[Entry]:
        """Some of the messages that were taken before ``since`` (Unix time) and of which the network has said nothing, or
        not all, to this day. Raises ``StorageError``."""
        rows = await self._store.unreported(self._bridge, since, _SILENT_AT_ONCE)
        return [self._same(entry_of(row)) for row in rows]

    def _same(self, entry: Entry) -> Entry:
        """The one that is remembered, if it is: two objects for one message would disagree."""
        for each in entry.unreported.split("\n"):
            key = self._key(entry.owner, entry.network, each)
            known = self._known.get(key)
            if known is not None:
                return known
            self._remember(key, entry)
        return entry

    def forget(self, owner: str) -> None:
        for key in [key for key, entry in self._known.items() if entry.owner == owner]:
            del self._known[key]

    def _key(self, owner: str, network: str, foreign_id: str) -> str:
        return key_of(self._bridge, owner, network, inbound=False, foreign_id=foreign_id)

    def _remember(self, key: str, entry: Entry) -> None:
        self._known[key] = entry
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]


class Silence:
    """Gives up on messages without a report after ``age`` seconds (0: never): ``tell`` is called with each, once."""

    def __init__(
        self,
        reports: Reports,
        clock: Clock,
        spawn: Callable[[Awaitable[None]], None],
        age: float,
        tell: Callable[[Entry, Refused], None],
    ) -> None:
        self._reports = reports
        self._clock = clock
        self._spawn = spawn
        self.age = age
        self._tell = tell
        self._next_look = 0.0

    def sweep(self) -> None:
        """To be called every few seconds."""
        # Monotonic: a clock that is set back must not end the looking for as long.
        if self.age and self._clock.monotonic() >= self._next_look:
            self._next_look = self._clock.monotonic() + _LOOK_SECONDS
            self._spawn(self._look())

    async def _look(self) -> None:
        try:
            silent = await self._reports.silent(self._clock.now() - self.age)
        except StorageError as error:
            _log.warning("messages without a report were not looked up", reason=str(error))
            return
        for entry in silent:
            text = Text(
                "{network} took your message to {contact}, but has not said within {days} days whether it arrived. Ask, "
                "or send it again.",
                network=entry.network,
                contact=entry.peer,
                days=f"{self.age / 86_400:.3g}",
            )
            self._tell(entry, Refused(Condition.REMOTE_SERVER_TIMEOUT, text))
        if silent:
            self._next_look = 0.0  # there may be more
