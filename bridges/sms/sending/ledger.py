"""The one hand that writes the book: entries come from everywhere, and are committed in order, all that wait in one commit.

It reads what the entries are about, lets the book decide, and commits the page. If that fails nothing has happened, those
who wait are told, and what the book remembers is read again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import structlog

from bridges.sms.sending.book import Book
from bridges.sms.sending.doubts import Doubt
from bridges.sms.sending.entries import Entry, Reported, Taken
from bridges.sms.sending.matching import Learnt, bounded, party, spellings
from bridges.sms.sending.messages import Message
from bridges.sms.sending.records import Page
from bridges.sms.sending.states import PieceState
from bridges.sms.sending.store import Sendings
from gateway.bridge import NotStored

log = structlog.get_logger(__name__)

_MOST = 1000  # entries of one commit


class Ledger:
    """``run`` is its life, held by the caller; ``note`` may be called before. ``taken`` is told of new messages after their
    commit, in order, and ``look`` when there may be something to tell."""

    def __init__(
        self,
        sendings: Sendings,
        book: Book,
        taken: Callable[[Sequence[Message]], None],
        look: Callable[[], None],
    ) -> None:
        self._sendings = sendings
        self._book = book
        self._taken = taken
        self._look = look
        self._waiting: list[tuple[Entry, asyncio.Future[object]]] = []
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._fresh = False  # the book remembers what the tables have

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
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._settle(some)

    async def _settle(self, some: list[tuple[Entry, asyncio.Future[object]]]) -> None:
        entries = [entry for entry, _ in some]
        try:
            async with self._lock:
                if not self._fresh:
                    await self._refresh()
                self._fresh = False  # until it is committed
                page = await self._page(entries)
                results = [self._book.note(entry, page) for entry in entries]
                await self._sendings.commit(page)
                self._fresh = True
        except BaseException as error:
            # Whatever it was: nobody may wait for ever.
            why = error if isinstance(error, NotStored) else NotStored("the book of messages is at fault")
            for _, done in some:
                if not done.done():
                    done.set_exception(why)
                    done.exception()  # who does not ask any more need not be warned
            if not isinstance(error, NotStored):
                if not isinstance(error, Exception):
                    raise
                log.exception("what happens to messages cannot be noted", entries=len(entries))
            return
        if page.new:
            self._taken(page.new)
        for (_, done), result in zip(some, results, strict=True):
            if not done.done():
                done.set_result(result)
        if any(record.owed for record in page.messages.values()):
            self._look()

    async def _page(self, entries: Iterable[Entry]) -> Page:
        """All that the entries may be about."""
        ids: set[str] = set()
        wanted: dict[str, set[str]] = {}
        for entry in entries:
            if isinstance(entry, Taken):
                ids.add(entry.message.id)
            elif isinstance(entry, Reported):
                report = entry.report
                if report.reference:
                    ids.add(bounded(report.reference))
                if report.id:
                    wanted.setdefault(report.route, set()).update(spellings(bounded(report.id)))
                ids.update(self._book.doubts.messages(report.route, party(report.recipient)))
            elif (id := getattr(entry, "id", None)) is not None:
                ids.add(cast("str", id))
        for route, names in wanted.items():
            ids |= await self._sendings.spelt(route, names)
        return Page(await self._sendings.records(ids) if ids else {})

    async def _refresh(self) -> list[tuple[str, int, str, PieceState]]:
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
                book.doubts.writing(piece.route, record.parties, id, n)
            else:
                book.doubts.unknown(piece.route, record.parties, Doubt(id, n, piece.written))
        self._fresh = True
        return found
