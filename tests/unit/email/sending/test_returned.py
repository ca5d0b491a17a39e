"""What comes back: applied to the one recipient it is about, told once, and never believed of mail that is not ours."""

import random
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from bridges.email.addresses import parse
from bridges.email.mime.letter import (
    AutoKind,
    Automatic,
    DeliveryReport,
    Disposition,
    Letter,
    RecipientStatus,
)
from bridges.email.sending.bounces import of_mailbox
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.returned import What
from bridges.email.sending.verp import Return, new_row
from tests.unit.email.sending.conftest import Office

ALICE = "alice@example.org"
BOB = "Bob@example.com"
FAILED = RecipientStatus(
    "bob@example.com", "failed", "5.1.1", "550 5.1.1 <bob@example.com>: no such user", "mx.example.com"
)
DELAYED = RecipientStatus("bob@example.com", "delayed", "4.4.1", "connect timed out")
RELAYED = RecipientStatus("bob@example.com", "relayed", "2.0.0")
DELIVERED = RecipientStatus("bob@example.com", "delivered", "2.0.0", "250 2.0.0 saved")


def report(*statuses: RecipientStatus, **more: Any) -> Letter:
    usual = DeliveryReport(statuses, reporting_mta="mx.mail.test", message_id="<1@mail.test>")
    return Letter(report=replace(usual, **more))


async def sent(office: Office, *recipients: str) -> list[Return]:
    """A mail on its way, as its recipients' return addresses; without a smarthost."""
    rows = [new_row(random.Random()) for _ in recipients]
    await office.sending.sendings.take(office.finished(*recipients), rows, "", ())
    return [Return(row, False) for row in rows]


async def told(office: Office) -> list[tuple[str, Kind, str]]:
    """All that is owed now, noted as told."""
    found = []
    while owed := await office.sending.sendings.owed(10):
        found += [(each.recipient.exact, each.outcome.kind, each.outcome.text) for each in owed]
        await office.sending.sendings.told(owed)
    return found


async def test_a_report_is_about_the_recipient_whose_return_address_it_came_to(office: Office) -> None:
    bob, _ = await sent(office, BOB, "carol@example.com")
    verdict = await office.sending.returns.at_return_path(report(FAILED), bob)
    assert verdict.what is What.REPORT
    assert verdict.sent is not None
    assert (verdict.sent.owner, verdict.sent.recipient.exact) == (ALICE, BOB)
    (owed,) = await office.sending.sendings.owed(10)
    said = owed.outcome
    assert (said.kind, said.code, said.status, said.remote_host) == (
        Kind.FAILED,
        550,
        "5.1.1",
        "mx.example.com",
    )
    assert said.text == "550 5.1.1 <bob@example.com>: no such user"


