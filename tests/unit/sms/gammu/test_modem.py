"""A route by a modem, over smsd's own tables in SQLite and PostgreSQL, while a test does what smsd would."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridges.sms.gammu.route import Modem
from bridges.sms.gammu.settings import GammuRoute
from bridges.sms.traffic import (
    Accepted,
    Away,
    Failing,
    Nature,
    NotTaken,
    Outcome,
    Rejected,
    Stage,
    Submission,
    Unfit,
)
from gateway.bridge import Verdict
from gateway.model import Condition
from tests.fakes.clock import ManualClock
from tests.rig.postgres import PASSWORD, Postgres
from tests.unit.sms.gammu.daemon import PHONE, Daemon, make_postgres, make_sqlite
from tests.unit.sms.smpp.intake import Kept
from tests.waiting import eventually

OURS, THEIRS = "+12125550001", "+13105550001"
_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
async def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Daemon]:
    if request.param == "sqlite":
        path = tmp_path / "smsd.db"
        await asyncio.to_thread(make_sqlite, path)
        yield Daemon(GammuRoute(kind="gammu", database=str(path), number=OURS, phone=PHONE))
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"smsd{next(_numbers)}"
    await make_postgres(server, name)
    url = f"postgresql://postgres@127.0.0.1:{server.port}/{name}"
    yield Daemon(GammuRoute(kind="gammu", database=url, password=PASSWORD, number=OURS, phone=PHONE))
    await server.drop(name)


@dataclass
class Desk:
    daemon: Daemon
    modem: Modem
    clock: ManualClock
    intake: Kept = field(default_factory=Kept)

    async def until(self, look: Callable[[], Any], what: str) -> Any:
        return await eventually(look, what, meanwhile=self.poll)

    async def poll(self) -> None:
        """One more look of the modem's, if it sleeps."""
        if self.clock.waiting:
            await self.clock.advance(1.0)

    async def put(self, text: str, reference: str = "r1", to: str = THEIRS) -> Outcome:
        async with self.modem.turn() as turn:
            return await turn.send(Submission(reference, OURS, (to,), text, 7), 0)

    async def stages(self, *wanted: Stage) -> None:
        await self.until(lambda: [each.stage for each in self.intake.reports] == list(wanted), f"{wanted}")


