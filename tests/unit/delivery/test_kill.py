"""kill -9, or a lost link, at every step there is: nothing is lost without a word, nothing is there twice.

One scene is played to its end to count its steps, then again for each of them, with the end at that step. What the second
life makes of it is compared with what must hold.
"""

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import delete

from gateway.bridge import Capabilities, NotKept
from gateway.clock import SystemClock
from gateway.model import DeliveryState
from gateway.storage.database import opened
from gateway.storage.schema import deliveries, delivery_keys, delivery_marks
from gateway.xmpp.stanza import COMPONENT
from tests.rig.postgres import Postgres
from tests.unit.delivery.world import FORWARDING, PLAIN, REPEATING, Gateway, World, living

COUNT = 3
IDS = [f"m{number}" for number in range(COUNT)]
REQUEST = "<request xmlns='urn:xmpp:receipts'/>"


#: Gives an empty world that ends at a step (0: never), and how.
Worlds = Callable[[int, str], Awaitable[World]]


async def on_sqlite(tmp_path: Path) -> Worlds:
    """Each world has a file of its own."""
    template = tmp_path / "template.db"
    async with opened(f"sqlite:///{template}", clock=SystemClock()) as database:
        await database.flush()

    async def new(fatal: int, fate: str) -> World:
        path = tmp_path / f"{fate}-{fatal}.db"
        shutil.copy(template, path)
        return World(f"sqlite:///{path}", fatal=fatal, fate=fate)

    return new


async def on_postgresql(url: str) -> Worlds:
    """All worlds have the same database, one after the other."""

    async def new(fatal: int, fate: str) -> World:
        async with opened(url, clock=SystemClock()) as database:
            await database.write_all(
                [(delete(each), None) for each in (deliveries, delivery_keys, delivery_marks)]
            )
        return World(url, fatal=fatal, fate=fate)

    return new


@pytest.fixture
async def worlds(tmp_path: Path) -> Worlds:
    return await on_sqlite(tmp_path)


@pytest.fixture
async def served_worlds(postgres: Postgres) -> AsyncIterator[Worlds]:
    yield await on_postgresql(await postgres.create("killed"))
    await postgres.drop("killed")


async def heal(gateway: Gateway) -> None:
    """If the link was lost, it comes back."""
    await gateway.rest(0.5)
    gateway.raise_link()


# -- to the network -------------------------------------------------------------------------------------------


async def outbound(world: World, capabilities: Capabilities) -> list[str]:
    """The user writes, the network accepts and reports; gives the ids in the ledger at the first end."""
    async with living(world, capabilities) as gateway:
        for id_ in IDS:
            gateway.write(f"text of {id_}", id_, extra=REQUEST)
            await gateway.rest()
            await heal(gateway)
        for number in range(COUNT):
            gateway.report(f"f{number}", DeliveryState.DELIVERED)
        await heal(gateway)
        await gateway.rest(4)
        ended = gateway.dead
    kept = [row.stanza_id for row in await world.rows()]
    if ended:
        world.fatal = 0
        async with living(world, capabilities) as gateway:
            gateway.come_online()
            await gateway.rest(2)
            for number in range(world.network.numbers):
                gateway.report(f"f{number}", DeliveryState.DELIVERED)
            await gateway.rest(5)
    return kept


def check_outbound(world: World, kept: list[str], capabilities: Capabilities, step: str) -> None:
    times = Counter(text for _, text in set(world.network.taken))
    errors = Counter(error.get("id") for error in world.server.errors())
    receipts = set(world.server.receipts())
    for id_ in kept:
        there = times[f"text of {id_}"]
        if capabilities.recognises_repeats:
            assert there == 1, (step, id_)
            assert errors[id_] == 0, (step, id_)
        else:
            assert there <= 1, (step, id_)
            assert there or errors[id_], (step, id_, "lost without a word")
        if capabilities.delivery_reports:
            assert (id_ in receipts) or errors[id_], (step, id_, "neither a receipt nor an error")
    # A word that was under way when it happened is said once more, and reads the same; there are no two different ones.
    words = {id_: {tuple(e.itertext()) for e in world.server.errors(id_)} for id_ in IDS}
    assert all(len(each) <= 1 for each in words.values()), step