async def test_the_same_report_twice_is_told_once(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    for _ in range(2):
        assert (await office.sending.returns.at_return_path(report(FAILED), bob)).what is What.REPORT
    assert len(await told(office)) == 1
    await office.sending.returns.at_return_path(report(FAILED), bob)
    assert await told(office) == []


async def test_news_never_goes_back(office: Office) -> None:
    for order in permutations([FAILED, DELAYED, RELAYED, DELIVERED]):
        (bob,) = await sent(office, BOB)
        heard = []
        for each in order:
            await office.sending.returns.at_return_path(report(each), bob)
            heard += [kind for _, kind, _ in await told(office)]
        assert heard.count(Kind.DELAYED) == (order[0] is DELAYED)
        ranks = [kind.rank for kind in heard if kind is not Kind.DELAYED]
        assert ranks == sorted(set(ranks))
        assert ranks[-1] == Kind.FAILED.rank


async def test_what_was_overtaken_is_not_told(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    for each in (DELAYED, RELAYED, DELIVERED):
        await office.sending.returns.at_return_path(report(each), bob)
    assert [kind for _, kind, _ in await told(office)] == [Kind.DELIVERED]


async def test_a_mailbox_that_is_none_is_remembered_until_mail_arrives(office: Office) -> None:
    bounces, returns = office.sending.bounces, office.sending.returns
    (bob,) = await sent(office, BOB)
    await returns.at_return_path(report(FAILED), bob)
    assert list(await bounces.of(ALICE)) == ["bob@example.com"]
    assert (await bounces.of(ALICE))["bob@example.com"].code == 550
    assert await bounces.of("somebody@else.example") == {}
    (again,) = await sent(office, BOB)
    await returns.at_return_path(report(DELIVERED), again)
    assert await bounces.of(ALICE) == {}
    assert [(who, mailbox, bounce is None) for who, mailbox, bounce in office.bounced] == [
        (ALICE, BOB, False),
        (ALICE, BOB, True),
    ]
    await bounces.clear(ALICE, parse(BOB))
    assert len(office.bounced) == 2


@pytest.mark.parametrize(
    ("code", "status", "lasting"),
    [
        (550, "5.1.1", True),
        (550, "5.1.10", True),
        (550, "5.2.1", True),
        (0, "5.4.4", True),
        (550, "", True),
        (550, "5.7.1", False),
        (552, "5.3.4", False),
        (550, "5.1.7", False),
        (550, "5.1.8", False),
        (554, "", False),
        (452, "4.2.2", False),
        (552, "5.2.2", False),
    ],
)
def test_which_failures_are_the_mailboxs(code: int, status: str, lasting: bool) -> None:
    assert of_mailbox(Outcome(Kind.FAILED, "", code, status)) is lasting
    assert not of_mailbox(Outcome(Kind.DELAYED, "", code, status))


async def test_of_several_recipients_in_a_report_only_ours_counts(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    other = replace(FAILED, recipient="eve@example.com")
    await office.sending.returns.at_return_path(report(other, DELIVERED), bob)
    assert [kind for _, kind, _ in await told(office)] == [Kind.DELIVERED]


async def test_a_forwarded_address_is_known_by_the_original_or_by_the_return_address(office: Office) -> None:
    one, two = (await sent(office, BOB))[0], (await sent(office, BOB))[0]
    elsewhere = replace(FAILED, recipient="bob@far.example")
    await office.sending.returns.at_return_path(report(replace(elsewhere, original=BOB), DELIVERED), one)
    await office.sending.returns.at_return_path(report(elsewhere), two)
    assert [kind for _, kind, _ in await told(office)] == [Kind.FAILED] * 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (replace(FAILED, action=""), Kind.FAILED),
        (replace(FAILED, action="", status=""), Kind.FAILED),
        (replace(DELAYED, action=""), Kind.DELAYED),
        (replace(RELAYED, action="expanded"), Kind.DELIVERED),
    ],
)
async def test_a_report_without_an_action_is_read_by_its_codes(
    office: Office, status: RecipientStatus, kind: Kind
) -> None:
    (bob,) = await sent(office, BOB)
    await office.sending.returns.at_return_path(report(status), bob)
    assert [each for _, each, _ in await told(office)] == [kind]


async def test_an_automatic_answer_is_shown_in_its_thread(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    letter = Letter(text="I am away.", automatic=Automatic(AutoKind.REPLY, ("Auto-Submitted",)))
    verdict = await office.sending.returns.at_return_path(letter, bob)
    assert verdict.what is What.ANSWER
    assert verdict.sent is not None
    assert verdict.sent.message_id == "<1@mail.test>"
    assert await told(office) == []


async def test_anything_else_is_returned_mail_and_not_for_ever(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    letters = [Letter(text="buy this"), report(replace(FAILED, action="", status="", diagnostic=""))]
    found = [
        (await office.sending.returns.at_return_path(letters[number % 2], bob)).what for number in range(7)
    ]
    assert found == [What.RETURNED] * 5 + [What.IGNORED] * 2


async def test_a_note_of_reading_is_left_to_others(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    letter = Letter(mdn=Disposition("displayed", "bob@example.com", "<1@mail.test>"))
    assert (await office.sending.returns.at_return_path(letter, bob)).what is What.ORDINARY


async def test_what_comes_too_late_is_about_nothing(office: Office) -> None:
    (bob,) = await sent(office, BOB)
    returns = office.sending.returns
    late = await returns.at_return_path(report(FAILED), replace(bob, expired=True))
    gone = await returns.at_return_path(report(FAILED), Return("a" * 12, False))
    assert (late.what, gone.what) == (What.IGNORED, What.IGNORED)
    assert await told(office) == []


async def test_at_another_address_a_report_counts_by_its_message_id(office: Office) -> None:
    await sent(office, BOB, "carol@example.com")
    verdict = await office.sending.returns.elsewhere(report(FAILED), ALICE)
    assert verdict.what is What.REPORT
    assert [(who, kind) for who, kind, _ in await told(office)] == [(BOB, Kind.FAILED)]


async def test_or_by_the_id_of_the_envelope(office: Office) -> None:
    await sent(office, BOB)
    letter = report(FAILED, message_id="", envelope_id="m1")
    assert (await office.sending.returns.elsewhere(letter, ALICE)).what is What.REPORT


@pytest.mark.parametrize(
    ("letter", "owner"),
    [
        (report(FAILED, message_id="<other@mail.test>"), ALICE),
        (report(FAILED, message_id=""), ALICE),
        (report(FAILED), "mallory@example.org"),
    ],
)
async def test_reports_of_mail_that_a_user_never_sent_are_told_to_nobody(
    office: Office, letter: Letter, owner: str
) -> None:
    await sent(office, BOB)
    assert (await office.sending.returns.elsewhere(letter, owner)).what is What.IGNORED
    assert await told(office) == []
    assert not office.bounced


async def test_a_guess_at_another_address_is_a_letter(office: Office) -> None:
    await sent(office, BOB)
    for letter in (report(FAILED, standard=False), Letter(text="hello")):
        assert (await office.sending.returns.elsewhere(letter, ALICE)).what is What.ORDINARY
    assert await told(office) == []


async def test_how_many_of_a_users_mails_came_back(office: Office) -> None:
    places = [await sent(office, BOB) for _ in range(4)]
    await office.sending.returns.at_return_path(report(FAILED), places[0][0])
    for (place,) in places[1:3]:
        await office.sending.returns.at_return_path(report(DELIVERED), place)
    assert await office.sending.sendings.share_of_failures(ALICE) == (1, 3)
    assert await office.sending.sendings.share_of_failures("nobody") == (0, 0)
