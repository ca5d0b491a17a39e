"""Dots, envelopes, return addresses and replies: what travels, octet by octet."""

import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.addresses import Mailbox, parse
from bridges.email.sending import envelope, replies
from bridges.email.sending.dots import Stuffing
from bridges.email.sending.envelope import Envelope, Offers, Unsendable
from bridges.email.sending.verp import ReturnPaths, new_row
from gateway.bridge import BadAddress

ALL = Offers({"size": "1000", "8bitmime": "", "smtputf8": "", "dsn": ""})
PATHS = ReturnPaths(bytes(range(32)), "mail.test", days=60)
NOW = 1_700_000_000.0


def stuffed(pieces: list[bytes]) -> bytes:
    stuffing = Stuffing()
    return b"".join(map(stuffing.feed, pieces)) + stuffing.end()


def received(wire: bytes) -> bytes:
    """As a server reads it (RFC 5321 §4.5.2)."""
    assert wire.endswith(b".\r\n")
    lines = wire[:-3].split(b"\r\n")
    return b"\r\n".join(line.removeprefix(b".") for line in lines)


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"", b"..", b"x\r\n.\r\n"]), max_size=30))
def test_a_mail_arrives_with_its_lines_and_ends_nowhere_else(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    wire = stuffed(pieces)
    assert wire == stuffed([whole])
    assert wire == b".\r\n" or wire.endswith(b"\r\n.\r\n")
    assert wire.count(b"\r\n.\r\n") + wire.startswith(b".\r\n") == 1
    assert wire.replace(b"\r\n", b"").count(b"\r") == wire.replace(b"\r\n", b"").count(b"\n") == 0
    lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    expected = b"\r\n".join(lines)
    assert received(wire) == (expected if expected.endswith(b"\r\n") or not expected else expected + b"\r\n")


def test_a_mail_can_go_without_a_return_address() -> None:
    assert envelope.mail(sent(sender=""), Offers({})) == (b"MAIL", b"FROM:<>")


def sent(**changed: Any) -> Envelope:
    usual = Envelope("b+abc@mail.test", parse("bob@example.com"), size=500, id="mail=1+2")
    return replace(usual, **changed)


def test_everything_that_is_offered_is_asked_for() -> None:
    mail = b"MAIL FROM:<b+abc@mail.test> SIZE=500 BODY=8BITMIME RET=HDRS ENVID=mail+3D1+2B2"
    assert b" ".join(envelope.mail(sent(), ALL)) == mail
    rcpt = b"RCPT TO:<bob+x=y@example.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob+2Bx+3Dy@example.com"
    assert b" ".join(envelope.rcpt(sent(recipient=parse("bob+x=y@example.com")), ALL)) == rcpt


def test_nothing_is_asked_for_that_is_not_offered() -> None:
    assert envelope.mail(sent(), Offers({})) == (b"MAIL", b"FROM:<b+abc@mail.test>")
    assert envelope.rcpt(sent(), Offers({})) == (b"RCPT", b"TO:<bob@example.com>")


def test_reports_of_success_can_be_left_out() -> None:
    assert b"NOTIFY=FAILURE,DELAY" in envelope.rcpt(sent(success=False), ALL)


def test_an_international_address_needs_a_server_that_takes_it() -> None:
    one = sent(recipient=parse("дядя@münchen.example"))
    assert b"SMTPUTF8" in envelope.mail(one, ALL)
    words = envelope.rcpt(one, ALL)
    assert words[1] == "TO:<дядя@xn--mnchen-3ya.example>".encode()
    assert words[3] == b"ORCPT=utf-8;\\x{434}\\x{44F}\\x{434}\\x{44F}@xn--mnchen-3ya.example"
    with pytest.raises(Unsendable, match="beyond ASCII"):
        envelope.mail(one, Offers({"dsn": ""}))


def test_a_mail_that_is_larger_than_the_server_takes_is_not_begun() -> None:
    with pytest.raises(Unsendable, match="1001 bytes") as raised:
        envelope.mail(sent(size=1001), ALL)
    assert (raised.value.code, raised.value.status) == (552, "5.3.4")
    assert envelope.mail(sent(size=10**9), Offers({"size": "0"}))
    assert envelope.mail(sent(size=10**9), Offers({"size": "much"}))


@pytest.mark.parametrize(
    "sender", ["@", "a b@mail.test", "a@mail.test>", "a@mail.test\r\nRCPT TO:<x@y>", "ä@mail.test"]
)
def test_a_return_address_that_is_none_is_not_sent(sender: str) -> None:
    with pytest.raises(Unsendable):
        envelope.mail(sent(sender=sender), ALL)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_xtext_says_all_that_is_in_it(text: str) -> None:
    written = envelope.xtext(text)
    assert "=" not in written
    assert re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found.group(1), 16)), written) == text


@given(st.text(max_size=60))
def test_no_address_breaks_out_of_its_command(text: str) -> None:
    try:
        mailbox = parse(f"{text}@example.com")
    except BadAddress:
        return
    for word in envelope.rcpt(sent(recipient=mailbox), ALL):
        assert not any(octet < 33 or octet == 127 for octet in word)


def test_a_return_address_names_its_row_in_any_case() -> None:
    row = new_row(random.Random(1))
    address = PATHS.address(row, NOW)
    assert address == address.lower()
    local = address.partition("@")[0]
    assert len(local) == 30
    for spelling in (local, local.upper(), local.title()):
        found = PATHS.read(Mailbox(spelling, "mail.test"), NOW + 59 * 86400)
        assert found is not None
        assert (found.row, found.expired) == (row, False)


def test_a_return_address_expires() -> None:
    local = PATHS.address(new_row(random.Random(1)), NOW).partition("@")[0]
    found = PATHS.read(Mailbox(local, "mail.test"), NOW + 61 * 86400)
    assert found is not None
    assert found.expired


def test_a_return_address_that_was_made_up_is_none() -> None:
    row = new_row(random.Random(1))
    local = PATHS.address(row, NOW).partition("@")[0]
    other = ReturnPaths(bytes(32), "mail.test").address(row, NOW).partition("@")[0]
    for wrong in (other, local[:-1], local + "a", local[2:], "b+", "b", f"b+{'a' * 28}", f"b+{'ä' * 28}"):
        assert PATHS.read(Mailbox(wrong, "mail.test"), NOW) is None
    assert PATHS.read(Mailbox(local, "elsewhere.test"), NOW) is None


@given(st.text(max_size=70))
def test_whatever_stands_before_the_at_is_read(text: str) -> None:
    assert PATHS.read(Mailbox(text, "mail.test"), NOW) is None


def test_a_reply_of_several_lines_is_one_line() -> None:
    reply = replies.read(550, "5.1.1 no such user\n5.1.1 really\x00\u202e not")
    assert (reply.status, reply.text) == ("5.1.1", "no such user really not")
    assert replies.read(250, "2.0.0").status == "2.0.0"
    assert replies.read(250, "").text == ""
    assert replies.read(550, "5.1.10.3 is no status").status == ""
    assert len(replies.read(550, "x" * 5000).text) == 300


@given(st.integers(-5, 1000), st.text(max_size=500))
def test_whatever_is_answered_is_read(code: int, text: str) -> None:
    reply = replies.read(code, text)
    assert "\n" not in reply.text
    assert len(reply.text) <= 300
