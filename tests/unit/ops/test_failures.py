"""Failures by cause: what stays in a cause, and what must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Condition, Refused
from gateway.ops.failures import Failures, cause_of
from gateway.ops.status import Direction
from gateway.texts import Text
from tests.fakes.clock import ManualClock

NOT_FOUND = Condition.ITEM_NOT_FOUND


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("", "item-not-found"),
        ("No such nick/channel", "item-not-found: No such nick/channel"),
        ("Cannot send to channel (+m)", "item-not-found: Cannot send to channel (+m)"),
        (
            "550 5.1.1 <bob@example.org>: Recipient address rejected",
            "item-not-found: 550 5.1.1 …: Recipient address rejected",
        ),
        ("+49 170 123 45 67 is not reachable", "item-not-found: … is not reachable"),
        ("Handset (0170) 1234567 switched off", "item-not-found: Handset … switched off"),
    ],
)
def test_a_cause_is_the_condition_with_the_first_words(reason: str, cause: str) -> None:
    assert cause_of(Refused(NOT_FOUND, reason)) == cause


def test_our_own_sentences_are_grouped_by_what_they_say_of_everybody() -> None:
    causes = {
        cause_of(Refused(NOT_FOUND, Text("There is no {nick} in this room.", nick=nick)))
        for nick in ("alice", "bob", "X")
    }
    assert causes == {"item-not-found: There is no … in this room."}


def test_names_that_are_known_to_be_somebodys_do_not_stay() -> None:
    why = Refused(NOT_FOUND, "alice is ignoring messages from Carol in #secret")
    assert (
        cause_of(why, ("alice", "carol", "#secret")) == "item-not-found: … is ignoring messages from … in …"
    )


@given(
    st.text(max_size=40),
    st.from_regex(r"\+?\d[\d \-()./]{5,18}\d", fullmatch=True),
    st.text(max_size=40),
)
def test_no_telephone_number_stays(before: str, number: str, after: str) -> None:
    cause = cause_of(Refused(NOT_FOUND, f"{before} {number} {after}"))
    digits = "".join(each for each in number if each.isdigit())
    assert digits not in "".join(each for each in cause if each.isdigit())
    assert not any(run in cause for run in number.split() if len(run) >= 5)


@given(
    st.text(max_size=40),
    st.from_regex(r"[a-zA-Z0-9._%+-]{3,20}(@|\\40)[a-z0-9-]{2,15}\.[a-z]{2,8}", fullmatch=True),
    st.text(max_size=40),
)
def test_no_address_stays(before: str, address: str, after: str) -> None:
    cause = cause_of(Refused(NOT_FOUND, f"{before} {address} {after}"))
    assert address not in cause
    assert "@" not in cause
    assert address.partition("@")[2] == "" or address.partition("@")[2] not in cause


@given(st.text(max_size=3000), st.lists(st.text(min_size=1, max_size=10), max_size=3))
def test_a_cause_is_short_and_of_one_line_whatever_the_reason(reason: str, names: list[str]) -> None:
    cause = cause_of(Refused(NOT_FOUND, reason), names)
    assert len(cause) < 120
    assert cause.isprintable()


async def test_what_fails_alike_is_one_group_with_the_latest_ids() -> None:
    clock = ManualClock()
    failures = Failures(clock, "sms")
    start = clock.now()
    for number in range(20):
        failures.note(Direction.OUT, Refused(NOT_FOUND, f"{number} is unknown"), f"id{number}")
        await clock.advance(1)
    (group,) = failures.groups()
    assert (group.bridge, group.count, group.cause) == ("sms", 20, "item-not-found: … is unknown")
    assert group.ids == ("id15", "id16", "id17", "id18", "id19")
    assert (group.first, group.last) == (start, start + 19)


async def test_the_latest_is_first_and_yesterdays_are_gone() -> None:
    clock = ManualClock()
    failures = Failures(clock)
    failures.note(Direction.OUT, Refused(NOT_FOUND, "old"))
    await clock.advance(80_000)
    failures.note(Direction.OUT, Refused(NOT_FOUND, "older"))
    failures.note(Direction.IN, Refused(NOT_FOUND, "new"))
    assert [each.cause for each in failures.groups()] == [
        "item-not-found: new",
        "item-not-found: older",
        "item-not-found: old",
    ]
    await clock.advance(12_000)
    assert len(failures.groups()) == 2


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=400)), max_size=300))
def test_memory_is_bounded_whatever_networks_say(said: list[tuple[str, str]]) -> None:
    failures = Failures(ManualClock())
    for reason, id_ in said:
        failures.note(Direction.IN, Refused(NOT_FOUND, reason), id_)
    groups = failures.groups()
    assert len(groups) <= 200
    assert all(len(each.ids) <= 5 and all(len(id_) <= 255 for id_ in each.ids) for each in groups)
    assert sum(each.count for each in groups) == len(said) or len(groups) == 200
