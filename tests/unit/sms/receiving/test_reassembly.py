"""Pieces of long messages, by themselves and against a simple model of what a sender can expect."""

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.sms.receiving.reassembly import Echo, Reassembly, ReassemblyLimits, Result, Whole
from bridges.sms.receiving.rows import Taken
from bridges.sms.traffic import Concatenation, Inbound

LIMITS = ReassemblyLimits(seconds=300.0, of_sender=20, in_all=1_000)


class Line:
    """Rows in the order in which they come."""

    def __init__(self) -> None:
        self._number = 0

    def row(self, inbound: Inbound) -> Taken:
        self._number += 1
        id_ = f"{self._number:08x}"
        return Taken(id_, id_, float(self._number), inbound)

    def piece(
        self, text: str, number: int, total: int, reference: str = "1", sender: str = "+1", width: int = 8
    ) -> Taken:
        part = Concatenation(reference, total, number, width)
        return self.row(Inbound("main", sender, "+2", text=text, concatenation=part))


def said(results: list[Result]) -> list[str]:
    return [
        "".join(each.inbound.text if each is not None else "_" for each in result.pieces)
        for result in results
        if isinstance(result, Whole)
    ]


def test_pieces_in_any_order_are_one_message() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    rows = [line.piece(str(number % 10), number, 12) for number in range(1, 13)]
    random.Random(1).shuffle(rows)
    results = [result for row in rows for result in sets.take(row, 0.0)]
    assert said(results) == ["123456789012"]
    assert len(sets) == 0


def test_255_pieces_are_one_message() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    rows = [line.piece(chr(0x4E00 + number), number, 255) for number in range(255, 0, -1)]
    results = [result for row in rows for result in sets.take(row, 0.0)]
    assert said(results) == ["".join(chr(0x4E00 + number) for number in range(1, 256))]


def test_one_reference_of_two_senders_is_two_messages() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    rows = [line.piece(f"{sender}{number}", number, 2, sender=sender) for number in (1, 2) for sender in "ab"]
    assert said([result for row in rows for result in sets.take(row, 0.0)]) == ["a1a2", "b1b2"]


def test_what_differs_in_route_recipient_width_reference_or_total_is_another_message() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    first = line.piece("a", 1, 2)
    part = first.inbound.concatenation
    assert part is not None
    others = [
        replace(first.inbound, route="other"),
        replace(first.inbound, recipient="+3"),
        replace(first.inbound, concatenation=replace(part, width=16)),
        replace(first.inbound, concatenation=replace(part, reference="2")),
        replace(first.inbound, concatenation=replace(part, total=3)),
    ]
    for inbound in (first.inbound, *others):
        assert sets.take(line.row(inbound), 0.0) == []
    assert len(sets) == 6


def test_a_piece_that_comes_twice_is_no_other_one() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 2), 0.0)
    again = line.piece("a", 1, 2)
    assert sets.take(again, 0.0) == [Echo((again,))]
    assert said(sets.take(line.piece("b", 2, 2), 0.0)) == ["ab"]


def test_a_late_piece_of_a_whole_message_opens_none() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 2), 0.0)
    sets.take(line.piece("b", 2, 2), 0.0)
    late = line.piece("b", 2, 2)
    assert sets.take(late, 10.0) == []
    assert sets.due(400.0) == [Echo((late,))]


def test_a_message_that_comes_again_as_a_whole_is_shown_once() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    for _ in range(2):
        results = [
            result
            for number, text in ((2, "b"), (1, "a"))
            for result in sets.take(line.piece(text, number, 2), 0.0)
        ]
    assert said(results) == []
    assert isinstance(results[0], Echo)


def test_a_reference_in_use_again_is_a_new_message_even_if_it_begins_alike() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    results = []
    for texts in (("Dear customer, ", "your code is 1."), ("Dear customer, ", "your code is 2.")):
        for number, text in enumerate(texts, 1):
            results += sets.take(line.piece(text, number, 2), 0.0)
    assert said(results) == ["Dear customer, your code is 1.", "Dear customer, your code is 2."]


def test_another_text_under_a_number_that_is_there_gives_the_first_message_out() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 2), 0.0)
    assert said(sets.take(line.piece("x", 1, 2), 1.0)) == ["a_"]
    assert said(sets.take(line.piece("y", 2, 2), 2.0)) == ["xy"]


def test_what_is_missing_is_waited_for_from_the_last_piece_on() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 3), 0.0)
    sets.take(line.piece("c", 3, 3), 200.0)
    assert sets.next_due == 500.0
    assert sets.due(499.0) == []
    assert said(sets.due(500.0)) == ["a_c"]
    assert sets.next_due is None


def test_a_piece_that_comes_after_all_is_not_lost() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 2), 0.0)
    assert said(sets.due(300.0)) == ["a_"]
    assert sets.take(line.piece("b", 2, 2), 301.0) == []
    assert said(sets.due(601.0)) == ["_b"]


