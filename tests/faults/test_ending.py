"""The gateway is to end while others hang: it is gone in time all the same, with the right status, and nothing that was
written down is lost."""

import asyncio
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app import START_AGAIN
from gateway.playground.clients import presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "net"
SAID = ["before, says alice", "before, says carol"]
#: Seconds that an end may take, and what a busy machine adds before it is noticed.
IN_TIME = 10.0 + 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    running = await Stage.start(directory, "prosody", Play({NET: Door("127.0.0.1", port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def ircd(stage: Stage) -> AsyncIterator[Ircd]:
    server = await Ircd().start(port=stage.play.networks[NET].port)
    yield server
    await server.stop()


@pytest.fixture
async def scene(ircd: Ircd, company: Company) -> Scene:
    scene = await meet(company, NET)
    await scene.talk("before")
    await eventually(lambda: kept(scene) == SAID, "the archive")
    return scene


def kept(scene: Scene) -> list[str]:
    query = "SELECT body FROM archive JOIN archives ON archives.id = archive.archive_id WHERE owner = ? ORDER BY archive.id"
    with closing(sqlite3.connect(f"file:{scene.stage.directory}/causeway.db?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute(query, (scene.alice.bare,))]


@contextmanager
def deaf(ircd: Ircd) -> Iterator[None]:
    """The IRC server reads, and never answers."""
    ircd.deaf = True
    yield
    ircd.deaf = False


@contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """The XMPP server reads nothing any more."""
    stage.xmpp.child.signal(signal.SIGSTOP)
    yield
    stage.xmpp.child.signal(signal.SIGCONT)


@contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Another program has the database to itself."""
    with closing(sqlite3.connect(stage.directory / "causeway.db", isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        yield
        intruder.execute("ROLLBACK")


async def ended(stage: Stage, number: signal.Signals) -> int:
    began = time.monotonic()
    stage.gateway.signal(number)
    status = await stage.gateway.wait_ended(DEADLINE)
    assert time.monotonic() - began < IN_TIME
    return status


async def test_an_irc_server_that_does_not_answer_holds_up_nothing(
    scene: Scene, company: Company, ircd: Ircd
) -> None:
    with deaf(ircd):
        assert await ended(scene.stage, signal.SIGUSR1) == START_AGAIN
    await scene.stage.logged("gateway stopped")
    await ircd.expect("QUIT")
    await scene.stage.restart_gateway()
    back = presence(scene.from_occupant(scene.nick), type="available", status=(110,))
    await scene.alice.expect(back, within=DEADLINE)
    await scene.talk("after")
    assert kept(scene)[:2] == SAID


async def test_all_of_it_at_once_does_not_take_longer(scene: Scene, company: Company, ircd: Ircd) -> None:
    stage = scene.stage
    with locked(stage):
        scene.carol.say(scene.channel, "while nothing can be written")
        await scene.settle()
        with deaf(ircd), stopped(stage):
            stage.gateway.signal(signal.SIGTERM)
            assert await ended(stage, signal.SIGTERM) == 0
    await stage.logged("gateway stopped")  # in order, and not by the last resort
    assert kept(scene) == SAID


HANGING = """
import sys, threading, time
from gateway.ending import Deadline
Deadline(0.1).set(75)
threading.Thread(target=time.sleep, args=(600,)).start()
"""


async def test_a_thread_that_hangs_does_not_keep_the_process_and_the_log_says_so() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HANGING, stdout=pipe)
    async with asyncio.timeout(DEADLINE):
        logged, _ = await process.communicate()
    assert process.returncode == START_AGAIN
    assert b"the gateway did not end in time, and is ended" in logged