@asynccontextmanager
async def desk(daemon: Daemon, *, begun: bool = True) -> AsyncIterator[Desk]:
    if begun:
        await daemon.begin()
    clock = ManualClock()
    found = Desk(daemon, Modem("modem", daemon.route, clock), clock)
    running = asyncio.create_task(found.modem.run(found.intake))
    try:
        if begun:
            await found.until(lambda: found.modem.seen().connected, "the modem is there")
        yield found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_text_is_put_whole_with_our_reference_and_wants_reports(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        assert await d.put("Grüße 😀 " * 20, "abc") == Accepted("")
        (row,) = await daemon.outbox()
        assert (row.CreatorID, row.SenderID, row.DeliveryReport) == ("causeway:abc", PHONE, "yes")
        assert (row.Coding, row.DestinationNumber) == ("Unicode_No_Compression", THEIRS)
        assert str(row.SendingDateTime) < "2001"  # in whatever time zone smsd lives
        rest = await daemon.do('SELECT * FROM outbox_multipart ORDER BY "SequencePosition"')
        assert [each.UDH for each in (row, *rest)] == ["050003070301", "050003070302", "050003070303"]
        assert [each.SequencePosition for each in rest] == [2, 3]
        octets = bytes.fromhex("".join(each.Text for each in (row, *rest)))
        assert octets.decode("utf-16-be") == "Grüße 😀 " * 20


async def test_what_gsm_has_is_sent_in_it(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("5 € {ok}")
        (row,) = await daemon.outbox()
        assert (row.Coding, bytes.fromhex(row.Text).decode("utf-16-be"), row.UDH) == (
            "Default_No_Compression",
            "5 € {ok}",
            "",
        )


async def test_the_same_reference_is_one_text_wherever_it_is_by_now(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        assert isinstance(await d.put("once"), Accepted)
        async with desk(daemon, begun=False) as after_a_restart:
            submission = Submission("r1", OURS, (THEIRS,), "once", 7)
            assert await after_a_restart.modem.put(submission) == Accepted("")
            assert len(await daemon.outbox()) == 1
        id = await daemon.send()
        assert isinstance(await d.put("once"), Accepted)
        await daemon.mark(id, 1, "DeliveryOK")
        await d.until(lambda: Stage.DELIVERED in [each.stage for each in d.intake.reports], "a report")

        async def told() -> bool:
            return (await daemon.sent())[0].CreatorID == "causeway.told:r1"

        await d.until(told, "its end is written down")
        assert isinstance(await d.put("once"), Accepted)
        assert await daemon.outbox() == []


async def test_one_text_waits_there_at_a_time(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("first", "r1")
        second = asyncio.create_task(d.put("second", "r2"))
        await d.until(lambda: d.modem.seen().waiting == 0, "its turn is waited for")
        await d.poll()
        assert [row.CreatorID for row in await daemon.outbox()] == ["causeway:r1"]
        await daemon.send()
        await d.until(second.done, "the second has its turn")
        assert [row.CreatorID for row in await daemon.outbox()] == ["causeway:r2"]


async def test_a_text_that_is_tried_again_holds_up_no_other(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("first", "r1")
        await daemon.do('UPDATE outbox SET "Retries" = 1')
        await d.put("second", "r2")
        assert len(await daemon.outbox()) == 2


async def test_a_modem_that_does_not_get_on_lets_others_be_asked(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("first", "r1")
        second = asyncio.create_task(d.put("second", "r2"))
        await d.until(second.done, "patience ends")
        assert isinstance(second.exception(), Away)


@pytest.mark.parametrize(
    ("status", "code", "stage"),
    [
        ("SendingOKNoReport", -1, Stage.CARRIER),
        ("DeliveryOK", -1, Stage.DELIVERED),
        ("DeliveryFailed", -1, Stage.FAILED),
        ("DeliveryUnknown", -1, Stage.LOST),
        ("SendingError", 1, Stage.FAILED),
        ("SendingError", -1, Stage.LOST),
        ("Error", -1, Stage.FAILED),
    ],
)
async def test_what_smsd_says_is_told_once(daemon: Daemon, status: str, code: int, stage: Stage) -> None:
    async with desk(daemon) as d:
        await d.put("hi")
        await daemon.send(status, code)
        await d.stages(stage)
        (report,) = d.intake.reports
        assert (report.reference, report.recipient, report.id) == ("r1", THEIRS, "")
        assert (report.why is not None) == (stage is Stage.FAILED)
        if code == 1:
            assert report.why is not None
            assert report.why.condition is Condition.ITEM_NOT_FOUND
        await d.poll()
        await d.poll()
        assert len(d.intake.reports) == 1


async def test_a_text_is_delivered_when_all_its_parts_are(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("one 😀 two " * 15)
        id = await daemon.send()
        await d.stages(Stage.BUFFERED)
        for position in (3, 1):
            await daemon.mark(id, position, "DeliveryOK")
        await d.poll()
        await d.poll()
        await daemon.mark(id, 2, "DeliveryOK")
        await d.stages(Stage.BUFFERED, Stage.DELIVERED)


async def test_one_part_that_fails_fails_the_text(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("one 😀 two " * 15)
        id = await daemon.send()
        await daemon.mark(id, 2, "DeliveryFailed", 70)
        await d.until(lambda: Stage.FAILED in [each.stage for each in d.intake.reports], "a report")
        assert "70" in d.intake.reports[-1].code


async def test_what_could_not_be_kept_is_told_again(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("hi")
        d.intake.refusals.append(NotTaken("not now"))
        await daemon.send("DeliveryOK")
        await d.stages(Stage.DELIVERED)


async def test_reports_that_came_while_we_were_away_are_found(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await d.put("hi")
    await daemon.send("DeliveryOK")
    async with desk(daemon, begun=False) as d:
        await d.stages(Stage.DELIVERED)


async def test_texts_are_marked_only_once_they_are_kept(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        d.intake.refusals += [NotTaken("not now"), NotTaken("nor now")]
        await daemon.arrive("hello 😀")
        await d.until(lambda: not d.intake.refusals, "it was refused")
        assert await daemon.processed() == [False]
        await d.until(daemon_processed(daemon, [True]), "it is marked")
        (text,) = d.intake.messages
        assert (text.sender, text.recipient, text.data.decode("utf-16-be")) == (THEIRS, OURS, "hello 😀")
        assert text.id.startswith("1 ")


async def test_what_is_refused_for_good_comes_once(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        d.intake.refusals.append(NotTaken("never", never=True))
        await daemon.arrive("spam")
        await daemon.arrive("a flash", kind=0)
        await d.until(daemon_processed(daemon, [True, True]), "both are marked")
        assert [(each.data.decode("utf-16-be"), each.nature) for each in d.intake.messages] == [
            ("a flash", Nature.FLASH)
        ]


async def test_parts_are_brought_one_by_one(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        for header in ("050003 4D0202".replace(" ", ""), "0500034D0201"):
            await daemon.arrive("part", header=header)
        await d.until(lambda: len(d.intake.messages) == 2, "both parts")
        joined = [each.concatenation for each in d.intake.messages]
        assert [(each.reference, each.total, each.number) for each in joined if each] == [
            ("77", 2, 2),
            ("77", 2, 1),
        ]


async def test_other_modems_at_the_same_tables_are_left_alone(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await daemon.arrive("theirs", phone="other")
        await daemon.arrive("ours")
        await d.until(daemon_processed(daemon, [False, True]), "ours is marked")
        await daemon.do("DELETE FROM phones")
        await daemon.begin("other")
        await d.until(lambda: not d.modem.seen().connected, "it is away")


async def test_a_daemon_that_is_silent_is_away_until_it_is_back(daemon: Daemon) -> None:
    async with desk(daemon, begun=False) as d:
        await d.until(lambda: d.intake.troubles, "trouble")
        assert "start it" in d.intake.troubles[0]
        with pytest.raises(Away, match="start it"):
            await d.put("hi")
        await daemon.begin()
        await d.until(lambda: d.modem.seen().connected, "it is there")
        assert d.modem.seen().detail == "Net, signal 42 %"
        await daemon.do('UPDATE phones SET "Send" = :no', no=daemon.no)
        await d.until(lambda: not d.modem.seen().connected, "it is away")
        assert "set not to send" in d.modem.seen().detail


async def test_without_its_tables_nothing_is_sent_and_nothing_ends(daemon: Daemon) -> None:
    async with desk(daemon) as d:
        await daemon.do("ALTER TABLE outbox_multipart RENAME TO elsewhere")
        outcome = await d.put("long " * 100)
        assert isinstance(outcome, Rejected)
        assert (outcome.failing, outcome.why.condition) == (Failing.PASSING, Condition.REMOTE_SERVER_TIMEOUT)
        assert await daemon.outbox() == []
        await daemon.do("ALTER TABLE inbox RENAME TO elsewhere2")
        await d.until(lambda: not d.modem.seen().connected, "it is away")
        await daemon.do("ALTER TABLE elsewhere2 RENAME TO inbox")
        await d.until(lambda: d.modem.seen().connected, "it is there")


async def test_a_modem_sends_from_its_own_number_alone(daemon: Daemon) -> None:
    modem = Modem("modem", daemon.route, ManualClock())
    with pytest.raises(Unfit):
        modem.pieces(Submission("r1", "+12125550009", (THEIRS,), "hi"))
    assert modem.pieces(Submission("r1", OURS, (THEIRS,), "hi " * 100)) == 1


async def test_check_says_what_is_wrong(daemon: Daemon) -> None:
    modem = Modem("modem", daemon.route, ManualClock())
    assert "'desk' has ever begun" in "".join(await modem.trial())
    await daemon.begin()
    assert await modem.trial() == []
    await daemon.do('UPDATE phones SET "Receive" = :no, "Signal" = 0', no=daemon.no)
    receive, signal = await modem.trial()
    assert "not to receive" in receive
    assert "antenna" in signal
    await daemon.do('UPDATE gammu SET "Version" = 12')
    assert "12" in (await modem.trial())[0]
    await daemon.do("DROP TABLE gammu")
    (unreadable,) = await modem.trial()
    assert "cannot be read" in unreadable


def daemon_processed(daemon: Daemon, wanted: list[bool]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await daemon.processed() == wanted

    return look


async def test_the_doctor_says_how_the_modem_is(daemon: Daemon) -> None:
    modem = Modem("modem", daemon.route, ManualClock())
    [finding] = await modem.examined()
    assert finding.verdict is Verdict.FAIL
    await daemon.begin()
    [finding] = await modem.examined()
    assert (finding.verdict, finding.subject) == (Verdict.OK, "route modem"), finding
    assert "0 waiting" in finding.text
    await daemon.do('UPDATE phones SET "Signal" = 9')
    [finding] = await modem.examined()
    assert finding.verdict is Verdict.NOTE
    assert "antenna" in finding.text
