"""To whom a mail goes, what it answers, how it is called."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridges.email.composing.building import Calendar
from bridges.email.composing.places import Limits, Quotes
from bridges.email.composing.seals import Seals
from bridges.email.mime.letter import Person
from gateway.model import Condition, Refused, Reply
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.unit.email.composing.stage import ALICE, Stage, everybody, room

CAROL, DAVE = "carol@example.com", "dave@example.net"
DAY = 86_400.0


# -- threads -----------------------------------------------------------------------------------------------------


async def test_a_first_mail_is_named_after_its_first_words(stage: Stage) -> None:
    await stage.say("Hello Bob, " + "how are you? " * 10)
    await stage.pass_(20)
    (mail,) = stage.mails
    assert mail["Subject"] is not None
    assert "Hello Bob, how are you?" in str(mail["Subject"]) or mail["Subject"].startswith("=?utf-8")
    assert mail["References"] is None
    assert len(mail["Message-ID"]) < 70
    assert mail["Message-ID"].endswith("@example.org>")


async def test_a_mail_goes_on_with_the_newest_thread_of_the_chat(stage: Stage) -> None:
    old = await stage.remember("m1")
    await stage.say("At one?")
    await stage.pass_(20)
    (mail,) = stage.mails
    assert mail["Subject"] == "Re: Lunch"
    assert mail["In-Reply-To"] == old.message_id
    assert mail["References"] == old.message_id
    assert stage.texts == ["At one?"], "nobody asked for a quote"
    remembered = await stage.threads.by_id(ALICE, stage.outbox.taken[0].mail_id)
    assert remembered is not None
    assert remembered.thread == old.thread
    assert remembered.text == "At one?"
    assert remembered.sent_by_us
    assert remembered.contact == "bob@example.com"


async def test_a_thread_of_last_week_is_left_alone(stage: Stage) -> None:
    await stage.remember("m1", time=stage.clock.now() - 7.5 * DAY)
    await stage.say("At one?")
    await stage.pass_(20)
    assert stage.mails[0]["Subject"] == "At one?"
    assert stage.mails[0]["In-Reply-To"] is None


@pytest.mark.parametrize(
    "said", [{"text": "Subject: Dinner\nAt eight?"}, {"text": "At eight?", "subject": "Dinner"}]
)
async def test_a_subject_begins_a_thread(stage: Stage, said: dict[str, str]) -> None:
    await stage.remember("m1")
    await stage.say(**said)
    await stage.pass_(20)
    assert stage.mails[0]["Subject"] == "Dinner"
    assert stage.mails[0]["In-Reply-To"] is None
    assert stage.texts == ["At eight?"]


async def test_a_reply_goes_to_its_mail_and_quotes_it(stage: Stage) -> None:
    long = tuple(f"<{number}{'x' * 90}@outlook.example>" for number in range(30))
    first = await stage.remember("m1", references=long, time=stage.clock.now() - 30 * DAY)
    await stage.remember("m2")
    await stage.say("At one?", reply="m1")
    await stage.pass_(20)
    (mail,) = stage.mails
    assert mail["In-Reply-To"] == first.message_id
    assert mail["References"].split() == [long[0], *long[-18:], first.message_id]
    assert stage.texts[0].startswith("At one?\n\nOn ")
    assert stage.texts[0].endswith("Bob <bob@example.com> wrote:\n> What m1 says")


async def test_a_reply_to_an_own_message_goes_on_with_its_mail(stage: Stage) -> None:
    first = await stage.say("Subject: Dinner\nAt eight?")
    await stage.pass_(20)
    await stage.say("Or at nine", reply=first.id)
    await stage.pass_(20)
    assert stage.mails[1]["In-Reply-To"] == stage.mails[0]["Message-ID"]
    assert stage.mails[1]["Subject"] == "Re: Dinner"


async def test_a_reply_to_what_we_do_not_know_quotes_what_the_client_knows(stage: Stage) -> None:
    await stage.say("Yes", reply=Reply("forgotten", "Bob", "Really?"))
    await stage.pass_(20)
    assert stage.texts == ["Yes\n\nBob wrote:\n> Really?"]
    assert stage.mails[0]["In-Reply-To"] is None


async def test_a_mail_of_another_chat_is_neither_answered_nor_quoted(stage: Stage) -> None:
    secret = await stage.remember(
        "m1", sender=Person("Carol", CAROL), contact=CAROL, subject="Secret", thread="t"
    )
    await stage.say("Hello", reply=Reply("m1", "Carol", "What m1 says"), thread="t")
    await stage.pass_(20)
    (mail,) = stage.mails
    assert mail["Subject"] == "Hello"
    assert mail["In-Reply-To"] is None
    assert secret.message_id not in mail.as_string()
    assert stage.texts == ["Hello"]
    remembered = await stage.threads.by_id(ALICE, stage.outbox.taken[0].mail_id)
    assert remembered is not None
    assert remembered.thread != "t"
    await stage.say("and more", thread="t")
    await stage.pass_(20)
    assert stage.mails[1]["In-Reply-To"] == mail["Message-ID"], "in this chat it is a thread all the same"


async def test_a_thread_that_the_client_names_is_gone_on_with(stage: Stage) -> None:
    known = await stage.remember("m1", thread="t1", time=stage.clock.now() - 20 * DAY)
    await stage.remember("m2", thread="t2")
    await stage.say("Hello", thread="t1")
    await stage.pass_(20)
    await stage.say("Something new", thread="t3")
    await stage.pass_(20)
    await stage.say("and more", thread="t3")
    await stage.pass_(20)
    first, second, third = stage.mails
    assert first["In-Reply-To"] == known.message_id
    assert second["In-Reply-To"] is None
    assert second["Subject"] == "Something new"
    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["Subject"] == "Re: Something new"


async def test_quotes_are_as_the_user_wants_them(stage: Stage) -> None:
    await stage.remember("m1")
    assert stage.users.author_ is not None
    stage.users.author_ = replace(stage.users.author_, quotes=Quotes.ALWAYS)
    await stage.say("One")
    await stage.pass_(20)
    stage.users.author_ = replace(stage.users.author_, quotes=Quotes.NEVER)
    await stage.say("Two", reply="m1")
    await stage.pass_(20)
    assert "> What m1 says" in stage.texts[0]
    assert stage.texts[1] == "Two"


# -- recipients --------------------------------------------------------------------------------------------------


async def test_an_answer_goes_to_the_sender_only_and_the_user_is_told(stage: Stage) -> None:
    await stage.remember("m1", CAROL, DAVE)
    await stage.say("Just for you", reply="m1")
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == ["bob@example.com"]
    assert stage.mails[0]["To"] == "Bob <bob@example.com>"
    assert stage.mails[0]["Cc"] is None
    assert stage.told.notices == [
        "This goes to bob@example.com only, not to the 2 others of that mail. Begin with @all to write to all of them."
    ]


async def test_all_goes_to_exactly_those_of_the_mail_but_the_user(stage: Stage) -> None:
    await stage.remember("m1", CAROL, DAVE, "Alias@example.org", "alice+tag@example.org", "BOB@example.com")
    await stage.say("@all At one", reply="m1")
    await stage.say("or two?")
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == ["bob@example.com", CAROL, DAVE]
    assert stage.mails[0]["To"] == "Bob <bob@example.com>"
    assert stage.mails[0]["Cc"] == f"{CAROL}, {DAVE}"
    assert stage.texts[0].startswith("At one\nor two?\n\nOn ")
    assert stage.told.notices == [f"This goes to bob@example.com, {CAROL} and {DAVE}."]


async def test_all_means_the_newest_mail_that_had_several_recipients(stage: Stage) -> None:
    await stage.remember("m1", CAROL, thread="t")
    await stage.say("private", thread="t")
    await stage.pass_(20)
    await stage.say("@all public", thread="t")
    await stage.pass_(20)
    await stage.say("@all again", thread="t")
    await stage.pass_(20)
    assert [everybody(each) for each in stage.outbox.taken] == [
        ["bob@example.com"],
        ["bob@example.com", CAROL],
        ["bob@example.com", CAROL],
    ]


async def test_all_of_one_is_one_and_says_so(stage: Stage) -> None:
    await stage.say("@all Hello")
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == ["bob@example.com"]
    assert stage.texts == ["Hello"]
    assert "no mail that it answers had more recipients" in stage.told.notices[0]


async def test_text_for_all_never_takes_along_what_was_written_to_one(stage: Stage) -> None:
    await stage.remember("m1", CAROL)
    await stage.say("secret")
    await stage.say("@all public")
    await stage.pass_(20)
    assert {text: everybody(each) for each, text in zip(stage.outbox.taken, stage.texts, strict=True)} == {
        "secret": ["bob@example.com"],
        "public": ["bob@example.com", CAROL],
    }


async def test_who_was_added_meanwhile_gets_nothing_and_the_user_is_told(stage: Stage) -> None:
    await stage.remember("m1", CAROL, thread="t", time=stage.clock.now() - 500)
    await stage.remember("m2", CAROL, DAVE, thread="t")
    await stage.say("@all Hello", reply="m1")
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == ["bob@example.com", CAROL]
    assert f"not to {DAVE}, named in the newest mail" in stage.told.notices[0]


async def test_an_address_of_a_mail_that_is_none_is_no_recipient(stage: Stage) -> None:
    await stage.remember("m1", "carol@example.com\r\nBcc: eve@evil.example")
    ticket = await stage.say("@all Hello", reply="m1")
    await stage.pass_(20)
    assert stage.outbox.taken == []
    ((ids, why),) = stage.told.failures
    assert ids == (ticket.id,)
    assert "no address to write to" in why


async def test_too_many_recipients_are_refused(stage: Stage) -> None:
    await stage.remember("m1", *[f"p{number}@example.com" for number in range(10)])
    await stage.say("@all Hello", reply="m1")
    await stage.pass_(20)
    assert "has 11 recipients, and this gateway sends to 10 at most" in stage.told.failures[0][1]


async def test_a_room_writes_to_all_who_are_in_it(stage: Stage) -> None:
    await stage.remember("m1", CAROL, thread="t")
    await stage.say("Hello", place=room("#lunch", "t", "bob@example.com", CAROL))
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == ["bob@example.com", CAROL]
    assert stage.mails[0]["In-Reply-To"] == "<m1@example.com>"
    assert stage.told.notices == []


async def test_a_room_whose_people_changed_writes_to_those_who_were_there_and_says_so(stage: Stage) -> None:
    await stage.remember("m1", CAROL, DAVE, thread="t")
    first = room("#lunch", "t", "bob@example.com", CAROL)
    await stage.say("Hello", place=first)
    await stage.say("Hello Dave", place=room("#lunch", "t", "bob@example.com", CAROL, DAVE))
    await stage.pass_(20)
    assert {
        text: len(each.recipients) for each, text in zip(stage.outbox.taken, stage.texts, strict=True)
    } == {
        "Hello": 2,
        "Hello Dave": 3,
    }
    assert any(f"not to {DAVE}" in notice for notice in stage.told.notices)


async def test_a_room_of_a_mailing_list_writes_to_the_list_and_says_nothing_of_it(stage: Stage) -> None:
    post = "list@lists.example"
    mail = await stage.remember("m1", post, sender=Person("Carol", CAROL), contact=CAROL, thread="t")
    await stage.say("Hello all", place=room("#list.lists.example", "", post), reply="m1")
    await stage.pass_(20)
    assert everybody(stage.outbox.taken[0]) == [post]
    assert stage.mails[0]["In-Reply-To"] == mail.message_id
    assert stage.told.notices == []


# -- the rest of a mail ------------------------------------------------------------------------------------------


async def test_a_mail_bears_our_seals_and_nothing_of_who_wrote_it(stage: Stage) -> None:
    await stage.say("Hello")
    await stage.pass_(20)
    (mail,), (finished,) = stage.mails, stage.outbox.taken
    assert Seals(b"k" * 32).looped(mail["X-Causeway-Loop"]) == finished.mail_id
    assert mail["X-Causeway-Origin"] == Seals(b"k" * 32).origin(ALICE)
    assert mail["Auto-Submitted"] is None
    assert mail["Message-ID"] == finished.message_id
    assert not finished.needs_smtputf8


async def test_a_subject_without_a_text_is_no_mail(stage: Stage) -> None:
    ticket = await stage.say("Subject: Lunch")
    await stage.pass_(20)
    assert stage.told.failures[0][0] == (ticket.id,)
    assert "nothing in it" in stage.told.failures[0][1]


async def test_an_answer_to_an_invitation_goes_at_once_and_alone(stage: Stage) -> None:
    await stage.remember("m1")
    await stage.say("private thoughts")
    await stage.say("Accepted: Lunch", calendar=Calendar("REPLY", "BEGIN:VCALENDAR\r\n"), reply="m1")
    await stage.pass_(0)
    calendar = next(
        part for mail in stage.mails for part in mail.walk() if part.get_content_subtype() == "calendar"
    )
    assert calendar.get_param("method") == "REPLY"
    assert sorted(text.split("\n")[0] for text in stage.texts) == ["Accepted: Lunch", "private thoughts"]


async def test_what_the_outbox_refuses_is_told_to_its_writer(stage: Stage) -> None:
    stage.outbox.refuse = Refused(Condition.POLICY_VIOLATION, "60 mails an hour are enough.")
    ticket = await stage.say("Hello")
    await stage.pass_(20)
    assert stage.told.failures == [((ticket.id,), "60 mails an hour are enough.")]
    assert list((stage.directory / "outbound").iterdir()) == []


async def test_a_mail_that_is_too_large_as_a_whole_is_not_sent(
    mail_tables: BridgeTables, clock: ManualClock, tmp_path: Path
) -> None:
    async with Stage(mail_tables, clock, tmp_path, limits=Limits(size=2_000)).running() as stage:
        await stage.say("words " * 500)
        await stage.pass_(20)
        assert "bytes, and this gateway sends 2,000 at most" in stage.told.failures[0][1]
        assert list((tmp_path / "outbound").iterdir()) == []
