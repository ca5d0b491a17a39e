"""How far a message has come only ever grows."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.entry import STEPS, Entry
from gateway.model import DeliveryState
from tests.unit.storage.test_deliveries import ENTRY

_RANK = {
    DeliveryState.QUEUED: 0,
    DeliveryState.ACCEPTED: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.DELIVERED: 3,
    DeliveryState.READ: 4,
    DeliveryState.FAILED: 4,
}


def fresh() -> Entry:
    return replace(ENTRY)


def test_every_state_has_its_steps_and_they_only_lead_forward() -> None:
    assert set(STEPS) == set(DeliveryState)
    for state, further in STEPS.items():
        assert all(_RANK[each] > _RANK[state] for each in further), state


@given(st.lists(st.sampled_from(DeliveryState), max_size=12))
def test_whatever_is_reported_nothing_is_taken_back(news: list[DeliveryState]) -> None:
    entry = fresh()
    before = entry.state
    for state in news:
        moved = entry.advance(state, 1.0)
        assert moved == (entry.state is not before)
        assert _RANK[entry.state] >= _RANK[before]
        if before in (DeliveryState.READ, DeliveryState.FAILED):
            assert not moved
        before = entry.state


def test_settled_rows_hold_no_text() -> None:
    entry = fresh()
    entry.settle()
    assert (entry.body, entry.extra, entry.parts, entry.active) == ("", "", "", False)
