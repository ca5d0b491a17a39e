"""Reports come before the answer, twice, in any order, in other spellings, days later; and are matched to their pieces."""

import asyncio
from dataclasses import replace

import pytest

from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import MessageState, PieceState, Receipts
from bridges.sms.traffic import Accepted, Coverage, Report, Stage, Ways
from gateway.model import Condition, DeliveryState, Refused
from tests.fakes.sms_route import FakeRoute, later
from tests.unit.sms.sending.office import ALICE, BOB, OTHERS, THEIRS, Office, Routes

LONG = "a text of two pieces"
OFF = Refused(Condition.RECIPIENT_UNAVAILABLE, "switched off")
NOBODY = Refused(Condition.ITEM_NOT_FOUND, "no such number")


@pytest.fixture
def long(office: Office) -> Office:
    office.routes = Routes(FakeRoute("a", each=10))
    return office


@pytest.mark.parametrize(
    ("answered", "reported"),
    [("1A2B3C", "1a2b3c"), ("0012", "12"), ("1A2B3C00", "439041024"), ("439041024", "1A2B3C00")],
)
async def test_a_report_is_matched_however_its_id_is_spelt(
    office: Office, answered: str, reported: str
) -> None:
    office.routes = Routes(FakeRoute("a", ids=lambda n: answered))
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
        await office.report(office.a.written[0], Stage.DELIVERED, id=reported)
        assert (await office.told.until(1)).id == id


async def test_which_spelling_a_route_has_is_learnt_and_remembered(office: Office) -> None:
    ids = [f"{n:X}" for n in (0xABC0, 0xABC1, 0x10, 0x16)]
    office.routes = Routes(FakeRoute("a", ids=lambda n: ids[n - 1]))
    async with office.open():
        for number in range(2):
            id = await office.send()
            await office.until(id, MessageState.SENT)
            await office.report(office.a.written[number], Stage.DELIVERED, id=str(int(ids[number], 16)))
    async with office.open():
        sixteen = await office.send(reference="x")
        await office.until(sixteen, MessageState.SENT)
        other = await office.send(reference="y")
        await office.until(other, MessageState.SENT)
        await office.report(office.a.written[2], Stage.DELIVERED, id="16")
        assert (await office.known(sixteen)).state is MessageState.DELIVERED
        assert (await office.known(other)).state is MessageState.SENT


async def test_a_report_before_the_answer_waits_for_it(office: Office) -> None:
    answer = asyncio.Event()
    office.a.steps.append(later(answer, Accepted("77")))
    async with office.open():
        id = await office.send()
        written = await office.a.until(1)
        await office.report(written, Stage.DELIVERED, id="77")
        assert not office.told.news
        answer.set()
        assert (await office.told.until(1)).id == id
        assert (await office.sender.standing()).early == 0


async def test_a_report_before_the_answer_outlives_a_restart(office: Office) -> None:
    async with office.open():
        await office.a.running()
        await office.a.tell(Report("a", Stage.DELIVERED, "a-1", recipient=THEIRS))
    async with office.open():
        id = await office.send()
        assert (await office.told.until(1)).id == id


async def test_reports_that_belong_to_nothing_are_kept_for_minutes_only(office: Office) -> None:
    office.pace = Pace(early=600.0, sweep=60.0)
    async with office.open():
        for number in range(3):
            await office.a.tell(Report("a", Stage.DELIVERED, str(number), recipient=THEIRS))
            await office.a.tell(Report("a", Stage.DELIVERED, str(number), recipient=THEIRS))
        assert (await office.sender.standing()).early == 3
        while (await office.sender.standing()).early:
            await office.clock.advance(60)
        assert office.clock.now() > 1_700_000_000 + 540


async def test_reports_of_other_routes_and_other_phones_are_of_other_messages(office: Office) -> None:
    office.routes = Routes(FakeRoute("a", ids=lambda n: "7"), FakeRoute("b"))
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
        await office.sender.reported(Report("b", Stage.DELIVERED, "7", recipient=THEIRS))
        await office.sender.reported(Report("a", Stage.DELIVERED, "7", recipient=OTHERS))
        assert (await office.known(id)).state is MessageState.SENT
        await office.sender.reported(Report("a", Stage.DELIVERED, "7", recipient=THEIRS[2:]))
        assert (await office.known(id)).state is MessageState.DELIVERED


