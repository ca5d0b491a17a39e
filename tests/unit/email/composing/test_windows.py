"""Composition windows: which messages become one mail, and when it goes."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridges.email.composing.places import Limits, Place
from gateway.model import ChatState, Condition, Reply
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.composing.stage import ALICE, BOB, Stage, everybody, files_of, mailbox

CAROL = Place.contact(mailbox("carol@example.com"))


async def test_messages_become_one_mail_after_20_seconds_of_silence(stage: Stage) -> None:
    first = await stage.say("Hello Bob")
    await stage.pass_(15)
    second = await stage.say("how are you?")
    await stage.pass_(19)
    assert stage.outbox.taken == []
    await stage.pass_(2)
    (mail,) = stage.outbox.taken
    assert stage.texts == ["Hello Bob\nhow are you?"]
    assert mail.line_ids == (first.id, second.id)
    assert everybody(mail) == ["bob@example.com"]
    assert mail.sender.address == "alice@example.org"


async def test_a_mail_goes_three_minutes_after_its_first_line_at_the_latest(stage: Stage) -> None:
    for number in range(12):
        await stage.say(f"line {number}")
        await stage.pass_(16)
    assert stage.texts[0] == "\n".join(f"line {number}" for number in range(12))


async def test_chats_are_apart(stage: Stage) -> None:
    await stage.say("to Bob")
    await stage.say("to Carol", place=CAROL)
    await stage.pass_(20)
    assert {
        (everybody(each)[0], text) for each, text in zip(stage.outbox.taken, stage.texts, strict=True)
    } == {
        ("bob@example.com", "to Bob"),
        ("carol@example.com", "to Carol"),
    }


async def test_typing_keeps_the_window_open_and_stopping_does_not(stage: Stage) -> None:
    await stage.say("Hello")
    stage.composer.typing(ALICE, BOB.key, ChatState.COMPOSING)
    await stage.pass_(100)
    assert stage.outbox.taken == []
    stage.composer.typing(ALICE, BOB.key, ChatState.PAUSED)
    await stage.pass_(19)
    assert stage.outbox.taken == []
    await stage.pass_(1)
    assert stage.texts == ["Hello"]


async def test_whoever_types_for_ever_does_not_hold_the_mail_for_ever(stage: Stage) -> None:
    await stage.say("Hello")
    stage.composer.typing(ALICE, BOB.key, ChatState.COMPOSING)
    await stage.pass_(180)
    assert stage.texts == ["Hello"]


async def test_closing_the_chat_sends(stage: Stage) -> None:
    await stage.say("Hello")
    stage.composer.typing(ALICE, BOB.key, ChatState.GONE)
    await stage.pass_(0)
    assert stage.texts == ["Hello"]


async def test_typing_with_nothing_written_is_nothing(stage: Stage) -> None:
    stage.composer.typing(ALICE, BOB.key, ChatState.COMPOSING)
    await stage.pass_(500)
    assert stage.outbox.taken == []


@pytest.mark.parametrize("word", [".send", " .SEND "])
async def test_send_sends_at_once(stage: Stage, word: str) -> None:
    await stage.say("Hello")
    assert (await stage.say(word)).ids == []
    await stage.pass_(0)
    assert stage.texts == ["Hello"]


async def test_cancel_drops_the_mail(stage: Stage) -> None:
    ticket = await stage.say("Hello")
    assert (await stage.say(".cancel")).ids == []
    await stage.pass_(500)
    assert stage.outbox.taken == []
    assert stage.told.gone == [ticket.id]
    assert stage.told.notices == ["Cancelled: nothing was sent."]


@pytest.mark.parametrize("word", [".send", ".cancel"])
async def test_commands_with_nothing_written_are_refused(stage: Stage, word: str) -> None:
    refused = (await stage.say(word)).why
    assert refused is not None
    assert refused.text == "Nothing waits to be sent to this address."


async def test_without_a_window_every_message_is_a_mail_at_once(stage: Stage) -> None:
    assert stage.users.author_ is not None
    stage.users.author_ = replace(stage.users.author_, silence=0.0)
    await stage.say("One")
    await stage.say("Two")
    await stage.pass_(0)
    assert stage.texts == ["One", "Two"]


async def test_a_correction_in_time_changes_the_draft(stage: Stage) -> None:
    first = await stage.say("Helo")
    await stage.say("Bob")
    await stage.pass_(15)
    correction = await stage.say("Hello", replaces=first.id)
    again = await stage.say("Hallo", replaces=first.id)
    await stage.pass_(19)
    assert stage.outbox.taken == []
    await stage.pass_(1)
    assert stage.texts == ["Hallo\nBob"]
    assert {first.id, correction.id, again.id} < set(stage.outbox.taken[0].line_ids)


async def test_a_correction_of_a_correction_changes_the_line(stage: Stage) -> None:
    first = await stage.say("Helo")
    correction = await stage.say("Hello", replaces=first.id)
    await stage.say("Hallo", replaces=correction.id)
    await stage.pass_(20)
    assert stage.texts == ["Hallo"]


async def test_a_correction_that_comes_too_late_is_refused_and_never_mailed(stage: Stage) -> None:
    first = await stage.say("Helo")
    await stage.pass_(20)
    refused = (await stage.say("Hello", replaces=first.id)).why
    assert refused is not None
    assert refused.condition is Condition.NOT_ACCEPTABLE
    assert "already sent" in refused.text
    assert "Send a correction mail" in refused.text
    await stage.pass_(500)
    assert stage.texts == ["Helo"]


async def test_a_correction_of_something_unknown_is_refused(stage: Stage) -> None:
    refused = (await stage.say("Hello", replaces="nothing")).why
    assert refused is not None
    assert refused.condition is Condition.ITEM_NOT_FOUND


async def test_a_retracted_line_is_not_in_the_mail(stage: Stage) -> None:
    first = await stage.say("One")
    await stage.say("Two")
    assert (await stage.retract(first.id)).ids == []
    assert (await stage.retract(first.id)).ids == []
    await stage.pass_(20)
    assert stage.texts == ["Two"]
    assert stage.told.gone == [first.id]


async def test_a_mail_of_which_all_is_retracted_is_none(stage: Stage) -> None:
    first = await stage.say("One")
    correction = await stage.say("Won", replaces=first.id)
    await stage.retract(first.id)
    await stage.pass_(500)
    assert stage.outbox.taken == []
    assert set(stage.told.gone) == {first.id, correction.id}
    corrected = (await stage.say("Two", replaces=first.id)).why
    assert corrected is not None
    assert "was not sent" in corrected.text


async def test_what_was_sent_cannot_be_retracted(stage: Stage) -> None:
    first = await stage.say("One")
    await stage.pass_(20)
    refused = (await stage.retract(first.id)).why
    assert refused is not None
    assert refused.condition is Condition.NOT_ACCEPTABLE


async def test_a_repeated_message_is_one_line(stage: Stage) -> None:
    first = await stage.say("Hello", reference="r1")
    again = await stage.say("Hello", reference="r1")
    await stage.pass_(20)
    late = await stage.say("Hello", reference="r1")
    assert first.id == again.id == late.id
    await stage.pass_(500)
    assert stage.texts == ["Hello"]


async def test_a_message_about_something_else_begins_another_mail(stage: Stage) -> None:
    await stage.remember("m1")
    await stage.remember("m2")
    await stage.say("To the first", reply="m1")
    await stage.say("still to the first")
    await stage.say("To the second", reply=Reply("m2"))
    await stage.say("Subject: News\nThere are some")
    await stage.say("@all here they are")
    await stage.pass_(20)
    starts = [text.split("\n\n")[0] for text in stage.texts]
    assert starts == ["To the first\nstill to the first", "To the second", "There are some", "here they are"]


async def test_a_picture_and_its_text_are_one_mail_whichever_comes_first(stage: Stage) -> None:
    stage.web.files["https://x.example/a.png"] = b"picture"
    await stage.say("", "https://x.example/a.png")
    await stage.say("Look", thread="t7", subject="Holiday")
    await stage.pass_(20)
    (mail,) = stage.mails
    assert mail["Subject"] == "Holiday"
    assert stage.texts == ["Look"]
    assert files_of(mail) == [("a.png", b"picture")]


async def test_too_many_lines_begin_another_mail(
    mail_tables: BridgeTables, clock: ManualClock, tmp_path: Path
) -> None:
    async with Stage(mail_tables, clock, tmp_path, limits=Limits(lines=3, characters=10)).running() as stage:
        for text in ("1", "2", "3", "4", "567890123", "x"):
            await stage.say(text)
        refused = (await stage.say("12345678901")).why
        await stage.pass_(20)
        assert stage.texts == ["1\n2\n3", "4\n567890123", "x"]
        assert refused is not None
        assert "longer than the 10 characters" in refused.text


async def test_too_many_mails_at_a_time_are_refused(
    mail_tables: BridgeTables, clock: ManualClock, tmp_path: Path
) -> None:
    async with Stage(mail_tables, clock, tmp_path, limits=Limits(drafts=2)).running() as stage:
        tickets = [
            await stage.say("Hello", place=Place.contact(mailbox(f"{name}@example.com"))) for name in "abc"
        ]
        assert [each.why and each.why.condition for each in tickets] == [
            None,
            None,
            Condition.RESOURCE_CONSTRAINT,
        ]


@pytest.mark.parametrize("text", ["", "  \n ", "\0"])
async def test_an_empty_message_is_refused(stage: Stage, text: str) -> None:
    assert (await stage.say(text)).why is not None


async def test_who_is_not_registered_is_told_so(stage: Stage) -> None:
    stage.users.author_ = None
    refused = (await stage.say("Hello")).why
    assert refused is not None
    assert refused.condition is Condition.REGISTRATION_REQUIRED


async def test_who_unregisters_meanwhile_is_told_that_nothing_was_sent(stage: Stage) -> None:
    ticket = await stage.say("Hello")
    stage.users.author_ = None
    await stage.pass_(20)
    assert stage.told.failures == [
        ((ticket.id,), "Your mail was not sent: you are not registered at this gateway any more.")
    ]


async def test_whoever_is_forgotten_sends_nothing(stage: Stage) -> None:
    stage.web.files = {"https://x.example/a.png": b"picture"}
    await stage.say("Hello", "https://x.example/a.png")
    await stage.idle()
    await stage.composer.forget(ALICE)
    await stage.pass_(500)
    assert stage.outbox.taken == []
    assert list((stage.directory / "drafts").iterdir()) == []