async def walk(new_world: Worlds, fate: str, capabilities: Capabilities) -> int:
    whole = await new_world(0, fate)
    kept = await outbound(whole, capabilities)
    assert kept == IDS
    check_outbound(whole, kept, capabilities, "nothing happened")
    steps = list(whole.crossings)
    for fatal, step in enumerate(steps, 1):
        world = await new_world(fatal, fate)
        kept = await outbound(world, capabilities)
        check_outbound(world, kept, capabilities, f"{fate} {step} ({fatal} of {len(steps)})")
        if fate == "link":
            assert kept == IDS
    return len(steps)


@pytest.mark.parametrize("fate", ["kill", "link"])
@pytest.mark.parametrize(
    "capabilities", [PLAIN, FORWARDING, REPEATING], ids=["plain", "forwarding", "repeating"]
)
async def test_every_message_to_the_network_has_one_outcome_whenever_it_ends(worlds, fate, capabilities):
    assert await walk(worlds, fate, capabilities) > 20


async def test_every_message_to_the_network_has_one_outcome_on_postgresql_too(served_worlds):
    assert await walk(served_worlds, "kill", REPEATING) > 20


# -- to the user ----------------------------------------------------------------------------------------------


class Centre:
    """The network's side of messages to the user: it keeps each until it is told that we have it."""

    def __init__(self) -> None:
        self.kept = {f"f-{number}": f"text {number}" for number in range(COUNT)}

    async def push(self, gateway: Gateway) -> None:
        for foreign_id, text in list(self.kept.items()):
            taking = asyncio.ensure_future(self._give(gateway, foreign_id, text))
            await gateway.rest(0.1)
            taking.cancel()

    async def _give(self, gateway: Gateway, foreign_id: str, text: str) -> None:
        with contextlib.suppress(NotKept):
            await gateway.hear_committed(text, foreign_id)
            if gateway.cross("before the network is told"):
                del self.kept[foreign_id]
                gateway.cross("after the network is told")


async def inbound(world: World) -> None:
    centre = Centre()
    async with living(world) as gateway:
        await centre.push(gateway)
        for _ in range(5):
            await gateway.rest(1)
            await heal(gateway)
        await gateway.rest(95)
        ended = gateway.dead
    world.fatal = 0
    if ended:
        # What was in the kernel's hands reaches the server all the same.
        async with living(world, link=False) as gateway:
            gateway.serve()
            gateway.raise_link()
            await centre.push(gateway)
            await gateway.rest(95)
    assert not centre.kept


def check_inbound(world: World, step: str) -> None:
    seen = list(dict.fromkeys(each.get("id") for each in world.server.messages()))
    assert seen == [f"f-{number}" for number in range(COUNT)], step
    texts = {each.get("id"): each.findtext(f"{{{COMPONENT}}}body") for each in world.server.messages()}
    assert list(texts.values()) == [f"text {number}" for number in range(COUNT)], step


async def walk_inbound(new_world: Worlds, fate: str) -> None:
    whole = await new_world(0, fate)
    await inbound(whole)
    check_inbound(whole, "nothing happened")
    assert len(whole.server.messages()) == COUNT
    steps = list(whole.crossings)
    assert len(steps) > 20
    for fatal, step in enumerate(steps, 1):
        world = await new_world(fatal, fate)
        await inbound(world)
        check_inbound(world, f"{fate} {step} ({fatal} of {len(steps)})")
        assert all(row.active is False for row in await world.rows()), step


@pytest.mark.parametrize("fate", ["kill", "link"])
async def test_every_message_to_the_user_arrives_once_whenever_it_ends(worlds, fate):
    await walk_inbound(worlds, fate)


async def test_every_message_to_the_user_arrives_once_on_postgresql_too(served_worlds):
    await walk_inbound(served_worlds, "kill")


async def test_killed_again_and_again_it_still_arrives_once(worlds):
    world = await worlds(0, "kill")
    centre = Centre()
    for _ in range(60):
        world.fatal = len(world.crossings) + 7
        async with living(world) as gateway:
            await centre.push(gateway)
            await gateway.rest(3)
            if not gateway.dead:
                break
    world.fatal = 0
    async with living(world) as gateway:
        await centre.push(gateway)
        await gateway.rest(95)
    check_inbound(world, "after many deaths")
