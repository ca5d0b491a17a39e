"""What may be sent: destinations, quotas, breakers, and that a restart is no amnesty."""

from dataclasses import replace
from typing import Any

import pytest

from bridges.sms.config import SmsSettings
from bridges.sms.numbers import OurNumber
from bridges.sms.policy import Policy, Request, prefix_of, price
from bridges.sms.settings import Mode
from gateway.bridge import Services
from gateway.model import Condition
from tests.fakes.clock import ManualClock

ALICE, BOB = "alice@example.org", "bob@example.org"
OURS = OurNumber("+12125550001", Mode.PERSONAL, ("a",), (ALICE,))


class House:
    def __init__(self, services: Services, **settings: Any) -> None:
        limits = settings.pop("limits", {})
        self.settings = SmsSettings.model_validate({"region": "US", "limits": limits, **settings})
        self.alarms: list[str] = []
        self.policy = Policy(self.settings, services, self.alarms.append)

    def send(
        self,
        *parties: str,
        segments: int = 1,
        price: float = 0.0,
        new: int = 0,
        heard: bool = False,
        owner: str = ALICE,
        ours: OurNumber = OURS,
    ) -> Condition | None:
        why = self.policy.judge(Request(owner, ours, parties, segments, price, new, heard))
        return why.condition if why is not None else None


def test_without_a_list_only_the_senders_own_country_is_texted(services: Services) -> None:
    house = House(services)
    assert house.send("+12125550100") is None
    assert house.send("+15551234567") is None  # nobody's, but of that country
    assert house.send("+491711234567") is Condition.FORBIDDEN


@pytest.mark.parametrize("name", ["MyShop", "46645"])
def test_senders_of_no_country_text_that_of_the_gateway_alone(services: Services, name: str) -> None:
    house, ours = House(services), OurNumber(name, Mode.PERSONAL, ("a",), (ALICE,))
    assert house.send("+12125550100", ours=ours) is None
    assert house.send("+18765550100", ours=ours) is Condition.FORBIDDEN
    assert house.send("+491711234567", ours=ours) is Condition.FORBIDDEN


def test_countries_and_prefixes_are_allowed_by_the_operator(services: Services) -> None:
    house = House(services, countries=("DE", "+1212"))
    assert house.send("+491711234567") is None
    assert house.send("+12125550100") is None
    assert house.send("+13105550100") is Condition.FORBIDDEN
    assert house.send("+8821612345678") is Condition.FORBIDDEN


def test_numbers_that_cost_are_refused_unless_the_operator_wants_them(services: Services) -> None:
    assert House(services).send("+19002345678") is Condition.FORBIDDEN
    assert House(services, costly=True).send("+19002345678") is None


@pytest.mark.parametrize(
    ("mode", "heard", "expected"),
    [
        ("answer", False, Condition.FORBIDDEN),
        ("answer", True, None),
        ("any", False, None),
        ("never", True, Condition.FORBIDDEN),
    ],
)
def test_short_codes_are_answered_as_the_operator_says(
    services: Services, mode: str, heard: bool, expected: Condition | None
) -> None:
    house = House(services, short_codes=mode)
    assert house.send("46645;phone-context=+1", heard=heard) is expected
    assert house.send("46645;phone-context=+49", heard=True) is Condition.FORBIDDEN


def test_names_and_withheld_numbers_are_not_texted(services: Services) -> None:
    house = House(services)
    assert house.send("mybank;sender=alpha") is Condition.NOT_ALLOWED
    assert house.send("anonymous") is Condition.NOT_ALLOWED


async def test_a_minute_and_a_day_have_so_many_segments(services: Services, clock: ManualClock) -> None:
    house = House(services, limits={"segments_per_minute": 3, "segments_per_day": 5})
    assert house.send("+12125550100", segments=3) is None
    assert house.send("+12125550100") is Condition.RESOURCE_CONSTRAINT
    assert house.send("+12125550100", owner=BOB) is None
    await clock.advance(61)
    assert house.send("+12125550100", segments=2) is None
    await clock.advance(61)
    assert house.send("+12125550100") is Condition.RESOURCE_CONSTRAINT
    await clock.advance(86_400)
    assert house.send("+12125550100") is None


