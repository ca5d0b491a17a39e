"""Pieces that may have been taken: a report tells, or nobody does, and then that is said; never a second text."""

import pytest

from bridges.sms.sending.doubts import Doubt, Doubts
from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Report, Stage, Unknown
from gateway.model import Condition, DeliveryState
from tests.fakes.sms_route import FakeRoute, Silence
from tests.unit.sms.sending.office import BOB, OTHERS, THEIRS, Office, Routes


@pytest.fixture
def doubtful(office: Office) -> Office:
    office.pace = Pace(unknown_wait=300.0, sweep=60.0, grace=0.0)
    office.a.steps.append(Unknown("The connection was lost"))
    return office


async def test_after_some_minutes_without_a_report_the_sender_hears_that_nobody_knows(
    doubtful: Office,
) -> None:
    async with doubtful.open():
        id = await doubtful.send()
        await doubtful.until(id, MessageState.SENT)
        await doubtful.clock.advance(299)
        assert (await doubtful.known(id)).state is MessageState.SENT
        told = await doubtful.in_time()
    assert (told.id, told.state) == (id, DeliveryState.UNKNOWN)
    assert told.why is not None
    assert told.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert "may or may not have been sent" in told.why.text
    assert "The connection was lost" in told.why.text
    assert told.why.uncertain
    assert len(doubtful.a.written) == 1


async def test_a_report_in_time_tells_what_became_of_it(doubtful: Office) -> None:
    async with doubtful.open():
        id = await doubtful.send()
        await doubtful.until(id, MessageState.SENT)
        # Its id is one that we never heard; but there is nothing else that it can be about.
        await doubtful.a.tell(Report("a", Stage.BUFFERED, "4711", recipient=THEIRS))
        await doubtful.clock.advance(600)
        assert not doubtful.told.news
        await doubtful.a.tell(Report("a", Stage.DELIVERED, "4711", recipient=THEIRS))
        assert (await doubtful.told.until(1)).state is DeliveryState.DELIVERED


async def test_a_report_after_that_still_counts(doubtful: Office) -> None:
    doubtful.routes = Routes(FakeRoute("a"))
    doubtful.a.steps.append(Unknown("lost"))
    async with doubtful.open():
        id = await doubtful.send()
        await doubtful.until(id, MessageState.SENT)
        await doubtful.in_time(1)
        await doubtful.a.tell(Report("a", Stage.DELIVERED, reference=id))
        assert (await doubtful.told.until(2)).state is DeliveryState.DELIVERED


async def test_a_report_that_could_be_about_two_messages_is_about_neither(doubtful: Office) -> None:
    doubtful.a.steps.append(Unknown("lost"))
    async with doubtful.open():
        for owner in (BOB, "carol@example.org"):
            await doubtful.until(await doubtful.send(owner=owner), MessageState.SENT)
        await doubtful.a.tell(Report("a", Stage.DELIVERED, "4711", recipient=THEIRS))
        assert (await doubtful.sender.standing()).early == 1
        assert (await doubtful.sender.standing()).doubtful == 2
        await doubtful.in_time(2)
    assert {each.state for each in doubtful.told.news} == {DeliveryState.UNKNOWN}


async def test_a_report_is_not_taken_for_a_doubtful_piece_while_another_is_being_written(
    doubtful: Office,
) -> None:
    doubtful.a.steps.append(Silence())
    async with doubtful.open():
        await doubtful.until(await doubtful.send(), MessageState.SENT)
        await doubtful.send(owner=BOB)
        await doubtful.a.until(2)
        await doubtful.a.tell(Report("a", Stage.DELIVERED, "4711", recipient=THEIRS))
        assert (await doubtful.sender.standing()).early == 1


async def test_reports_of_other_phones_tell_nothing(doubtful: Office) -> None:
    async with doubtful.open():
        id = await doubtful.send()
        await doubtful.until(id, MessageState.SENT)
        await doubtful.a.tell(Report("a", Stage.DELIVERED, "4711", recipient=OTHERS))
        await doubtful.a.tell(Report("a", Stage.DELIVERED, "4712"))
        assert (await doubtful.known(id)).state is MessageState.SENT


async def test_what_was_being_written_when_we_ended_may_have_been_sent(office: Office) -> None:
    office.a.steps.append(Silence())
    async with office.open():
        id = await office.send()
        await office.a.until(1)
    async with office.open():
        await office.until(id, MessageState.SENT)
        told = await office.in_time()
    assert told.state is DeliveryState.UNKNOWN
    assert len(office.a.written) == 1


async def test_pieces_that_were_not_written_yet_go_on_after_a_restart(office: Office) -> None:
    office.routes = Routes(FakeRoute("a", each=10))
    office.a.steps.extend([lambda s, n: office.a.accept(), Silence()])
    async with office.open():
        id = await office.send("a text that has four pieces: 1234")
        await office.a.until(2)
    async with office.open():
        await office.until(id, MessageState.SENT)
        for n in (0, 2, 3):
            await office.report(next(each for each in office.a.written if each.piece == n), Stage.DELIVERED)
        assert not office.told.news
        await office.a.tell(Report("a", Stage.DELIVERED, "4711", recipient=THEIRS))
        assert (await office.told.until(1)).state is DeliveryState.DELIVERED
    assert [piece for _, piece in office.a.texts] == [0, 1, 2, 3]
    assert len({each.submission.concatenation for each in office.a.written}) == 1


async def test_a_route_that_takes_the_same_twice_for_one_gets_it_again_after_a_restart(
    office: Office,
) -> None:
    office.a.idempotent = True
    office.a.steps.append(Silence())
    async with office.open():
        id = await office.send()
        await office.a.until(1)
    async with office.open():
        await office.until(id, MessageState.SENT)
    first, second = office.a.written
    assert first.submission == second.submission


def test_doubts_are_cleared_and_forgotten() -> None:
    doubts = Doubts()
    doubts.writing("a", ("1", "2"), "m", 0)
    assert doubts.one("a", "1", 5.0) is None
    doubts.unknown("a", ("1", "2"), Doubt("m", 0, 3.0))
    assert doubts.one("a", "1", 2.0) is None
    assert doubts.one("a", "2", 5.0) == Doubt("m", 0, 3.0)
    assert len(doubts) == 1
    doubts.forget("m")
    assert len(doubts) == 0
    assert doubts.one("a", "1", 5.0) is None
