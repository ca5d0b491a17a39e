"""Numbers of teams and pools: who gets what, who sees to it, and that no two users share a conversation."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from bridges.sms.receiving.routing import Routing
from bridges.sms.receiving.tables import CLAIMS, STICKY
from gateway.bridge import Services
from gateway.model import Condition, MessageKind, Refused
from tests.unit.sms.receiving.house import ALICE, BOB, OTHER_POOL, OURS, POOL, TEAM, House

DAY = 86_400.0
POOLS = (POOL, OTHER_POOL)


# -- teams -----------------------------------------------------------------------------------------------------------


async def test_every_member_of_a_team_sees_what_comes(house: House) -> None:
    await house.bring("Help!", recipient=TEAM)
    for owner in ("romeo@x", "juliet@x", "nurse@x"):
        assert await house.chat(owner).has(1) == ["Help!"]


async def test_an_answer_is_shown_to_the_other_members_once(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    for _ in range(2):
        assert await ownership.wrote("romeo@x", team, BOB, "We come.", "ref1") is None
    await house.bring("Thanks", recipient=TEAM)
    texts = await house.chat("juliet@x").has(2)
    assert texts == ["[Romeo answered from +1 555-000-0002:]\nWe come.", "Thanks"]
    assert house.chat("juliet@x").shown[0].sender == BOB
    assert house.chat("juliet@x").shown[0].kind is MessageKind.NOTICE
    assert await house.chat("romeo@x").has(1) == ["Thanks"]


async def test_answers_from_a_personal_number_are_nobody_elses_business(house: House) -> None:
    personal = house.people.numbers[OURS]
    assert await house.receiving.ownership.wrote("romeo@x", personal, BOB, "Hi", "ref") is None
    await house.bring("Thanks", recipient=TEAM)
    assert await house.chat("juliet@x").has(1) == ["Thanks"]


async def test_who_claims_a_conversation_is_shown_to_the_team(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    said = await ownership.claim("romeo@x", team, BOB)
    assert said == "You see to this conversation on +1 555-000-0002 now. The team is told."
    assert await house.chat("juliet@x").has(1) == [
        "[Romeo sees to this conversation on +1 555-000-0002 now.]"
    ]
    claim = await ownership.claim_of(team, BOB)
    assert claim is not None
    assert claim.owner == "romeo@x"
    assert await ownership.claim("romeo@x", team, BOB) == (
        "You see to this conversation on +1 555-000-0002 already."
    )
    assert await ownership.claim_of(team, ALICE) is None


async def test_a_claimed_conversation_is_answered_by_whoever_claimed_it(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    await ownership.claim("romeo@x", team, BOB)
    refused = await ownership.wrote("juliet@x", team, BOB, "Me too", "ref")
    assert isinstance(refused, Refused)
    assert refused.condition is Condition.CONFLICT
    assert "Romeo sees to this conversation" in refused.text
    assert await ownership.wrote("juliet@x", team, ALICE, "Another one", "ref") is None


async def test_a_conversation_is_taken_over_handed_over_and_let_go(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    await ownership.claim("romeo@x", team, BOB)
    await ownership.claim("juliet@x", team, BOB)
    assert isinstance(await ownership.release("romeo@x", team, BOB), Refused)
    assert isinstance(await ownership.hand_over("romeo@x", "nurse@x", team, BOB), Refused)
    assert isinstance(await ownership.hand_over("juliet@x", "tybalt@x", team, BOB), Refused)
    assert isinstance(await ownership.hand_over("juliet@x", "nurse@x", team, BOB), str)
    assert isinstance(await ownership.release("nurse@x", team, BOB), str)
    assert await ownership.release("nurse@x", team, BOB) == "Nobody sees to this conversation."
    place = "this conversation on +1 555-000-0002"
    assert await house.chat("romeo@x").has(3) == [
        f"[Juliet sees to {place} now, instead of Romeo.]",
        f"[Juliet has handed {place} to Nurse.]",
        f"[Nurse no longer sees to {place}. Whoever wants to can claim it.]",
    ]


async def test_of_two_who_claim_at_once_the_second_takes_over(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    first, second = await asyncio.gather(
        ownership.claim("romeo@x", team, BOB), ownership.claim("juliet@x", team, BOB)
    )
    assert "instead" not in str(first)
    assert "instead of Romeo" in str(second)


@pytest.mark.parametrize("number", [OURS, POOL, TEAM])
async def test_others_claim_nothing(house: House, number: str) -> None:
    ours, ownership = house.people.numbers[number], house.receiving.ownership
    for done in (
        ownership.claim("tybalt@x", ours, BOB),
        ownership.release("tybalt@x", ours, BOB),
        ownership.hand_over("tybalt@x", "romeo@x", ours, BOB),
    ):
        assert isinstance(await done, Refused)


async def test_claims_of_those_who_left_the_team_count_no_more(house: House) -> None:
    team, ownership = house.people.numbers[TEAM], house.receiving.ownership
    await ownership.claim("romeo@x", team, BOB)
    smaller = replace(team, members=("juliet@x", "nurse@x"))
    assert await ownership.claim_of(smaller, BOB) is None
    assert await ownership.wrote("juliet@x", smaller, BOB, "Hi", "ref") is None


async def test_old_claims_are_forgotten(house: House) -> None:
    await house.receiving.ownership.claim("romeo@x", house.people.numbers[TEAM], BOB)
    await house.clock.advance(91 * DAY)
    await house.receiving.sweep()
    assert await house.services.tables.read(select(CLAIMS)) == []


# -- pools -----------------------------------------------------------------------------------------------------------


async def test_what_comes_to_a_pool_uncalled_goes_to_its_inbox(house: House) -> None:
    await house.bring("Who is there?", recipient=POOL)
    assert await house.chat("nurse@x").has(1) == ["Who is there?"]


async def test_what_comes_to_a_pool_without_an_inbox_is_told_to_the_operator(house: House) -> None:
    await house.bring("Who is there?", recipient=OTHER_POOL)
    await house.bring("Hello")
    await house.chat().has(1)
    assert "a pool without an inbox" in house.people.troubles[0][1]


async def test_an_answer_comes_to_whoever_wrote(house: House) -> None:
    assert await house.receiving.routing.choose("juliet@x", BOB, POOLS) == POOL
    await house.bring("Yes", recipient=POOL)
    assert await house.chat("juliet@x").has(1) == ["Yes"]
    await house.bring("Another", recipient=POOL, sender=ALICE)
    assert await house.chat("nurse@x").has(1) == ["Another"]


async def test_an_answer_to_somebody_who_left_the_pool_comes_to_its_inbox(house: House) -> None:
    await house.receiving.routing.choose("juliet@x", BOB, POOLS)
    numbers = house.people.numbers
    numbers[POOL] = replace(numbers[POOL], members=("juliet@x", "romeo@x"))
    await house.bring("To Juliet", recipient=POOL)
    assert await house.chat("juliet@x").has(1) == ["To Juliet"]
    numbers[POOL] = replace(numbers[POOL], members=("romeo@x",))
    await house.bring("To whom?", recipient=POOL)
    assert await house.chat("nurse@x").has(1) == ["To whom?"]


async def test_two_users_never_share_a_pair_of_numbers(house: House) -> None:
    routing = house.receiving.routing
    chosen = await asyncio.gather(
        *(routing.choose(owner, BOB, POOLS) for owner in ("romeo@x", "juliet@x", "nurse@x"))
    )
    assert set(chosen) == {POOL, OTHER_POOL, None}
    assert await routing.choose("nurse@x", ALICE, POOLS) == POOL
    for owner, ours in zip(("romeo@x", "juliet@x", "nurse@x"), chosen, strict=True):
        assert await routing.choose(owner, BOB, POOLS) == ours


async def test_two_processes_do_not_give_one_pair_to_two_users(house: House, services: Services) -> None:
    routing = house.receiving.routing
    other = Routing(services.tables, services.name, house.clock, 30 * DAY)
    assert await routing.pair(POOL, BOB) is None
    assert await other.choose("juliet@x", BOB, (POOL,)) == POOL
    assert not await routing.wrote("romeo@x", POOL, BOB)
    assert await routing.choose("romeo@x", BOB, (POOL,)) is None


async def test_a_pair_is_free_again_after_the_window(house: House) -> None:
    routing = house.receiving.routing
    await routing.choose("juliet@x", BOB, (POOL,))
    await house.clock.advance(29 * DAY)
    assert await routing.wrote("juliet@x", POOL, BOB)
    await house.clock.advance(29 * DAY)
    assert await routing.choose("romeo@x", BOB, (POOL,)) is None
    await house.bring("Still there?", recipient=POOL)
    assert await house.chat("juliet@x").has(1) == ["Still there?"]
    await house.clock.advance(29 * DAY)
    await house.bring("And now?", recipient=POOL)
    await house.chat("juliet@x").has(2)
    await house.clock.advance(31 * DAY)
    await house.bring("Hello again", recipient=POOL)
    assert await house.chat("nurse@x").has(1) == ["Hello again"]
    assert await routing.choose("romeo@x", BOB, (POOL,)) == POOL
    await house.bring("Romeo?", recipient=POOL)
    assert await house.chat("romeo@x").has(1) == ["Romeo?"]


async def test_numbers_without_a_conversation_are_chosen_before_ended_ones(house: House) -> None:
    routing = house.receiving.routing
    await routing.choose("juliet@x", BOB, (POOL,))
    await house.clock.advance(31 * DAY)
    assert await routing.choose("romeo@x", BOB, POOLS) == OTHER_POOL
    assert await routing.choose("nurse@x", BOB, POOLS) == POOL


async def test_pairs_are_forgotten_long_after_the_window(house: House) -> None:
    await house.receiving.routing.choose("juliet@x", BOB, POOLS)
    await house.clock.advance(61 * DAY)
    await house.receiving.sweep()
    assert await house.services.tables.read(select(STICKY)) == []


async def test_who_left_has_no_pairs(house: House, services: Services) -> None:
    routing = house.receiving.routing
    await routing.choose("juliet@x", BOB, POOLS)
    await services.tables.write((STICKY.delete(), None))
    house.receiving.forget("juliet@x")
    assert await routing.pair(POOL, BOB) is None
