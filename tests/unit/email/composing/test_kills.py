"""Killed at every step, started again: nothing is lost, nothing is sent twice.

A life ends before the step with a number, for every number that there is: steps are all reads, all commits (before and after
each), and the fetching of files. In the next life the core hands everything again, under the same references.
"""

import email
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import delete

from bridges.email.composing.drafts import DRAFTS, LINES, Drafts, LineState
from bridges.email.composing.threads import MAILS
from gateway.bridge import Tables
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.composing.stage import OUTBOX, Slip, Stage, files_of, text_of

PICTURE, GONE = "https://x.example/a.png", "https://x.example/gone.png"


@dataclass(frozen=True)
class Do:
    """One message of the user; ``replaces`` is the number of the one that it corrects. ``after``: seconds that pass."""

    text: str = ""
    urls: tuple[str, ...] = ()
    replaces: int | None = None
    after: float = 0.0


@dataclass
class Lives:
    """The same user, over several lives of the composer."""

    tables: Tables
    directory: Path
    script: tuple[Do, ...]

    def __post_init__(self) -> None:
        self.ids: dict[int, list[str]] = {}
        self.lives = 0
        self.failed: list[tuple[str, ...]] = []
        self.gone: set[str] = set()

    async def live(self, killed_at: int | None = None) -> bool:
        """Until the end of the script and of all windows, or until death; whether it was the former. In a life without a
        death all is handed once more in the end: what is done is done."""
        self.lives += 1
        clock = ManualClock(1_700_000_000.0 + self.lives)
        stage = Stage(self.tables, clock, self.directory, seed=self.lives, killed_at=killed_at)
        stage.web.files = {PICTURE: b"picture"}
        async with stage.running():
            await self._settled(stage)
            await self._play(stage)
            if killed_at is None:
                await self._play(stage)
            stage.composer.ready("alice")
            await self._settled(stage)
        self.failed += [ids for ids, _ in stage.told.failures]
        self.gone |= set(stage.told.gone)
        return not stage.mortal.dead.is_set()

    async def _play(self, stage: Stage) -> None:
        for number, each in enumerate(self.script):
            if stage.mortal.dead.is_set():
                break
            await self._do(stage, number, each)
        for seconds in (15, 60):
            await self._settled(stage)
            if not stage.mortal.dead.is_set():
                await stage.clock.advance(seconds)
        await self._settled(stage)

    async def _do(self, stage: Stage, number: int, each: Do) -> None:
        replaces = self.ids[each.replaces][0] if each.replaces is not None else ""
        ticket: Slip = stage.post(each.text, *each.urls, replaces=replaces, reference=f"ref{number}")
        await self._until(stage, lambda: ticket.answered)
        if ticket.ids is not None:
            assert self.ids.setdefault(number, ticket.ids) == ticket.ids, "a line has changed its name"
        elif ticket.why is not None:
            raise AssertionError(ticket.why)
        await stage.clock.advance(each.after)

    async def _settled(self, stage: Stage) -> None:
        await self._until(stage, lambda: not stage.composer.busy)

    async def _until(self, stage: Stage, condition: Callable[[], bool]) -> None:
        await stage.until(lambda: condition() or stage.mortal.dead.is_set())

    @property
    def mails(self) -> list[email.message.Message]:
        return [
            email.message_from_bytes(each.read_bytes())
            for each in (self.directory / "outbound").glob("*.eml")
        ]


async def _every_death(
    tables: Tables, tmp_path: Path, script: tuple[Do, ...], check: Callable[..., object]
) -> None:
    killed_at, alive = 0, False
    while not alive:
        for table in (DRAFTS, LINES, MAILS, OUTBOX):
            await tables.write((delete(table), None))
        directory = tmp_path / str(killed_at)
        directory.mkdir()
        lives = Lives(tables, directory, script)
        alive = await lives.live(killed_at)
        assert await lives.live()
        submitted = await Stage(tables, ManualClock(), directory).submitted()
        left = await Drafts(tables, "mail").drafts()
        assert left == []
        assert list(directory.glob("drafts/*")) == []
        check(lives, len(submitted))
        killed_at += 1
    assert killed_at > 10


async def test_a_mail_of_text_a_file_and_a_correction(mail_tables: BridgeTables, tmp_path: Path) -> None:
    def check(lives: Lives, submitted: int) -> None:
        assert submitted == 1
        (mail,) = lives.mails
        assert text_of(mail) == "Hello\nthere"
        assert files_of(mail) == [("a.png", b"picture")]
        assert len(lives.ids) == 4

    script = (Do("Helo"), Do("", (PICTURE,)), Do("Hello", replaces=0), Do("there"))
    await _every_death(mail_tables, tmp_path, script, check)


async def test_a_mail_that_is_sent_by_command(mail_tables: BridgeTables, tmp_path: Path) -> None:
    def check(lives: Lives, submitted: int) -> None:
        assert submitted == 1
        (mail,) = lives.mails
        assert text_of(mail) == "Hello"

    await _every_death(mail_tables, tmp_path, (Do("Hello"), Do(".send")), check)


async def test_a_mail_that_is_cancelled(mail_tables: BridgeTables, tmp_path: Path) -> None:
    def check(lives: Lives, submitted: int) -> None:
        assert submitted == 0
        assert lives.mails == []
        assert lives.gone == {lives.ids[0][0], lives.ids[1][0]}

    await _every_death(mail_tables, tmp_path, (Do("Hello"), Do("", (PICTURE,)), Do(".cancel")), check)


