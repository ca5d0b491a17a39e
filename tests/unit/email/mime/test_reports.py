"""What became of a mail is understood from reports of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime.letter import AutoKind, Complaint, DeliveryReport, Disposition, RecipientStatus
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import PATIENT, mail, multipart, text

_RETURNED = "Content-Type: message/rfc822\r\n\r\nMessage-ID: <ours@example.net>\r\nSubject: Tea\r\n\r\nHello"


def report(
    status: str, kind: str = "message/delivery-status", returned: str = _RETURNED
) -> DeliveryReport | None:
    said = f"Content-Type: {kind}\r\n\r\n{status}"
    raw = multipart(text("It failed."), said, returned, kind="report", more="; report-type=delivery-status")
    letter = read(raw)
    assert letter.text == "It failed."
    assert letter.automatic is not None
    assert letter.automatic.kind is AutoKind.REPORT
    assert letter.attachments == ()
    return letter.report


def test_several_recipients_have_their_own_fates() -> None:
    found = report(
        "Reporting-MTA: dns; mx.example.org\r\nOriginal-Envelope-Id: row+2B7\r\n\r\n"
        "Final-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Remote-MTA: dns; b.example.org\r\nDiagnostic-Code: smtp; 550 5.1.1 no such\r\n user\r\n\r\n"
        "Original-Recipient: rfc822;c@example.org\r\nFinal-Recipient: rfc822;d+2024@example.org\r\nAction: delayed\r\n"
        "Status: 4.4.1 (no answer)\r\nWill-Retry-Until: 1 Jan 2024 00:00:00 GMT\r\n\r\n"
        "Final-Recipient: rfc822; e@example.org\r\nAction: relayed (to somewhere)\r\nStatus: 2.0.0\r\n"
    )
    assert found == DeliveryReport(
        (
            RecipientStatus("a@example.org", "failed", "5.1.1", "550 5.1.1 no such user", "b.example.org"),
            RecipientStatus(
                "d+2024@example.org", "delayed", "4.4.1", original="c@example.org", retry_until=1704067200.0
            ),
            RecipientStatus("e@example.org", "relayed", "2.0.0"),
        ),
        "row+7",
        "mx.example.org",
        "<ours@example.net>",
    )


def test_international_reports() -> None:
    found = report(
        "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: utf-8; b\\x{F6}b@example.org\r\nAction: failed\r\n"
        "Status: 5.6.7\r\n",
        "message/global-delivery-status",
        "Content-Type: message/global-headers\r\n\r\nMessage-ID: <ours@example.net>\r\n",
    )
    assert found is not None
    assert [(each.recipient, each.action) for each in found.recipients] == [("böb@example.org", "failed")]
    assert found.message_id == "<ours@example.net>"


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ("Action: failure\r\nStatus: 5.0.0", "failed"),
        ("Status: 5.2.2", "failed"),
        ("Status: 4.2.2", "delayed"),
        ("Action: nonsense", ""),
        ("Action: expanded", "expanded"),
    ],
)
def test_reports_that_are_not_as_the_standard_has_it(fields: str, action: str) -> None:
    found = report(f"Final-Recipient: rfc822; a@example.org\r\n{fields}\r\n")
    assert found is not None
    assert [each.action for each in found.recipients] == [action]


def test_a_report_without_recipients_is_one_of_nobody() -> None:
    found = report("Reporting-MTA: dns; mx.example.org\r\n")
    assert found is not None
    assert found.recipients == ()


@PATIENT
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda octets: octets.decode("latin-1")))
def test_any_text_in_the_place_of_a_report_is_read(status: str) -> None:
    raw = multipart(
        text("x"),
        f"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: {status}\r\n\r\n{status}",
        kind="report",
    )
    found = read(raw).report
    assert found is None or all("\n" not in each.recipient for each in found.recipients)


@pytest.mark.parametrize(
    ("sender", "subject", "body", "fates"),
    [
        (
            "MAILER-DAEMON@mx.example.org",
            "failure notice",
            "Hi. This is the qmail-send program at mx.example.org.\n\n"
            "<a@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
            "--- Below this line is a copy of the message.\n\nMessage-ID: <ours@example.net>\nTo: z@example.com\n",
            [("a@example.org", "failed")],
        ),
        (
            "Mail Delivery System <Mailer-Daemon@example.org>",
            "Warning: message 1x delayed 24 hours",
            "A message that you sent has not yet been delivered to one or more of its recipients.\n\n"
            "  a@example.org\n    Delay reason: x\n",
            [("a@example.org", "delayed")],
        ),
        (
            "postmaster@example.org",
            "Undeliverable: Tea",
            "Your message did not reach some or all of the intended recipients.\n\n      b@example.org on 1/1/2026\n"
            "            550 5.1.1 User unknown\n",
            [("b@example.org", "failed")],
        ),
    ],
)
def test_prose_is_understood_as_a_guess(
    sender: str, subject: str, body: str, fates: list[tuple[str, str]]
) -> None:
    found = read(f"From: {sender}\r\nSubject: {subject}\r\n\r\n{body}".encode()).report
    assert found is not None
    assert not found.standard
    assert [(each.recipient, each.action) for each in found.recipients] == fates


def test_people_who_write_about_failures_report_none() -> None:
    body = "delivery failed for carol@example.com, user unknown. What now?"
    assert read(mail(body, header="Subject: Undelivered mail\r\n")).report is None


@pytest.mark.parametrize(
    ("mode", "kind", "automatic"),
    [
        ("manual-action/MDN-sent-manually; displayed", "displayed", False),
        ("automatic-action/MDN-sent-automatically; deleted/error", "deleted", True),
        ("; displayed", "displayed", False),
    ],
)
def test_a_note_of_reading(mode: str, kind: str, automatic: bool) -> None:
    note = (
        "Content-Type: message/disposition-notification\r\n\r\nReporting-UA: x\r\n"
        "Final-Recipient: rfc822; bob@example.org\r\n"
        f"Original-Message-ID: <ours@example.net>\r\nDisposition: {mode}\r\n"
    )
    letter = read(
        multipart(text("Read."), note, kind="report", more="; report-type=disposition-notification")
    )
    assert letter.mdn == Disposition(kind, "bob@example.org", "<ours@example.net>", automatic)
    assert letter.report is None
    assert letter.automatic is not None
    assert letter.automatic.kind is AutoKind.RECEIPT


def test_a_complaint_of_abuse() -> None:
    feedback = (
        "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: Abuse\r\nVersion: 1\r\nUser-Agent: x\r\n"
        "Original-Mail-From: <b+token@bounces.example.net>\r\nOriginal-Rcpt-To: <bob@example.org>\r\n"
    )
    letter = read(
        multipart(text("Abuse."), feedback, _RETURNED, kind="report", more="; report-type=feedback-report")
    )
    assert letter.complaint == Complaint(
        "abuse", "bob@example.org", "b+token@bounces.example.net", "<ours@example.net>"
    )
    assert letter.report is None
    assert letter.attachments == ()
