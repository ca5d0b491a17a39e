"""What is kept of messages, and how long: texts until they are written, rows for late reports, nothing of the forgotten."""

import asyncio

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, text

from bridges.sms.sending.pace import Pace
from bridges.sms.sending.settings import SendingSettings
from bridges.sms.sending.states import MessageState, Receipts
from bridges.sms.sending.store import Sendings
from bridges.sms.sending.tables import EARLY, MESSAGES, PIECES
from bridges.sms.traffic import Accepted, Failing, Stage, Unknown
from gateway.bridge import Tables
from gateway.model import Attachment
from tests.fakes.sms_route import Silence, later
from tests.unit.sms.sending.office import ALICE, BOB, Office, rejected
from tests.waiting import eventually

PICTURE = Attachment("x.jpg", "image/jpeg", 5, "https://files.example/x.jpg", sha256="ab", caption="look")


async def rows(office: Office) -> tuple[int, int]:
    """Of messages and of pieces."""
    counts = []
    for table in (MESSAGES, PIECES):
        counts.append((await office.tables.read(select(func.count()).select_from(table)))[0][0])
    return counts[0], counts[1]


async def texts(office: Office) -> list[tuple[str, str]]:
    return [tuple(row) for row in await office.tables.read(select(MESSAGES.c.text, MESSAGES.c.media))]


@pytest.mark.parametrize("end", ["accepted", "failed", "unknown"])
async def test_texts_are_gone_once_nothing_is_left_to_be_written(office: Office, end: str) -> None:
    steps = {"failed": rejected(Failing.MESSAGE), "unknown": Unknown("lost")}
    if end in steps:
        office.a.steps.append(steps[end])
    async with office.open():
        id = await office.send("a secret", media=(PICTURE,))
        await office.until(id, MessageState.FAILED if end == "failed" else MessageState.SENT)
        assert await texts(office) == [("", "[]")]


async def test_texts_and_files_are_kept_as_long_as_they_may_be_written_again(office: Office) -> None:
    office.a.steps.append(rejected(Failing.PASSING))
    async with office.open():
        await office.send("a secret", media=(PICTURE,), validity=60.0)
        await office.delayed()
        assert (await texts(office))[0][0] == "a secret"
    async with office.open():
        await office.delayed()
        await office.clock.advance(10)
        await office.a.until(2)
    first, second = office.a.written
    assert first.submission == second.submission
    assert second.submission.media == (PICTURE,)


async def test_rows_are_kept_for_late_reports_and_then_deleted(office: Office) -> None:
    office.pace = Pace(keep=86400.0, sweep=3600.0)
    async with office.open():
        for _ in range(3):
            await office.until(await office.send(), MessageState.SENT)
        await office.clock.advance(3601)
        assert await rows(office) == (3, 3)

        async def swept() -> bool:
            await office.clock.advance(3600)
            return await rows(office) == (0, 0)

        await eventually(swept, "old rows being deleted")
    assert office.clock.now() > 1_700_000_000 + 86400


async def test_what_is_owed_or_waits_is_not_swept(office: Office) -> None:
    office.told.absent.add(ALICE)
    async with office.open():
        id = await office.send()
        await office.a.until(1)
        await office.report(office.a.written[0], Stage.DELIVERED)
        office.a.hold()
        await office.send(owner=BOB)
        sendings = Sendings(office.tables, "sms")
        await office.until(id, MessageState.DELIVERED)
        assert not await sendings.sweep(office.clock.now() + 10)
        assert (await rows(office))[0] == 2
        # News for which nobody comes are not kept for ever; what waits is.
        assert not await sendings.sweep(office.clock.now() + 10**9)
        assert (await rows(office))[0] == 1


