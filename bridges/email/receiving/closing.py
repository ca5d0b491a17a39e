"""Group commit of what is said at the end of mails: what comes while one commit runs shares the next, and every statement
serves all of its mails.

Who is shown a mail need not wait for it: whoever is killed before it begins again at the row. What reads what was said there
waits (``of``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Executable

from bridges.email.receiving.arrivals import Statement
from gateway.bridge import NotStored, Tables, Values

_MOST = 200  # mails of one commit
#: Turns of the loop in which more may come: mails that were in one commit of the core end together.
_TURNS = 2
#: Seconds in which a commit of mails that are taken may take it along.
_PATIENCE = 0.01


@dataclass(frozen=True, slots=True)
class _End:
    owner: str
    statements: Sequence[Statement]
    done: "asyncio.Future[None]"


class Closings:
    """``run`` is its task."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._waiting: list[_End] = []
        self._pending: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._wake = asyncio.Event()

    def add(self, owner: str, statements: Sequence[Statement]) -> "asyncio.Future[None]":
        """Statements that succeed or fail together; ``NotStored`` is in the future that says so."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_End(owner, statements, done))
        self._pending[owner].add(done)
        self._wake.set()
        return done

    def pending(self, owner: str) -> int:
        """Of how many mails of a user the end is not committed yet."""
        return len(self._pending.get(owner, ()))

    async def of(self, owner: str) -> None:
        """Returns once all of a user's so far are committed, or have failed."""
        pending = self._pending.get(owner)
        if pending:
            await asyncio.wait(list(pending))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._write(group)

    async def _write(self, group: Sequence[_End]) -> None:
        outcomes: Sequence[object] = [None] * len(group)
        try:
            await self._tables.write(*_together(group), patience=_PATIENCE)
        except NotStored as error:
            outcomes = [error]
            if len(group) > 1:
                # One may be at fault: the others must not suffer for it.
                alone = (self._tables.write(*each.statements) for each in group)
                outcomes = await asyncio.gather(*alone, return_exceptions=True)
        for each, outcome in zip(group, outcomes, strict=True):
            self._end(each, outcome if isinstance(outcome, BaseException) else None)

    def _end(self, ended: _End, error: BaseException | None) -> None:
        pending = self._pending[ended.owner]
        pending.discard(ended.done)
        if not pending:
            del self._pending[ended.owner]
        if ended.done.done():
            return  # who waited was cancelled
        if error is None:
            ended.done.set_result(None)
        else:
            ended.done.set_exception(error)


def _together(group: Sequence[_End]) -> Sequence[Statement]:
    """What all of them say, each statement once; the values of one statement stay in their order."""
    many: dict[int, list[Mapping[str, object]]] = {}
    found: list[tuple[Executable, Values]] = []
    for statement, values in (each for end in group for each in end.statements):
        if not isinstance(values, Mapping):
            found.append((statement, values))
        elif (rows := many.get(id(statement))) is not None:
            rows.append(values)
        else:
            rows = many[id(statement)] = [values]
            found.append((statement, rows))
    return found
