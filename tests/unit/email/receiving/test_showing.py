"""From the row to the chat: who it comes from, which thread it is in, and what is not shown at all."""

from collections.abc import AsyncIterator

import pytest

from bridges.email.addresses import parse
from bridges.email.composing.seals import LOOP_HEADER
from bridges.email.composing.threads import Mail
from bridges.email.mime.letter import Person
from bridges.email.receiving.arrivals import State
from bridges.email.receiving.contacts import Decision
from bridges.email.receiving.neighbours import Return
from bridges.email.receiving.residents import FirstContact
from bridges.email.receiving.screening import Choice
from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.unit.email.receiving.dialogue import mail
from tests.unit.email.receiving.house import SEALS, House, build, proven
from tests.waiting import eventually

ALICE = Person("Alice", "alice@gw.example")
CAROL = Person("Carol", "carol@far.example")


@pytest.fixture
async def house(services: Services) -> AsyncIterator[House]:
    house = build(services)
    await house.start()
    yield house
    await house.end()


async def sent(house: House, *recipients: Person, message_id: str = "<ours@gw.example>") -> Mail:
    mail = Mail(
        "sent1",
        "user-a",
        message_id,
        "thread1",
        "Tea",
        ALICE,
        recipients,
        house.services.clock.now() - 60,
        text="Shall we have tea?",
        contact=parse(recipients[0].address).folded,
        sent_by_us=True,
    )
    await house.threads.remember(mail)
    return mail


def answer(text: str = "Yes.", sender: str = "Carol <carol@far.example>", **more: str) -> str:
    return mail(text, sender=sender, subject="Re: Tea", fields="In-Reply-To: <ours@gw.example>\r\n", **more)


async def test_an_authenticated_mail_is_in_the_chat_with_its_author(house: House) -> None:
    await house.bring(proven(mail(sender="Carol <Carol@Far.example>")))
    await house.settled()
    (message,) = house.chat.shown
    assert (message.sender, message.text) == ("carol@far.example", "Tea\n\nHello.")
    assert message.enrichment is not None
    assert message.enrichment.subject == "", "it is in the text"
    assert message.enrichment.thread == message.foreign_id
    assert [(each.name, each.display_name) for each in house.chat.contacts] == [
        ("carol@far.example", "Carol")
    ]
    contact = await house.receiving.contacts.find("user-a", "carol@far.example")
    assert (contact.exact, contact.name, contact.proven > 0) == ("Carol@far.example", "Carol", True)
    assert await house.states() == [(State.SHOWN, "")]
    (kept,) = await house.threads.of_thread("user-a", message.foreign_id)
    assert (kept.id, kept.contact, kept.text) == (message.foreign_id, "carol@far.example", "Hello.")


@pytest.mark.parametrize(
    "text",
    [
        mail(),
        "Authentication-Results: mx.evil; dmarc=pass header.from=far.example\r\n" + mail(),
        "Received: from a by evil.example; x\r\n" + proven(mail()),
        proven(mail(sender="Carol <carol@far.example>, eve@evil.example")),
        proven(mail(fields="From: eve@evil.example\r\n")),
        proven(mail(sender="carol@far.example <eve@evil.example>"), "evil.example"),
        proven(mail(sender="")),
    ],
)
async def test_what_nobody_vouches_for_never_is(house: House, text: str) -> None:
    await house.bring(text)
    await house.settled()
    (message,) = house.chat.shown
    assert message.sender == ""
    assert message.text.startswith("⚠ This mail says that it is from")
    assert message.enrichment is not None
    assert message.enrichment.thread == ""
    assert house.chat.contacts == []
    assert not (await house.receiving.contacts.find("user-a", "carol@far.example")).proven


async def test_an_answer_is_in_the_thread_of_what_it_answers(house: House) -> None:
    await sent(house, CAROL)
    await house.bring(proven(answer("Yes.\r\n\r\nAlice <alice@gw.example> wrote:\r\n> Shall we have tea?")))
    await house.settled()
    (message,) = house.chat.shown
    assert message.text == "Yes.\n[2 quoted lines]"
    assert message.enrichment is not None
    assert message.enrichment.thread == "thread1"
    assert message.enrichment.reply is not None
    assert (message.enrichment.reply.id, message.enrichment.reply.text) == (
        "line-of-sent1",
        "Shall we have tea?",
    )


