"""What comes again since our answer was lost is taken once; what people say twice is taken twice."""

import pytest

from bridges.sms.smpp.pdu import Message
from bridges.sms.smpp.repeats import SECONDS, Repeats
from tests.unit.clock import ManualClock, settle
from tests.unit.sms.smpp.test_route import Rig, incoming


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def _lost(rig: Rig, *messages: Message) -> None:
    """They are kept, and the connection has ended by then; there is a new one."""
    before = len(rig.intake.messages)
    rig.intake.gate.clear()
    for message in messages:
        rig.smsc.wire.brings(message)
    await settle()
    rig.smsc.wire.breaks()
    rig.intake.gate.set()
    await rig.intake.until(messages=before + len(messages))
    await settle()
    await rig.clock.advance(1.0)


async def test_a_message_that_comes_again_after_its_answer_was_lost_is_taken_once(rig: Rig) -> None:
    async with rig.running():
        await _lost(rig, incoming(b"ok"))
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        assert [each.data for each in rig.intake.messages] == [b"ok"]
        assert [each.status for each in rig.answered()] == [0]
        assert rig.route.seen().counts["again"] == 1
        # It has its answer now: whoever says it again says it again.
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        assert [each.data for each in rig.intake.messages] == [b"ok", b"ok"]


async def test_what_was_said_twice_comes_again_twice(rig: Rig) -> None:
    async with rig.running():
        await _lost(rig, incoming(b"ok"), incoming(b"ok"))
        for _ in range(3):
            rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        assert len(rig.intake.messages) == 3


@pytest.mark.parametrize(
    "other",
    [incoming(b"OK"), incoming(b"ok", source="15550004"), incoming(b"ok")._replace(data_coding=8)],
    ids=["words", "sender", "coding"],
)
async def test_another_message_is_another_message(rig: Rig, other: Message) -> None:
    async with rig.running():
        await _lost(rig, incoming(b"ok"))
        rig.smsc.wire.brings(other)
        await settle()
        assert len(rig.intake.messages) == 2


async def test_people_say_ok_twice(rig: Rig) -> None:
    async with rig.running():
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        rig.smsc.wire.breaks()
        await rig.clock.advance(1.0)
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        assert len(rig.intake.messages) == 2  # the first one had its answer


async def test_after_some_time_nothing_is_expected_any_more(rig: Rig) -> None:
    async with rig.running():
        await _lost(rig, incoming(b"ok"))
        await rig.clock.advance(SECONDS)
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        assert len(rig.intake.messages) == 2


async def test_a_message_that_is_brought_again_while_the_first_is_being_kept_waits_for_that(rig: Rig) -> None:
    async with rig.running():
        rig.intake.gate.clear()
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        rig.smsc.wire.breaks()
        await rig.clock.advance(1.0)
        rig.smsc.wire.brings(incoming(b"ok"))
        await settle()
        rig.intake.gate.set()
        await settle()
        assert len(rig.intake.messages) == 1
        assert [each.status for each in rig.answered()] == [0]


async def test_what_is_expected_is_bounded_and_forgotten() -> None:
    clock = ManualClock()
    repeats = Repeats(clock)
    for number in range(1500):
        repeats.unanswered(incoming(b"%d" % number), "first")
    assert len(repeats) == 1000
    assert not repeats.again(incoming(b"1"), "second")
    assert repeats.again(incoming(b"1499"), "second")
    await clock.advance(SECONDS)
    assert not repeats.again(incoming(b"1498"), "second")
    assert len(repeats) == 0
