"""Ids: never the same twice, ours known by their form, and the time in those of messages."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import IdSource, is_ours, time_in
from tests.unit.clock import ManualClock


def source(seed: int = 1) -> IdSource:
    return IdSource(ManualClock(), random.Random(seed))


def test_no_two_ids_are_the_same():
    ids, others = source(), source(2)
    made = [each for _ in range(100) for each in (ids.next(), ids.at(5.0), others.next(), others.at(5.0))]
    assert len(set(made)) == len(made)
    assert all(map(is_ours, made))


@given(st.floats(0, 2**38, exclude_max=True))
def test_the_time_of_a_message_is_read_from_its_id_to_the_millisecond(time: float):
    found = time_in(source().at(time))
    assert found is not None
    assert abs(found - time) <= 0.001001


@given(st.one_of(st.floats(max_value=-0.001), st.floats(min_value=2**38), st.just(math.nan)))
def test_a_time_that_makes_no_sense_is_left_out(time: float):
    id_ = source().at(time)
    assert is_ours(id_)
    assert time_in(id_) is None


@given(st.text(max_size=60))
def test_ids_of_others_have_no_time(text: str):
    assert time_in(text) is None or is_ours(text)


def test_an_id_without_a_time_has_none():
    assert time_in(source().next()) is None
