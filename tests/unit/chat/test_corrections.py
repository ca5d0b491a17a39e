import pytest

from gateway.chat.corrections import QUIET, Correction, Corrections
from tests.fakes.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def said():
    return []


@pytest.fixture
def put(clock, said):
    corrections = Corrections(clock)

    def put(original, before, after, place="room"):
        corrections.put(
            place,
            Correction(original, lambda: before, after, said.append, lambda: said.append(f"dropped {after}")),
        )
        return corrections

    return put


async def test_rapid_corrections_make_one_line(clock, said, put):
    put("m1", "see you at teh pub", "see you at the pbu")
    await clock.advance(QUIET - 1)
    put("m1", "see you at teh pub", "see you at the pub")
    await clock.advance(QUIET - 1)
    assert said == ["dropped see you at the pbu"]
    await clock.advance(1)
    assert said[1:] == ["*the"]


async def test_a_later_correction_is_compared_with_the_earlier_one(clock, said, put):
    put("m1", "one two three four", "one too three four")
    await clock.advance(QUIET)
    put("m1", "one two three four", "one too tree four")
    await clock.advance(QUIET)
    assert said == ["*too", "*tree"]


async def test_what_readers_know_is_asked_when_the_correction_is_said(clock, said):
    """A network may confirm a message after the user has corrected it."""
    known = []
    correction = Correction("m1", lambda: known[0], "one too three", said.append, said.clear)
    Corrections(clock).put("room", correction)
    known.append("one two three")
    await clock.advance(QUIET)
    assert said == ["*too"]


async def test_a_correction_that_changes_nothing_is_dropped(clock, said, put):
    put("m1", "one", "one")
    await clock.advance(QUIET)
    assert said == ["dropped one"]


async def test_what_is_said_next_comes_after_the_correction(clock, said, put):
    corrections = put("m1", None, "whole")
    assert corrections.waiting
    corrections.flush("room")
    assert said == ["* whole"]
    assert not corrections.waiting
    await clock.advance(QUIET)
    assert said == ["* whole"]


async def test_corrections_of_different_messages_and_places_are_all_said(clock, said, put):
    put("m1", "a b c d", "a x c d")
    put("m2", "a b c d", "a y c d")
    corrections = put("m1", "a b c d", "a z c d", place="other")
    corrections.flush_all()
    assert sorted(said) == ["*x", "*y", "*z"]
