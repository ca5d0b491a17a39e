"""Group commit: what is grouped, what fails alone, what survives."""

import asyncio
import signal
import sqlite3
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from gateway.clock import SystemClock
from gateway.storage.database import Database, opened
from gateway.storage.errors import StorageError, Trouble
from gateway.storage.items import RowInsert
from gateway.storage.schema import archive, subscriptions
from gateway.storage.writer import WriterLimits
from tests.rig.postgres import Postgres
from tests.unit.clock import ManualClock, settle
from tests.waiting import eventually

ROWS = RowInsert(archive, ("archive_id", "stanza_id", "sender", "kind", "body", "sent_at"))


def row(number: int, body: str | None = "hello") -> tuple[object, ...]:
    return (1, f"id{number}", "carol", "chat", body, float(number))


def subscription(contact: str, state: str = "none") -> dict[str, object]:
    return {
        "bridge": "irc",
        "owner": "alice@localhost",
        "contact_local": contact,
        "state": state,
        "pending": "",
    }


async def count(database: Database) -> int:
    return int((await database.read(select(func.count()).select_from(archive)))[0][0])


async def contacts(database: Database) -> list[str]:
    rows = await database.read(select(subscriptions.c.contact_local).order_by(subscriptions.c.contact_local))
    return [row[0] for row in rows]


async def test_what_is_asked_for_in_one_loop_turn_is_one_commit(database: Database) -> None:
    before = database.counts.commits

    async def work(worker: int) -> None:
        for number in range(12):
            assert database.post(ROWS, row(number))
        await database.write(insert(subscriptions), subscription(f"c{worker}"))

    await asyncio.gather(*(work(worker) for worker in range(100)))
    assert database.counts.commits == before + 1
    assert await count(database) == 1200
    assert len(await contacts(database)) == 100


async def test_what_gathers_while_a_commit_runs_is_the_next_one(database: Database) -> None:
    before = database.counts.commits
    first = asyncio.create_task(database.write(insert(subscriptions), subscription("first")))
    await settle()
    others = [
        asyncio.create_task(database.write(insert(subscriptions), subscription(f"c{n}"))) for n in range(50)
    ]
    await asyncio.gather(first, *others)
    assert database.counts.commits == before + 2


async def test_the_database_itself_counts_one_transaction_for_a_group(
    database: Database, url: str, request: pytest.FixtureRequest
) -> None:
    if not url.startswith("postgresql"):
        with sqlite3.connect(make_url(url).database or "") as beside:
            before = beside.execute("PRAGMA data_version").fetchone()
            await asyncio.gather(
                *(database.write(insert(subscriptions), subscription(f"c{n}")) for n in range(20))
            )
            assert beside.execute("PRAGMA data_version").fetchone() == (before[0] + 1,)
        beside.close()
        return
    await asyncio.gather(*(database.write(insert(subscriptions), subscription(f"c{n}")) for n in range(20)))
    transactions = await database.read(text("SELECT count(DISTINCT xmin::text) FROM subscriptions"))
    assert transactions[0][0] == 1


async def test_posted_rows_keep_the_order_of_different_statements(database: Database) -> None:
    add = insert(subscriptions)
    database.post(add, subscription("a"))
    database.post(text("DELETE FROM subscriptions"), {})
    database.post(add, subscription("b"))
    await database.flush()
    assert await contacts(database) == ["b"]
    database.post(add, subscription("c"))
    database.post(ROWS, row(1))
    database.post(delete(subscriptions), {})
    database.post(ROWS, row(2))
    database.post(add, subscription("b"))
    await database.flush()
    assert await contacts(database) == ["b"]


async def test_only_the_guilty_statement_of_a_group_fails(database: Database) -> None:
    await database.write(insert(subscriptions), subscription("there"))
    for number in range(10):
        database.post(ROWS, row(number))
    outcomes = await asyncio.gather(
        database.write(insert(subscriptions), subscription("before")),
        database.write(insert(subscriptions), subscription("there")),
        database.write(insert(subscriptions), subscription("odd", state="sideways")),
        database.write(text("SELECT nonsense FROM nowhere")),
        database.write(insert(subscriptions), subscription("after")),
        return_exceptions=True,
    )
    kinds = [outcome.trouble if isinstance(outcome, StorageError) else outcome for outcome in outcomes]
    assert kinds == [1, Trouble.ROW, Trouble.ROW, Trouble.STATEMENT, 1]
    assert await contacts(database) == ["after", "before", "there"]
    assert await count(database) == 10


async def test_statements_written_together_fail_together(database: Database) -> None:
    with pytest.raises(StorageError):
        await database.write_all(
            [(insert(subscriptions), subscription("a")), (insert(subscriptions), subscription("a"))]
        )
    assert await contacts(database) == []


async def test_a_rejected_posted_row_takes_no_other_with_it_and_is_not_shown_in_the_log(
    database: Database,
) -> None:
    with capture_logs() as logs:
        for number in range(1000):
            secret = {13: "half \ud800 of a secret", 500: None}
            database.post(ROWS, row(number, secret.get(number, "hello")))
        await database.flush()
    assert await count(database) == 998
    assert (database.counts.rejected, database.counts.written, database.counts.waiting) == (2, 998, 0)
    assert [entry["table"] for entry in logs] == ["archive", "archive"]
    assert "secret" not in str(logs)


