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
    await house.chat("romeo@x").has(5)
    await house.chat("juliet@x").has(1)
    await house.chat("nurse@x").has(1)


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
