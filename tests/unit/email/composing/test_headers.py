"""Header fields of ours: what the standard library reads in them is what went in, whatever that was."""

import email
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing import headers
from bridges.email.composing.cleaning import file_name, one_line

ANYTHING = st.text(st.characters(codec=None), max_size=300) | st.text(
    st.sampled_from("a Ü=?_\r\n\0\t\u2028\x85\"\\,;<>@:()[]'%*\ud800"), max_size=300
)
LOCALS = st.text(st.sampled_from("abcdefXYZ019.+-_'!#"), min_size=1, max_size=40).filter(
    lambda each: ".." not in each and not each.startswith(".") and not each.endswith(".")
)
MAILBOXES = st.builds(
    Mailbox, LOCALS, st.sampled_from(["example.org", "bücher.example", "a." * 100 + "test"])
)
IDS = st.text(st.sampled_from("abcXYZ0189.$[]@-_=?"), min_size=1, max_size=300).map(lambda each: f"<{each}>")


def parsed(field: bytes) -> email.message.Message:
    """As a reader that was never told about us sees it, with a second field behind it."""
    message = email.message_from_bytes(field + b"X-Next: here\r\n\r\nbody\r\n")
    assert message["X-Next"] == "here"
    assert message.get_payload() == "body\r\n"
    assert len(message.keys()) == (2 if field else 1), "a value has become a field of its own"
    return message


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def well_formed(field: bytes, longest: int = 998) -> None:
    assert field.endswith(b"\r\n")
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= longest for line in lines)
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert not any(octet < 0x20 or octet == 0x7F for line in lines for octet in line)


@settings(deadline=None)
@given(ANYTHING)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    field = headers.text("Subject", subject)
    well_formed(field)
    assert field.isascii()
    assert decoded(parsed(field)["Subject"]) == one_line(subject)


@settings(deadline=None)
@given(st.lists(st.tuples(ANYTHING, MAILBOXES), min_size=1, max_size=5))
def test_people_are_read_as_they_were_written(people: list[tuple[str, Mailbox]]) -> None:
    field = headers.mailboxes("To", people)
    well_formed(field)
    read = getaddresses([parsed(field)["To"].replace("\r\n", "")])
    assert [address for _, address in read] == [mailbox.envelope for _, mailbox in people]
    assert [decoded(name) for name, _ in read] == [one_line(name, 200) for name, _ in people]


@settings(deadline=None)
@given(st.lists(IDS, max_size=25))
def test_message_ids_are_written_as_they_are_however_long(ids: list[str]) -> None:
    field = headers.ids("References", ids)
    if ids:
        well_formed(field)
    assert (parsed(field)["References"] or "").split() == ids


@pytest.mark.parametrize(
    "bad", ["<a\r\nBcc: x@y>", "<a b>", "a@b", "<a@b", "<<a@b>>", "<ä@b>", "<>", "<a\0@b>", f"<{'a' * 901}>"]
)
def test_what_is_no_message_id_is_left_out(bad: str) -> None:
    assert headers.ids("In-Reply-To", [bad]) == b""
    assert headers.ids("In-Reply-To", [bad, "<a@b>"]) == b"In-Reply-To: <a@b>\r\n"


@settings(deadline=None)
@given(ANYTHING)
def test_names_of_files_are_read_as_they_were_written(name: str) -> None:
    fit = file_name(name)
    field = headers.parameters("Content-Disposition", "attachment", (("filename", fit),))
    well_formed(field, 110)
    assert field.isascii()
    message = parsed(field)
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() == fit
    assert not set(fit) & set('/\\\r\n\0"')


def test_encoded_words_are_at_most_75_characters() -> None:
    for subject in ("Привет " * 40, "Grüße " * 40, "漢字" * 80, "😀" * 90):
        lines = headers.text("Subject", subject).decode().split("\r\n")
        assert all(len(word) <= 75 for line in lines for word in line.split(" "))


def test_an_address_beyond_ascii_is_written_in_letters_and_its_domain_in_a_labels() -> None:
    field = headers.mailboxes("To", [("Jörg", parse("jörg@bücher.example"))])
    assert field.decode() == "To: =?utf-8?b?SsO2cmc=?= <jörg@xn--bcher-kva.example>\r\n"


def test_what_looks_like_an_encoded_word_is_encoded_once_more() -> None:
    assert decoded(parsed(headers.text("Subject", "=?utf-8?q?x=0d=0aBcc:_y?="))["Subject"]).startswith(
        "=?utf-8"
    )
