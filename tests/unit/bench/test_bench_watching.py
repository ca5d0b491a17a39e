"""The benchmarks' counters: whatever way a stream is cut, the same is counted."""

import asyncio
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.watching import Latencies, Marks, Tally, percentile


@st.composite
def _streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream and the same in pieces of any size."""
    stream = b"".join(draw(st.lists(st.sampled_from([b"=m=", b"=", b"m", b"=t12=", b"=t7=", b" talk "]))))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    return stream, [stream[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.lists(st.sampled_from([b"<pres", b"ence", b"<presence", b"<message"]), max_size=30), st.integers(1, 20)
)
def test_a_tally_finds_needles_that_straddle_pieces(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    tally = Tally(b"<presence")
    for start in range(0, len(stream), size):
        tally.feed(stream[start : start + size])
    assert tally.count == stream.count(b"<presence")


@given(_streams())
def test_marks_are_read_once_each_however_the_stream_is_cut(streams: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = streams
    whole: list[int] = []
    Marks("t", whole.append).feed(stream)
    cut: list[int] = []
    marks = Marks("t", cut.append)
    for piece in pieces:
        marks.feed(piece)
    assert cut == whole


async def test_waiting_for_a_tally_ends_when_the_number_is_reached() -> None:
    tally = Tally(b"x")
    waiting = asyncio.create_task(tally.reach(3, timeout=5))
    await asyncio.sleep(0)
    tally.feed(b"xx")
    tally.feed(b"x")
    await waiting


async def test_waiting_in_vain_says_how_far_it_got() -> None:
    tally = Tally(b"x")
    tally.feed(b"x")
    with pytest.raises(TimeoutError, match="joins: 1 of 2 came"):
        await tally.reach(2, timeout=0.01, what="joins")


def test_what_never_arrives_is_slower_than_all_that_did() -> None:
    took = Latencies(copies=2)
    for _ in range(2):
        took.stamp()
    took.arrived(0)
    took.arrived(0)
    took.arrived(1)
    assert took.outstanding == 1
    assert took.milliseconds(0.5) < 1000
    assert math.isinf(took.milliseconds(0.99))


def test_percentiles_are_nearest_ranks() -> None:
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7.0], 0.99) == 7.0
    assert math.isnan(percentile([], 0.5))
