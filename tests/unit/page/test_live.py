"""Pages that change while they are looked at."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.page.live import Broadcast, TooManyViewers, Topic
from tests.fakes.clock import ManualClock, settle
from tests.unit.page.house import house
from tests.unit.page.test_entry import csrf
from tests.waiting import eventually

WAIT = 10
HERE = Topic("overview")


class Look:
    """Parts as a test sets them; counts how often somebody looked."""

    def __init__(self):
        self.parts = {"state": "well", "facts": "1"}
        self.times = 0

    def __call__(self, topic):
        self.times += 1
        if isinstance(self.parts, Exception):
            raise self.parts
        return dict(self.parts)


@pytest.fixture
async def running():
    clock, look = ManualClock(), Look()
    broadcast = Broadcast(look, clock, most=3)
    task = asyncio.create_task(broadcast.run())
    await settle()
    yield broadcast, look, clock
    task.cancel()


async def test_nobody_looks_while_nobody_watches(running):
    broadcast, look, clock = running
    await clock.advance(60)
    assert look.times == 0
    with broadcast.watching(HERE):
        await settle()
        await clock.advance(3)
        assert look.times == 4
    await clock.advance(1)
    times = look.times
    await clock.advance(60)
    assert look.times == times


async def test_many_viewers_of_one_page_cost_one_look(running):
    broadcast, look, clock = running
    with broadcast.watching(HERE) as first, broadcast.watching(HERE) as second:
        await settle()
        await clock.advance(1)
        assert look.times == 2
        assert first.take() == second.take() == look.parts


async def test_only_what_changed_is_told_and_a_slow_reader_gets_the_newest(running):
    broadcast, look, clock = running
    with broadcast.watching(HERE) as quick, broadcast.watching(HERE) as slow:
        await settle()
        assert quick.take() == {"state": "well", "facts": "1"}
        for number in range(2, 5):
            look.parts = {**look.parts, "facts": str(number)}
            await clock.advance(1)
            assert quick.take() == {"facts": str(number)}
        await clock.advance(1)
        assert not quick.told.is_set()
        assert slow.take() == {"state": "well", "facts": "4"}


async def test_who_comes_later_is_told_all_at_once(running):
    broadcast, look, _ = running
    with broadcast.watching(HERE):
        await settle()
        with broadcast.watching(HERE) as late:
            assert late.take() == look.parts


async def test_viewers_are_bounded(running):
    broadcast, _, _ = running
    three = [broadcast.watching(HERE) for _ in range(3)]
    with three[0], three[1], three[2], pytest.raises(TooManyViewers), broadcast.watching(HERE):
        pass
    with broadcast.watching(HERE):
        pass


async def test_a_page_that_cannot_be_shown_ends_for_its_viewers_only(running):
    broadcast, look, clock = running
    with broadcast.watching(HERE) as viewer:
        await settle()
        look.parts = ValueError("a fault")
        await clock.advance(1)
        assert viewer.over
    look.parts = {"state": "well again"}
    with broadcast.watching(HERE) as viewer:
        await settle()
        await clock.advance(1)
        assert viewer.take() == {"state": "well again"}


async def events(response):
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


async def test_events_bring_parts_as_they_stand_in_the_page():
    async with house() as place:
        await place.sign_in()
        page = (await place.get("/"))[1]
        async with asyncio.timeout(WAIT), place.session.get("/events?of=overview&span=hour") as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            stream = events(response)
            parts = await anext(stream)
            assert set(parts) == {"state", "shown", "ailments", "link-irc", "facts-irc", "plots-irc"}
            for name, text in parts.items():
                assert text.strip() in page, name
            place.desk.health.report("disk", "It is full.")
            place.desk.view = replace(place.desk.view, ailments=tuple(place.desk.health), ready=False)
            parts = await anext(stream)
            assert set(parts) == {"state", "ailments"}
            assert "It is full." in parts["ailments"]


async def test_a_desk_that_is_broken_meanwhile_is_told_as_a_sentence():
    async with house() as place:
        await place.sign_in()
        async with asyncio.timeout(WAIT), place.session.get("/events?of=accounts&q=x") as response:
            stream = events(response)
            assert set(await anext(stream)) == {"state", "shown", "rows"}


async def test_nothing_new_is_a_heartbeat():
    async with house(heartbeat=0.01) as place:
        await place.sign_in()
        async with asyncio.timeout(WAIT), place.session.get("/events?of=none") as response:
            async for line in response.content:
                if line == b": still here\n":
                    break


async def test_events_end_with_the_session():
    async with house(heartbeat=0.01) as place:
        await place.sign_in()
        form = {"csrf": csrf((await place.get("/"))[1])}
        async with asyncio.timeout(WAIT), place.session.get("/events?of=overview") as response:
            await response.content.readline()
            assert (await place.post("/logout", form))[0] == 303
            while await response.content.readline():
                pass


async def test_viewers_beyond_the_bound_are_told_and_those_who_go_make_room():
    async with house() as place:
        await place.sign_in()
        async with asyncio.timeout(WAIT):
            many = [await place.session.get("/events?of=overview") for _ in range(20)]
            assert (await place.get("/events?of=overview"))[0] == 503
            for each in many:
                each.close()

            async def again() -> bool:
                async with place.session.get("/events?of=overview") as response:
                    return response.status == 200

            assert await eventually(again)


async def test_the_end_of_the_gateway_does_not_wait_for_viewers():
    async with asyncio.timeout(WAIT), house() as place:
        await place.sign_in()
        response = await place.session.get("/events?of=overview")
        await response.content.readline()
    response.close()
