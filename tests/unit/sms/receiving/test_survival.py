"""Killed at every step that others see: nothing is lost, and nothing is shown twice."""

import asyncio

import pytest
from sqlalchemy import select

from bridges.sms.receiving.tables import DELIVERIES, INBOUND
from bridges.sms.traffic import Inbound
from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import ALICE, BOB, TEAM, Deadline, House, pieces

_STEPS = 16


def _brought() -> list[Inbound]:
    long = [
        Inbound(
            **{**{name: getattr(each, name) for name in Inbound.__dataclass_fields__}, "id": f"p{number}"}
        )
        for number, each in enumerate(pieces("one ", "two ", "three"))
    ]
    return [
        long[2],
        Inbound("main", ALICE, TEAM, id="t", text="To the team"),
        long[0],
        Inbound("main", BOB, "+15550000001", id="s", text="STOP"),
        long[1],
        Inbound("main", ALICE, "+15550000001", id="e", text="The end"),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, _STEPS + 1))
async def test_killed_at_any_step_every_text_is_shown_once(
    services: Services, clock: ManualClock, step: int, after: bool
) -> None:
    house = House(services, clock)
    deadline = Deadline(step, after)
    house.start(deadline)
    network = asyncio.create_task(_bring(house))
    done = asyncio.create_task(_all_shown(house))
    dying = asyncio.create_task(deadline.dead.wait())
    await asyncio.wait([done, dying], return_when=asyncio.FIRST_COMPLETED)
    for task in (network, done, dying):
        task.cancel()
    await asyncio.wait([network, done, dying])
    await house.kill()
    house.start()
    # The network did not see all answers, and says all of it again.
    await _bring(house)
    await _all_shown(house)
    await house.receiving.close()
    assert await house.receiving.ledger.refusal("+15550000001", BOB) is not None
    await house.kill()
    assert sorted(house.chat("romeo@x").texts) == sorted([*_TEAM, *_ROMEO])
    assert house.chat("juliet@x").texts == _TEAM
    assert house.chat("nurse@x").texts == _TEAM
    waiting = await services.tables.read(select(INBOUND).where(INBOUND.c.waits == 1))
    assert waiting == []
    assert await services.tables.read(select(DELIVERIES)) == []


_TEAM = ["To the team"]
_ROMEO = [
    "one two three",
    "STOP",
    "[+1 555-123-4567 wants no more texts from +1 555-000-0001. What you write is not sent until they text START "
    "to it.]",
    "The end",
]


async def _bring(house: House) -> None:
    for inbound in _brought():
        await house.insist(inbound)


async def _all_shown(house: House) -> None:
    await house.chat("romeo@x").until(lambda chat: set(chat.texts) >= {*_TEAM, *_ROMEO})
    for owner in ("juliet@x", "nurse@x"):
        await house.chat(owner).until(lambda chat: set(chat.texts) >= set(_TEAM))


@pytest.mark.parametrize("table", ["sms_inbound", "sms_deliveries", "sms_joined", "sms_optouts"])
async def test_a_commit_whose_outcome_nobody_knows_is_neither_lost_nor_done_twice(
    services: Services, clock: ManualClock, table: str
) -> None:
    house = House(services, clock)
    house.start()
    await house.bring("begun", sender=ALICE, recipient=TEAM)
    await house.chat("nurse@x").has(1)
    house.tables.broken_after = table
    for inbound in _brought():
        await house.insist(inbound)
    while house.tables.broken_after:
        await asyncio.sleep(0)
    # Everybody tries again by the clock, sooner or later.
    shown = asyncio.create_task(_all_shown(house))
    while not shown.done():
        await clock.advance(1)
    await shown
    await house.receiving.close()
    assert sorted(house.chat("romeo@x").texts) == sorted(["begun", *_TEAM, *_ROMEO])
    assert house.chat("nurse@x").texts == ["begun", *_TEAM]
    await house.kill()


async def test_the_steps_are_all_there_are(services: Services, clock: ManualClock) -> None:
    """If this fails, ``_STEPS`` is to be raised."""
    house = House(services, clock)
    house.start()
    for inbound in _brought():
        await house.insist(inbound)
    await _all_shown(house)
    await house.receiving.close()
    assert house.deadline.steps < 2 * _STEPS
    await house.kill()
