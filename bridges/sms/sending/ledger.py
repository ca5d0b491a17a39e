"""The one hand that writes the book: entries come from everywhere, and are committed in order, all that wait in one commit.

It reads what the entries are about, lets the book decide, and commits the page. If that fails nothing has happened, those
who wait are told, and what the book remembers is read again. New messages are not looked for before they are written:
nearly always they are new, and the commit that finds one that is not is cheaper than asking for each.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import structlog

from bridges.sms.sending.book import Book
from bridges.sms.sending.doubts import Doubt
from bridges.sms.sending.entries import Entry, Reported, Taken
from bridges.sms.sending.matching import Learnt, about, bounded, party, spellings
from bridges.sms.sending.messages import Message, Tidings
from bridges.sms.sending.records import Page, Shelf
from bridges.sms.sending.rows import tidings
from bridges.sms.sending.states import PieceState
from bridges.sms.sending.store import Sendings
from bridges.sms.traffic import Report
from gateway.bridge import NotStored

log = structlog.get_logger(__name__)

_MOST = 1000  # entries of one commit
_TURNS = 2  # of the loop before a commit: what follows from what has just happened joins it


_Waiting = tuple[Entry, asyncio.Future[object]]


class Ledger:
    """``run`` is its life, held by the caller; ``note`` may be called before. ``taken`` is told of new messages after their
    commit, in order, and ``owed`` of what is to be told."""

    def __init__(
        self,
        sendings: Sendings,
        book: Book,
        taken: Callable[[Sequence[Message]], None],
        owed: Callable[[Sequence[Tidings]], None],
    ) -> None:
        self._sendings = sendings
        self._book = book
        self._taken = taken
        self._owed = owed
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._shelf = Shelf()
        self._fresh = False  # what is remembered is what the tables have

    def note(self, entry: Entry) -> asyncio.Future[object]:
        """Comes to what the entry's kind says, once it is committed. Raises ``NotStored``: then it has not happened."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        self._wake.set()
        return done

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Nothing is written here meanwhile: for whoever deletes."""
        async with self._lock:
            self._fresh = False
            yield

    async def begin(self) -> list[tuple[str, int, str, PieceState]]:
        """Read what the book remembers; gives what was found in doubt, as (message, piece, route, state). Raises
        ``NotStored``."""
        async with self._lock:
            return await self._refresh()

    async def run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                while self._waiting:
                    some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                    await self._settle(some)
        finally:
            for _, done in self._waiting:
                done.cancel()

    async def _settle(self, some: Sequence[_Waiting]) -> None:
        try:
            page, results = await self._written([entry for entry, _ in some])
        except NotStored as error:
            _disappoint(some, error)
        except Exception:
            if len(some) > 1:
                for each in some:  # one of them is the fault: the others need not suffer
                    await self._settle([each])
                return
            log.exception("what happens to a message cannot be noted", entry=type(some[0][0]).__name__)
            _disappoint(some, NotStored("the book of messages is at fault; see the log"))
        except BaseException:
            for _, done in some:
                done.cancel()  # nobody can tell whether it was committed
            raise
        else:
            self._settled(page, some, results)

    async def _written(self, entries: Sequence[Entry]) -> tuple[Page, list[object]]:
        async with self._lock:
            if not self._fresh:
                await self._refresh()
            self._fresh = False  # until it is committed
            try:
                written = await self._committed(entries, surely_new=True)
            except NotStored:
                if not any(isinstance(each, Taken) for each in entries):
                    raise
                await self._refresh()
                self._fresh = False
                written = await self._committed(entries, surely_new=False)
            self._fresh = True
            return written

    async def _committed(self, entries: Sequence[Entry], *, surely_new: bool) -> tuple[Page, list[object]]:
        page = await self._page(entries, surely_new=surely_new)
        results = [self._book.note(entry, page) for entry in entries]
        await self._sendings.commit(page)
        return page, results

    def _settled(self, page: Page, some: Sequence[_Waiting], results: Sequence[object]) -> None:
        self._shelf.trim()
        if page.new:
            self._taken(page.new)
        for (_, done), result in zip(some, results, strict=True):
            if not done.done():
                done.set_result(result)
        news = sorted((each for each in page.messages.values() if each.owed), key=lambda each: each.news)
        if news:
            for record in news:
                record.owed = False
            self._owed([tidings(each) for each in news])

    async def _page(self, entries: Iterable[Entry], *, surely_new: bool) -> Page:
        """All that the entries may be about."""
        ids: set[str] = set()
        new: set[str] = set()
        wanted: dict[str, set[str]] = {}
        for entry in entries:
            if isinstance(entry, Taken):
                (new if surely_new else ids).add(entry.message.id)
            elif isinstance(entry, Reported):
                report = entry.report
                if report.reference:
                    ids.add(bounded(report.reference))
                if report.id and not self._at_hand(report):
                    wanted.setdefault(report.route, set()).update(spellings(bounded(report.id)))
                ids.update(self._book.doubts.messages(report.route, party(report.recipient)))
            elif (id := getattr(entry, "id", None)) is not None:
                ids.add(cast("str", id))
        for route, names in wanted.items():
            ids |= await self._sendings.spelt(route, names)
        missing = {id for id in ids - new if id not in self._shelf}
        if missing:
            for record in (await self._sendings.records(missing)).values():
                self._shelf.put(record)
        return Page(self._shelf)

    def _at_hand(self, report: Report) -> bool:
        """Whether the piece that it is about is on the shelf: then nothing older is looked for."""
        id = bounded(report.id)
        learnt = self._book.learnt.get(report.route) or Learnt()
        match = about(id, report.recipient, self._shelf.candidates(report.route, id), learnt)
        return match is not None and match.what[1].state.rank < PieceState.FAILED.rank

    async def _refresh(self) -> list[tuple[str, int, str, PieceState]]:
        self._shelf.clear()
        early = await self._sendings.early()
        rules = await self._sendings.rules()
        doubtful = await self._sendings.doubtful()
        records = await self._sendings.records({id for id, _ in doubtful})
        book = self._book
        book.next_number(after=await self._sendings.last_number())
        book.begin(early, {route: Learnt(weights) for route, weights in rules.items()})
        found = []
        for id, n in doubtful:
            record = records.get(id)
            piece = record.pieces.get(n) if record is not None else None
            if record is None or piece is None:
                continue
            found.append((id, n, piece.route, piece.state))
            if piece.state is PieceState.WRITING:
                book.doubts.writing(piece.route, record.of(n), id, n)
            else:
                book.doubts.unknown(piece.route, record.of(n), Doubt(id, n, piece.written))
        self._fresh = True
        return found


def _disappoint(some: Sequence[_Waiting], error: NotStored) -> None:
    for _, done in some:
        if not done.done():
            done.set_exception(error)
            done.exception()  # who does not ask any more need not be warned