@pytest.mark.parametrize(
    "text",
    [
        proven(answer(sender="eve@evil.example"), "evil.example"),
        answer(),  # says that it is from Carol
    ],
)
async def test_knowing_a_message_id_leads_nowhere(house: House, text: str) -> None:
    await sent(house, CAROL)
    await house.bring(text)
    await house.settled()
    (message,) = house.chat.shown
    assert "Re: Tea" in message.text
    assert message.enrichment is not None
    assert message.enrichment.thread != "thread1"
    assert message.enrichment.reply is None
    assert len(await house.threads.of_thread("user-a", "thread1")) == 1


async def test_who_was_added_by_somebody_authenticated_takes_part(house: House) -> None:
    await sent(house, CAROL)
    await house.bring(proven(answer(to="alice@gw.example, dan@far.example", message_id="<c1@far.example>")))
    await house.settled()
    forged = answer(to="alice@gw.example, eve@evil.example", message_id="<c2@far.example>")
    await house.bring(forged)
    follow = "In-Reply-To: {}\r\n"
    for name, host in (("dan", "far.example"), ("eve", "evil.example")):
        parent = "<c1@far.example>" if name == "dan" else "<c2@far.example>"
        text = mail(sender=f"{name}@{host}", message_id=f"<{name}@x>", fields=follow.format(parent))
        await house.bring(proven(text, host))
    await house.settled()
    threads = {
        each.sender: each.enrichment.thread for each in house.chat.shown if each.enrichment is not None
    }
    assert threads["dan@far.example"] == "thread1"
    assert threads["eve@evil.example"] != "thread1"


async def test_a_mail_of_the_users_own_that_comes_back_is_not_shown(house: House) -> None:
    await sent(house, CAROL)
    await house.bring(mail(message_id="<ours@gw.example>"))
    await house.bring(mail("x", message_id="<new@x>", fields=f"{LOOP_HEADER}: {SEALS.loop('sent1')}\r\n"))
    await house.bring(mail("y", message_id="<ours@gw.example>", fields="List-Id: <l.far.example>\r\n"))
    await house.settled()
    assert house.chat.shown == []
    assert sorted(await house.states()) == [
        (State.DROPPED, "copy"),
        (State.DROPPED, "loop"),
        (State.DROPPED, "loop"),
    ]


async def test_a_mail_of_another_user_here_is_a_mail(house: House) -> None:
    text = mail(sender="bob@gw.example", fields=f"{LOOP_HEADER}: {SEALS.loop('of-bob')}\r\n")
    await house.bring(proven(text, "gw.example"))
    forged = f"{LOOP_HEADER}: sent1 {'0' * 32}\r\n"
    await sent(house, CAROL)
    await house.bring(proven(mail("forged", message_id="<f@x>", fields=forged)))
    await house.settled()
    assert [each.sender for each in house.chat.shown] == ["bob@gw.example", "carol@far.example"]


async def test_strangers_are_asked_about_once(house: House) -> None:
    house.people.policies["user-a"] = FirstContact.ASK
    await house.bring(proven(mail("one")))
    await house.bring(proven(mail("two")))
    await house.settled()
    (question,) = house.chat.shown
    assert question.sender == ""
    assert "Carol <carol@far.example> wrote to you for the first time" in question.text
    assert "The sender is authenticated." in question.text
    assert "allow carol@far.example" in question.text
    held = await house.receiving.quarantine.held("user-a")
    assert [(each.author, each.subject, each.reason) for each in held] == [
        ("carol@far.example", "Tea", "stranger")
    ] * 2
    assert await house.receiving.quarantine.decide("user-a", parse("carol@far.example"), Choice.ALLOW) == 2
    await house.settled()
    assert [text[-3:] for text in house.chat.texts[1:]] == ["one", "two"]
    await house.bring(proven(mail("three")))
    await house.settled()
    assert house.chat.texts[3].endswith("three")