async def test_a_cancelled_writer_disturbs_nobody(database: Database) -> None:
    cancelled = asyncio.create_task(database.write(insert(subscriptions), subscription("a")))
    other = asyncio.create_task(database.write(insert(subscriptions), subscription("b")))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await other == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_a_lone_row_is_written_at_once_and_a_flood_waits_for_company() -> None:
    clock = ManualClock()
    async with opened("sqlite://", clock=clock, limits=WriterLimits(gather=0.05)) as database:
        await clock.advance(1)
        database.post(ROWS, row(1))
        await eventually(lambda: database.counts.commits == 1)
        for number in range(10):
            database.post(ROWS, row(number))
            await settle()
        assert database.counts.commits == 1
        await clock.advance(0.05)
        await eventually(lambda: database.counts.commits == 2)
        assert database.counts.written == 11


async def test_what_somebody_waits_for_does_not_wait_for_company() -> None:
    async with opened("sqlite://", clock=ManualClock(), limits=WriterLimits(gather=1000)) as database:
        for number in range(3):
            database.post(ROWS, row(number))
            await database.write(insert(subscriptions), subscription(f"c{number}"))
        assert database.counts.commits == 3


async def test_what_has_patience_goes_with_who_has_none_and_waits_for_nobody_else() -> None:
    clock = ManualClock()

    def asked(database: Database, contact: str, patience: float) -> "asyncio.Task[int]":
        items = [(insert(subscriptions), subscription(contact))]
        return asyncio.create_task(database.write_all(items, patience))

    async with opened("sqlite://", clock=clock) as database:
        # Nobody came lately: there is nobody to wait for.
        await asked(database, "alone", 0.01)
        await asked(database, "hasty", 0.0)
        before = database.counts.commits
        patient = asked(database, "patient", 0.01)
        await settle()
        assert database.counts.commits == before
        await asyncio.gather(asked(database, "another", 0.0), patient)
        assert database.counts.commits == before + 1
        # Nobody comes, or somebody says that there is no time.
        patient = asked(database, "again", 0.01)
        await settle()
        await clock.advance(0.01)
        await patient
        patient = asked(database, "urged", 0.01)
        await settle()
        assert not patient.done()
        database.urge()
        await patient
        assert database.counts.commits == before + 3


@pytest.mark.parametrize("limits", [WriterLimits(rows=100), WriterLimits(octets=1000)])
async def test_too_many_waiting_rows_are_refused_counted_and_logged_once(limits: WriterLimits) -> None:
    async with opened("sqlite://", clock=SystemClock(), limits=limits) as database:
        with capture_logs() as logs:
            taken = [database.post(ROWS, row(number), 10) for number in range(150)]
        assert taken == [True] * 100 + [False] * 50
        assert database.counts.dropped == 50
        assert [entry["event"] for entry in logs] == ["rows to write are dropped: too many wait"]
        await database.flush()
        assert database.post(ROWS, row(1), 10)


async def test_closing_writes_what_was_posted_and_refuses_what_comes_after(
    url: str, clock: SystemClock
) -> None:
    async with opened(url, clock=clock) as database:
        for number in range(7000):
            database.post(ROWS, row(number))
    assert not database.post(ROWS, row(1))
    with pytest.raises(StorageError, match="is closed"):
        await database.write(insert(subscriptions), subscription("a"))
    async with opened(url, clock=clock) as database:
        assert await count(database) == 7000


async def test_closing_after_the_loop_was_cancelled_still_writes_everything(
    url: str, clock: SystemClock
) -> None:
    database = await Database.open(url, clock=clock)
    running = asyncio.create_task(database.run())
    waiting = asyncio.create_task(database.write(insert(subscriptions), subscription("a")))
    await settle()
    running.cancel()
    for number in range(100):
        database.post(ROWS, row(number))
    await asyncio.wait([running])
    assert await waiting == 1
    await database.close()
    async with opened(url, clock=clock) as database:
        assert await count(database) == 100


# Transient trouble


@asynccontextmanager
async def locked(url: str, postgres: Callable[[], Postgres]) -> AsyncIterator[None]:
    """Another program holds the tables."""
    if url.startswith("sqlite"):
        code = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); "
            "print('locked', flush=True); sys.stdin.read()"
        )
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, make_url(url).database or "", stdin=-1, stdout=-1
        )
        assert other.stdout is not None
        assert other.stdin is not None
        assert await other.stdout.readline() == b"locked\n"
        yield
        other.stdin.close()
        await other.wait()
        return
    connection = await postgres().connect(make_url(url).database or "")
    await connection.execute("BEGIN; LOCK TABLE archive, subscriptions IN EXCLUSIVE MODE")
    yield
    await connection.close()


