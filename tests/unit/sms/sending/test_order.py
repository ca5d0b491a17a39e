"""Messages of a conversation go one after the other; conversations go at once, within bounds; no route waits for another."""

import asyncio
import random

from bridges.sms.sending.messages import Concatenations, Outgoing, message_id
from bridges.sms.sending.pace import Pace, spread, step
from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Accepted, Failing, Outcome
from tests.fakes.sms_route import FakeRoute, Silence, later
from tests.unit.sms.sending.office import BOB, Office, Routes, rejected


async def test_messages_of_a_conversation_keep_their_order_through_refusals(office: Office) -> None:
    office.a.steps.extend([rejected(Failing.PASSING), rejected(Failing.PASSING)])
    async with office.open():
        for text in "abc":
            last = await office.send(text)
        for _ in range(2):
            await office.delayed()
            await office.clock.advance(20)
        await office.until(last, MessageState.SENT)
    assert [text for text, _ in office.a.texts] == ["a", "a", "a", "b", "c"]


async def test_a_conversation_that_waits_holds_up_no_other(office: Office) -> None:
    office.a.steps.append(Silence())
    async with office.open():
        await office.send("held", conversation="one")
        await office.send("behind it", conversation="one")
        await office.a.until(1)
        await office.until(await office.send("other", conversation="two"), MessageState.SENT)
        await office.until(
            await office.send("of somebody else", conversation="one", owner=BOB), MessageState.SENT
        )
    assert [text for text, _ in office.a.texts] == ["held", "other", "of somebody else"]


async def test_conversations_go_at_once_within_bounds(office: Office) -> None:
    go = asyncio.Event()
    office.pace = Pace(at_once=5, grace=0.0)
    office.a.always = later(go, Accepted("x"))
    async with office.open():
        ids = [await office.send(str(n), conversation=str(n)) for n in range(20)]
        await office.a.until(5)
        assert (await office.sender.standing()).under_way == 5
        assert (await office.sender.standing()).routes == {"a": 20}
        go.set()
        for id in ids:
            await office.until(id, MessageState.SENT)
    assert office.a.most == 5


async def test_a_slow_route_takes_no_place_of_another(office: Office) -> None:
    office.pace = Pace(at_once=2, grace=0.0)
    office.routes = Routes(FakeRoute("a"), FakeRoute("b"))
    office.a.hold()
    async with office.open():
        for n in range(10):
            await office.send(str(n), conversation=str(n))
        office.routes.routes.reverse()
        id = await office.send("by b", conversation="b")
        await office.until(id, MessageState.SENT)
        assert not office.routes.route("a").written


async def test_what_does_not_fit_into_memory_waits_in_the_tables_in_order(office: Office) -> None:
    office.pace = Pace(held=10, grace=0.0)
    go = asyncio.Event()
    office.a.steps.append(later(go, Accepted("x")))
    async with office.open():
        wanted = [office.sender.submit(office.outgoing(f"{n:02}")) for n in range(60)]
        ids = await asyncio.gather(*wanted)
        assert (await office.sender.standing()).held <= 10
        go.set()
        await office.until(ids[-1], MessageState.SENT)
        await office.until(await office.send("60"), MessageState.SENT)
    assert [text for text, _ in office.a.texts] == [f"{n:02}" for n in range(61)]


async def test_what_was_submitted_before_we_began_goes_first(office: Office) -> None:
    early = [office.sender.submit(office.outgoing(text)) for text in "ab"]
    task = asyncio.create_task(office.sender.run())
    await asyncio.gather(*early)
    await office.until(await office.send("c"), MessageState.SENT)
    task.cancel()
    await asyncio.wait([task])
    assert [text for text, _ in office.a.texts] == ["a", "b", "c"]


async def test_messages_of_an_earlier_life_go_before_those_of_now(office: Office) -> None:
    office.a.hold()
    async with office.open():
        for text in "ab":
            await office.send(text)
    office.a.release()
    office.clock = type(office.clock)(office.clock.now() - 3600)  # the clock was set back
    async with office.open():
        await office.until(await office.send("c"), MessageState.SENT)
    assert [text for text, _ in office.a.texts] == ["a", "b", "c"]


async def test_a_clock_that_is_set_back_makes_nobody_wait(office: Office) -> None:
    office.a.steps.append(rejected(Failing.PASSING))
    async with office.open():
        id = await office.send("a")
        await office.delayed()
        office.clock.set_back(86_400)
        await office.clock.advance(60)  # the clock is looked at once a minute
        await office.until(id, MessageState.SENT)


async def test_a_time_that_another_clock_has_noted_is_not_believed(office: Office) -> None:
    office.a.steps.append(rejected(Failing.PASSING))
    async with office.open():
        id = await office.send("a")
        await office.delayed()
    office.clock.set_back(86_400)
    async with office.open():
        await office.until(id, MessageState.SENT)


async def test_a_turn_is_given_back_when_the_message_is_no_more(office: Office) -> None:
    office.a.hold()
    async with office.open() as sender:
        await office.send()
        await office.sender.standing()
        await sender.forget("alice@example.org")
        office.a.release()
        await office.until(await office.send("of bob", owner=BOB), MessageState.SENT)
    assert [text for text, _ in office.a.texts] == ["of bob"]


async def test_a_message_whose_time_is_over_when_its_turn_comes_is_not_written(office: Office) -> None:
    office.a.hold()
    async with office.open():
        await office.send(expires=office.clock.now() + 60)
        await office.clock.advance(61)
        office.a.release()
        await office.told.until(1)
    assert not office.a.written


async def test_refusals_of_many_conversations_come_back_when_they_are_due(office: Office) -> None:
    refusals = iter(range(30))

    def outcome(submission: object, piece: int) -> Outcome:
        if next(refusals, None) is not None:
            return rejected(Failing.PASSING)
        return office.a.accept()

    office.a.always = outcome
    async with office.open():
        ids = [await office.send(str(n), conversation=str(n)) for n in range(30)]
        await office.delayed(30)
        await office.clock.advance(10)
        for id in ids:
            await office.until(id, MessageState.SENT)
        assert (await office.sender.standing()).delayed == 0
    assert len(office.a.written) == 60


def test_concatenation_numbers_of_one_pair_follow_each_other() -> None:
    numbers = Concatenations(random.Random(1))
    first = [numbers.next("a", ("b",)) for _ in range(300)]
    assert len({each & 0xFF for each in first[:256]}) == 256
    assert all(0 <= each < 65536 for each in first)
    assert numbers.next("a", ("c",)) != (first[-1] + 1) % 65536


def test_ids_are_ours_and_the_same_for_the_same_request() -> None:
    chance = random.Random(1)
    outgoing = Outgoing("alice@example.org", "c", "+1", ("+2",), "x", "reference")
    ids = {message_id("sms", outgoing, chance), message_id("sms", outgoing, chance)}
    ids.add(message_id("other", outgoing, chance))
    assert len(ids) == 2
    assert all(len(each) == 26 and each.isalnum() and each == each.lower() for each in ids)


def test_delays_grow_and_heed_the_provider_within_reason() -> None:
    chance = random.Random(1)
    assert [step((1.0, 2.0), count) for count in (0, 1, 2, 9)] == [1.0, 1.0, 2.0, 2.0]
    assert 10.0 <= spread(10.0, 0.0, chance) <= 12.0
    assert spread(10.0, 60.0, chance) == 60.0
    assert spread(10.0, 1e9, chance) == 3600.0
