"""A disk that is full, a database that is locked or moved away, a clock that jumps, others that hang while the gateway is to
end: people go on talking, operators see what is the matter, nothing is lost, and all heals by itself.

One gateway, with its database in a file, with bridges for IRC and for mail, and with a clock that the tests set.
"""

import asyncio
import resource
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
from gateway.playground.clients import line, message, presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.faults.looking import ADMINS, HASTY, NET, Onlookers, kept, page_at
from tests.faults.wall_clock import WallClock
from tests.scenario.post_house import OURS, contact, receipt, resident, write
from tests.scenario.stage import Company, Door, Play, Scene, Stage
from tests.unit.email.sending.scripted import SILENCE, Scripted
from tests.waiting import DEADLINE, eventually

MIB = 1024 * 1024
HOUR = 3600
#: Seconds that an end may take, and what a busy machine adds before it is noticed.
IN_TIME = 10.0 + 2.0

_MAIL = """\
[bridges.mail.lmtp]
listen = "127.0.0.1:{lmtp}"
[bridges.mail.smarthost]
host = "127.0.0.1"
port = {smarthost}
"""
_MAIL_KEYS = {
    "domains": f'["{OURS}"]',
    "address_template": f'"{{local}}@{OURS}"',
    "local_domains": '["localhost"]',
    "window": "1.0",
}


@pytest.fixture(scope="module")
def ports() -> list[int]:
    """Of IRC, of the page, of mail that comes, and of mail that goes."""
    return free_ports(4)


@pytest.fixture(scope="module")
def clock(directory: Path) -> WallClock:
    return WallClock(directory)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, ports: list[int], clock: WallClock) -> AsyncIterator[Stage]:
    irc, page, lmtp, smarthost = ports
    play = Play(
        {NET: Door("127.0.0.1", irc)},
        {"irc": {}, "mail": _MAIL_KEYS},
        access=ADMINS,
        kinds={"mail": "email"},
        more=page_at(page) + _MAIL.format(lmtp=lmtp, smarthost=smarthost),
        environment=clock.environment,
        program=HASTY,
    )
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def smarthost(ports: list[int]) -> AsyncIterator[Scripted]:
    """The mail server that the gateway sends through."""
    server = await Scripted(port=ports[3]).start()
    yield server
    await server.stop()


def database(stage: Stage) -> Path:
    return stage.directory / "causeway.db"


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


async def in_private(scene: Scene, words: str) -> None:
    """Both write to the other alone."""
    alice, carol = scene.alice, scene.carol
    alice.say(scene.stage.contact(carol.nick, NET), words)
    await carol.expect(line("PRIVMSG", carol.nick, words, sender=scene.nick), within=DEADLINE)
    carol.say(scene.nick, words)
    await alice.expect(message(scene.stage.contact(carol.nick, NET), words, type="chat"), within=DEADLINE)


async def all_kept(scene: Scene, said: list[str]) -> None:
    await eventually(
        lambda: kept(database(scene.stage), scene.alice.bare) == said, "all in the archive, once and in order"
    )


# -- a database in trouble -------------------------------------------------------------------------------------


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


@contextmanager
def moved_away(file: Path) -> Iterator[None]:
    """With what SQLite keeps beside it."""
    files = sorted(file.parent.glob(f"{file.name}*"))
    elsewhere = [each.with_name(f"moved-{each.name}") for each in files]
    for one, other in zip(files, elsewhere, strict=True):
        one.rename(other)
    yield
    for one, other in zip(files[::-1], elsewhere[::-1], strict=True):
        other.rename(one)


async def test_a_full_disk_and_a_file_moved_away_hold_up_nobody_and_are_seen_until_they_are_over(
    scene: Scene, company: Company, ports: list[int]
) -> None:
    stage = scene.stage
    onlookers = await Onlookers.come(company, ports[1], scene.alice)
    said = await talked(scene, "before the flood")
    with no_more_room(stage):
        # SQLite writes on in the room its files have already; long words use that up.
        longer = [f"full {number} {'x' * 300}" for number in range(100)]
        for words in longer:
            scene.alice.say(scene.room, words, type="groupchat")
        await scene.alice.expect(message(body=longer[-1]), within=DEADLINE)
        said += longer
        for number in range(400):
            if times(stage, "the database cannot be written"):
                break
            said += await talked(scene, f"more {number} {'y' * 300}")
        await onlookers.see("causeway.db cannot be read or written", hard=True)
        await onlookers.told("Trouble: The database", "quota")
        await everything_works(scene, company)
        said += await talked(scene, "full and known")
    await onlookers.see_none(hard=True)
    await onlookers.told("Over, after", "The database")
    said += await talked(scene, "room again")
    await all_kept(scene, said)
    with moved_away(database(stage)):
        await onlookers.see("causeway.db was moved away or replaced", hard=True)
    await onlookers.see_none(hard=True)
    said += await talked(scene, "back at its place")
    await all_kept(scene, said)


