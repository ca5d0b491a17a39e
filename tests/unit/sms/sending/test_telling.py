"""What became of a message is told: in order, once, again after a crash, and later to those who were away."""

import asyncio

from bridges.sms.sending.messages import Tidings
from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import MessageState
from bridges.sms.sending.store import Sendings
from bridges.sms.traffic import Failing, Stage
from gateway.bridge import NotStored
from gateway.model import DeliveryState
from tests.unit.sms.sending.office import ALICE, BOB, Office, Told, rejected
from tests.waiting import eventually


async def delivered(office: Office, *owners: str) -> list[str]:
    """A message of each, delivered."""
    ids = []
    for owner in owners:
        before = len(office.a.written)
        ids.append(await office.send(owner=owner))
        written = await office.a.until(before + 1)
        await office.report(written, Stage.DELIVERED)
    return ids


async def noted(office: Office) -> None:
    async def nothing() -> bool:
        return not await Sendings(office.tables, "sms").owed(10)

    await eventually(nothing, "all being noted as told")


async def test_news_come_in_the_order_in_which_they_happened(office: Office) -> None:
    async with office.open():
        ids = await delivered(office, ALICE, BOB, ALICE, BOB)
        await office.told.until(4)
    assert [each.id for each in office.told.news] == ids


async def test_who_is_away_is_told_later_in_order_and_holds_up_nobody(office: Office) -> None:
    office.told.absent.add(ALICE)
    async with office.open():
        first = await delivered(office, ALICE)
        await office.told.until_asked(1)
        others = await delivered(office, BOB, ALICE, BOB)
        await office.told.until(2)
        office.told.absent.clear()
        office.sender.present(ALICE)
        await office.told.until(4)
        assert [each.id for each in office.told.news] == [others[0], others[2], first[0], others[1]]
        assert (await delivered(office, ALICE))[0] == (await office.told.until(5)).id


async def test_who_was_away_is_asked_for_again_by_and_by(office: Office) -> None:
    office.told.absent.add(ALICE)
    async with office.open():
        await delivered(office, ALICE)
        await office.told.until_asked(1)
        office.told.absent.clear()
        await eventually(lambda: any(wait > 200 for wait in office.clock.waiting), "the next try")
        await office.clock.advance(301)
        await office.told.until(1)


async def test_what_was_told_is_not_told_again_after_a_restart(office: Office) -> None:
    async with office.open():
        await delivered(office, ALICE)
        await office.told.until(1)
        await noted(office)
    async with office.open():
        await delivered(office, BOB)
        await office.told.until(2)
    assert [each.owner for each in office.told.news] == [ALICE, BOB]


async def test_what_was_not_told_is_told_after_a_restart(office: Office) -> None:
    office.told.absent.add(ALICE)
    async with office.open():
        ids = await delivered(office, ALICE, ALICE)
        await office.told.until_asked(1)
    office.told.absent.clear()
    async with office.open():
        await office.told.until(2)
        await noted(office)
    assert [each.id for each in office.told.news] == ids


async def test_a_mistake_in_telling_is_tried_again_and_costs_no_one_else(office: Office) -> None:
    class Stumbling(Told):
        stumbled = 0

        async def told(self, tidings: Tidings) -> bool:
            if tidings.owner == ALICE and not self.stumbled:
                self.stumbled += 1
                raise ZeroDivisionError("oh")
            return await super().told(tidings)

    office.told = Stumbling()
    async with office.open():
        await delivered(office, ALICE, BOB)
        await office.told.until(1)
        await office.in_time(2)
    assert [each.owner for each in office.told.news] == [BOB, ALICE]


async def test_news_that_cannot_be_kept_are_told_again(office: Office) -> None:
    class Full(Told):
        full = 2

        async def told(self, tidings: Tidings) -> bool:
            if self.full:
                self.full -= 1
                raise NotStored("the disk is full")
            return await super().told(tidings)

    office.told = Full()
    async with office.open():
        ids = await delivered(office, ALICE, BOB)
        await office.in_time(2)
    assert [each.id for each in office.told.news] == ids


async def test_thousands_of_news_are_told_once_each(office: Office) -> None:
    office.a.always = rejected(Failing.MESSAGE)
    async with office.open():
        wanted = [office.sender.submit(office.outgoing(conversation=str(n % 100))) for n in range(1500)]
        ids = await asyncio.gather(*wanted)
        await office.told.until(1500)
        await noted(office)
    assert sorted(each.id for each in office.told.news) == sorted(ids)
    assert {each.state for each in office.told.news} == {DeliveryState.FAILED}


async def test_more_news_than_fit_into_memory_are_told_once_each(office: Office) -> None:
    hold = asyncio.Event()

    class Slow(Told):
        async def told(self, tidings: Tidings) -> bool:
            await hold.wait()
            return await super().told(tidings)

    office.told = Slow()
    office.pace = Pace(news=50, grace=0.0)
    async with office.open():
        first = await delivered(office, ALICE)
        wanted = [office.sender.submit(office.outgoing(conversation=str(n))) for n in range(200)]
        ids = await asyncio.gather(*wanted)
        await office.a.until(201)
        for id in ids:
            await office.until(id, MessageState.SENT)
        await asyncio.gather(*(office.report(each, Stage.DELIVERED) for each in office.a.written[1:]))
        hold.set()
        await office.told.until(201)
        await noted(office)
    assert sorted(each.id for each in office.told.news) == sorted([*first, *ids])
