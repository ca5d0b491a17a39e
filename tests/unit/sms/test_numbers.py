"""Whose numbers are whose, and from which one somebody is written to."""

import pytest
from pydantic import ValidationError

from bridges.sms.numbers import Kind, NotFree, Numbers, ordered
from bridges.sms.settings import NumberSettings, WaySettings
from gateway.bridge import Services

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
OWN, TEAM, POOL, GERMAN, FREE = (
    "+15551230001",
    "+15551230002",
    "+15551230003",
    "+491711234567",
    "+15551230005",
)


def _numbers(services: Services) -> Numbers:
    return Numbers(
        [
            NumberSettings(number=POOL, routes=("a",), mode="pool", inbox=CAROL),
            NumberSettings(number=TEAM, routes=("a", "b"), mode="team", users=(ALICE, BOB), name="Support"),
            NumberSettings(number=OWN, routes=("a",), users=(ALICE,)),
            NumberSettings(
                number=GERMAN, routes=("b",), mode="team", users=(ALICE,), destinations=("DE", "+43")
            ),
            NumberSettings(number=FREE, routes=("a",)),
        ],
        services,
    )


def test_a_user_writes_from_what_is_theirs_own_numbers_first(services: Services) -> None:
    numbers = _numbers(services)
    assert [each.number for each in numbers.of(ALICE)] == [OWN, TEAM, GERMAN, POOL]
    assert [each.number for each in numbers.of(CAROL)] == [POOL]
    assert numbers.may(BOB, TEAM)
    assert not numbers.may(BOB, OWN)


def test_the_sender_is_chosen_by_destination_then_by_the_user_then_by_country(services: Services) -> None:
    numbers = _numbers(services)
    assert numbers.senders(ALICE, "+493012345678")[0].number == GERMAN
    assert numbers.senders(ALICE, "+4366412345")[0].number == GERMAN  # by its prefix
    assert numbers.senders(ALICE, "+12125550100")[0].number == OWN
    assert numbers.senders(ALICE, "+12125550100", preferred=TEAM)[0].number == TEAM
    assert numbers.senders(ALICE, "+491711111111", preferred=TEAM)[0].number == GERMAN


def test_numbers_are_found_as_providers_write_them(services: Services) -> None:
    numbers = _numbers(services)
    assert numbers.find("15551230001") == numbers.find(OWN)
    assert numbers.find("+4930") is None


async def test_what_was_given_is_remembered_and_never_given_twice(services: Services) -> None:
    numbers = _numbers(services)
    await numbers.assign(BOB, FREE, Kind.REGISTERED)
    with pytest.raises(NotFree, match="somebody else's"):
        await numbers.assign(CAROL, FREE, Kind.REGISTERED)
    with pytest.raises(NotFree, match="no number of this gateway"):
        await numbers.assign(CAROL, "+15559990000", Kind.ASSIGNED)
    again = _numbers(services)
    await again.restore()
    assert [each.number for each in again.of(BOB)] == [FREE, TEAM, POOL]
    assert not again.free()
    assert await again.release(BOB, FREE)
    assert not await again.release(BOB, FREE)
    assert [each.number for each in again.free()] == [FREE]


async def test_a_number_of_a_users_own_account_is_theirs_alone(services: Services) -> None:
    numbers = _numbers(services)
    await numbers.assign(BOB, "+15557770000", Kind.OWN, "own-bob")
    mine = numbers.find("+15557770000")
    assert mine is not None
    assert (mine.members, mine.routes) == ((BOB,), ("own-bob",))
    with pytest.raises(NotFree):
        await numbers.assign(CAROL, "+15557770000", Kind.OWN, "own-carol")
    with pytest.raises(NotFree, match="in use"):
        await numbers.assign(CAROL, OWN, Kind.OWN, "own-carol")
    numbers.forget(BOB)
    assert numbers.find("+15557770000") is None


async def test_an_own_account_brings_what_is_for_its_number_and_nobody_else_does(services: Services) -> None:
    numbers = _numbers(services)
    await numbers.assign(BOB, "+15557770000", Kind.OWN, "own-bob")
    assert numbers.at("15557770000", "own-bob") == numbers.find("+15557770000")
    assert numbers.at("+15557770000", "a") is None  # Bob only says that it is his
    assert numbers.at(OWN, "own-bob") is None
    assert numbers.at(OWN, "b") == numbers.find(
        OWN
    )  # the operator's routes speak for all of the operator's numbers


async def test_a_number_that_the_operator_has_is_nobodys_by_an_own_account(services: Services) -> None:
    before = Numbers([], services)
    await before.assign(BOB, OWN, Kind.OWN, "own-bob")
    numbers = _numbers(services)
    await numbers.restore()
    assert numbers.find(OWN) is not None
    assert not numbers.may(BOB, OWN)
    assert numbers.at(OWN, "own-bob") is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"number": "+1", "routes": ("a",)}, "no number"),
        ({"number": OWN, "routes": ("a",), "users": (ALICE, BOB)}, 'make it a "team"'),
        ({"number": OWN, "routes": ("a",), "mode": "team"}, "has no `users`"),
        ({"number": OWN, "routes": ("a",), "inbox": ALICE}, "`inbox`"),
        ({"number": OWN, "routes": ()}, "at least 1"),
        ({"number": OWN, "routes": ("a",), "destinations": ("XX",)}, "no destination"),
        ({"number": OWN, "routes": ("a",), "users": ("a b",)}, "no XMPP address"),
    ],
)
def test_a_wrong_number_says_what_is_wrong(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NumberSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("+491711234567", ("c", "b")),
        ("+493012345678", ("b", "a", "c")),
        ("+12125550100", ("a", "b", "c")),
        ("+4366412345678", ("a", "b", "c")),  # a route that the number has not
    ],
)
def test_routes_are_asked_in_the_order_for_the_destination(recipient: str, expected: tuple[str, ...]) -> None:
    ways = [
        WaySettings(destination="DE", routes=("b",)),
        WaySettings(destination="+4917", routes=("c", "b"), only=True),
        WaySettings(destination="AT", routes=("x",), only=True),
    ]
    assert ordered(ways, ("a", "b", "c"), recipient) == expected
    assert ordered([], ("a", "b", "c"), recipient) == ("a", "b", "c")