def test_after_a_while_nothing_is_remembered() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    for number, text in ((1, "a"), (2, "b")):
        sets.take(line.piece(text, number, 2), 0.0)
    sets.due(301.0)
    results = [
        result
        for number, text in ((1, "a"), (2, "b"))
        for result in sets.take(line.piece(text, number, 2), 302.0)
    ]
    assert said(results) == ["ab"]


def test_too_many_sets_of_one_sender_push_out_that_senders_oldest() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("other", 1, 2, sender="+9"), 0.0)
    results = []
    for number in range(21):
        results += sets.take(line.piece(str(number), 1, 2, reference=str(number)), 1.0)
    assert said(results) == ["0_"]
    assert len(sets) == 21


def test_of_more_than_a_thousand_sets_the_oldest_is_given_out() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    results = []
    for number in range(1_005):
        results += sets.take(line.piece(str(number), 1, 2, sender=str(number)), 0.0)
    assert said(results) == [f"{number}_" for number in range(5)]
    assert len(sets) == 1_000


def test_a_header_without_sense_makes_no_pieces() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    for total, number in ((0, 0), (1, 1), (2, 3), (2, 0), (256, 1), (-1, 1)):
        assert said(sets.take(line.piece("text", number, total), 0.0)) == ["text"]


def test_what_was_put_together_before_a_restart_is_remembered() -> None:
    line, sets = Line(), Reassembly(LIMITS)
    sets.take(line.piece("a", 1, 2), 0.0)
    (whole,) = sets.take(line.piece("b", 2, 2), 5.0)
    assert isinstance(whole, Whole)
    later = Reassembly(LIMITS)
    later.remember(whole.key, whole.digests, 5.0)
    late = line.piece("a", 1, 2)
    assert later.take(late, 10.0) == []
    assert later.due(400.0) == [Echo((late,))]


# -- against a model -------------------------------------------------------------------------------------------------


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Indices of messages and of their pieces, as a network brings them: in any order, some twice, some never. Within the
    bounds, and no reference is in use twice."""
    totals = draw(st.lists(st.integers(2, 6), min_size=1, max_size=8))
    brought: list[tuple[int, int]] = []
    for message, total in enumerate(totals):
        for number in range(1, total + 1):
            brought += [(message, number)] * draw(st.sampled_from((1, 1, 1, 1, 2, 3, 0)))
    return [(totals[message] * 100 + message, number) for message, number in draw(st.permutations(brought))]


@given(traffic())
@settings(max_examples=300, deadline=None)
def test_every_message_is_given_out_once_with_all_that_came_of_it(brought: list[tuple[int, int]]) -> None:
    line, sets = Line(), Reassembly(LIMITS)
    results: list[Result] = []
    rows = []
    for message, number in brought:
        row = line.piece(f"[{message}.{number}]", number, message // 100, str(message), str(message % 2))
        rows.append(row)
        results += sets.take(row, 0.0)
    results += sets.due(1_000.0)
    expected = Counter()
    for message in {message for message, _ in brought}:
        came = {number for other, number in brought if other == message}
        total = message // 100
        expected["".join(f"[{message}.{n}]" if n in came else "_" for n in range(1, total + 1))] += 1
    assert Counter(said(results)) == expected
    # Every row is seen to, once.
    settled = [taken.id for result in results for taken in result.there]
    assert sorted(settled) == sorted(row.id for row in rows)
    assert len(sets) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from("12"),
            st.integers(1, 3),
            st.integers(1, 3),
            st.sampled_from("xyz"),
        ),
        max_size=60,
    ),
    st.integers(1, 3),
    st.integers(1, 4),
)
@settings(max_examples=300, deadline=None)
def test_no_text_is_lost_whatever_senders_do(
    brought: list[tuple[str, str, int, int, str]], of_sender: int, in_all: int
) -> None:
    """References in use again, lies about totals, all at once, and too many: every text that came is given out, or stood in
    the message before it."""
    line, sets = Line(), Reassembly(ReassemblyLimits(100.0, of_sender, in_all))
    results: list[Result] = []
    rows = []
    for step, (sender, reference, total, number, text) in enumerate(brought):
        row = line.piece(text, number, total, reference, sender)
        rows.append(row)
        results += sets.take(row, float(step))
        assert len(sets) <= in_all
    results += sets.due(10_000.0)
    assert sorted(taken.id for result in results for taken in result.there) == [row.id for row in rows]
    shown = {
        (each.inbound.sender, each.inbound.concatenation, each.inbound.text)
        for result in results
        if isinstance(result, Whole)
        for each in result.there
    }
    for row in rows:
        assert (row.inbound.sender, row.inbound.concatenation, row.inbound.text) in shown