async def test_a_clock_that_is_set_back_stops_nobody(services: Services) -> None:
    clock = ManualClock()
    house = House(replace(services, clock=clock), limits={"segments_per_minute": 3})
    assert house.send("+12125550100", segments=3) is None
    clock.set_back(3600)
    await clock.advance(61)
    assert house.send("+12125550100", segments=3) is None


def test_a_message_has_so_many_segments_to_each(services: Services) -> None:
    house = House(services, limits={"segments_per_message": 2})
    assert house.send("+12125550100", segments=3) is Condition.NOT_ACCEPTABLE
    assert house.send("+12125550100", "+12125550101", segments=4) is None


def test_new_people_and_money_are_limited(services: Services) -> None:
    house = House(services, limits={"new_people_per_day": 1, "spend_per_day": 1.0})
    assert house.send("+12125550100", new=1) is None
    assert house.send("+12125550101", new=1) is Condition.RESOURCE_CONSTRAINT
    assert house.send("+12125550100", price=0.9) is None
    assert house.send("+12125550100", price=0.2) is Condition.RESOURCE_CONSTRAINT


async def test_too_much_of_everybody_stops_everything_until_an_admin_looks(
    services: Services, clock: ManualClock
) -> None:
    house = House(services, limits={"breaker_per_minute": 3})
    assert [house.send("+12125550100", owner=f"u{each}") for each in range(4)] == [None] * 3 + [
        Condition.POLICY_VIOLATION
    ]
    await clock.advance(3600)
    assert house.send("+12125550100") is Condition.POLICY_VIOLATION
    assert len(house.alarms) == 1
    assert house.policy.resume("")
    assert house.send("+12125550100") is None


def test_one_prefix_of_new_numbers_stops_alone(services: Services) -> None:
    house = House(services, limits={"breaker_per_prefix": 2}, countries=("US",))
    for each in range(2):
        assert house.send(f"+1310555010{each}", new=1) is None
    assert house.send("+13105550109", new=1) is Condition.POLICY_VIOLATION
    assert house.send("+12125550100", new=1) is None
    assert house.policy.stopped == {"+1310": "more than 2 SMS to new numbers in an hour"}


async def test_a_restart_is_no_amnesty(services: Services, clock: ManualClock) -> None:
    house = House(services, limits={"segments_per_day": 5, "breaker_per_minute": 5})
    assert house.send("+12125550100", segments=5) is None
    assert house.send("+12125550100", owner=BOB) is Condition.POLICY_VIOLATION
    await house.policy._write({ALICE, ""})
    again = House(services, limits={"segments_per_day": 5, "breaker_per_minute": 5})
    await again.policy.restore()
    assert again.send("+12125550100") is Condition.RESOURCE_CONSTRAINT
    assert again.send("+12125550100", owner=BOB) is Condition.POLICY_VIOLATION
    assert again.policy.usage(ALICE).segments == 5


def test_the_longest_destination_has_the_price(services: Services) -> None:
    prices = (
        {"destination": "US", "price": 0.01},
        {"destination": "+1310", "price": 0.02},
        {"destination": "US", "price": 0.005, "route": "cheap"},
    )
    cheap = {"kind": "smpp", "host": "127.0.0.1", "system_id": "x"}
    settings = House(services, prices=prices, routes={"cheap": cheap}).settings
    assert price(settings, "a", "+12125550100") == 0.01
    assert price(settings, "cheap", "+12125550100") == 0.005
    assert price(settings, "a", "+13105550100") == 0.02
    assert price(settings, "a", "+491711234567") is None


def test_prefixes_are_the_country_and_three_digits() -> None:
    assert prefix_of("+12125550100") == "+1212"
    assert prefix_of("+491711234567") == "+49171"
