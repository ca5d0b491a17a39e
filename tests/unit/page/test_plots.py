"""Drawings and phrases."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.status import Point, Span
from gateway.page import phrases, plots

NUMBERS = st.integers(0, 10**9)
DELAYS = st.none() | st.floats(0, 1e6)
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
POINTS = st.lists(st.builds(Point, st.floats(0, 2e9), NUMBERS, NUMBERS, NUMBERS, DELAYS, DELAYS), max_size=96)


@given(POINTS, st.sampled_from(Span))
def test_everything_that_can_happen_is_drawn_within_the_frame(points, span):
    for drawing in (plots.traffic(points, span), plots.latency(points, span)):
        for y, _ in drawing.across:
            assert 0 <= float(y) <= plots.HEIGHT
        for _, path in drawing.marks:
            assert re.fullmatch(r"([MLhvz][-0-9. ]*)+", path)
            for x, y in re.findall(r"[ML](-?[0-9.]+) (-?[0-9.]+)", path):
                assert 0 <= float(x) <= plots.WIDTH
                assert -1 <= float(y) <= plots.HEIGHT
        assert all(len(row) == len(drawing.heads) for row in drawing.rows)
        assert len(drawing.rows) in {0, 12, 24}


def test_numbers_are_in_the_description_and_in_the_table():
    points = [Point(60.0 * index, 2, 1, index % 2, 0.004, 0.02) for index in range(60)]
    drawing = plots.traffic(points, Span.HOUR)
    assert drawing.description.startswith("120 in, 60 out, 30 failed.")
    assert len(drawing.rows) == 12
    assert drawing.rows[0] == ("00:00", "10", "5", "2")
    drawing = plots.latency(points, Span.HOUR)
    assert drawing.description == "Half of the messages within 4 ms, 99 of 100 always within 20 ms."
    assert drawing.rows[11] == ("00:55", "4 ms", "20 ms")


def test_stretches_before_the_start_are_empty():
    drawing = plots.traffic([Point(7_200.0, 3, 1)], Span.HOUR)
    assert len(drawing.rows) == 12
    assert drawing.rows[-1] == ("01:56", "3", "1", "0")
    assert dict(drawing.marks)["in"].count("M") == 1
    assert drawing.below[0][1] == "01:15"


def test_nothing_is_drawn_of_nothing():
    for drawing in (plots.traffic([], Span.DAY), plots.latency([Point(0.0)], Span.DAY)):
        assert (drawing.marks, drawing.empty) == ((), "No messages")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.0042, "4.2 ms"),
        (0.18, "180 ms"),
        (1.24, "1.2 s"),
        (73, "73 s"),
    ],
)
def test_delays_are_short(seconds, said):
    assert phrases.delay(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (7_500, "2 h 5 min"), (180_000, "2 d 2 h")],
)
def test_periods_have_two_units(seconds, said):
    assert phrases.period(seconds) == said


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e20, 1e20])
def test_impossible_times_are_not_our_end(time):
    assert phrases.date(time)


@given(st.text())
def test_nothing_unseen_is_shown(text):
    shown = str(phrases.seen(text))
    assert not {unicodedata.bidirectional(each) for each in shown} & TURNING
    assert all(unicodedata.category(each) not in {"Cc", "Cs"} for each in shown if each not in "\n\t")