@pytest.mark.parametrize(
    ("choice", "shown_now", "shown_later", "code"),
    [
        (Choice.ONCE, 1, 0, 250),
        (Choice.BLOCK, 0, 0, 550),
        (Choice.SPAM, 0, 0, 250),
    ],
)
async def test_a_decision_about_a_stranger_holds(
    house: House, clock: ManualClock, choice: Choice, shown_now: int, shown_later: int, code: int
) -> None:
    house.people.policies["user-a"] = FirstContact.ASK
    await house.bring(proven(mail("one")))
    await house.settled()
    house.chat.shown.clear()
    await house.receiving.quarantine.decide("user-a", parse("carol@far.example"), choice)
    await house.settled()
    assert len(house.chat.shown) == shown_now
    house.chat.shown.clear()
    assert await house.bring(proven(mail("two"))) == [code]
    await house.settled()
    assert len(house.chat.shown) == shown_later
    # Whoever writes to somebody wants an answer, but what was decided stays.
    house.chat.shown.clear()
    await house.receiving.contacts.wrote("user-a", parse("carol@far.example"), clock.now())
    kept_away = choice in (Choice.BLOCK, Choice.SPAM)
    assert await house.bring(proven(mail("three"))) == [code if kept_away else 250]
    await house.settled()
    assert [each.text.endswith("three") for each in house.chat.shown] == ([] if kept_away else [True])


async def test_who_is_closed_to_strangers_hears_of_none(house: House) -> None:
    house.people.policies["user-a"] = FirstContact.CLOSED
    assert await house.bring(proven(mail())) == [550]
    # The sender of a forged mail is told nothing: it was not them.
    assert await house.bring(mail()) == [250]
    await house.settled()
    assert house.chat.shown == []
    assert await house.states() == [(State.HELD, "closed")]
    await sent(house, CAROL)
    await house.receiving.contacts.wrote("user-a", parse("carol@far.example"), 1.0)
    assert await house.bring(proven(answer())) == [250]
    await house.settled()
    assert len(house.chat.shown) == 1


async def test_blocked_mail_that_may_be_forged_is_dropped(house: House) -> None:
    await house.receiving.blocks.add("user-a", "far.example", 1.0)
    assert await house.bring(mail(), sender="x@elsewhere.example") == [250]
    assert await house.bring(proven(mail("2")), sender="x@elsewhere.example") == [550]
    assert await house.bring(mail("3"), sender="carol@mail.far.example") == [550]
    await house.settled()
    assert house.chat.shown == []
    assert await house.states() == [(State.DROPPED, "blocked")]


async def test_marked_spam_is_held_but_for_those_who_are_wanted(house: House) -> None:
    await house.bring("X-Spam-Flag: YES\r\n" + proven(mail("one")))
    await house.settled()
    assert await house.states() == [(State.HELD, "spam")]
    await house.receiving.contacts.wrote("user-a", parse("carol@far.example"), 1.0)
    await house.bring("X-Spam-Flag: YES\r\n" + proven(mail("two")))
    await house.bring("X-Spam-Flag: YES\r\n" + mail("three"))
    await house.settled()
    assert len(house.chat.shown) == 1
    (first, third) = await house.receiving.quarantine.held("user-a")
    assert await house.receiving.quarantine.release("user-a", [first.id]) == 1
    assert await house.receiving.quarantine.release("user-b", [third.id]) == 0
    assert await house.receiving.quarantine.drop("user-a", [third.id]) == 1
    await house.settled()
    assert [text[-3:] for text in house.chat.texts] == ["two", "one"]
    assert house.receiving.intake.waiting.of("user-a").mails == 0


async def test_held_mail_ends(house: House, clock: ManualClock) -> None:
    house.people.policies["user-a"] = FirstContact.ASK
    await house.bring(mail())
    await house.settled()
    await clock.advance(31 * 86_400)
    await house.receiving.sweep()
    assert await house.receiving.quarantine.held("user-a") == []


