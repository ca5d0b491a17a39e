"""The rows of mails that are sent, on SQLite and PostgreSQL."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridges.email.addresses import parse
from bridges.email.sending.bounces import Bounces
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.store import Sendings
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.rig.postgres import Postgres
from tests.unit.email.conftest import schema
from tests.unit.email.sending.conftest import Office

_numbers = itertools.count()
NOW = 1_700_000_000.0


@pytest.fixture(params=["sqlite", "postgresql"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BridgeTables]:
    url = f"sqlite:///{tmp_path / 'both.db'}"
    server: Postgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        assert server is not None
        url = await server.create(f"sending{next(_numbers)}")
    async with opened(url, clock=SystemClock()) as database:
        await database.adopt("email", schema(), SystemClock())
        yield BridgeTables(database)
    if server is not None:
        await server.drop(url.rpartition("/")[2])


def row(number: int) -> str:
    return f"{chr(97 + number)}" * 12


async def test_a_mail_from_its_rows_to_its_end(both: BridgeTables, tmp_path: Path) -> None:
    office = Office(both, tmp_path, 1)
    store, other = Sendings(both, "mail"), Sendings(both, "another")
    busy = [office.finished("bob@example.com", owner="busy", time=NOW) for _ in range(3)]
    for number, mail in enumerate(busy):
        await store.take(mail, [row(number)], "", ())
        await store.take(mail, [row(number + 10)], "", ())  # the same again: nothing
    await store.take(
        office.finished("bob@example.com", "carol@example.com", owner="calm", time=NOW),
        [row(3), row(4)],
        "",
        (),
    )
    await store.take(office.finished("x@example.com", time=NOW), [row(5)], "own", ())
    due = await store.due("", NOW, NOW - 10, 2, 10)
    assert [job.owner for job in due] in (["busy", "calm", "busy", "calm"], ["calm", "busy", "calm", "busy"])
    assert await store.due("", NOW, NOW, 2, 10) == []
    assert await store.due("", NOW - 1, NOW - 10, 2, 10) == []
    assert await other.due("", NOW, NOW - 10, 2, 10) == []
    assert [job.row for job in await store.due("own", NOW, NOW - 10, 2, 10)] == [row(5)]

    await store.postpone(due[0], NOW + 60, Outcome(Kind.WAITING, "", 450, "4.2.0", "later"))
    assert await store.earliest("", NOW) == NOW + 60
    assert await store.earliest("", NOW + 60) is None
    slow = dict(await store.slow("", NOW))
    assert len(slow) == 5
    assert slow[due[0].row].text == "later"
    for each, said in slow.items():
        assert await store.delay(each, said)
        assert not await store.delay(each, said)
    assert await store.slow("", NOW) == []
    for each in slow:
        assert await store.reach(each, Outcome(Kind.ACCEPTED, "", 250))
        assert not await store.reach(each, Outcome(Kind.ACCEPTED, "", 250))
    owed = await store.owed(100)
    assert {each.outcome.kind for each in owed} == {Kind.ACCEPTED}
    assert await store.owed(100, ["busy", "calm"]) == []
    await store.told(owed)
    owed = await store.owed(100)
    assert [each.outcome.kind for each in owed] == [Kind.DELAYED] * 5
    await store.told(owed)
    assert await store.owed(100) == []
    assert await store.hopeless("", NOW) == []

    files = dict(await store.unneeded())
    assert len(files) == 4
    assert await store.known_files([*files.values(), "stranger"]) == set(files.values())
    await store.deleted(list(files))
    assert await store.unneeded() == []
    assert await store.share_of_failures("calm") == (0, 2)
    assert await store.show_return(row(3), 1)
    assert not await store.show_return(row(3), 1)
    assert len(await store.of_message(busy[0].message_id)) == 1
    assert len(await store.of_mail("m4")) == 2
    assert await store.of_row("nobody") is None
    await store.forget(NOW)
    assert await store.of_row(row(3)) is not None
    await store.forget(NOW + 1)
    assert await store.of_row(row(3)) is None
    assert await store.of_row(row(5)) is not None  # still waits


async def test_bounces_are_one_users(both: BridgeTables) -> None:
    changes: list[str] = []
    bounces = Bounces(
        both, "mail", lambda owner, mailbox, bounce: changes.append(f"{owner} {bounce is None}")
    )
    bob = parse("Bob@example.com")
    for text in ("no", "no more"):
        await bounces.note("alice", bob, Outcome(Kind.FAILED, "", 550, "5.1.1", text), NOW)
    (bounce,) = (await bounces.of("alice")).values()
    assert (bounce.text, bounce.since) == ("no more", NOW)
    await bounces.note("alice", bob, Outcome(Kind.ACCEPTED, "", 250), NOW)
    assert await bounces.of("alice")
    await bounces.clear("alice", bob)
    assert await bounces.of("alice") == {}
    assert changes == ["alice False", "alice False", "alice True"]
