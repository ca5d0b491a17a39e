"""What is counted of messages, and what is made of it afterwards."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.bridge import Verbosity
from gateway.model import Condition, Refused
from gateway.ops.status import Direction, Span
from gateway.ops.traffic import BOUNDS, Latency, Traffic
from tests.fakes.clock import ManualClock

SLOW = Refused(Condition.REMOTE_SERVER_TIMEOUT, "too slow")


async def test_a_message_counts_once_the_network_has_taken_it_and_its_time_is_from_its_stanza_to_then() -> (
    None
):
    clock = ManualClock()
    traffic = Traffic(clock)
    since = traffic.monotonic()
    await clock.advance(0.15)
    traffic.room_taken(since)
    out = traffic.view()[Direction.OUT]
    assert out.total == 1
    assert out.p50 is not None
    assert 0.1 <= out.p50 <= 0.2


def test_messages_written_together_are_as_late_as_the_oldest_of_them() -> None:
    traffic = Traffic(ManualClock())
    traffic.rooms_in += 3
    traffic.written(0.04)
    assert traffic.shown.count == 3
    traffic.written(30.0)  # something else went out; no message
    assert traffic.shown.count == 3


def test_what_was_heard_without_a_link_has_no_time() -> None:
    traffic = Traffic(ManualClock())
    traffic.rooms_in += 3
    traffic.link_up()
    traffic.written(0.0)
    assert (traffic.rooms_in, traffic.shown.count) == (3, 0)


async def test_every_minute_has_what_happened_in_it() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    traffic.start()
    traffic.rooms_in += 2
    await clock.advance(60)
    traffic.rooms_in += 5
    traffic.fail(Direction.OUT, SLOW)
    await clock.advance(180)
    points = traffic.history(Span.HOUR)
    assert sum(each.incoming for each in points) == 7
    assert sum(each.failed for each in points) == 1
    assert max(each.incoming for each in points) == 5
    assert points[-1].incoming == 0
    assert [each.time % 60 for each in points] == [0] * len(points)
    assert all(later.time - earlier.time == 60 for earlier, later in pairwise(points))
    traffic.stop()


async def test_an_hour_and_a_day_are_remembered_and_no_more() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    traffic.start()
    for _ in range(27 * 60):
        traffic.people_in += 1
        await clock.advance(60)
    assert len(traffic.history(Span.HOUR)) == 60
    assert len(traffic.history(Span.DAY)) == 96
    assert {each.incoming for each in traffic.history(Span.DAY)[:-1]} == {15}
    traffic.stop()


async def test_hours_in_which_nothing_was_looked_at_are_empty_and_not_left_out() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    traffic.rooms_in += 1
    traffic.history(Span.HOUR)
    await clock.advance(600)
    points = traffic.history(Span.HOUR)
    assert len(points) == 11
    assert points[5].incoming == 0
    assert points[5].p50 is None


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    traffic.rooms_in += 1
    traffic.history(Span.HOUR)
    clock.set_back(7200)
    traffic.rooms_in += 1
    assert sum(each.incoming for each in traffic.history(Span.HOUR)) == 2


async def test_the_rate_is_that_of_the_last_minute() -> None:
    clock = ManualClock()
    traffic = Traffic(clock)
    traffic.start()
    for _ in range(30):
        traffic.rooms_out += 50
        await clock.advance(10)
    assert 4.5 < traffic.view()[Direction.OUT].per_second < 5.5
    await clock.advance(120)
    assert traffic.view()[Direction.OUT].per_second == 0
    traffic.stop()


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_the_value_of_that_rank(values: list[float], share: float) -> None:
    latency = Latency()
    for each in values:
        latency.add(each)
    found = latency.quantile(share)
    assert found is not None
    assert latency.count == len(values)
    ordered = sorted(values)
    rank = max(0, -int(-share * len(values) // 1) - 1)
    near = ordered[min(rank, len(values) - 1)]
    edges = (0.0, *BOUNDS)
    upper = next((bound for bound in BOUNDS if near <= bound), BOUNDS[-1])
    lower = max((edge for edge in edges if edge < near), default=0.0)
    slack = 1e-9
    # Ranks that fall between two values may be told by either's bucket.
    below = ordered[max(0, min(rank, len(values) - 1) - 1)]
    lowest = max((edge for edge in edges if edge < below), default=0.0)
    assert min(lower, lowest) - slack <= found <= upper + slack


async def test_what_fails_is_in_the_log_and_a_flood_of_it_is_counted() -> None:
    clock = ManualClock()
    traffic = Traffic(clock, "irc")
    traffic.start()
    said = Refused(Condition.FORBIDDEN, "No +49171555123 for bob@example.org, hush!")
    with capture_logs() as lines:
        for number in range(8):
            traffic.fail(Direction.OUT, said, f"m{number}", ("bob",))
    assert [(each["event"], each["message"], each["log_level"]) for each in lines] == [
        ("message failed", f"m{number}", "info") for number in range(5)
    ]
    assert lines[0]["bridge"] == "irc"
    assert lines[0]["cause"].startswith("forbidden: No")
    assert not any(each in str(lines) for each in ("555", "bob", "example.org"))
    with capture_logs() as lines:
        await clock.advance(70)
    [more] = lines
    assert (more["event"], more["count"], more["cause"]) == (
        "more messages failed",
        3,
        traffic.failures.groups()[0].cause,
    )
    with capture_logs() as lines:
        for kind in range(100):
            cause = "".join(chr(ord("a") + int(digit)) for digit in f"{kind:03}")
            traffic.fail(Direction.IN, Refused(Condition.FORBIDDEN, f"said {cause}"), "id")
        traffic.fail(Direction.OUT, said, "again")
        traffic.stop()
    assert [each["event"] for each in lines].count("message failed") == 30
    left_out = [each["count"] for each in lines if each["event"] == "more messages failed"]
    assert len(left_out) <= 22
    assert sum(left_out) == 71


async def test_a_log_of_single_messages_has_every_failure() -> None:
    traffic = Traffic(ManualClock(), "irc", Verbosity(debug=True))
    with capture_logs() as lines:
        for number in range(40):
            traffic.fail(Direction.OUT, SLOW, f"m{number}")
    assert {(each["event"], each["log_level"]) for each in lines} == {("message failed", "debug")}
    assert len(lines) == 40
