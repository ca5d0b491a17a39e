"""Whole mails: what a reader finds in them is what was given, and nothing besides."""

import email
import hashlib
import io
import tracemalloc
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.email.addresses import parse
from bridges.email.composing import building, cleaning, flowed
from bridges.email.composing.building import Calendar, Enclosure, Party, Sheet
from bridges.email.mime import reading

ALICE = Party("Alice", parse("alice@example.org"))
BOB = Party("Bob", parse("bob@example.com"))
ANYTHING = st.text(st.characters(codec=None), max_size=200) | st.text(
    st.sampled_from("a .Ü\r\n\0-=_>\t"), max_size=400
)


def sheet(**changes: object) -> Sheet:
    values: dict[str, object] = {
        "sender": ALICE,
        "to": (BOB,),
        "subject": "Hi",
        "message_id": "<abc@example.org>",
        "time": 1_700_000_000.0,
        "boundary": "abcdefghijklmnopqrst",
        "text": "Hello",
    }
    return Sheet(**{**values, **changes})  # type: ignore[arg-type]


def octets(what: Sheet) -> bytes:
    out = io.BytesIO()
    building.write(what, out)
    return out.getvalue()


def read(what: Sheet) -> Message:
    raw = octets(what)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\0" not in raw
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    message = email.message_from_bytes(raw)
    assert [part.defects for part in message.walk()] == [[] for _ in message.walk()]
    return message


def text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8").replace("\r\n", "\n")


def test_a_plain_mail_is_one_part() -> None:
    message = read(sheet())
    assert message.get_content_type() == "text/plain"
    assert message.get_param("format") == "flowed"
    assert message.get_content_charset() == "utf-8"
    assert message["From"] == "Alice <alice@example.org>"
    assert message["To"] == "Bob <bob@example.com>"
    assert parsedate_to_datetime(message["Date"]).timestamp() == 1_700_000_000.0
    assert message["Date"].endswith("+0000")
    assert message["Message-ID"] == "<abc@example.org>"
    for absent in ("Cc", "Bcc", "In-Reply-To", "References", "Auto-Submitted", "Disposition-Notification-To"):
        assert message[absent] is None
    assert text_of(message) == "Hello\n"


@settings(deadline=None)
@given(ANYTHING)
def test_any_text_arrives(text: str) -> None:
    message = read(sheet(text=text))
    assert text_of(message) == flowed.encode(cleaning.body(text).strip("\n"))


