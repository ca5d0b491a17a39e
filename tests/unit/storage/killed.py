"""A program for tests: brings the database in its argument to today's schema, migration by migration, and is killed in the
midst of each before; then four of it start at once. Prints ``done`` if all went as it should.

    python -m tests.unit.storage.killed URL
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.bridge import Migration
from gateway.clock import SystemClock
from gateway.config import installed_bridges
from gateway.storage.database import Database
from gateway.storage.migrations import MIGRATIONS
from gateway.storage.offline import transaction
from gateway.storage.versions import CORE, applied, latest

Series = tuple[str, Sequence[Migration]]


def _series() -> list[Series]:
    found: list[Series] = [(CORE, MIGRATIONS)]
    for kind, load in sorted(installed_bridges().items()):
        schema = load().schema
        if schema is not None:
            found.append((kind, schema.migrations))
    return found


async def _migrate(url: str, series: Sequence[Series]) -> None:
    (_, core), *bridges = series
    database = await Database.open(url, clock=SystemClock(), migrations=core)
    try:
        for kind, migrations in bridges:
            schema = installed_bridges()[kind]().schema
            assert schema is not None
            await database.adopt(kind, replace(schema, migrations=tuple(migrations)), SystemClock())
    finally:
        await database.close()


async def _versions(url: str) -> dict[str, int]:
    async with transaction(url) as connection:
        history = await applied(connection, url)
    numbers = [(each.series, each.number) for each in history]
    assert len(numbers) == len(set(numbers)), numbers
    return latest(history)


def _deadly(migration: Migration) -> Migration:
    async def apply(connection: AsyncConnection) -> None:
        await migration.apply(connection)
        os.kill(os.getpid(), signal.SIGKILL)

    return replace(migration, apply=apply)


def _forked(work: Callable[[], Coroutine[object, object, None]]) -> int:
    """A process of its own."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(work())
            status = 0
        finally:
            os._exit(status)
    return pid


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _walk(url: str, series: Sequence[Series]) -> None:
    """Through all migrations: each start does the one that killed the start before, and is killed in the next. Whatever one
    left behind, the next would stumble over."""
    done: list[Series] = []
    for name, migrations in series:
        for number, migration in enumerate(migrations, 1):
            deadly = [*done, (name, (*migrations[: number - 1], _deadly(migration)))]
            assert _ended(_forked(lambda deadly=deadly: _migrate(url, deadly))) == -signal.SIGKILL
        done.append((name, migrations))
    asyncio.run(_migrate(url, series))


def main(url: str, again: str) -> None:
    series = _series()
    today = {name: migrations[-1].number for name, migrations in series}
    _walk(url, series)
    assert asyncio.run(_versions(url)) == today
    asyncio.run(_migrate(again, [(CORE, MIGRATIONS[:3])]))
    together = [_forked(lambda: _migrate(again, series)) for _ in range(4)]
    assert [_ended(pid) for pid in together] == [0] * 4
    assert asyncio.run(_versions(again)) == today
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