async def test_a_message_is_delivered_when_all_of_its_pieces_are(long: Office) -> None:
    async with long.open():
        id = await long.send(LONG)
        await long.until(id, MessageState.SENT)
        await long.report(long.a.written[1], Stage.DELIVERED)
        assert (await long.known(id)).state is MessageState.SENT
        await long.report(long.a.written[0], Stage.DELIVERED)
        await long.told.until(1)
    assert long.told.states == [(id, DeliveryState.DELIVERED)]


async def test_a_message_has_failed_when_any_of_its_pieces_has_with_the_most_telling_reason(
    long: Office,
) -> None:
    async with long.open():
        id = await long.send(LONG)
        await long.until(id, MessageState.SENT)
        first, second = long.a.written
        await asyncio.gather(
            long.report(first, Stage.FAILED, why=OFF), long.report(second, Stage.FAILED, why=NOBODY)
        )
        await long.told.until(1)
    assert [(each.state, each.why) for each in long.told.news] == [(DeliveryState.FAILED, NOBODY)]


async def test_a_piece_that_failed_before_the_next_was_written_ends_the_message(long: Office) -> None:
    answer = asyncio.Event()
    long.a.steps.append(later(answer, Accepted("a-1")))
    async with long.open():
        await long.send(LONG)
        written = await long.a.until(1)
        await long.report(written, Stage.FAILED, why=NOBODY)
        answer.set()
        assert (await long.told.until(1)).why == NOBODY
        await long.until(long.told.news[0].id, MessageState.FAILED)
    assert long.a.texts == [(LONG, 0)]


async def test_reports_that_come_twice_or_late_change_nothing(office: Office) -> None:
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
        written = office.a.written[0]
        for stage in (
            Stage.BUFFERED,
            Stage.DELIVERED,
            Stage.DELIVERED,
            Stage.BUFFERED,
            Stage.LOST,
            Stage.FAILED,
        ):
            await office.report(written, stage)
        other = await office.send()
        await office.until(other, MessageState.SENT)
        await office.report(office.a.written[1], Stage.DELIVERED)
        await office.told.until(2)
    assert office.told.states == [(id, DeliveryState.DELIVERED), (other, DeliveryState.DELIVERED)]


async def test_a_failure_days_later_is_told(office: Office) -> None:
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
    await office.clock.advance(5 * 86400)
    async with office.open():
        await office.report(office.a.written[0], Stage.FAILED, why=OFF)
        told = await office.told.until(1)
    assert (told.id, told.owner, told.state, told.why) == (id, ALICE, DeliveryState.FAILED, OFF)


async def test_a_network_that_does_not_know_leaves_the_message_unknown_until_it_does(office: Office) -> None:
    async with office.open():
        await office.until(await office.send(), MessageState.SENT)
        await office.report(office.a.written[0], Stage.LOST)
        told = await office.told.until(1)
        assert told.state is DeliveryState.UNKNOWN
        assert told.why is not None
        assert told.why.uncertain
        await office.report(office.a.written[0], Stage.DELIVERED)
        assert (await office.told.until(2)).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("receipts", "coverage", "stage", "delivered"),
    [
        (Receipts.HANDSET, Coverage.NETWORK, Stage.CARRIER, False),
        (Receipts.NETWORK, Coverage.NETWORK, Stage.CARRIER, True),
        (Receipts.NETWORK, Coverage.NOTHING, None, False),
        (Receipts.ACCEPTED, Coverage.NOTHING, None, True),
        (Receipts.ACCEPTED, Coverage.HANDSET, None, False),
        (Receipts.ACCEPTED, Coverage.HANDSET, Stage.BUFFERED, False),
    ],
)
async def test_what_is_told_as_delivered_is_the_operator_s_to_say(
    office: Office, receipts: Receipts, coverage: Coverage, stage: Stage | None, delivered: bool
) -> None:
    office.pace = Pace(receipts=receipts)
    office.routes = Routes(FakeRoute("a", Ways(coverage=coverage)))
    async with office.open():
        id = await office.send()
        await office.a.until(1)
        if stage is not None:
            await office.until(id, MessageState.SENT)
            await office.report(office.a.written[0], stage)
        known = await office.until(id, MessageState.DELIVERED if delivered else MessageState.SENT)
        if delivered:
            assert (await office.told.until(1)).state is DeliveryState.DELIVERED
    assert known.state is (MessageState.DELIVERED if delivered else MessageState.SENT)


