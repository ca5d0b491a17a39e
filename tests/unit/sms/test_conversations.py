"""Which number of ours somebody knows a user by."""

from bridges.sms.conversations import Conversations
from gateway.bridge import Services
from tests.fakes.clock import ManualClock

ALICE, THEM = "alice@example.org", "+12125550100"


async def test_an_answer_goes_out_from_the_number_that_was_written_to(
    services: Services, clock: ManualClock
) -> None:
    conversations = Conversations(services)
    await conversations.learn(ALICE)
    assert not conversations.texted(ALICE, THEM)
    await conversations.wrote(ALICE, THEM, "+15550000001")
    await clock.advance(5)
    await conversations.heard(ALICE, THEM, "+15550000002")
    again = Conversations(services)
    await again.learn(ALICE)
    known = again.of(ALICE, THEM)
    assert known is not None
    assert (known.number, known.heard - known.wrote) == ("+15550000002", 5)
    assert again.texted(ALICE, THEM)


async def test_a_name_is_remembered_as_the_network_writes_it(services: Services) -> None:
    conversations = Conversations(services)
    await conversations.heard(ALICE, "mybank;sender=alpha", "+15550000001", "MyBank")
    await conversations.heard(ALICE, "mybank;sender=alpha", "+15550000001")
    [known] = await Conversations(services).learn(ALICE)
    assert known.name == "MyBank"


async def test_a_row_that_was_not_in_memory_keeps_its_beginning(
    services: Services, clock: ManualClock
) -> None:
    first = Conversations(services)
    await first.wrote(ALICE, THEM, "+15550000001")
    began = clock.now()
    await clock.advance(100)
    await Conversations(services).wrote(ALICE, THEM, "+15550000001")  # never learnt
    [known] = await Conversations(services).learn(ALICE)
    assert (known.wrote, known.active) == (began, began + 100)


async def test_nothing_is_lost_of_somebody_who_is_not_held(services: Services) -> None:
    first = Conversations(services)
    await first.learn(ALICE)
    await first.heard(ALICE, THEM, "+15550000001")
    await first.call(ALICE, THEM, "+15550000001", "Juliet")
    gone = Conversations(services)
    await gone.heard(ALICE, THEM, "+15550000002")  # while Alice's session ends
    assert gone.of(ALICE, THEM) is None
    await gone.call(ALICE, "+12125550101", "+15550000001", "Romeo")
    known = {each.party: each for each in await Conversations(services).learn(ALICE)}
    assert (known[THEM].called, known[THEM].number) == ("Juliet", "+15550000002")
    assert known["+12125550101"].called == "Romeo"


async def test_no_more_than_so_many_are_held_and_the_others_are_found(services: Services) -> None:
    conversations = Conversations(services, 2)
    await conversations.learn(ALICE)
    parties = [f"+1212555010{each}" for each in range(6)]
    for each in parties:
        await conversations.wrote(ALICE, each, "+15550000001")
    assert [each for each in parties if conversations.of(ALICE, each)] == parties[2:]
    assert await conversations.find(ALICE, parties[0]) == (
        await Conversations(services).find(ALICE, parties[0])
    )
    assert conversations.texted(ALICE, parties[0])


async def test_ended_conversations_are_gone(services: Services) -> None:
    conversations = Conversations(services)
    await conversations.wrote(ALICE, THEM, "+15550000001")
    await conversations.end(ALICE, THEM)
    assert conversations.of(ALICE, THEM) is None
    assert await conversations.learn(ALICE) == []


async def test_strangers_are_forgotten_and_whom_the_user_wrote_to_or_named_is_not(
    services: Services, clock: ManualClock
) -> None:
    conversations = Conversations(services)
    await conversations.heard(ALICE, "+12125550101", "+15550000001")
    await conversations.wrote(ALICE, THEM, "+15550000001")
    await conversations.call(ALICE, "+12125550102", "+15550000001", "Carol")
    await clock.advance(100)
    await conversations.heard(ALICE, "+12125550103", "+15550000001")
    await conversations.sweep(clock.now() - 50)
    assert {each.party for each in await conversations.learn(ALICE)} == {THEM, "+12125550102", "+12125550103"}
