"""Archives page by page: any part of one, or of several in the order of their times, with its place in the whole.

A place is (time, number of the row): messages of one moment keep the order in which they came. To say that a page begins at
the 731,204th of a million messages, they have to be counted; ``Places`` remembers what was counted of an archive, and the
next page counts only from there on. Knows messages and ids, and nothing of how they are asked for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Double, and_, func, literal, or_, select, tuple_

from gateway.bridge import Clock
from gateway.ids import is_ours, time_in
from gateway.storage.archive import ABOUT, KEPT, ArchiveStore, kept
from gateway.storage.database import Database
from gateway.storage.records import ArchivedMessage
from gateway.storage.schema import archive

Place = tuple[float, int]

_BEGINNING: Place = (-inf, -1)
#: Rows of what cannot be counted by places that are counted at most; beyond, the number is left out.
_COUNTED = 20_000
#: Archives of which places are remembered, places of each, and for how many seconds.
_ARCHIVES, _PLACES, _REMEMBERED = 500, 64, 600.0


class NotInArchiveError(LookupError):
    """A message that was named is not in the archive (any more). Its argument is the id."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to read of the archives with these numbers. ``start`` is the first moment, ``end`` the first one too late, in
    Unix seconds; ``sender`` a nick as it is spelled. ``after_id``, ``before_id`` and ``ids`` limit what is paged through;
    ``after``, ``before`` and ``index`` say which page of that, and a page with ``before`` ends there. ``before`` empty: the
    last page."""

    archives: tuple[int, ...]
    start: float | None = None
    end: float | None = None
    sender: str = ""
    after_id: str = ""
    before_id: str = ""
    ids: tuple[str, ...] = ()
    limit: int = 100
    after: str = ""
    before: str | None = None
    index: int | None = None

    @property
    def named(self) -> set[str]:
        """The ids of messages in it."""
        return {*self.ids, self.after_id, self.before_id, self.after, self.before or ""} - {""}


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """Messages, oldest first, each with the number of its archive. ``count`` of all that match, and ``index`` of the first
    one of the page among them, are None where counting would take too long. ``complete``: nothing lies beyond the page in
    its direction."""

    messages: tuple[tuple[int, ArchivedMessage], ...]
    complete: bool
    count: int | None
    index: int | None


class ArchivePages:
    """Reads what ``store`` writes."""

    def __init__(self, database: Database, store: ArchiveStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._known: dict[int, _Known] = {}

    async def page(self, request: PageRequest) -> ArchivePage:
        """Includes all that was archived before. Raises ``NotInArchiveError``, ``StorageError``."""
        if len(request.archives) == 1:
            self._watch(request.archives[0])
        await self._store.settled()
        named = await self._named(request)
        matching = _Matching(request, named)
        rows, more = await self._rows(request, matching, named)
        count, index = await self._counted(matching, rows)
        complete = not more if request.limit else count == 0
        messages = tuple((row.archive_id, kept(row)) for row in rows)
        return ArchivePage(messages, complete, count, index)

    async def ends(self, archives: tuple[int, ...]) -> tuple[ArchivedMessage, ArchivedMessage] | None:
        """The first and the last message; None where there is none. Raises ``StorageError``."""
        await self._store.settled()
        found = await self._ends(archives)
        return (kept(found[0]), kept(found[1])) if found is not None else None

    # -- ids ---------------------------------------------------------------------------------------------------

    async def _named(self, request: PageRequest) -> Mapping[str, tuple[Place, Place]]:
        """Where the messages are that the request names: an id that is there twice has a first and a last place."""
        wanted = request.named
        if not wanted:
            return {}
        query = select(archive.c.stanza_id, archive.c.sent_at, archive.c.id)
        query = query.where(_of(request.archives), or_(*_meant(wanted)))
        found: dict[str, tuple[Place, Place]] = {}
        for row in await self._database.read(query.order_by(archive.c.sent_at, archive.c.id)):
            place = (row.sent_at, row.id)
            first, _ = found.get(row.stanza_id, (place, place))
            found[row.stanza_id] = first, place
        for id_ in wanted:
            if id_ not in found:
                raise NotInArchiveError(id_)
        return found

    # -- rows --------------------------------------------------------------------------------------------------

    async def _rows(
        self, request: PageRequest, matching: "_Matching", named: Mapping[str, tuple[Place, Place]]
    ) -> tuple[Sequence[Any], bool]:
        """The rows of the page, and whether more lie beyond it."""
        if not request.limit:
            return [], True
        query = select(archive.c.archive_id, archive.c.id, *KEPT).where(*matching.conditions)
        if request.after:
            query = query.where(_beyond(named[request.after][1]))
        if request.before is None:
            query = query.order_by(archive.c.sent_at, archive.c.id).offset(request.index)
        else:
            if request.before:
                query = query.where(_before(named[request.before][0]))
            query = query.order_by(archive.c.sent_at.desc(), archive.c.id.desc())
        rows = await self._database.read(query.limit(request.limit + 1))
        page = rows[: request.limit]
        return (page if request.before is None else page[::-1]), len(rows) > request.limit

    async def _ends(self, archives: tuple[int, ...]) -> tuple[Any, Any] | None:
        query = select(archive.c.id, *KEPT).where(_of(archives)).limit(1)
        first = await self._database.read(query.order_by(archive.c.sent_at, archive.c.id))
        last = await self._database.read(query.order_by(archive.c.sent_at.desc(), archive.c.id.desc()))
        return (first[0], last[0]) if first and last else None

    # -- numbers -----------------------------------------------------------------------------------------------

    async def _counted(self, matching: "_Matching", rows: Sequence[Any]) -> tuple[int | None, int | None]:
        """How many match, and the number of the first of ``rows`` among them."""
        first = (rows[0].sent_at, rows[0].id) if rows else None
        if matching.in_a_row and len(matching.archives) == 1:
            return await self._by_place(matching, first)
        count = await self._few(matching.conditions)
        if count is None or first is None:
            return count, None
        return count, await self._few((*matching.conditions, _before(first)))

    async def _few(self, conditions: Iterable[ColumnElement[bool]]) -> int | None:
        some = select(archive.c.id).where(*conditions).limit(_COUNTED + 1).subquery()
        count: int = (await self._database.read(select(func.count()).select_from(some)))[0][0]
        return count if count <= _COUNTED else None

    async def _by_place(self, matching: "_Matching", first: Place | None) -> tuple[int, int | None]:
        known = await self._places(matching.archives[0])
        if known is None:
            return 0, None
        start = await known.up_to(matching.after) if matching.after is not None else 0
        end = await known.up_to(matching.last) if matching.last is not None else known.total
        index = await known.up_to((first[0], first[1] - 1)) - start if first is not None else None
        return max(0, end - start), index

    def _watch(self, number: int) -> None:
        """From here on it is noticed if something comes late."""
        if number not in self._store.counted:
            self._known.pop(number, None)
            self._store.counted[number] = self._clock.now()

    async def _places(self, number: int) -> "_Known | None":
        """What is known of an archive, as it is now; None for an empty one."""
        ends = await self._ends((number,))
        known = self._known.pop(number, None)
        if ends is None:
            self._store.counted.pop(number, None)
            return None
        first, last = ((row.sent_at, row.id) for row in ends)
        now = self._clock.monotonic()
        valid = number in self._store.counted  # nothing came late
        # Messages only ever go from the beginning, or all at once.
        if known is None or known.first != first or not valid or now > known.until:
            known = _Known(self._database, number, first, now + _REMEMBERED)
        if valid:
            self._known[number] = known
            self._store.counted[number] = last[0]
            if len(self._known) > _ARCHIVES:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._store.counted.pop(oldest, None)
        await known.grow(last)
        return known


class _Known:
    """Of one archive: how many messages there are up to some places."""

    def __init__(self, database: Database, number: int, first: Place, until: float) -> None:
        self.first = first
        self.until = until
        self._database = database
        self._number = number
        self._places: list[Place] = [_BEGINNING]
        self._counts: list[int] = [0]

    @property
    def total(self) -> int:
        return self._counts[-1]

    async def grow(self, last: Place) -> None:
        """The last message is there now."""
        if last > self._places[-1]:
            count = self.total + await self._between(self._places[-1], last)
            self._remember(last, count)

    async def up_to(self, place: Place) -> int:
        """The number of messages up to ``place``, which need not be one of a message."""
        position = bisect_right(self._places, place)
        left, before = self._places[position - 1], self._counts[position - 1]
        if left == place or position == len(self._places):
            return before
        right, after = self._places[position], self._counts[position]
        # Counted from the nearer side, as if people were to speak evenly.
        if place[0] - max(left[0], self.first[0]) <= right[0] - place[0]:
            count = before + await self._between(left, place)
        else:
            count = after - await self._between(place, right)
        self._remember(place, count)
        return count

    def _remember(self, place: Place, count: int) -> None:
        position = bisect_left(self._places, place)
        if position < len(self._places) and self._places[position] == place:
            return  # another request was here meanwhile
        self._places.insert(position, place)
        self._counts.insert(position, count)
        if len(self._places) > _PLACES:
            # Every second one but for both ends: what is near to one that stays is soon counted again.
            self._places[1:-1] = self._places[1:-1:2]
            self._counts[1:-1] = self._counts[1:-1:2]

    async def _between(self, after: Place, last: Place) -> int:
        # In three parts, of which the big one is nothing but a range of the index: half the time of comparing places.
        parts = [and_(archive.c.sent_at > after[0], archive.c.sent_at < last[0])]
        if after[0] == last[0]:
            parts = [and_(archive.c.sent_at == last[0], archive.c.id > after[1], archive.c.id <= last[1])]
        else:
            parts.append(and_(archive.c.sent_at == last[0], archive.c.id <= last[1]))
            if after > _BEGINNING:
                parts.append(and_(archive.c.sent_at == after[0], archive.c.id > after[1]))
        mine = archive.c.archive_id == self._number
        counts = [select(func.count()).where(mine, part).scalar_subquery() for part in parts]
        (row,) = await self._database.read(select(*counts))
        return sum(row)


class _Matching:
    """What a request pages through, as conditions on rows. ``in_a_row``: all messages beyond the place ``after`` and up to
    ``last``, so that places are enough to count them."""

    def __init__(self, request: PageRequest, named: Mapping[str, tuple[Place, Place]]) -> None:
        self.archives = request.archives
        after = [_BEGINNING]
        last: list[Place] = [(inf, 0)]
        if request.start is not None:
            after.append((request.start, -1))
        if request.after_id:
            after.append(named[request.after_id][1])
        if request.end is not None:
            last.append((request.end, -1))
        if request.before_id:
            time, number = named[request.before_id][0]
            last.append((time, number - 1))
        self.after: Place | None = max(after) if len(after) > 1 else None
        self.last: Place | None = min(last) if len(last) > 1 else None
        self.in_a_row = not request.sender and not request.ids
        self.conditions = [_of(request.archives)]
        if self.after is not None:
            self.conditions.append(_beyond(self.after))
        if self.last is not None:
            self.conditions.append(_up_to(self.last))
        if request.sender:
            self.conditions.append(archive.c.sender == request.sender)
        if request.ids:
            self.conditions.append(archive.c.id.in_([named[id_][0][1] for id_ in request.ids]))


def _of(archives: tuple[int, ...]) -> ColumnElement[bool]:
    return archive.c.archive_id == archives[0] if len(archives) == 1 else archive.c.archive_id.in_(archives)


def _meant(ids: Iterable[str]) -> list[ColumnElement[bool]]:
    """The conditions under which a row has one of ``ids``, each with an index to go by."""
    foreign: list[str] = []
    conditions: list[ColumnElement[bool]] = []
    for id_ in ids:
        said_at = time_in(id_)
        if said_at is not None:
            when = archive.c.sent_at.between(said_at - ABOUT, said_at + ABOUT)
            conditions.append(and_(when, archive.c.stanza_id == id_))
        elif is_ours(id_):  # of before ids had times
            conditions.append(archive.c.stanza_id == id_)
        else:
            foreign.append(id_)
    if foreign:
        conditions.append(and_(archive.c.foreign_id.in_(foreign), archive.c.stanza_id.in_(foreign)))
    return conditions


def _place(place: Place) -> ColumnElement[Any]:
    return tuple_(literal(place[0], Double), literal(place[1], BigInteger))


# The first half of each is the second's business too, but only in it do both databases see a range of their index.


def _beyond(place: Place) -> ColumnElement[bool]:
    return and_(archive.c.sent_at >= place[0], _row() > _place(place))


def _before(place: Place) -> ColumnElement[bool]:
    return and_(archive.c.sent_at <= place[0], _row() < _place(place))


def _up_to(place: Place) -> ColumnElement[bool]:
    return and_(archive.c.sent_at <= place[0], _row() <= _place(place))


def _row() -> ColumnElement[Any]:
    return tuple_(archive.c.sent_at, archive.c.id)