async def test_what_counted_as_delivered_may_fail_all_the_same(office: Office) -> None:
    office.pace = Pace(receipts=Receipts.NETWORK)
    async with office.open():
        await office.until(await office.send(), MessageState.SENT)
        await office.report(office.a.written[0], Stage.CARRIER)
        await office.told.until(1)
        await office.report(office.a.written[0], Stage.FAILED, why=OFF)
        await office.told.until(2)
    assert [each.state for each in office.told.news] == [DeliveryState.DELIVERED, DeliveryState.FAILED]


async def test_a_report_by_our_reference_needs_no_id(office: Office) -> None:
    office.routes = Routes(FakeRoute("a", ids=lambda n: ""))
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
        await office.sender.reported(Report("a", Stage.DELIVERED, reference=id))
        assert (await office.told.until(1)).id == id


async def test_reports_by_reference_may_come_before_the_answer_and_by_another_id(office: Office) -> None:
    answer = asyncio.Event()
    office.a.steps.append(later(answer, Accepted("one")))
    async with office.open():
        id = await office.send()
        await office.a.until(1)
        await office.sender.reported(Report("a", Stage.DELIVERED, "two", reference=id))
        assert (await office.told.until(1)).state is DeliveryState.DELIVERED
        answer.set()
        await office.until(id, MessageState.DELIVERED)
        assert (await office.known(id)).pieces == ((PieceState.DELIVERED, "a", 1),)


async def test_references_and_ids_of_nobody_are_no_trouble(office: Office) -> None:
    async with office.open():
        await office.a.running()
        for odd in ("", "x" * 5000, "\0", "\ud800", "0", "-1", "'; --"):
            await office.a.tell(Report("a", Stage.FAILED, odd, odd, odd, odd, Refused(Condition.GONE, odd)))
        id = await office.send()
        await office.until(id, MessageState.SENT)
        await office.report(
            office.a.written[0], Stage.FAILED, code="\0" * 500, why=Refused(Condition.GONE, "\ud800")
        )
        told = await office.told.until(1)
    assert (told.id, told.state) == (id, DeliveryState.FAILED)


async def test_a_group_has_a_message_when_all_of_them_have(office: Office) -> None:
    async with office.open():
        id = await office.send(recipients=(THEIRS, OTHERS))
        await office.until(id, MessageState.SENT)
        written = office.a.written[0]
        await office.report(written, Stage.DELIVERED, recipient=OTHERS)
        await office.report(written, Stage.DELIVERED, recipient=OTHERS)
        assert (await office.known(id)).state is MessageState.SENT
        await office.report(written, Stage.DELIVERED, recipient=THEIRS)
        assert (await office.told.until(1)).state is DeliveryState.DELIVERED


async def test_a_group_message_that_one_does_not_get_has_failed(office: Office) -> None:
    async with office.open():
        id = await office.send(recipients=(THEIRS, OTHERS))
        await office.until(id, MessageState.SENT)
        await office.report(office.a.written[0], Stage.FAILED, recipient=OTHERS, why=NOBODY)
        told = await office.told.until(1)
    assert (told.state, told.why) == (DeliveryState.FAILED, replace(NOBODY, text=f"{OTHERS}: {NOBODY.text}"))


async def test_hundreds_of_messages_and_reports_at_once_find_each_other(office: Office) -> None:
    office.routes = Routes(FakeRoute("a", ids=lambda n: f"{n + 0xA000:X}"))
    async with office.open():
        wanted = [
            office.sender.submit(office.outgoing(f"{n}", owner=(ALICE, BOB)[n % 2], conversation=str(n % 40)))
            for n in range(400)
        ]
        ids = await asyncio.gather(*wanted)
        await office.a.until(400)
        reports = [
            office.report(each, Stage.DELIVERED, id=str(n + 1 + 0xA000))
            for n, each in enumerate(office.a.written)
        ]
        await asyncio.gather(*reports)
        await office.told.until(400)
    assert sorted(office.told.states) == sorted((id, DeliveryState.DELIVERED) for id in ids)
    assert len({each.submission.reference for each in office.a.written}) == 400
