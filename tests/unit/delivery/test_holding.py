"""Messages that wait for their files, or for their turn, survive everything that others survive."""

import shutil
from collections import Counter

from gateway.clock import SystemClock
from gateway.model import DeliveryState
from gateway.storage.database import opened
from tests.unit.delivery.world import BODY, World, living

LOST = "My cat\n[A file could not be delivered: The gateway was stopped while it was on its way.]"
WHOLE = "https://files.example/cat.png"


def texts(world: World) -> list[str]:
    return [each.findtext(BODY) or "" for each in world.server.messages()]


async def test_what_is_held_is_shown_when_it_is_released_and_not_before(world):
    async with living(world) as gateway:
        held = gateway.hold(LOST, "f-1")
        await gateway.rest(1)
        assert texts(world) == []
        gateway.release(held, WHOLE)
        await gateway.rest(5)
        assert texts(world) == [WHOLE]


async def test_it_can_be_released_before_it_is_written_down(world):
    async with living(world) as gateway:
        gateway.release(gateway.hold(LOST, "f-1"), WHOLE)
        await gateway.rest(5)
        assert texts(world) == [WHOLE]
    assert [row.active for row in await world.rows()] == [True]  # it may still be sent back


async def test_after_a_crash_what_was_safe_of_it_is_shown(world):
    async with living(world) as gateway:
        gateway.hold(LOST, "f-1")
        await gateway.rest(1)
        gateway.dead = True
    async with living(world) as gateway:
        await gateway.rest(5)
        assert texts(world) == [LOST]
        gateway.hear("My cat", "f-1")  # the network says it again
        await gateway.rest(5)
        assert texts(world) == [LOST]


async def test_one_that_comes_again_is_shown_once(world):
    async with living(world) as gateway:
        first, second = gateway.hold(LOST, "f-1"), gateway.hold(LOST, "f-1")
        await gateway.rest(1)
        gateway.release(second, WHOLE)
        gateway.release(first, WHOLE)
        await gateway.rest(5)
        assert texts(world) == [WHOLE]


async def test_what_is_dropped_is_not_shown_even_after_a_restart(world):
    async with living(world) as gateway:
        early, late = gateway.hold("one", "f-1"), gateway.hold("two", "f-2")
        gateway.deliveries.drop(early)
        await gateway.rest(1)
        gateway.deliveries.drop(late)
        await gateway.rest(1)
    async with living(world) as gateway:
        await gateway.rest(5)
    assert texts(world) == []
    assert {(row.state, row.active, row.body) for row in await world.rows()} == {
        (DeliveryState.FAILED, False, "")
    }


async def test_what_could_not_be_written_down_is_tried_again_when_it_goes_out(world):
    async with living(world) as gateway:
        gateway.store.full = True
        held = gateway.hold(LOST, "f-1")
        await gateway.rest(1)
        gateway.store.full = False
        gateway.release(held, WHOLE)
        await gateway.rest(5)
        assert texts(world) == [WHOLE]
    assert len(await world.rows()) == 1


async def test_nothing_held_goes_out_after_its_user_is_erased(world):
    async with living(world) as gateway:
        held = gateway.hold(LOST, "f-1")
        await gateway.rest(1)
        gateway.deliveries.forget("alice@localhost")
        gateway.release(held, WHOLE)
        await gateway.rest(5)
        assert texts(world) == []


async def scene(world: World) -> None:
    async with living(world) as gateway:
        held = [gateway.hold(f"{LOST} {number}", f"f-{number}") for number in range(2)]
        await gateway.rest(0.1)
        for number, each in enumerate(held):
            gateway.release(each, f"{WHOLE} {number}")
        await gateway.rest(4)
    world.fatal = 0
    async with living(world, link=False) as gateway:
        gateway.serve()
        gateway.raise_link()
        await gateway.rest(4)


async def test_killed_at_any_step_one_of_the_two_is_shown_once_and_never_both(tmp_path):
    template = tmp_path / "template.db"
    async with opened(f"sqlite:///{template}", clock=SystemClock()) as database:
        await database.flush()
    whole = World(f"sqlite:///{shutil.copy(template, tmp_path / 'whole.db')}")
    await scene(whole)
    assert texts(whole)[:2] == [f"{WHOLE} 0", f"{WHOLE} 1"]
    steps = list(whole.crossings)
    for fatal, step in enumerate(steps, 1):
        world = World(f"sqlite:///{shutil.copy(template, tmp_path / f'{fatal}.db')}", fatal=fatal)
        await scene(world)
        if len(await world.rows()) < 2:
            continue  # it never was ours
        shown = set(texts(world))
        assert Counter(text[-1] for text in shown) == Counter("01"), (step, fatal, shown)
