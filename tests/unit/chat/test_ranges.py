from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.ranges import cut, mended, put

texts = st.text(max_size=60)
ranges = st.lists(st.tuples(st.integers(-5, 80), st.integers(-5, 80)), max_size=8)


@given(texts, ranges)
def test_what_is_outside_the_ranges_stays_in_order(text, wanted):
    rest, moved = cut(text, wanted)
    gone = {at for start, end in wanted for at in range(max(start, 0), max(end, 0))}
    kept = [at for at in range(len(text)) if at not in gone]
    assert rest == "".join(text[at] for at in kept)
    assert [moved(at) for at in kept] == list(range(len(rest)))


@given(ranges, st.integers(0, 70))
def test_mended_ranges_are_in_order_apart_and_inside(wanted, length):
    result = mended(wanted, length)
    edges = [edge for each in result for edge in each]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= length for edge in edges)


@given(texts, st.lists(st.tuples(st.integers(-3, 70), st.text(max_size=3)), max_size=6))
def test_marks_come_in_and_every_code_point_can_still_be_found(text, marks):
    written, moved = put(text, marks)
    assert len(written) == len(text) + sum(len(mark) for _, mark in marks)
    assert [written[moved(at)] for at in range(len(text))] == list(text)


def test_places_are_counted_in_code_points():
    rest, moved = cut("> 👍🏽 fine\nyes", [(0, 10)])
    assert (rest, moved(10), moved(3)) == ("yes", 0, 0)
