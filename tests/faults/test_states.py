"""A PostgreSQL and a key file that are gone, and a PostgreSQL that does not answer: seen at every door, told to everybody
whom it concerns, and so is that it is over.

One gateway, whose way to its database can be closed, and can be made silent.
"""

import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.clients import error_condition, message
from gateway.playground.process import free_ports
from tests.faults.looking import ADMINS, HASTY, NET, Onlookers, page_at
from tests.faults.way import Way
from tests.rig.postgres import Postgres
from tests.scenario.stage import Company, Door, Play, Scene, Stage, line
from tests.waiting import DEADLINE

#: Seconds that an end may take, and what a busy machine adds before it is noticed.
IN_TIME = 10.0 + 2.0


@pytest.fixture(scope="module")
def ports() -> list[int]:
    """Of IRC, and of the page."""
    return free_ports(2)


@pytest.fixture(scope="module")
def way(postgres: Postgres) -> Iterator[Way]:
    """From the gateway to its database."""
    with Way(postgres.port) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, way: Way, postgres: Postgres, ports: list[int]) -> AsyncIterator[Stage]:
    await postgres.create("states")
    play = Play(
        {NET: Door("127.0.0.1", ports[0])},
        access=ADMINS,
        database=postgres.url("states").replace(f":{postgres.port}/", f":{way.port}/"),
        more=page_at(ports[1]),
        program=HASTY,
    )
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()
        await postgres.drop("states")


@contextmanager
def away(path: Path) -> Iterator[None]:
    """A file is lost, and found again."""
    kept = path.with_suffix(".kept")
    shutil.move(path, kept)
    yield
    shutil.move(kept, path)


async def test_a_database_and_a_key_that_are_gone_are_told_and_so_is_their_return(
    scene: Scene, company: Company, way: Way, ports: list[int]
) -> None:
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    private = stage.contact(carol.nick, NET)
    onlookers = await Onlookers.come(company, ports[1], alice)
    with away(stage.directory / "causeway.key"), way.closed():
        carol.say(scene.channel, "nobody can write this down")
        await onlookers.see("cannot be reached", "The key file", hard=True)
        refused = alice.say(private, "not taken")
        assert error_condition(await alice.expect(message(id=refused, type="error"), within=DEADLINE))
        # The network keeps it for nobody, so it is shown, though it cannot be written down.
        carol.say(scene.nick, "shown at once")
        await alice.expect(message(private, "shown at once", type="chat"), within=DEADLINE)
        await onlookers.told("Trouble: The PostgreSQL database")
        await onlookers.told("Trouble:", "The key file")
        await scene.talk("rooms go on")
    await onlookers.see_none(hard=True)
    alice.say(private, "taken")
    await carol.expect(line("PRIVMSG", carol.nick, "taken"), within=DEADLINE)
    for what in ("The PostgreSQL database", "The key file"):
        await onlookers.told("Over, after", what)
    await scene.talk("as before")
    assert not carol.inbox.waiting(line("PRIVMSG", carol.nick)), (
        "what was refused never comes, and nothing twice"
    )
    assert not alice.inbox.waiting(message(body="shown at once")), "nor does this"


async def test_a_database_that_does_not_answer_holds_up_no_end_and_whoever_waited_for_it_is_told(
    scene: Scene, way: Way
) -> None:
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    await scene.talk("before")
    with way.silent():
        await scene.talk("nobody waits for it here")
        waits = alice.say(stage.contact(carol.nick, NET), "is not sent before it is safe")
        carol.say(scene.nick, "came while nothing could be written")
        await scene.settle()
        began = time.monotonic()
        stage.gateway.signal(signal.SIGTERM)
        assert await stage.gateway.wait_ended(DEADLINE) == 0
        assert time.monotonic() - began < IN_TIME
    await stage.logged("gateway stopped")  # in order, and not by the last resort
    assert error_condition(await alice.expect(message(id=waits, type="error"), within=DEADLINE))
    assert not carol.inbox.waiting(line("PRIVMSG", carol.nick))
    await alice.expect(message(body="came while nothing could be written", type="chat"), within=DEADLINE)