async def test_a_locked_database_fails_who_waits_and_keeps_what_was_posted(
    database: Database, url: str, request: pytest.FixtureRequest
) -> None:
    async with locked(url, lambda: request.getfixturevalue("postgres")):
        for number in range(100):
            database.post(ROWS, row(number))
        with pytest.raises(StorageError, match="locked by another program") as caught:
            await database.write(insert(subscriptions), subscription("a"))
        assert caught.value.trouble is Trouble.LOCKED
        assert await count(database) == 0  # reading goes on
        assert database.counts.waiting == 100
    await eventually(lambda: database.counts.waiting == 0)
    assert await count(database) == 100
    assert await contacts(database) == []


async def test_a_full_disk_fails_who_waits_and_goes_on_when_there_is_room(
    database: Database, url: str
) -> None:
    body = "x" * 2000
    if url.startswith("sqlite"):
        pages = (await database.read(text("PRAGMA page_count")))[0][0]
        await database.write(text(f"PRAGMA max_page_count = {pages + 4}"))
        room = [text("PRAGMA max_page_count = 1000000")]
    else:  # what the server says of a full disk, without filling one
        await database.write(
            text(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
            )
        )
        await database.write(
            text("CREATE TRIGGER full_disk BEFORE INSERT ON archive EXECUTE FUNCTION full_disk()")
        )
        room = [text("DROP TRIGGER full_disk ON archive")]
    for number in range(100):
        database.post(ROWS, row(number, body))
    with pytest.raises(StorageError, match="no room left") as caught:
        await database.flush()
    assert caught.value.trouble is Trouble.FULL
    assert database.counts.waiting == 100
    if url.startswith("sqlite"):
        # The limit belongs to the writer's connection.
        await (await database._writer.connection()).execute(room[0])
    else:
        connection = await database._engines[1].connect()
        await connection.execute(room[0])
        await connection.close()
    await eventually(lambda: database.counts.waiting == 0)
    assert await count(database) == 100


async def test_a_lost_connection_is_made_anew(postgres: Postgres, clock: SystemClock) -> None:
    url = await postgres.create("lost")
    async with opened(url, clock=clock) as database:
        await database.write(insert(subscriptions), subscription("a"))
        beside = await postgres.connect()
        await beside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lost'")
        await beside.close()
        await database.write(insert(subscriptions), subscription("b"))
        assert await contacts(database) == ["a", "b"]


async def test_a_connection_lost_amid_a_commit_loses_no_posted_row(
    postgres: Postgres, clock: SystemClock
) -> None:
    url = await postgres.create("midway")
    async with opened(url, clock=clock) as database:
        for number in range(10):
            database.post(ROWS, row(number))
        ending = database.write(
            text("SELECT pg_terminate_backend(pg_backend_pid())"),
        )
        with pytest.raises(StorageError) as caught:
            await ending
        assert caught.value.trouble is Trouble.UNREACHABLE
        await eventually(lambda: database.counts.waiting == 0)
        assert await count(database) == 10


async def test_a_flood_of_posts_fails_no_faster_than_the_back_off(database: Database) -> None:
    """The retry of a failing group waits; writes that come meanwhile are tried with it."""
    failures = 0

    async def fail(connection: object, steps: object) -> None:
        nonlocal failures
        failures += 1
        raise OSError(5, "Input/output error")

    backend = database._backend
    original = backend.run
    vars(backend)["run"] = fail
    database.post(ROWS, row(1))
    await eventually(lambda: failures > 0)
    for number in range(50):
        database.post(ROWS, row(number))
        await asyncio.sleep(0)
    assert failures == 1
    vars(backend)["run"] = original
    await eventually(lambda: database.counts.waiting == 0)
    assert await count(database) == 51


async def test_what_was_said_is_in_no_traceback(database: Database) -> None:
    """PostgreSQL quotes a value that it cannot read; SQLAlchemy shows all that a statement was given."""
    said = "meet me at the old mill"
    missing = text("SELECT count(*) FROM no_such_table WHERE body = :said")
    unread = text("SELECT abs(CAST(CAST(:said AS VARCHAR) AS BIGINT) - 9223372036854775807 - 1)")
    told: list[str] = []
    for asked in (
        database.read(missing, {"said": said}),
        database.read(unread, {"said": said}),
        database.write(text("UPDATE archive SET no_such_column = :said"), {"said": said}),
    ):
        with pytest.raises(StorageError) as caught:
            await asked
        told += traceback.format_exception(caught.value)
    assert said not in "".join(told)
    assert "this is a mistake in Causeway" in "".join(told)


async def test_every_acknowledged_row_survives_a_kill(url: str, clock: SystemClock) -> None:
    program = Path(__file__).with_name("flood.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(program), url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    acknowledged: list[str] = []
    async for line in child.stdout:
        # Not what is logged when a transaction is slow, nor what the kill cuts off.
        if line.endswith(b".\n"):
            acknowledged.append(line.decode().strip())
        if len(acknowledged) == 500:
            child.send_signal(signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
    async with opened(url, clock=clock) as database:
        kept = {kept[0] for kept in await database.read(select(subscriptions.c.contact_local))}
    assert len(acknowledged) >= 500
    assert kept.issuperset(acknowledged)
