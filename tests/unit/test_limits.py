"""Token buckets: what they give, what they refuse and how, and what they remember."""

import math
from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import limits as limits_module
from gateway.limits import Kind, LimitPolicy, Limits, duration
from gateway.model import Condition, ErrorType
from gateway.settings import LimitSettings
from tests.unit.clock import ManualClock

ANN, BOB = "ann@example.org", "bob@example.org"


def taken(limits: Limits, times: int, owner: str = ANN, kind: Kind = Kind.MESSAGES) -> int:
    """How many of so many tries were let through."""
    return sum(limits.take(owner, kind) is None for _ in range(times))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_burst_is_given_at_once_and_then_what_comes_back(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_minute=60, messages_burst=10), clock)
    assert taken(limits, 20) == 10
    await clock.advance(3.0)
    assert taken(limits, 20) == 3
    await clock.advance(3600)
    assert taken(limits, 20) == 10, "a bucket holds no more than its burst"


async def test_one_user_does_not_take_from_another(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_burst=5), clock)
    assert taken(limits, 1000) == 5
    assert taken(limits, 5, BOB) == 5
    assert taken(limits, 3, ANN, Kind.JOINS) == 3, "nor one kind from another"


async def test_a_refusal_says_how_long_to_wait_and_it_is_true(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_minute=6, messages_burst=2), clock)
    taken(limits, 2)
    refused = limits.take(ANN, Kind.MESSAGES)
    assert refused is not None
    assert (refused.condition, refused.error_type) == (Condition.RESOURCE_CONSTRAINT, ErrorType.WAIT)
    assert refused.text.endswith("was not sent. Please wait 10 seconds and try again.")
    assert limits.wait(ANN, Kind.MESSAGES) == pytest.approx(10)
    assert limits.wait(BOB, Kind.MESSAGES) == 0
    await clock.advance(9.9)
    assert limits.take(ANN, Kind.MESSAGES) is not None
    await clock.advance(0.1)
    assert limits.take(ANN, Kind.MESSAGES) is None


async def test_the_total_bounds_all_users_together_and_costs_nobody_their_own(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_second_total=2, messages_burst=100), clock)
    assert sum(taken(limits, 1, f"user{number}@example.org") for number in range(50)) == 10
    refused = limits.take(ANN, Kind.MESSAGES)
    assert refused is not None
    assert "for all its users" in refused.text
    assert limits.rate(Kind.MESSAGES).burst == 100
    await clock.advance(60)
    assert limits.left(ANN, Kind.MESSAGES) == pytest.approx(10)


async def test_a_refused_user_uses_up_nothing_that_is_for_all(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_second_total=2, messages_burst=5), clock)
    taken(limits, 1000)
    assert taken(limits, 10, BOB) == 5


async def test_zero_stands_for_no_limit(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_minute=0, messages_burst=0, messages_per_second_total=0), clock)
    assert taken(limits, 5000) == 5000
    assert limits.left(ANN, Kind.MESSAGES) == math.inf
    assert limits.remembered() == 0


async def test_more_than_there_can_ever_be_is_not_worth_waiting_for(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(media_bytes_per_day=1000), clock)
    refused = limits.take(ANN, Kind.MEDIA, 1001)
    assert refused is not None
    assert refused.error_type is ErrorType.MODIFY
    assert "wait" not in refused.text
    assert limits.take(ANN, Kind.MEDIA, 1000) is None


async def test_what_was_not_needed_is_given_back_but_never_more(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(media_bytes_per_day=1000), clock)
    assert limits.take(ANN, Kind.MEDIA, 800) is None
    assert limits.left(ANN, Kind.MEDIA) == pytest.approx(200)
    limits.give_back(ANN, Kind.MEDIA, 300)
    assert limits.left(ANN, Kind.MEDIA) == pytest.approx(500)
    limits.give_back(ANN, Kind.MEDIA, 10_000)
    limits.give_back(BOB, Kind.MEDIA, 10_000)
    assert limits.left(ANN, Kind.MEDIA) == limits.left(BOB, Kind.MEDIA) == 1000


async def test_values_can_be_changed_while_running(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_minute=60, messages_burst=10), clock)
    taken(limits, 10)
    limits.apply(LimitPolicy(messages_per_minute=60, messages_burst=30))
    assert taken(limits, 100) == 20, "ten of thirty had been taken"
    limits.apply(LimitPolicy(messages_per_minute=60, messages_burst=5))
    refused = limits.take(ANN, Kind.MESSAGES)
    assert refused is not None
    assert "1 second " in refused.text, "nobody waits for more than one bucket to fill"
    assert limits.policy.messages_burst == 5
    await clock.advance(26)
    assert taken(limits, 100) == 1


async def test_full_buckets_are_forgotten(clock: ManualClock) -> None:
    limits = Limits(LimitPolicy(messages_per_second_total=0), clock)
    for number in range(50_000):
        limits.take(f"user{number}@example.org", Kind.MESSAGES)
        if number % 100 == 0:
            await clock.advance(1.0)  # an own bucket is full again after half a second
    assert limits.remembered() <= 1_001


async def test_memory_is_bounded_even_when_no_bucket_is_full(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "_MOST", 5_000)
    limits = Limits(LimitPolicy(messages_per_second_total=0, messages_burst=3, messages_per_minute=1), clock)
    assert taken(limits, 10) == 3
    for number in range(20_000):
        limits.take(f"user{number}@example.org", Kind.MESSAGES)
        assert limits.remembered() <= 5_001
    assert taken(limits, 10) == 0, "the emptiest bucket is the last to be forgotten"


_STEPS = st.lists(
    st.tuples(st.floats(0, 400), st.floats(0, 20)).filter(lambda step: step[1] == 0 or step[1] > 1e-3),
    max_size=60,
)


@given(st.integers(1, 1000), st.integers(1, 50), _STEPS)
async def test_never_more_than_burst_plus_rate_times_time_and_never_less_than_fair(
    amount: int, burst: int, steps: list[tuple[float, float]]
) -> None:
    clock = ManualClock()
    limits = Limits(
        LimitPolicy(messages_per_minute=amount, messages_burst=burst, messages_per_second_total=0), clock
    )
    given_, model, passed = 0.0, float(burst), 0.0
    for pause, wanted in steps:
        await clock.advance(pause)
        passed += pause
        model = min(float(burst), model + pause * amount / 60)
        left = limits.left(ANN, Kind.MESSAGES)
        assert 0 <= left <= burst
        assert left == pytest.approx(model, abs=1e-3)
        if limits.take(ANN, Kind.MESSAGES, wanted) is None:
            given_ += wanted
            model = max(0.0, model - wanted)
        else:
            assert wanted > model - 1e-3, "what is there is given"
        assert given_ <= burst + passed * amount / 60 + 1e-3
        assert limits.left(ANN, Kind.MESSAGES) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1 second"),
        (1.2, "2 seconds"),
        (119, "119 seconds"),
        (121, "3 minutes"),
        (7200, "120 minutes"),
        (7300, "3 hours"),
    ],
)
def test_times_are_said_in_sensible_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_configuration_has_every_limit_with_the_same_default() -> None:
    configured = LimitSettings()
    assert {each.name: getattr(configured, each.name) for each in fields(LimitPolicy)} == asdict(
        LimitPolicy()
    )
