"""Mail that nobody sat down to write is known for what it is; lists say what may be done."""

import pytest

from bridges.email.mime.letter import AutoKind, ListInfo
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import mail


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Auto-Submitted: auto-replied", AutoKind.REPLY),
        ("Auto-Submitted: auto-generated (cron); x=y", AutoKind.GENERATED),
        ("Precedence: bulk", AutoKind.BULK),
        ("Precedence: Junk", AutoKind.BULK),
        ("Precedence: list", AutoKind.LIST),
        ("Precedence: auto_reply", AutoKind.REPLY),
        ("List-Id: <a.example.org>", AutoKind.BULK),
        ("List-Post: <mailto:a@example.org>", AutoKind.LIST),
        ("List-Unsubscribe: <https://example.org>", AutoKind.BULK),
        ("X-Auto-Response-Suppress: All", AutoKind.GENERATED),
        ("X-Autoreply: yes", AutoKind.REPLY),
        ("X-Autorespond: x", AutoKind.REPLY),
        ("Feedback-ID: 1:2:3:x", AutoKind.BULK),
        ("List-Post: <mailto:a@example.org>\r\nAuto-Submitted: auto-replied", AutoKind.REPLY),
    ],
)
def test_fields_that_only_machines_write(field: str, kind: AutoKind) -> None:
    found = read(mail("Hello", header=f"{field}\r\n")).automatic
    assert found is not None
    assert found.kind is kind
    assert found.reasons


@pytest.mark.parametrize(
    ("author", "kind"),
    [
        ("MAILER-DAEMON@example.org", AutoKind.REPORT),
        ("Postmaster <postmaster@example.org>", AutoKind.REPORT),
        ("No Reply <no-reply@example.org>", AutoKind.GENERATED),
        ("donotreply@example.org", AutoKind.GENERATED),
    ],
)
def test_senders_that_are_no_people(author: str, kind: AutoKind) -> None:
    found = read(f"From: {author}\r\n\r\nHello".encode()).automatic
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize(
    "field", ["", "Auto-Submitted: no", "Precedence: normal", "X-Mailer: Mutt", "Auto-Submitted: "]
)
def test_people_write_mail_too(field: str) -> None:
    assert read(mail("Hello", header=f"{field}\r\n" if field else "")).automatic is None


def test_what_a_list_says_of_itself() -> None:
    header = (
        'List-Id: "Tea lovers" <Tea.Lists.example.org>\r\nList-Post: <mailto:tea@lists.example.org> (members)\r\n'
        "List-Unsubscribe: <mailto:leave@lists.example.org?subject=x>, <https://lists.example.org/u?1>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    assert read(mail("Hello", header=header)).lists == ListInfo(
        "tea.lists.example.org",
        "Tea lovers",
        "tea@lists.example.org",
        False,
        ("mailto:leave@lists.example.org?subject=x", "https://lists.example.org/u?1"),
        "https://lists.example.org/u?1",
    )


@pytest.mark.parametrize(
    "header",
    [
        "List-Unsubscribe: <https://x.example/>\r\n",
        "List-Unsubscribe: <http://x.example/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        "List-Unsubscribe: <mailto:x@x.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        "List-Unsubscribe: <https://x.example/>\r\nList-Unsubscribe-Post: Something=Else\r\n",
        "List-Unsubscribe: <javascript:x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ],
)
def test_one_click_takes_https_and_the_field_that_says_so(header: str) -> None:
    found = read(mail("Hello", header=header)).lists
    assert found is not None
    assert found.one_click == ""


def test_a_list_that_nobody_may_write_to_is_closed() -> None:
    found = read(mail("Hello", header="List-Id: <a.b>\r\nList-Post: NO (announcements)\r\n")).lists
    assert found is not None
    assert (found.closed, found.post) == (True, "")


@pytest.mark.parametrize(
    ("header", "silent"),
    [("", False), ("Reply-To: noreply@example.org\r\n", True), ("Reply-To: help@example.org\r\n", False)],
)
def test_the_address_to_answer_to_may_say_that_nobody_reads(header: str, silent: bool) -> None:
    assert read(mail("Hello", header=header)).no_reply is silent


def test_a_request_for_a_receipt_names_one_address() -> None:
    assert (
        read(mail("x", header="Disposition-Notification-To: <a@example.org>\r\n")).wants_mdn
        == "a@example.org"
    )
    assert (
        read(mail("x", header="Disposition-Notification-To: a@example.org, b@example.org\r\n")).wants_mdn
        == ""
    )
