"""Who writes next, over connections that are numbers and a clock of the test's."""

import asyncio
from dataclasses import dataclass

import pytest

from bridges.sms.smpp.turns import Slot, Turns
from bridges.sms.traffic import Away
from tests.unit.clock import ManualClock, settle


@dataclass(eq=False)
class Lane:
    window: int = 2
    waiting: int = 0
    reserved: int = 0
    transmits: bool = True

    @property
    def room(self) -> int:
        return self.window - self.busy

    @property
    def busy(self) -> int:
        return self.waiting + self.reserved

    def reserve(self) -> None:
        self.reserved += 1

    def release(self) -> None:
        self.reserved -= 1


@dataclass
class Rig:
    clock: ManualClock
    turns: Turns

    def join(self, window: int = 2) -> Lane:
        lane = Lane(window)
        self.turns.joined(lane)
        return lane

    def enter(self, order: int | None = None) -> "asyncio.Task[Slot]":
        return asyncio.create_task(self.turns.enter(order))

    def write(self, slot: Slot) -> None:
        lane = slot.lane
        assert isinstance(lane, Lane)
        slot.used()
        lane.waiting += 1

    def answer(self, lane: Lane) -> None:
        lane.waiting -= 1
        self.turns.serve()


def rig(rate: float = 0, lane_rate: float = 0) -> Rig:
    clock = ManualClock()
    return Rig(clock, Turns(clock, rate=rate, lane_rate=lane_rate, patience=5))


async def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    it = rig()
    lane = it.join(window=1)
    first, second, third = it.enter(), it.enter(), it.enter()
    await settle()
    assert (first.done(), second.done(), third.done()) == (True, False, False)
    it.write(first.result())
    it.answer(lane)
    await settle()
    assert (second.done(), third.done()) == (True, False)
    third.cancel()


async def test_a_window_is_never_exceeded() -> None:
    it = rig()
    lane = it.join(window=3)
    entering = [it.enter() for _ in range(10)]
    await settle()
    assert sum(each.done() for each in entering) == 3
    for each in entering[:3]:
        it.write(each.result())
    assert lane.room == 0
    it.answer(lane)
    await settle()
    assert sum(each.done() for each in entering) == 4
    it.turns.close()
    await asyncio.gather(*entering, return_exceptions=True)


async def test_the_connection_with_most_room_is_taken() -> None:
    it = rig()
    it.join(window=1)
    wide = it.join(window=5)
    assert (await it.turns.enter()).lane is wide


async def test_a_turn_that_is_not_used_goes_to_the_next() -> None:
    it = rig()
    it.join(window=1)
    first = await it.turns.enter()
    second = it.enter()
    await settle()
    assert not second.done()
    first.give_back()
    first.give_back()
    assert (await second).lane is first.lane


async def test_who_gives_up_waiting_loses_no_room() -> None:
    it = rig()
    lane = it.join(window=1)
    first, second = await it.turns.enter(), it.enter()
    await settle()
    second.cancel()
    first.give_back()
    await settle()
    assert lane.reserved == 0


async def test_who_gives_up_in_the_moment_of_the_turn_gives_it_back() -> None:
    it = rig()
    lane = it.join(window=1)
    first, second = await it.turns.enter(), it.enter()
    await settle()
    first.give_back()
    assert lane.reserved == 1  # the turn is there, and nobody has seen it yet
    second.cancel()
    await settle()
    assert lane.reserved == 0


async def test_the_rate_of_the_route_is_kept_over_all_connections() -> None:
    it = rig(rate=2)
    it.join(window=100)
    it.join(window=100)
    entering = [it.enter() for _ in range(10)]
    await settle()
    assert sum(each.done() for each in entering) == 1
    await it.clock.advance(2.0)
    assert sum(each.done() for each in entering) == 5
    it.turns.close()
    await asyncio.gather(*entering, return_exceptions=True)


