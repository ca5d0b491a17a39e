"""The tables of receiving on both kinds of databases."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.email.addresses import Mailbox, parse
from bridges.email.receiving.arrivals import CAREFUL, Arrival, Arrivals, Kind, Load, Raw, State
from bridges.email.receiving.blocks import Blocks, read
from bridges.email.receiving.contacts import Contacts, Decision
from bridges.email.schema import METADATA
from gateway.bridge import BadAddress, Migration, Schema, Tables
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.rig.postgres import Postgres

_numbers = itertools.count()


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(METADATA.create_all, checkfirst=False)


@pytest.fixture(params=["sqlite", "postgresql"])
async def tables(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Tables]:
    clock, url, server, name = SystemClock(), f"sqlite:///{tmp_path / 'mail.db'}", None, ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        assert isinstance(server, Postgres)
        name = f"receiving{next(_numbers)}"
        url = await server.create(name)
    async with opened(url, clock=clock) as database:
        await database.adopt("email", Schema(METADATA, (Migration(1, "all", _make),)), clock)
        yield BridgeTables(database)
    if server is not None:
        await server.drop(name)


def arrival(number: int, owner: str = "user-a", again: str = "") -> Arrival:
    return Arrival(
        f"id{number}",
        owner,
        Kind.USER,
        "Alice@gw.example",
        f"raw{number}",
        "carol@far.example",
        again or f"again{number}",
        100.0 + number,
        10,
    )


def raw(number: int) -> Raw:
    return Raw(f"raw{number}", 100.0 + number, b"\0\xff" * 5)


async def test_mails_are_kept_once_and_what_was_here_before_leaves_no_trace(tables: Tables) -> None:
    arrivals = Arrivals(tables, "mail")
    assert (
        await arrivals.keep(
            [
                (raw(1), [arrival(1)]),
                (raw(2), [arrival(2), replace(arrival(2, "user-b", "other"), id="id2b")]),
            ]
        )
        == 5
    )
    again = [replace(arrival(3), again="again1", raw="raw3")]
    assert await arrivals.keep([(raw(3), again)]) == 0
    assert await arrivals.raw("raw3") is None
    kept = await arrivals.raw("raw1")
    assert kept is not None
    assert (kept.data, kept.received) == (b"\0\xff" * 5, 101.0)
    assert await arrivals.waiting("user-a") == [arrival(1), arrival(2)]
    assert await arrivals.waiting("user-a", arrival(1)) == [arrival(2)]
    assert await arrivals.loads() == {"user-a": Load(2, 20), "user-b": Load(1, 10)}
    # Another bridge in the same tables sees nothing of it.
    assert await Arrivals(tables, "other").owners() == []


async def test_a_mail_goes_its_way(tables: Tables) -> None:
    arrivals = Arrivals(tables, "mail")
    await arrivals.keep([(raw(number), [arrival(number)]) for number in range(1, 6)])
    await tables.write(
        arrivals.settling("id1", State.SHOWN),
        arrivals.holding("id2", "stranger", "carol@far.example", "Tea"),
    )
    await arrivals.failed("id3")
    await arrivals.suspected("id4")
    for _ in range(CAREFUL + 3):
        await arrivals.begin()
    waiting = await arrivals.waiting("user-a")
    assert [(each.id, each.attempts, each.suspect) for each in waiting] == [
        ("id3", CAREFUL, False),
        ("id4", CAREFUL, True),
        ("id5", CAREFUL, False),
    ]
    (held,) = await arrivals.held("user-a", author="carol@far.example")
    assert (held.subject, held.reason) == ("Tea", "stranger")
    assert [each.id for each in await arrivals.expired(200.0)] == ["id2"]
    assert await arrivals.release("user-b", ["id2"]) == 0
    assert await arrivals.release("user-a", ["id2", "id1"]) == 1
    assert (await arrivals.waiting("user-a"))[0].released
    await arrivals.hold("id5", "broken")
    assert await arrivals.drop("user-a", ["id5"], "refused") == 1
    assert await arrivals.forget_again(102.0) == 1
    await arrivals.sweep(1_000.0)
    assert [each.id for each in await arrivals.waiting("user-a")] == ["id2", "id3", "id4"]
    assert await arrivals.raw("raw1") is None
    assert await arrivals.raw("raw2") is not None
    assert await arrivals.files() == frozenset()


async def test_contacts_are_what_was_learnt_last(tables: Tables) -> None:
    contacts = Contacts(tables, "mail")
    carol = parse("Carol@far.example")
    await contacts.wrote("user-a", carol, 100.0, "Carol")
    await contacts.bounced("user-a", carol.folded, 110.0, "550 no")
    fresh = Contacts(tables, "mail")
    found = await fresh.find("user-a", carol.folded)
    assert (found.exact, found.name, found.wanted, found.bounced, found.bounce) == (
        "Carol@far.example",
        "Carol",
        True,
        110.0,
        "550 no",
    )
    await fresh.reached("user-a", carol.folded)
    await fresh.save(
        replace(await fresh.find("user-a", carol.folded), decision=Decision.SPAM, enforcing=True)
    )
    found = await Contacts(tables, "mail").find("user-a", carol.folded)
    assert (found.bounced, found.decision, found.enforcing, found.wanted) == (0.0, Decision.SPAM, True, False)
    await fresh.save(replace(await fresh.find("user-a", "dan@far.example"), heard=100.0))
    assert await fresh.sweep(200.0) == 1
    assert [each.address for each in await fresh.of("user-a")] == [carol.folded]
    assert not (await fresh.find("user-b", carol.folded)).wanted


async def test_block_lists_hold_for_domains_and_what_is_below(tables: Tables) -> None:
    blocks = Blocks(tables, "mail")
    await blocks.add("user-a", "Eve@evil.example", 1.0)
    await blocks.add("user-a", "spam.example", 1.0)
    await blocks.add("user-a", "spam.example", 2.0)
    await blocks.add("", "@worse.example", 1.0)
    blocks = Blocks(tables, "mail")
    await blocks.restore()
    assert blocks.of("user-a") == ["@spam.example", "eve@evil.example"]

    def blocked(address: str, owner: str = "user-a") -> bool:
        return blocks.blocked(owner, parse(address))

    assert [
        blocked(each)
        for each in ("eve@evil.example", "x@evil.example", "x@spam.example", "x@a.b.spam.example")
    ] == [
        True,
        False,
        True,
        True,
    ]
    assert not blocked("x@nospam.example")
    assert not blocked("x@spam.example", "user-b")
    assert blocked("x@mail.worse.example", "user-b")
    assert await blocks.remove("user-a", "@spam.example")
    assert not await blocks.remove("user-a", "@spam.example")
    assert not blocked("x@spam.example")
    assert not Blocks(tables, "other").blocked("user-b", Mailbox("x", "worse.example"))


@pytest.mark.parametrize("text", ["", "@", "x y", "a@b@c", "*"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        read(text)
