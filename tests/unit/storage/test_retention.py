"""Retention: what is too old goes, in small steps, and nothing else."""

import asyncio

from sqlalchemy import func, select
from structlog.testing import capture_logs

from gateway.storage.archive import ArchiveStore
from gateway.storage.database import Database
from gateway.storage.retention import Retention, archive_rules
from gateway.storage.schema import archive, archives
from tests.fakes.clock import ManualClock as SettableClock
from tests.unit.clock import ManualClock, settle
from tests.waiting import eventually

DAY = 86_400.0
PLACE = ("irc", "alice@localhost", "net", "#a")


async def count(database: Database) -> int:
    return int((await database.read(select(func.count()).select_from(archive)))[0][0])


def fill(store: ArchiveStore, rows: int, sent_at: float) -> None:
    for number in range(rows):
        store.append(*PLACE, f"id{number}", "carol", "chat", "hello", sent_at)


async def sweep(retention: Retention, clock: ManualClock) -> dict[str, int]:
    """A sweep on a clock that goes on while it pauses."""
    sweeping = asyncio.create_task(retention.sweep())
    await eventually(sweeping.done, meanwhile=lambda: clock.advance(0.05))
    return await sweeping


async def test_only_what_is_older_than_the_limit_goes(database: Database) -> None:
    clock = ManualClock(start=100 * DAY)
    store = ArchiveStore(database, clock)
    fill(store, 30, 69.0 * DAY)
    fill(store, 20, 70.5 * DAY)
    await database.flush()
    with capture_logs() as logs:
        assert await sweep(Retention(database, archive_rules(30), clock), clock) == {
            "archive": 30,
            "archives": 0,
        }
    assert await count(database) == 20
    assert logs == [{"event": "old rows deleted", "table": "archive", "rows": 30, "log_level": "info"}]


async def test_much_is_deleted_in_small_transactions_between_which_others_write(database: Database) -> None:
    clock = ManualClock(start=100 * DAY)
    store = ArchiveStore(database, clock)
    fill(store, 2100, 1.0)
    await database.flush()
    before = database.counts.commits
    assert (await sweep(Retention(database, archive_rules(30), clock), clock))["archive"] == 2100
    assert database.counts.commits - before == 6  # five batches, and one look at the notes of archives
    assert await count(database) == 0


async def test_the_note_of_an_archive_goes_after_its_last_message(database: Database) -> None:
    clock = ManualClock(start=100 * DAY)
    store = ArchiveStore(database, clock)
    fill(store, 1, clock.now())
    await database.flush()
    retention = Retention(database, archive_rules(30), clock)
    await clock.advance(31 * DAY)
    assert await sweep(retention, clock) == {"archive": 1, "archives": 0}
    await clock.advance(2 * DAY)
    assert await sweep(retention, clock) == {"archive": 0, "archives": 1}
    assert await database.read(select(archives)) == []


async def test_a_job_that_fails_is_logged_and_done_again_at_its_next_turn(database: Database) -> None:
    clock = ManualClock(start=100 * DAY)
    store = ArchiveStore(database, clock)
    fill(store, 10, 1.0)
    await database.flush()
    backend = database._backend
    original = backend.run

    async def full(connection: object, steps: object) -> None:
        raise OSError(28, "No space left on device")

    vars(backend)["run"] = full
    job = asyncio.create_task(Retention(database, archive_rules(30), clock, interval=60.0).run())
    with capture_logs() as logs:
        await eventually(lambda: "old rows were not deleted" in {entry["event"] for entry in logs})
        await settle()
    vars(backend)["run"] = original

    async def none_left() -> bool:
        return not await count(database)

    await eventually(none_left, meanwhile=lambda: clock.advance(60))
    job.cancel()
    await asyncio.wait([job])


async def test_nothing_is_deleted_by_a_clock_that_was_set_forward(database: Database) -> None:
    clock = SettableClock(now=100 * DAY)
    store = ArchiveStore(database, clock)
    fill(store, 30, 99.0 * DAY)
    await database.flush()
    retention = Retention(database, archive_rules(30), clock, interval=60)
    clock.set_back(-400 * DAY)
    with capture_logs() as logs:
        task = asyncio.create_task(retention.run())
        await eventually(lambda: logs)
    assert logs[0]["event"] == "nothing old is deleted: the clock was set forward"
    assert await count(database) == 30
    clock.set_back(400 * DAY)
    fill(store, 10, 1.0 * DAY)
    await database.flush()
    with capture_logs() as logs:
        await eventually(lambda: logs, meanwhile=lambda: clock.advance(60))
    assert (logs[0]["event"], logs[0]["rows"]) == ("old rows deleted", 10)
    task.cancel()
    await asyncio.wait([task])
