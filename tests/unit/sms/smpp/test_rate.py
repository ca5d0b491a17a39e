"""How fast may be written; times are numbers."""

import pytest

from bridges.sms.smpp.rate import Backoff, Bucket, Congestion


def written(bucket: Bucket, seconds: float) -> int:
    """How many get through in that time when there is always one more."""
    now, count = 0.0, 0
    while now <= seconds:
        wait = bucket.wait(now)
        if wait:
            now += wait
            continue
        bucket.take(now)
        count += 1
    return count


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (10, 1), (30, 5), (1000, 50)])
def test_a_rate_is_kept_but_for_the_burst(rate: float, burst: float) -> None:
    assert rate * 10 <= written(Bucket(rate, burst), 10.0) <= rate * 10 + burst + 1


def test_without_a_rate_nobody_waits() -> None:
    bucket = Bucket(0)
    for _ in range(1000):
        bucket.take(0.0)
    assert bucket.wait(0.0) == 0


def test_what_is_given_back_can_be_taken_again() -> None:
    bucket = Bucket(1)
    bucket.take(0.0)
    assert bucket.wait(0.0) == 1
    bucket.give_back()
    assert bucket.wait(0.0) == 0


def test_pauses_double_up_to_a_minute() -> None:
    backoff, now, pauses = Backoff(), 0.0, []
    for _ in range(9):
        backoff.refused(now, now)
        pauses.append(backoff.wait(now))
        now += backoff.wait(now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_whole_window_that_comes_back_is_one_refusal() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.refused(0.0, 0.5)
    assert backoff.wait(0.5) == 1


def test_the_first_that_is_taken_ends_the_pauses() -> None:
    backoff = Backoff()
    backoff.refused(0.0, 0.0)
    assert backoff.pausing
    backoff.taken(1.0)
    assert not backoff.pausing
    backoff.refused(2.0, 2.0)
    assert backoff.wait(2.0) == 1


def test_what_was_written_before_a_pause_does_not_end_it() -> None:
    backoff = Backoff()
    backoff.refused(0.0, 0.5)
    backoff.taken(0.1)
    assert backoff.pausing


def test_congestion_slows_down_more_and_more_and_then_less() -> None:
    congestion = Congestion()
    congestion.take(0.0)
    assert congestion.wait(0.0) == 0
    waits = []
    for state in (95, 95, 95, 50, 50, 50):
        congestion.heard(state, 0.0)
        waits.append(congestion.wait(0.0))
    assert waits == [0.01, 0.02, 0.04, 0.02, 0.01, 0.0]


def test_a_jam_is_a_pause() -> None:
    congestion = Congestion()
    congestion.heard(100, 5.0)
    assert congestion.wait(5.0) == 1


def test_congestion_never_stops_all_writing() -> None:
    congestion = Congestion()
    for _ in range(100):
        congestion.heard(99, 0.0)
    congestion.take(0.0)
    assert congestion.wait(0.0) <= 2