async def test_a_list_is_decided_about_as_one(house: House) -> None:
    house.people.policies["user-a"] = FirstContact.ASK
    fields = "List-Id: <dev.far.example>\r\nList-Post: <mailto:dev@far.example>\r\n"
    for name in ("carol", "dan"):
        await house.bring(
            proven(mail(name, sender=f"{name}@far.example", message_id=f"<{name}@x>", fields=fields))
        )
    await house.settled()
    (question,) = house.chat.shown
    assert "allow dev@far.example" in question.text
    await house.receiving.quarantine.decide("user-a", parse("dev@far.example"), Choice.ALLOW)
    await house.settled()
    assert [each.sender for each in house.chat.shown[1:]] == ["carol@far.example", "dan@far.example"]


REPORT = (
    "From: mailer-daemon@far.example\r\nTo: alice@gw.example\r\nSubject: Undelivered\r\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n"
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; far.example\r\n\r\n"
    "Final-Recipient: rfc822; carol@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)


@pytest.mark.parametrize(("known", "reason"), [(True, "report"), (False, "foreign report")])
async def test_reports_are_dealt_with_by_whoever_sent_the_mail(
    house: House, known: bool, reason: str
) -> None:
    house.sent.known = known
    await house.bring(REPORT, sender="")
    await house.settled()
    assert house.chat.shown == []
    assert len(house.sent.reports) == 1
    assert await house.states() == [(State.DROPPED, reason)]


async def test_what_comes_back_is_shown_where_it_belongs(house: House) -> None:
    await sent(house, CAROL)
    house.sent.about = Return("user-a", "sent1", "carol@far.example", "An automatic answer to your mail:")
    text = mail("I am away.", subject="Out of office", fields="Auto-Submitted: auto-replied\r\n")
    await house.bring(text, "b+token@gw.example", sender="")
    await house.settled("")
    (message,) = house.chat.shown
    assert message.sender == "carol@far.example"
    assert message.text.startswith("An automatic answer to your mail:")
    assert "[automatic answer]" in message.text
    assert message.enrichment is not None
    assert message.enrichment.thread == "thread1"
    house.sent.about = Return("user-a", "sent1", "carol@far.example")
    await house.bring(mail("a report"), "b+token@gw.example", sender="")
    house.sent.about = None
    await house.bring(mail("of nothing"), "b+token@gw.example", sender="")
    await house.settled("")
    assert len(house.chat.shown) == 1


async def test_somebody_elses_words_at_a_return_address_are_not_the_contacts(house: House) -> None:
    await sent(house, CAROL)
    house.sent.about = Return("user-a", "sent1", "carol@far.example", "Your mail came back:")
    await house.bring(mail("Buy!", sender="eve@evil.example"), "b+token@gw.example", sender="")
    await house.settled("")
    assert house.chat.shown[0].sender == ""


async def test_the_operator_gets_what_is_for_postmaster(house: House) -> None:
    await house.bring(mail("Your server is on fire."), "postmaster@gw.example", "alice@gw.example")
    await house.settled("")
    await house.settled()
    (message,) = house.operator.shown
    assert message.sender == ""
    assert "Mail to postmaster@gw.example:" in message.text
    assert "on fire" in message.text
    assert len(house.chat.shown) == 1


async def test_attachments_and_what_is_missing_come_as_files(house: House) -> None:
    text = (
        "From: carol@far.example\r\nTo: alice@gw.example\r\nSubject: Files\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        + "A long text. " * 1000
        + '\r\n--b\r\nContent-Type: image/png; name="a.png"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n'
    )
    await house.bring(proven(text))
    await house.settled()
    assert house.chat.files["a.png"] == b"\0\1\2"
    assert house.chat.files["Files.eml"].endswith(text.encode())
    # a thread clears up after the last file is out
    await eventually(lambda: not list((house.services.directory / "reading").iterdir()))


async def test_decisions_about_a_contact_are_kept(house: House) -> None:
    await house.receiving.quarantine.decide("user-a", parse("Eve@evil.example"), Choice.BLOCK)
    fresh = build(house.services)
    contact = await fresh.receiving.contacts.find("user-a", "eve@evil.example")
    assert (contact.exact, contact.decision) == ("Eve@evil.example", Decision.BLOCK)
    assert [each.address for each in await fresh.receiving.contacts.of("user-a")] == ["eve@evil.example"]