async def test_the_rate_of_each_connection_is_kept() -> None:
    it = rig(lane_rate=1)
    it.join(window=100)
    it.join(window=100)
    entering = [it.enter() for _ in range(10)]
    await it.clock.advance(2.0)
    assert sum(each.done() for each in entering) == 6
    it.turns.close()
    await asyncio.gather(*entering, return_exceptions=True)


async def test_a_throttled_segment_keeps_its_place() -> None:
    it = rig()
    lane = it.join(window=1)
    first = await it.turns.enter()
    later = it.enter()
    await settle()
    it.write(first)
    it.turns.backoff.refused(0.0, it.clock.monotonic())
    again = it.enter(first.order)
    it.answer(lane)
    await settle()
    assert not again.done()
    await it.clock.advance(1.0)
    assert again.done()
    assert not later.done()
    it.write(again.result())
    it.turns.backoff.taken(it.clock.monotonic())
    it.answer(lane)
    await settle()
    assert later.done()


async def test_after_a_pause_one_segment_tries_whether_there_is_room() -> None:
    it = rig()
    lane = it.join(window=10)
    it.turns.backoff.refused(0.0, it.clock.monotonic())
    entering = [it.enter() for _ in range(5)]
    await it.clock.advance(1.0)
    (first,) = [each for each in entering if each.done()]
    it.write(first.result())
    it.turns.serve()
    await settle()
    assert lane.waiting == 1
    it.turns.backoff.taken(it.clock.monotonic())
    it.answer(lane)
    await settle()
    assert all(each.done() for each in entering)


async def test_a_long_pause_sends_others_elsewhere_but_not_who_was_throttled() -> None:
    it = rig()
    it.join()
    waiting = it.enter(0)
    slot = await waiting
    it.write(slot)
    for _ in range(4):
        now = it.clock.monotonic()
        it.turns.backoff.refused(now, now)
    it.answer(slot.lane)
    again = it.enter(slot.order)
    with pytest.raises(Away, match="pause of 8 seconds"):
        await it.turns.enter()
    await settle()
    assert not again.done()
    await it.clock.advance(8.0)
    assert again.done()


async def test_without_a_connection_people_wait_for_some_seconds_only() -> None:
    it = rig()
    entering = it.enter()
    await it.clock.advance(4.9)
    assert not entering.done()
    await it.clock.advance(0.2)
    with pytest.raises(Away, match="not connected yet"):
        await entering
    with pytest.raises(Away):
        await it.turns.enter()


async def test_a_connection_that_comes_back_in_time_is_used() -> None:
    it = rig()
    lane = it.join()
    it.turns.left(lane, "it closed the connection")
    entering = it.enter()
    await it.clock.advance(3.0)
    back = it.join()
    assert (await entering).lane is back


async def test_nobody_waits_for_a_login_that_will_be_refused_again() -> None:
    it = rig()
    entering = it.enter()
    await settle()
    it.turns.failed("the password is wrong", hopeless=True)
    with pytest.raises(Away, match="password"):
        await entering


async def test_a_connection_that_cannot_send_any_more_counts_as_none() -> None:
    it = rig()
    lane = it.join()
    lane.transmits = False
    entering = it.enter()
    await it.clock.advance(6.0)
    with pytest.raises(Away):
        await entering


async def test_no_timer_is_left_when_it_is_closed() -> None:
    it = rig(rate=1)
    it.join()
    await it.turns.enter()
    entering = it.enter()
    await settle()
    assert it.clock.pending
    it.turns.close()
    assert not it.clock.pending
    with pytest.raises(Away):
        await entering


async def test_the_time_without_a_connection_begins_when_the_last_one_stops() -> None:
    it = rig()
    lane = it.join()
    await it.turns.enter()
    await it.clock.advance(3600.0)
    lane.transmits = False  # it is ending, and has not left yet
    entering = it.enter()
    await it.clock.advance(4.0)
    assert not entering.done()
    it.turns.left(lane, "it closed the connection")
    await it.clock.advance(4.0)
    assert not entering.done()
    await it.clock.advance(2.0)
    with pytest.raises(Away, match="closed the connection"):
        await entering
