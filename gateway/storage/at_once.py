"""Statements for SQLite that are run in one go, in a thread of ours.

aiosqlite hands every call of the driver to its thread and gets an answer back, several for each statement; beside a busy
loop each takes 0.2 ms. A group of fourteen statements took 11 ms so, and takes 2 in one go. Knows a connection of the
driver's and SQLAlchemy; not what the statements are for.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, ParamSpec, TypeVar, cast

from sqlalchemy import Executable, Row, create_engine
from sqlalchemy.pool import StaticPool

from gateway.storage.items import Params, RowInsert, Step

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Python's sqlite3 gives up the GIL at every step of a statement, and gets it back only after the loop's thread has had it
# for up to 5 ms: beside a busy loop one step per row (executemany) wrote 870 rows/s, many rows in one step 69,000. Few
# sizes, so that each text is compiled once; the rest of the last one is filled up and cut off by LIMIT.
_ROWS_AT_ONCE = (1, 4, 16, 64, 256, 1024)
_PARAMETERS = 32_766

_THREADS = 4  # of the connection that writes, and of three that read


class Threads:
    """Where statements run; one at a time of each connection."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sqlite")

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Returns, or is cancelled, once the work is done: the connection is somebody else's from then on."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_T] = loop.create_future()
        job = self._pool.submit(work, *args, **kwargs)
        # asyncio's own way to wait for it takes twice the time.
        job.add_done_callback(lambda job: loop.call_soon_threadsafe(_pass_on, job, done))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)


def _pass_on(job: Future[_T], done: "asyncio.Future[_T]") -> None:
    error = job.exception()
    if error is None:
        done.set_result(job.result())
    else:
        done.set_exception(error)


class AtOnce:
    """One connection, as SQLAlchemy has it without asyncio. Transactions are the caller's."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        engine = create_engine(
            "sqlite://",
            creator=lambda: driver,
            poolclass=StaticPool,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )
        self._connection = engine.connect()
        self._texts: dict[tuple[RowInsert, int], str] = {}

    def run(self, steps: Sequence[Step]) -> list[int]:
        """See ``Backend.run``."""
        return [self._one(step) for step in steps]

    def fetch(self, statement: Executable, params: Mapping[str, object] | None) -> Sequence[Row[Any]]:
        return self._connection.execute(statement, params).all()

    def _one(self, step: Step) -> int:
        if isinstance(step, str):
            self._driver.execute(step)
            return 0
        statement, params = step
        if isinstance(statement, RowInsert):
            rows = cast("Sequence[tuple[object, ...]]", params)
            for text, values in self._parts(statement, rows):
                self._driver.execute(text, values)
            return len(rows)
        result = self._connection.execute(statement, cast("Params", params))
        return max(0, result.rowcount)

    def _parts(
        self, insert: RowInsert, rows: Sequence[tuple[object, ...]]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        width = len(insert.columns)
        sizes = [size for size in _ROWS_AT_ONCE if size * width < _PARAMETERS]
        for start in range(0, len(rows), sizes[-1]):
            part = rows[start : start + sizes[-1]]
            size = next(size for size in sizes if size >= len(part))
            padding = (None,) * (width * (size - len(part)))
            yield self._text(insert, size), (*chain.from_iterable(part), *padding, len(part))

    def _text(self, insert: RowInsert, size: int) -> str:
        text = self._texts.get((insert, size))
        if text is None:
            one = f"({', '.join('?' * len(insert.columns))})"
            values = ", ".join([one] * size)
            # https://sqlite.org/lang_upsert.html §2.2: WHERE, or ON CONFLICT would be read as that of a join.
            chosen = f"SELECT * FROM (VALUES {values}) WHERE true LIMIT ?"
            text = self._texts[insert, size] = f"{insert.into()} {chosen}{insert.on_conflict()}"
        return text