@settings(deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_nothing_that_people_write_adds_a_field(name: str, subject: str, footer: str) -> None:
    message = read(sheet(sender=Party(name, ALICE.mailbox), subject=subject, footer=footer, text=subject))
    assert message.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
    assert [address for _, address in getaddresses([message["From"]])] == ["alice@example.org"]


def test_long_ids_survive() -> None:
    parent = f"<{'a' * 90}@{'b' * 60}.example>"
    message = read(sheet(references=(f"<first{'x' * 100}@y>", parent)))
    assert message["In-Reply-To"] == parent
    assert message["References"].split() == [f"<first{'x' * 100}@y>", parent]


def test_the_first_reference_and_the_last_19_are_kept() -> None:
    ids = [f"<{number}@x>" for number in range(50)]
    assert building.kept_references(ids) == [ids[0], *ids[-19:]]
    assert building.kept_references(["<a@b>", "rubbish", "<a@b>"]) == ["<a@b>"]


def test_a_footer_is_a_signature_and_what_looks_like_one_is_none() -> None:
    body = text_of(
        read(sheet(text="Hello\n-- \nnot a signature", footer="Sent by the gateway of example.org"))
    )
    assert body == "Hello\n--\nnot a signature\n\n-- \nSent by the gateway of example.org\n"


def test_the_quote_is_below_the_answer() -> None:
    assert (
        text_of(read(sheet(quote="On Monday, Bob wrote:\n> Hi"))) == "Hello\n\nOn Monday, Bob wrote:\n> Hi\n"
    )


def test_html_is_an_alternative_to_the_text() -> None:
    message = read(sheet(text="*Hello* Grüße", html=True))
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.get_payload()
    assert text_of(plain) == "*Hello* Grüße\n"
    assert "<strong>Hello</strong> Grüße" in text_of(rich)


def test_an_answer_to_an_invitation_is_what_calendars_expect() -> None:
    """RFC 6047 §2.4: the method is a parameter of the type."""
    message = read(sheet(calendar=Calendar("reply", "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n")))
    calendar = message.get_payload()[1]
    assert calendar.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == "REPLY"
    assert text_of(calendar) == "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n"


def test_files_are_attached(tmp_path: Path) -> None:
    content = bytes(range(256)) * 700
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(b"")
    files = (
        Enclosure(tmp_path / "a", "Bild vom Übergang.png", "image/png", len(content)),
        Enclosure(tmp_path / "b", "x\r\nBcc: y@z", "multipart/mixed; boundary=x", 0),
    )
    message = read(sheet(enclosures=files, html=True))
    assert message.get_content_type() == "multipart/mixed"
    text, first, second = message.get_payload()
    assert text.get_content_type() == "multipart/alternative"
    assert first.get_payload(decode=True) == content
    assert first.get_filename() == "Bild vom Übergang.png"
    assert first.get_content_type() == "image/png"
    assert second.get_content_type() == "application/octet-stream"
    assert second.get_filename() == "x Bcc_ y@z"
    assert message["Bcc"] is second["Bcc"] is None


@pytest.mark.parametrize(
    "claimed",
    ["", "text", "text/html\r\nX: y", "message/rfc822", "multipart/mixed", "a/b/c", "ü/x", "x" * 200 + "/y"],
)
def test_types_that_are_none_or_mean_structure_are_files_of_no_known_type(claimed: str) -> None:
    assert building.media_type(claimed) == "application/octet-stream"


def test_our_own_reader_finds_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"picture")
    text = "Grüße,\n\n" + "lange Zeilen " * 20 + "\n  eingerückt\n-- \nFrom me"
    raw = octets(
        sheet(
            sender=Party('Älice, the "first"', ALICE.mailbox),
            cc=(Party("", parse("carol@bücher.example")),),
            subject="Re: Grüße " * 12,
            references=(f"<{'a' * 120}@x>", "<b@y>"),
            text=text,
            quote="On Monday, Bob wrote:\n> Hi",
            enclosures=(Enclosure(tmp_path / "a", "Übung.png", "image/png", 7),),
            receipt_wanted=True,
        )
    )
    letter = reading.read(raw)
    assert letter.sole_author is not None
    assert (letter.sole_author.name, letter.sole_author.address) == (
        'Älice, the "first"',
        "alice@example.org",
    )
    assert [each.address for each in (*letter.to, *letter.cc)] == [
        "bob@example.com",
        "carol@xn--bcher-kva.example",
    ]
    assert letter.subject == ("Re: Grüße " * 12).strip()
    assert letter.references == (f"<{'a' * 120}@x>", "<b@y>")
    assert letter.in_reply_to == ("<b@y>",)
    assert letter.text.startswith(
        "Grüße,\n\n" + ("lange Zeilen " * 20).strip() + "\n  eingerückt\n--\nFrom me"
    )
    assert [(each.name, each.media_type, each.data) for each in letter.attachments] == [
        ("Übung.png", "image/png", b"picture")
    ]
    assert letter.wants_mdn == "alice@example.org"
    assert letter.automatic is None
    assert letter.defects == ()


def test_the_user_can_ask_to_be_told_of_reading() -> None:
    assert read(sheet(receipt_wanted=True))["Disposition-Notification-To"] == "alice@example.org"


def test_only_local_parts_beyond_ascii_need_smtputf8() -> None:
    domain = Party("", parse("bob@bücher.example"))
    local = Party("", parse("jörg@example.com"))
    assert not sheet(to=(domain,)).needs_smtputf8
    assert sheet(cc=(local,)).needs_smtputf8
    assert octets(sheet(to=(domain,))).isascii()


def test_a_big_file_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(18_000_000)
    what = sheet(enclosures=(Enclosure(path, "big.bin", "application/x-thing", 18_000_000),))
    with (tmp_path / "mail").open("wb") as out:
        tracemalloc.start()
        building.write(what, out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        digest = hashlib.sha256()
    assert (tmp_path / "mail").stat().st_size > 24_000_000
    assert peak < 4_000_000
    payload = (
        email.message_from_bytes((tmp_path / "mail").read_bytes()).get_payload()[1].get_payload(decode=True)
    )
    digest.update(payload)
    assert digest.digest() == hashlib.sha256(bytes(18_000_000)).digest()
