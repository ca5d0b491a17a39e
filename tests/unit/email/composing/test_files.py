"""Files on their way into a mail: it waits for them, and a missing one is the user's to decide about."""

import asyncio
from dataclasses import replace
from pathlib import Path

from bridges.email.composing.places import Limits
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.composing.stage import Stage, files_of

A, B, GONE = "https://x.example/a.png", "https://x.example/b.pdf", "https://x.example/gone.png"
MISSING = "gone.png was not attached: The server says that there is no such file."


async def test_a_mail_waits_for_its_files(stage: Stage) -> None:
    stage.web.files = {A: b"aaa", B: b"bbb"}
    gate = stage.web.gates[A] = asyncio.Event()
    ticket = stage.post("Look", A, B)
    await stage.until(lambda: ticket.answered)
    await stage.clock.advance(100)
    assert stage.outbox.taken == []
    gate.set()
    await stage.until(lambda: bool(stage.outbox.taken))
    assert stage.texts == ["Look"]
    assert files_of(stage.mails[0]) == [("a.png", b"aaa"), ("b.pdf", b"bbb")]


async def test_what_is_written_while_a_file_comes_is_in_the_same_mail(stage: Stage) -> None:
    stage.web.files = {A: b"aaa"}
    gate = stage.web.gates[A] = asyncio.Event()
    await stage.say("Look", A)
    await stage.clock.advance(100)
    await stage.say("Nice, isn't it?")
    gate.set()
    await stage.pass_(20)
    assert stage.texts == ["Look\nNice, isn't it?"]
    assert len(stage.outbox.taken) == 1


async def test_files_are_gone_from_the_drafts_when_the_mail_is_sent(stage: Stage) -> None:
    stage.web.files = {A: b"aaa"}
    await stage.say("", A)
    await stage.pass_(20)
    assert list((stage.directory / "drafts").iterdir()) == []
    assert list((stage.directory / "web").iterdir()) == []
    assert [each.name for each in (stage.directory / "outbound").iterdir()] == [
        f"{stage.outbox.taken[0].mail_id}.eml"
    ]
    assert stage.mails[0]["Subject"] == "Message from Alice"


async def test_a_missing_file_fails_its_line_and_holds_the_rest(stage: Stage) -> None:
    await stage.say("See the picture")
    picture = await stage.say("", GONE)
    await stage.pass_(1000)
    assert stage.outbox.taken == []
    assert stage.told.failures == [((picture.id,), MISSING)]
    assert stage.told.notices[0].startswith(f"{MISSING} The rest of your mail waits")


async def test_writing_on_sends_the_rest(stage: Stage) -> None:
    await stage.say("See the picture")
    await stage.say("", GONE)
    await stage.pass_(1000)
    stage.web.files = {A: b"aaa"}
    await stage.say("", A)
    await stage.pass_(20)
    assert stage.texts == ["See the picture"]
    assert files_of(stage.mails[0]) == [("a.png", b"aaa")]


async def test_send_sends_the_rest_as_it_is(stage: Stage) -> None:
    await stage.say("See the picture")
    await stage.say("", GONE)
    await stage.pass_(1000)
    await stage.say(".send")
    await stage.pass_(0)
    assert stage.texts == ["See the picture"]


async def test_a_held_mail_fails_when_nobody_decides_for_a_day(stage: Stage) -> None:
    line = await stage.say("See the picture")
    await stage.say("", GONE)
    await stage.pass_(86_401)
    assert stage.outbox.taken == []
    assert stage.told.failures[1][0] == (line.id,)
    assert "one of its files was missing" in stage.told.failures[1][1]


async def test_a_missing_file_alone_is_just_told(stage: Stage) -> None:
    picture = await stage.say("", GONE)
    await stage.pass_(1000)
    assert stage.outbox.taken == []
    assert stage.told.failures == [((picture.id,), MISSING)]
    assert stage.told.notices == []


async def test_a_file_that_is_missing_once_the_mail_was_to_go_holds_it_too(stage: Stage) -> None:
    gate = stage.web.gates[GONE] = asyncio.Event()
    await stage.say("See the picture")
    await stage.say("", GONE)
    await stage.say(".send")
    gate.set()
    await stage.pass_(1000)
    assert stage.outbox.taken == []
    assert len(stage.told.failures) == 1


async def test_a_file_that_makes_the_mail_too_large_is_not_attached(
    mail_tables: BridgeTables, clock: ManualClock, tmp_path: Path
) -> None:
    async with Stage(mail_tables, clock, tmp_path, limits=Limits(size=10_000)).running() as stage:
        stage.web.files = {A: bytes(5_000), B: bytes(3_000)}
        await stage.say("Look", A)
        second = await stage.say("", B)
        await stage.pass_(100)
        assert stage.told.failures[0][0] == (second.id,)
        assert "too large" in stage.told.failures[0][1]
        assert len(list((tmp_path / "drafts").iterdir())) == 1


async def test_too_many_files_are_refused(stage: Stage) -> None:
    assert (await stage.say("", *[A] * 21)).why is not None


async def test_a_retracted_file_is_not_in_the_mail(stage: Stage) -> None:
    stage.web.files = {A: b"aaa"}
    gate = stage.web.gates[A] = asyncio.Event()
    await stage.say("Text")
    picture = await stage.say("", A)
    await stage.retract(picture.id)
    gate.set()
    await stage.pass_(20)
    assert stage.texts == ["Text"]
    assert files_of(stage.mails[0]) == []
    assert list((stage.directory / "drafts").iterdir()) == []


async def test_a_cancelled_mail_leaves_no_files(stage: Stage) -> None:
    stage.web.files = {A: b"aaa"}
    await stage.say("Text", A)
    await stage.idle()
    await stage.say(".cancel")
    await stage.pass_(500)
    assert list((stage.directory / "drafts").iterdir()) == []
    assert stage.outbox.taken == []


async def test_a_caption_can_be_corrected(stage: Stage) -> None:
    stage.web.files = {A: b"aaa"}
    ticket = await stage.say("Lok", A)
    await stage.say("Look", replaces=ticket.id)
    await stage.pass_(20)
    assert stage.texts == ["Look"]
    assert len(files_of(stage.mails[0])) == 1


async def test_a_mail_of_one_file_without_a_window_goes_when_the_file_is_here(stage: Stage) -> None:
    assert stage.users.author_ is not None
    stage.users.author_ = replace(stage.users.author_, silence=0.0)
    stage.web.files = {A: b"aaa"}
    await stage.say("Look", A)
    await stage.pass_(0)
    assert files_of(stage.mails[0]) == [("a.png", b"aaa")]
