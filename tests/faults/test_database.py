"""The database fails while people talk: they go on talking, and what was said is written down afterwards."""

import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.clients import message
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "net"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def disk(directory: Path) -> Path:
    """Where the database is."""
    place = directory / "disk"
    place.mkdir()
    return place


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, disk: Path) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    play = Play({NET: Door("127.0.0.1", port)}, database=f"sqlite:///{disk}/causeway.db")
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", play)
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
    return await meet(company, NET)


def kept(disk: Path, owner: str) -> list[str]:
    """What is in a user's archive, in its order."""
    query = "SELECT body FROM archive JOIN archives ON archives.id = archive.archive_id WHERE owner = ? ORDER BY archive.id"
    with closing(sqlite3.connect(f"file:{disk}/causeway.db?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute(query, (owner,))]


def times(stage: Stage, event: str) -> int:
    return len(list(stage.events(event)))


async def talked(scene: Scene, *topics: str) -> list[str]:
    for topic in topics:
        await scene.talk(topic)
    return [f"{topic}, says {who}" for topic in topics for who in ("alice", "carol")]


async def everything_works(scene: Scene, company: Company) -> None:
    """Newcomers, new rooms and parting, all of which want to be written down."""
    bob, nick = await company.user("bob"), scene.stage.new("Bob")
    await bob.join(scene.room, nick, within=DEADLINE)
    other = scene.stage.room(scene.stage.new("#other"), NET)
    await bob.join(other, nick, within=DEADLINE)
    id_ = bob.say(other, "alone here", type="groupchat")
    await bob.expect(message(id=id_, type="groupchat"), within=DEADLINE)
    bob.leave(other, nick)


async def test_a_locked_database_holds_up_nobody(scene: Scene, company: Company, disk: Path) -> None:
    stage = scene.stage
    said = await talked(scene, "before")
    troubles = times(stage, "the database cannot be written")
    with closing(sqlite3.connect(disk / "causeway.db", isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        said += await talked(scene, *(f"locked {number}" for number in range(5)))
        await everything_works(scene, company)
        await eventually(
            lambda: times(stage, "the database cannot be written") > troubles, "the log telling of it"
        )
        said += await talked(scene, "locked and known")
        intruder.execute("ROLLBACK")
    said += await talked(scene, "after")
    await eventually(lambda: kept(disk, scene.alice.bare) == said, "all in the archive, once and in order")


@contextmanager
def no_more_room(stage: Stage) -> Iterator[None]:
    """Soon no file of the gateway's process grows any more. Its log, which is one too, will not have to."""
    limit = stage.gateway.log.stat().st_size + MIB
    soft, hard = resource.prlimit(stage.gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stage.gateway.pid, resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(stage.gateway.pid, resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_holds_up_nobody(scene: Scene, company: Company, disk: Path) -> None:
    stage = scene.stage
    said = await talked(scene, "before the flood")
    await eventually(lambda: set(said) <= set(kept(disk, scene.alice.bare)), "the archive")
    well = times(stage, "the database can be written again")
    troubles = times(stage, "the database cannot be written")
    with no_more_room(stage):
        # SQLite writes on in the room its files have already; long words use that up.
        longer = [f"full {number} {'x' * 300}" for number in range(100)]
        for words in longer:
            scene.alice.say(scene.room, words, type="groupchat")
        await scene.alice.expect(message(body=longer[-1]), within=DEADLINE)
        said += longer
        for number in range(400):
            if times(stage, "the database cannot be written") > troubles:
                break
            said += await talked(scene, f"more {number} {'y' * 300}")
        assert times(stage, "the database cannot be written") > troubles
        await everything_works(scene, company)
        said += await talked(scene, "full and known")
    await eventually(
        lambda: times(stage, "the database can be written again") > well, "the log telling that all is well"
    )
    said += await talked(scene, "room again")
    await eventually(lambda: kept(disk, scene.alice.bare) == said, "all in the archive, once and in order")
