"""What routes bring is safe before they are told so, and known when it comes again."""

import asyncio

import pytest
from sqlalchemy import select

from bridges.sms.receiving.intake import IntakeLimits
from bridges.sms.receiving.receiving import Terms
from bridges.sms.receiving.tables import DELIVERIES, INBOUND
from bridges.sms.traffic import Inbound, NotTaken, Report, Stage
from gateway.bridge import Services
from gateway.model import Attachment
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import ALICE, BOB, OURS, House


async def test_a_text_is_shown_in_the_chat_with_its_sender(house: House) -> None:
    await house.bring("Hello", id="m1", time=1_699_999_990.0)
    assert await house.chat().has(1) == ["Hello"]
    message = house.chat().shown[0]
    assert message.sender == BOB
    assert message.time == 1_699_999_990.0
    assert house.people.met == [("romeo@x", BOB, OURS, "")]


async def test_the_same_id_of_the_same_route_is_the_same_message(house: House) -> None:
    for _ in range(3):
        await house.bring("Hello", id="m1")
    await house.receiving.intake.received(Inbound("other", BOB, OURS, id="m1", text="From another route"))
    assert await house.chat().has(2) == ["Hello", "From another route"]
    assert house.receiving.intake.counts.taken == 2
    assert house.receiving.intake.counts.again == 2


async def test_people_may_say_the_same_twice_where_the_network_has_no_ids(house: House) -> None:
    await house.bring("ok")
    await house.bring("ok")
    assert await house.chat().has(2) == ["ok", "ok"]


async def test_a_message_with_one_id_for_two_of_our_numbers_comes_to_both(house: House) -> None:
    await house.bring("Hello", id="m1")
    await house.bring("Hello", id="m1", recipient="+15550000002")
    assert len(await house.chat().has(2)) == 2
    assert len(await house.chat("juliet@x").has(1)) == 1


async def test_concurrent_messages_share_commits_and_stay_in_order(house: House) -> None:
    await house.bring("first")
    await house.chat().has(1)
    before = house.tables.writes
    await asyncio.gather(*(house.bring(str(number), id=f"m{number}") for number in range(100)))
    assert house.tables.writes - before < 20
    assert await house.chat().has(101) == ["first", *map(str, range(100))]


async def test_what_cannot_be_kept_is_not_taken_and_comes_again(house: House) -> None:
    house.tables.broken = True
    with pytest.raises(NotTaken) as caught:
        await house.bring("Hello", id="m1")
    assert not caught.value.never
    house.tables.broken = False
    await house.clock.advance(3)
    await house.bring("Hello", id="m1")
    assert await house.chat().has(1) == ["Hello"]


async def test_what_was_kept_while_the_connection_broke_is_shown_once(house: House) -> None:
    house.tables.broken_after = "sms_inbound"
    with pytest.raises(NotTaken):
        await house.bring("Hello", id="m1")
    await house.bring("Hello", id="m1")
    await house.bring("Bye", id="m2")
    assert await house.chat().has(2) == ["Hello", "Bye"]


async def test_a_route_that_goes_away_takes_no_message_with_it(house: House) -> None:
    await house.bring("first")
    task = asyncio.create_task(house.bring("Hello", id="m1"))
    await asyncio.sleep(0)
    task.cancel()
    assert await house.chat().has(2) == ["first", "Hello"]


@pytest.mark.parametrize(
    "inbound",
    [
        Inbound("main", BOB, OURS, text="x" * 100_001),
        Inbound("main", BOB, OURS, data=bytes(100_001)),
        Inbound("main", "1" * 257, OURS, text="x"),
        Inbound("main", BOB, OURS, id="i" * 2000, text="x"),
        Inbound("main", BOB, OURS, text="x", others=("+1",) * 101),
        Inbound("main", BOB, OURS, media=(Attachment(url="https://x/" + "y" * 5000),)),
        Inbound("main", BOB, OURS, media=(Attachment(url="https://x/"),) * 31),
    ],
)
async def test_what_is_too_large_is_refused_for_good(house: House, inbound: Inbound) -> None:
    with pytest.raises(NotTaken) as caught:
        await house.receiving.intake.received(inbound)
    assert caught.value.never


async def test_more_than_the_rate_of_one_sender_waits_at_the_network(
    services: Services, clock: ManualClock
) -> None:
    house = House(services, clock, Terms("US", intake=IntakeLimits(rate=5)))
    house.start()
    for number in range(5):
        await house.bring(str(number))
    with pytest.raises(NotTaken) as caught:
        await house.bring("too much")
    assert not caught.value.never
    await house.bring("another sender's", sender=ALICE)
    await clock.advance(12)
    await house.bring("after a while")
    assert len(await house.chat().has(7)) == 7
    await house.kill()


async def test_nothing_is_taken_while_too_much_waits(services: Services, clock: ManualClock) -> None:
    house = House(services, clock, Terms("US", intake=IntakeLimits(waiting=2)))
    house.build()  # nobody sorts
    await house.bring("1")
    await house.bring("2")
    with pytest.raises(NotTaken):
        await house.bring("3")
    await house.receiving.close()


async def test_nothing_is_taken_at_the_end(house: House) -> None:
    await house.receiving.close()
    with pytest.raises(NotTaken):
        await house.bring("Hello")


async def test_texts_are_not_kept_once_they_are_shown(house: House) -> None:
    await house.bring("Your code is 1234", id="m1")
    await house.bring("Your code is 5678")
    await house.chat().has(2)
    await house.receiving.close()
    assert await house.tables.read(select(DELIVERIES)) == []
    rows = await house.tables.read(select(INBOUND))
    assert [(row.waits, row.content) for row in rows] == [(0, "m1")]  # by which it is traced


async def test_reports_go_to_whoever_sends(house: House) -> None:
    report = Report("main", Stage.DELIVERED, id="x")
    await house.receiving.intake.reported(report)
    house.receiving.intake.trouble("main", "No credit.")
    assert house.people.reports == [report]
    assert house.people.troubles == [("main", "No credit.")]


async def test_rows_of_old_messages_are_forgotten(house: House) -> None:
    await house.bring("Hello", id="m1")
    await house.chat().has(1)
    await house.receiving.close()
    await house.clock.advance(8 * 86_400)
    await house.receiving.sweep()
    assert await house.tables.read(select(INBOUND)) == []
