"""States of pieces only get further, and a message is what its pieces are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.sending.states import (
    MessageState,
    PieceState,
    Receipts,
    aggregated,
    counting,
    further,
    most_telling,
    reported,
    together,
)
from bridges.sms.traffic import Coverage, Stage
from gateway.model import Condition, Refused

P, M = PieceState, MessageState


@given(st.sampled_from(PieceState), st.lists(st.sampled_from(Stage), max_size=12))
def test_reports_in_any_order_take_a_piece_only_further(state: PieceState, stages: list[Stage]) -> None:
    for stage in stages:
        after = reported(state, stage)
        assert after.rank >= state.rank
        state = after


@given(st.lists(st.sampled_from(Stage), max_size=8), st.randoms())
def test_the_order_of_reports_does_not_matter(stages: list[Stage], chance: object) -> None:
    shuffled = list(stages)
    chance.shuffle(shuffled)
    first = last = PieceState.ACCEPTED
    for stage in stages:
        first = reported(first, stage)
    for stage in shuffled:
        last = reported(last, stage)
    assert first is last


def test_a_failure_of_what_was_refused_is_no_news() -> None:
    assert reported(P.WAITING, Stage.FAILED) is P.WAITING
    assert reported(P.WAITING, Stage.DELIVERED) is P.DELIVERED
    assert reported(P.DELIVERED, Stage.FAILED) is P.DELIVERED
    assert reported(P.FAILED, Stage.DELIVERED) is P.DELIVERED


@pytest.mark.parametrize(
    ("total", "pieces", "counts", "expected"),
    [
        (0, [], P.DELIVERED, M.QUEUED),
        (2, [P.DELIVERED], P.DELIVERED, M.QUEUED),
        (2, [P.DELIVERED, P.AGAIN], P.DELIVERED, M.QUEUED),
        (2, [P.DELIVERED, P.ACCEPTED], P.DELIVERED, M.SENT),
        (2, [P.DELIVERED, P.DELIVERED], P.DELIVERED, M.DELIVERED),
        (3, [P.DELIVERED, P.FAILED], P.DELIVERED, M.FAILED),
        (2, [P.DELIVERED, P.LOST], P.DELIVERED, M.UNKNOWN),
        (2, [P.LOST, P.WAITING], P.DELIVERED, M.QUEUED),
        (2, [P.UNKNOWN, P.DELIVERED], P.DELIVERED, M.SENT),
        (1, [P.CARRIER], P.DELIVERED, M.SENT),
        (1, [P.CARRIER], P.CARRIER, M.DELIVERED),
        (1, [P.ACCEPTED], P.CARRIER, M.SENT),
        (1, [P.ACCEPTED], P.ACCEPTED, M.DELIVERED),
        (1, [P.UNKNOWN], P.ACCEPTED, M.SENT),
    ],
)
def test_a_message_is_what_its_pieces_are(
    total: int, pieces: list[PieceState], counts: PieceState, expected: MessageState
) -> None:
    assert aggregated(total, pieces, counts) is expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([P.FAILED], M.QUEUED),
        ([P.FAILED, P.WRITING], M.QUEUED),
        ([P.FAILED, P.UNKNOWN], M.FAILED),
        ([P.FAILED, P.DELIVERED], M.FAILED),
        ([P.DELIVERED, P.DELIVERED], M.DELIVERED),
    ],
)
def test_a_group_of_members_with_a_piece_each_is_written_to_all_of_them(
    pieces: list[PieceState], expected: MessageState
) -> None:
    assert aggregated(2, pieces, P.DELIVERED, apart=True) is expected


@pytest.mark.parametrize(
    ("receipts", "coverage", "least"),
    [
        (Receipts.HANDSET, Coverage.HANDSET, P.DELIVERED),
        (Receipts.HANDSET, Coverage.NETWORK, P.DELIVERED),
        (Receipts.HANDSET, Coverage.NOTHING, P.DELIVERED),
        (Receipts.NETWORK, Coverage.NETWORK, P.CARRIER),
        (Receipts.NETWORK, Coverage.NOTHING, P.CARRIER),
        (Receipts.ACCEPTED, Coverage.HANDSET, P.CARRIER),
        (Receipts.ACCEPTED, Coverage.NOTHING, P.ACCEPTED),
    ],
)
def test_what_counts_as_delivered_is_a_setting_for_each_coverage(
    receipts: Receipts, coverage: Coverage, least: PieceState
) -> None:
    assert counting(receipts, coverage) is least


@given(st.lists(st.sampled_from(MessageState), max_size=10))
def test_a_message_never_becomes_queued_or_sent_again(states: list[MessageState]) -> None:
    state = M.QUEUED
    for each in states:
        after = further(state, each)
        assert not state.told or after.told
        assert state is M.QUEUED or after is not M.QUEUED
        state = after


@pytest.mark.parametrize(
    ("parties", "expected"),
    [
        ({}, P.ACCEPTED),
        ({"a": P.DELIVERED}, P.ACCEPTED),
        ({"a": P.DELIVERED, "b": P.BUFFERED}, P.BUFFERED),
        ({"a": P.DELIVERED, "b": P.DELIVERED}, P.DELIVERED),
        ({"a": P.FAILED}, P.FAILED),
        ({"a": P.LOST, "b": P.DELIVERED}, P.LOST),
        ({"a": P.LOST}, P.ACCEPTED),
    ],
)
def test_a_group_is_as_far_as_its_last_member(parties: dict[str, PieceState], expected: PieceState) -> None:
    assert together(parties, 2) is expected


def test_the_most_telling_reason_is_given() -> None:
    vague = Refused(Condition.RECIPIENT_UNAVAILABLE, "off")
    clear = Refused(Condition.ITEM_NOT_FOUND, "no such number")
    odd = Refused(Condition.GONE, "gone")
    assert most_telling([vague, odd, clear]) is clear
    assert most_telling([odd, vague]) is vague
    assert most_telling([]) is None
