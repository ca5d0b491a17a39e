"""Sources of troubles: each reports its own, and takes it back when the cause is gone."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from gateway.ops.health import Ailment, Health
from gateway.ops.watch_database import KEY, PLACE, QUIET, TROUBLED, DatabaseWatch
from gateway.ops.watch_links import GRACE, LinkWatch
from gateway.ops.watch_machine import JUMP_TOLD, LOOK, ClockWatch, DiskWatch, KeyWatch, LoopWatch
from gateway.secrets import SecretBox
from gateway.storage.errors import Trouble, trouble
from gateway.xmpp.diagnosis import LinkState, LinkStatus
from tests.fakes.clock import ManualClock, settle
from tests.waiting import eventually


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.health = Health(self.clock)

    def of(self, key: str) -> Ailment | None:
        return next((each for each in self.health if each.key == key), None)

    def text(self, key: str) -> str:
        found = self.of(key)
        return found.text if found is not None else ""


@pytest.fixture
def scene() -> Scene:
    return Scene()


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    await settle()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


# -- links -----------------------------------------------------------------------------------------------------

DOWN = LinkStatus(LinkState.DOWN, "Nothing listens there.")


async def test_a_link_that_is_away_for_long_is_grave(scene):
    watch = LinkWatch(scene.health, scene.clock)
    watch.changed("irc", DOWN)
    ailment = scene.of("link of irc")
    assert (ailment.bridge, ailment.hard, scene.health.ready) == ("irc", False, True)
    assert "Nothing listens there." in ailment.text
    await scene.clock.advance(GRACE + 1)
    watch.changed("irc", LinkStatus(LinkState.CONNECTING))
    watch.changed("irc", DOWN)
    assert not scene.health.ready, "a further try makes it no better"
    watch.changed("irc", LinkStatus(LinkState.UP))
    assert list(scene.health) == []
    await scene.clock.advance(GRACE + 1)
    assert list(scene.health) == []


async def test_a_gateway_is_not_ready_before_its_first_link(scene):
    watch = LinkWatch(scene.health, scene.clock)
    watch.begun("irc")
    assert not scene.health.ready
    watch.changed("irc", LinkStatus(LinkState.CONNECTING))
    assert not scene.health.ready
    watch.changed("irc", DOWN)
    assert not scene.health.ready, "a server that was never there is no short interruption"
    assert "Nothing listens there." in scene.of("link of irc").text
    watch.changed("irc", LinkStatus(LinkState.UP))
    assert list(scene.health) == []


async def test_a_refused_link_is_grave_at_once(scene):
    LinkWatch(scene.health, scene.clock).changed("irc", LinkStatus(LinkState.REFUSED, "The secret is wrong."))
    assert not scene.health.ready


async def test_a_link_that_somebody_closed_is_no_trouble(scene):
    watch = LinkWatch(scene.health, scene.clock)
    watch.twin("irc", "Two of us.")
    watch.changed("irc", DOWN)
    watch.changed("irc", LinkStatus(LinkState.CLOSED))
    await scene.clock.advance(GRACE + 1)
    assert list(scene.health) == []


# -- database --------------------------------------------------------------------------------------------------


class Written:
    def __init__(self) -> None:
        self.commits = 0
        self.probes = 0
        self.broken = False
        self.moved = False

    async def in_place(self) -> None:
        if self.moved:
            raise trouble(Trouble.MOVED, "The database x")

    async def probe(self) -> None:
        self.probes += 1
        if self.broken:
            raise trouble(Trouble.LOCKED, "The database x", "SQLITE_BUSY")
        self.commits += 1


async def test_a_database_that_nobody_writes_to_is_tried_now_and_then(scene):
    written = Written()
    watch = DatabaseWatch(written, scene.health, scene.clock)
    async with running(watch.run()):
        for _ in range(3):
            written.commits += 1
            await scene.clock.advance(QUIET)
        assert written.probes == 0, "others write"
        written.broken = True
        await scene.clock.advance(QUIET)
        assert "locked" in scene.of(KEY).text
        assert not scene.health.ready
        before = written.probes
        await scene.clock.advance(5 * TROUBLED)
        assert written.probes == before + 5


async def test_a_database_that_was_moved_away_is_told_though_it_can_be_written(scene):
    written = Written()
    watch = DatabaseWatch(written, scene.health, scene.clock)
    async with running(watch.run()):
        written.moved = True
        written.commits += 1
        await scene.clock.advance(QUIET)
        assert "put the file back" in scene.of(PLACE).text
        assert not scene.health.ready
        watch.trouble(None)
        assert scene.of(PLACE) is not None, "that it can be written is no comfort"
        written.moved = False
        await scene.clock.advance(TROUBLED)
        assert list(scene.health) == []


async def test_what_the_writer_meets_is_told_at_once_and_taken_back(scene):
    watch = DatabaseWatch(Written(), scene.health, scene.clock)
    watch.trouble(trouble(Trouble.FULL, "The database x", "SQLITE_FULL"))
    assert "no room" in scene.of(KEY).text
    watch.trouble(None)
    assert scene.of(KEY) is None


# -- the machine -----------------------------------------------------------------------------------------------


async def test_too_little_room_is_told_by_place_and_heals(scene, tmp_path):
    least = [float(2**60)]
    places = [("storage.directory", tmp_path / "not" / "yet"), ("media.directory", tmp_path)]
    async with running(DiskWatch(places, lambda: least[0], scene.health, scene.clock).run()):
        await eventually(lambda: len(list(scene.health)) == 2)
        assert str(tmp_path) in scene.of("room for media.directory").text
        assert scene.health.ready
        least[0] = 0.0
        await eventually(lambda: not list(scene.health), meanwhile=lambda: scene.clock.advance(LOOK))


async def test_no_room_for_the_database_is_grave_before_anything_was_written(scene, tmp_path):
    free = {"database": 4096.0, "media": 4096.0}
    places = [("storage.database", tmp_path / "database"), ("media.directory", tmp_path / "media")]
    watch = DiskWatch(places, lambda: 2e8, scene.health, scene.clock, free=lambda path: free[path.name])
    async with running(watch.run()):
        await eventually(lambda: len(list(scene.health)) == 2)
        assert "No room is left" in scene.text("room for media.directory")
        assert not scene.of("room for media.directory").hard
        assert not scene.health.ready
        free["database"] = 1e8
        await eventually(lambda: scene.health.ready, meanwhile=lambda: scene.clock.advance(LOOK))
        assert "Less than 200 MB" in scene.text("room for storage.database")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.chmod(0o644), "can be used by others"),
        (lambda path: path.write_text("x"), "base64"),
        (lambda path: (path.unlink(), SecretBox.create(path)), "another key"),
    ],
)
async def test_a_key_file_with_which_the_gateway_could_not_start_again_is_told(scene, tmp_path, harm, told):
    path = tmp_path / "key"
    box = SecretBox.create(path)
    kept = path.read_bytes()
    async with running(KeyWatch(path, box, scene.health, scene.clock).run()):
        harm(path)
        await eventually(lambda: told in scene.text("key file"), meanwhile=lambda: scene.clock.advance(LOOK))
        assert "could not start again" in scene.of("key file").text
        assert scene.health.ready, "messages go on"
        path.unlink(missing_ok=True)
        path.write_bytes(kept)
        os.chmod(path, 0o600)
        await eventually(lambda: not scene.of("key file"), meanwhile=lambda: scene.clock.advance(LOOK))


@pytest.mark.parametrize(("seconds", "told"), [(-7200.0, "forward by 2 hours"), (7200.0, "back by 2 hours")])
async def test_a_clock_that_jumps_is_told_for_a_while(scene, seconds, told):
    async with running(ClockWatch(scene.health, scene.clock).run()):
        await scene.clock.advance(10 * LOOK)
        assert scene.of("clock") is None
        scene.clock.set_back(seconds)
        await scene.clock.advance(LOOK)
        assert told in scene.of("clock").text
        assert scene.health.ready
        await scene.clock.advance(JUMP_TOLD + LOOK)
        assert scene.of("clock") is None


async def test_a_clock_that_is_put_right_again_is_well(scene):
    async with running(ClockWatch(scene.health, scene.clock).run()):
        scene.clock.set_back(3600)
        await scene.clock.advance(LOOK)
        assert scene.of("clock") is not None
        scene.clock.set_back(-3600)
        await scene.clock.advance(LOOK)
        assert scene.of("clock") is None


class Slow(ManualClock):
    """Sleeps longer than it was asked to, once."""

    late = 0.0

    async def sleep(self, delay: float) -> None:
        delay, self.late = delay + self.late, 0.0
        await super().sleep(delay)


async def test_a_loop_that_was_held_up_is_told_for_a_minute():
    clock = Slow()
    health = Health(clock)
    async with running(LoopWatch(health, clock).run()):
        await clock.advance(10)
        assert list(health) == []
        clock.late = 3.0
        await clock.advance(5)
        assert [each.key for each in health] == ["loop"]
        assert health.ready
        await clock.advance(70)
        assert list(health) == []