async def test_a_missing_file_is_told_and_the_rest_is_sent_once(
    mail_tables: BridgeTables, tmp_path: Path
) -> None:
    def check(lives: Lives, submitted: int) -> None:
        assert (lives.ids[1][0],) in lives.failed
        assert submitted == 1
        assert text_of(lives.mails[0]) == "See the picture\nGo on"

    script = (Do("See the picture"), Do("", (GONE,), after=1), Do("Go on"))
    await _every_death(mail_tables, tmp_path, script, check)


async def test_two_mails_in_a_row(mail_tables: BridgeTables, tmp_path: Path) -> None:
    def check(lives: Lives, submitted: int) -> None:
        assert submitted == 2
        assert sorted(text_of(each) for each in lives.mails) == ["One", "Two"]

    script = (Do("Subject: A\nOne"), Do("Subject: B\nTwo"))
    await _every_death(mail_tables, tmp_path, script, check)


async def test_what_is_told_to_nobody_is_told_later(stage: Stage) -> None:
    stage.told.here = False
    picture = await stage.say("", GONE)
    await stage.pass_(100)
    assert stage.told.failures == []
    stage.told.here = True
    stage.composer.ready("alice")
    await stage.idle()
    stage.composer.ready("alice")
    await stage.idle()
    assert [ids for ids, _ in stage.told.failures] == [(picture.id,)]


async def test_a_message_that_cannot_be_stored_is_to_be_handed_again(stage: Stage) -> None:
    stage.tables.broken = True
    refused = await stage.say("Hello", reference="r")
    assert refused.why is not None
    assert refused.why.error_type.value == "wait"
    stage.tables.broken = False
    await stage.say("Hello", reference="r")
    await stage.pass_(20)
    assert stage.texts == ["Hello"]


async def test_a_mail_waits_while_it_cannot_be_stored(stage: Stage) -> None:
    stage.web.files = {PICTURE: b"picture"}
    await stage.say("Hello")
    ticket = stage.post("", PICTURE)
    await stage.until(lambda: ticket.answered)
    stage.tables.broken = True
    await stage.pass_(60)
    assert stage.outbox.taken == []
    stage.tables.broken = False
    await stage.pass_(900)
    assert stage.texts == ["Hello"]
    assert len(files_of(stage.mails[0])) == 1


async def test_a_mail_whose_writer_is_not_here_goes_when_they_are(stage: Stage) -> None:
    await stage.say("Hello")
    stage.tables.broken = True
    await stage.pass_(60)
    stage.tables.broken = False
    stage.composer.ready("alice")
    await stage.pass_(0)
    assert stage.texts == ["Hello"]


async def test_a_disk_that_is_full_is_waited_for(stage: Stage) -> None:
    (stage.directory / "outbound").write_text("no directory")
    await stage.say("Hello")
    await stage.pass_(60)
    assert stage.outbox.taken == []
    (stage.directory / "outbound").unlink()
    await stage.pass_(900)
    assert stage.texts == ["Hello"]


async def test_a_mail_that_breaks_the_composer_is_told_to_its_writer(stage: Stage) -> None:
    ticket = await stage.say("Hello")
    assert stage.users.author_ is not None
    stage.users.author_ = replace(stage.users.author_, mailbox=None)  # type: ignore[arg-type]  # nothing of ours is so
    await stage.pass_(20)
    assert stage.told.failures[0][0] == (ticket.id,)
    assert "the gateway failed at making it" in stage.told.failures[0][1]


async def test_an_outbox_that_breaks_when_it_has_the_mail_has_it(stage: Stage) -> None:
    stage.outbox.broken = True
    await stage.say("Hello")
    await stage.pass_(2000)
    assert stage.texts == ["Hello"]
    assert stage.told.failures == []


async def test_a_window_goes_on_after_a_start(mail_tables: BridgeTables, tmp_path: Path) -> None:
    clock = ManualClock()
    async with Stage(mail_tables, clock, tmp_path).running() as stage:
        await stage.say("Hello")
        await stage.pass_(5)
    async with Stage(mail_tables, clock, tmp_path, seed=2).running() as stage:
        await stage.pass_(12)
        assert stage.outbox.taken == []
        await stage.pass_(3)
        assert stage.texts == ["Hello"]


async def test_what_a_crash_left_on_disk_is_swept(mail_tables: BridgeTables, tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "orphan.new").write_bytes(b"x")
    async with Stage(mail_tables, ManualClock(), tmp_path).running() as stage:
        await stage.until(lambda: not list((tmp_path / "drafts").iterdir()))


async def test_lines_are_forgotten_in_the_end(stage: Stage) -> None:
    await stage.say("Hello", reference="r")
    await stage.pass_(20)
    drafts = Drafts(stage.tables, "mail")
    kept = await drafts.by_reference("r")
    assert kept is not None
    assert kept.state is LineState.SENT
    assert kept.text == ""
    await stage.clock.advance(181 * 86_400)
    await stage.until(lambda: stage.clock.waiting == [86_400.0])
    await stage.clock.advance(86_400)
    await stage.until(lambda: stage.clock.waiting == [86_400.0])
    assert await drafts.by_reference("r") is None