async def test_a_locked_database_holds_up_nobody(scene: Scene, company: Company) -> None:
    stage = scene.stage
    said = await talked(scene, "before")
    troubles = times(stage, "the database cannot be written")
    with closing(sqlite3.connect(database(stage), isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        said += await talked(scene, *(f"locked {number}" for number in range(5)))
        await everything_works(scene, company)
        await eventually(
            lambda: times(stage, "the database cannot be written") > troubles, "the log telling of it"
        )
        said += await talked(scene, "locked and known")
        intruder.execute("ROLLBACK")
    said += await talked(scene, "after")
    await all_kept(scene, said)


# -- the clock -------------------------------------------------------------------------------------------------


async def test_a_clock_that_jumps_is_seen_and_keeps_nothing_from_being_carried(
    scene: Scene, company: Company, ports: list[int], clock: WallClock
) -> None:
    onlookers = await Onlookers.come(company, ports[1], scene.alice)
    said = await talked(scene, "in time")
    for off, way, words in (
        (3 * HOUR, "set forward by 3 hours", "early"),
        (-21 * HOUR, "set back by 24 hours", "late"),
    ):
        clock.off_by(off)
        await onlookers.see(way, hard=False)
        said += await talked(scene, words)
        await in_private(scene, words)
    await onlookers.told("Trouble: The clock")
    clock.off_by(0)
    await onlookers.see_none(hard=False)
    said += await talked(scene, "in time again")
    await in_private(scene, "in time again")
    await all_kept(scene, said)


# -- the end ---------------------------------------------------------------------------------------------------


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
    with closing(sqlite3.connect(database(stage), isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        yield
        intruder.execute("ROLLBACK")


async def ended(stage: Stage, number: signal.Signals) -> int:
    began = time.monotonic()
    stage.gateway.signal(number)
    status = await stage.gateway.wait_ended(DEADLINE)
    assert time.monotonic() - began < IN_TIME
    return status


async def test_an_irc_and_a_mail_server_that_do_not_answer_hold_up_no_end_and_the_mail_is_not_lost(
    scene: Scene, company: Company, ircd: Ircd, smarthost: Scripted
) -> None:
    stage, alice = scene.stage, scene.alice
    said = await talked(scene, "before")
    await all_kept(scene, said)
    dora = await resident(company, "dora")
    smarthost.once["CONTENT"] = [SILENCE]
    id_ = write(
        dora, contact("bob@elsewhere.test"), "Do not lose this", "<request xmlns='urn:xmpp:receipts'/>"
    )
    await smarthost.until(lambda it: "CONTENT" in it.commands)
    with deaf(ircd):
        assert await ended(stage, signal.SIGUSR1) == START_AGAIN
    await stage.logged("gateway stopped")
    await ircd.expect("QUIT")
    assert not smarthost.received
    await stage.restart_gateway()
    # Nobody knows whether the server had it: the very same mail is sent again.
    await smarthost.until(lambda it: bool(it.received))
    assert b"Do not lose this" in smarthost.received[0].content
    await receipt(dora, id_)
    back = presence(scene.from_occupant(scene.nick), type="available", status=(110,))
    await alice.expect(back, within=DEADLINE)
    said += await talked(scene, "after")
    await all_kept(scene, said)


async def test_all_of_it_at_once_does_not_take_longer(scene: Scene, ircd: Ircd) -> None:
    stage = scene.stage
    said = await talked(scene, "before")
    await all_kept(scene, said)
    with locked(stage):
        scene.carol.say(scene.channel, "while nothing can be written")
        await scene.settle()
        with deaf(ircd), stopped(stage):
            stage.gateway.signal(signal.SIGTERM)
            assert await ended(stage, signal.SIGTERM) == 0
    await stage.logged("gateway stopped")  # in order, and not by the last resort
    assert kept(database(stage), scene.alice.bare) == said


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