async def test_of_a_forgotten_user_nothing_is_sent_told_or_kept(office: Office) -> None:
    office.told.absent.add(ALICE)
    office.a.steps.extend([lambda s, n: office.a.accept(), Silence()])
    async with office.open() as sender:
        await office.send("told")
        await office.a.until(1)
        await office.report(office.a.written[0], Stage.DELIVERED)
        await office.send("under way")
        await office.a.until(2)
        await office.send("behind it")
        bobs = await office.send("of bob", owner=BOB)
        await office.until(bobs, MessageState.SENT)
        await sender.forget(ALICE)
        office.told.absent.clear()
        sender.present(ALICE)
        await office.report(office.a.written[1], Stage.DELIVERED)
        await office.report(office.a.written[2], Stage.DELIVERED)
        await office.told.until(1)
        assert await rows(office) == (1, 1)
        await office.until(await office.send("new"), MessageState.SENT)
    assert [each.owner for each in office.told.news] == [BOB]
    assert [text for text, _ in office.a.texts] == ["told", "under way", "of bob", "new"]


async def test_an_answer_for_a_forgotten_user_leaves_no_row(office: Office) -> None:
    answer = asyncio.Event()
    office.a.steps.append(later(answer, Accepted("x")))
    async with office.open() as sender:
        await office.send()
        await office.a.until(1)
        await sender.forget(ALICE)
        answer.set()
        await office.until(await office.send(owner=BOB), MessageState.SENT)
        assert await rows(office) == (1, 1)


async def test_no_recipient_is_kept_with_a_report_that_belongs_to_nothing_for_long(office: Office) -> None:
    async with office.open():
        id = await office.send()
        await office.until(id, MessageState.SENT)
        await office.report(office.a.written[0], Stage.DELIVERED, id="nobody's")

        async def swept() -> bool:
            await office.clock.advance(60)
            return not await office.tables.read(select(EARLY))

        await eventually(swept, "early reports being deleted")


async def test_how_things_stand_is_told_in_numbers(office: Office) -> None:
    async with office.open():
        await office.until(await office.send(), MessageState.SENT)
        office.a.away = "gone"
        begun = office.clock.now()
        await office.send()
        await office.delayed()
        standing = await office.sender.standing()
        assert standing.states == {"sent": 1, "queued": 1}
        assert (standing.oldest, standing.held, standing.delayed) == (begun, 1, 1)
    assert await office.sender.state_of("nobody's") is None


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (
            "SELECT message FROM sms_pieces WHERE bridge = 'b' AND route = 'r' AND stripped IN ('1', '2')",
            "by_stripped",
        ),
        (
            "SELECT message FROM sms_pieces WHERE bridge = 'b' AND route = 'r' AND decimal IN ('1')",
            "by_decimal",
        ),
        ("SELECT n FROM sms_pieces WHERE bridge = 'b' AND doubtful = 1 ORDER BY until", "by_doubt"),
        ("SELECT id FROM sms_messages WHERE bridge = 'b' AND owed = 1 ORDER BY news", "by_owed"),
        (
            "SELECT id FROM sms_messages WHERE bridge = 'b' AND state = 'queued' AND seq > 5 ORDER BY seq",
            "by_state",
        ),
        ("SELECT id FROM sms_messages WHERE bridge = 'b' AND changed < 5.0", "by_time"),
        ("DELETE FROM sms_messages WHERE bridge = 'b' AND owner = 'o'", "by_owner"),
        ("DELETE FROM sms_pieces WHERE bridge = 'b' AND owner = 'o'", "by_owner"),
    ],
)
async def test_every_question_has_its_index(tables: Tables, question: str, index: str) -> None:
    plan = await tables.read(text(f"EXPLAIN QUERY PLAN {question}"))
    assert any(index in row.detail for row in plan), plan
    assert not any("TEMP B-TREE" in row.detail for row in plan), plan


def test_settings_become_a_pace() -> None:
    settings = SendingSettings(receipts="network", give_up_hours=2, unknown_wait_minutes=5, keep_days=7)
    assert settings.pace == Pace(
        receipts=Receipts.NETWORK, expire=7200.0, unknown_wait=300.0, keep=7 * 86400.0
    )
    with pytest.raises(ValidationError, match="give_up_hours"):
        SendingSettings(give_up_hours=0)
