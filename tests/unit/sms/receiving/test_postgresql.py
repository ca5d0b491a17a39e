"""The same on PostgreSQL, as far as statements differ: conflicts, counts of rows, what is known again."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from bridges.sms.receiving.tables import DELIVERIES, INBOUND
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.rig.postgres import Postgres
from tests.unit.sms.conftest import schema
from tests.unit.sms.receiving.house import ALICE, BOB, OTHER_POOL, OURS, POOL, TEAM, House, pieces


@pytest.fixture
async def house(services: Services, clock: ManualClock, postgres: Postgres) -> AsyncIterator[House]:
    url = await postgres.create("sms_receiving")
    async with opened(url, clock=SystemClock()) as database:
        await database.adopt("sms", schema(), SystemClock())
        made = House(replace(services, tables=BridgeTables(database)), clock)
        made.start()
        yield made
        await made.kill()
    await postgres.drop("sms_receiving")


async def test_texts_come_once_and_in_order(house: House) -> None:
    for _ in range(2):
        await asyncio.gather(*(house.bring(f"{number}", id=f"m{number}") for number in range(20)))
    assert await house.chat().has(20) == list(map(str, range(20)))
    assert house.receiving.intake.counts.taken == 20
    assert house.receiving.intake.counts.again == 20


async def test_long_texts_are_joined_over_a_restart(house: House) -> None:
    made = pieces(*(f"{number} \0" for number in range(9)))
    random.Random(2).shuffle(made)
    for each in made[:5]:
        await house.receiving.intake.received(each)
    await house.kill()
    house.start()
    for each in (*made[5:], made[0]):
        await house.receiving.intake.received(each)
    assert await house.chat().has(1) == ["\0".join(f"{number} " for number in range(9))]


async def test_nothing_is_left_of_what_was_shown(house: House) -> None:
    await house.bring("one", id="m1")
    await house.bring("two", recipient=TEAM)
    for owner, count in (("romeo@x", 2), ("juliet@x", 1), ("nurse@x", 1)):
        await house.chat(owner).has(count)
    await house.receiving.close()
    assert await house.services.tables.read(select(DELIVERIES)) == []
    rows = await house.services.tables.read(select(INBOUND))
    assert [(row.waits, row.content) for row in rows] == [(0, "m1")]  # by which it is traced


async def test_a_pair_of_a_pool_is_one_users(house: House) -> None:
    routing, pools = house.receiving.routing, (POOL, OTHER_POOL)
    owners = ("romeo@x", "juliet@x", "nurse@x")
    chosen = await asyncio.gather(*(routing.choose(owner, BOB, pools) for owner in owners))
    assert set(chosen) == {POOL, OTHER_POOL, None}
    assert not await routing.wrote(owners[chosen.index(None)], POOL, BOB)


async def test_claims_and_opt_outs_are_kept(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    await ownership.claim("romeo@x", team, BOB)
    await ownership.claim("juliet@x", team, BOB)
    claim = await ownership.claim_of(team, BOB)
    assert claim is not None
    assert claim.owner == "juliet@x"
    await house.bring("STOP")
    await house.bring("Hello", sender=ALICE)
    await house.chat().has(4)
    assert await house.receiving.ledger.refusal(OURS, BOB) is not None
    assert await house.receiving.ledger.refusal(OURS, ALICE) is None
