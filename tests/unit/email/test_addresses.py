"""Mailboxes as people write them, and as local parts of JIDs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.addresses import HOME, Mailbox, fold, parse, read, write
from gateway.addressing import Aliases
from gateway.bridge import BadAddress
from gateway.model import GATEWAY, Address, AddressKind


@pytest.mark.parametrize(
    ("text", "folded", "envelope"),
    [
        ("Alice@Example.COM", "alice@example.com", "Alice@example.com"),
        ("o'brien+list@x.example", "o'brien+list@x.example", "o'brien+list@x.example"),
        ("a@münchen.example", "a@münchen.example", "a@xn--mnchen-3ya.example"),
        ("a@xn--mnchen-3ya.example", "a@münchen.example", "a@xn--mnchen-3ya.example"),
        ("a@straße.example", "a@xn--strae-oqa.example", "a@xn--strae-oqa.example"),
        ("Straße@x.example", "Straße@x.example", "Straße@x.example"),
        ("ＡＢ@x.example", "ＡＢ@x.example", "ＡＢ@x.example"),
        ("ÜBER@x.example", "über@x.example", "ÜBER@x.example"),
        ("пётр@почта.рф", "пётр@почта.рф", "пётр@xn--80a1acny.xn--p1ai"),
        (" a@x.example. ", "a@x.example", "a@x.example"),
    ],
)
def test_a_mailbox_is_kept_as_written_and_keyed_by_its_folded_form(
    text: str, folded: str, envelope: str
) -> None:
    mailbox = parse(text)
    assert mailbox.folded == folded
    assert mailbox.envelope == envelope
    assert parse(folded).folded == folded


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@x.example",
        "alice@",
        "alice@localhost",
        '"a b"@x.example',
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "@relay.example:a@x.example",
        "a..b@x.example",
        ".a@x.example",
        "a b@x.example",
        "a@x..example",
        "a@-x.example",
        "a\u202eb@x.example",
        "a\u200bb@x.example",
        "a\0@x.example",
        "a@x.example\r\nRCPT TO:<b@x.example>",
        "b@x.example> NOTIFY=NEVER",
        f"{'a' * 65}@x.example",
        f"a@{'x' * 64}.example",
        f"a@{'x.' * 130}example",
        "a@xn--\u0080.example",
    ],
)
def test_what_nobody_has_for_a_mailbox_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse(text)
    assert str(refused.value).endswith(".")
    assert not any(each in str(refused.value) for each in "\0\r\n\u202e\u200b")


def test_local_parts_name_people_rooms_and_the_gateway() -> None:
    alice = Address(AddressKind.CONTACT, HOME, "alice@example.com")
    assert read("alice@example.com") == read("Alice%Example.com") == alice
    assert read("10%off%shop.example") == Address(AddressKind.CONTACT, HOME, "10%off@shop.example")
    assert read("#k3j9x") == Address(AddressKind.ROOM, HOME, "#k3j9x")
    assert read("#1@fan.example") == Address(AddressKind.CONTACT, HOME, "#1@fan.example")
    assert read("") == GATEWAY
    assert [write(each) for each in (alice, read("#k3j9x"), GATEWAY)] == ["alice@example.com", "#k3j9x", ""]
    for wrong in ("alice", "#", "#a b", "%example.com"):
        with pytest.raises(BadAddress):
            read(wrong)


def test_sub_addresses() -> None:
    mailbox = parse("Bob+Shop@x.example")
    assert (mailbox.base, mailbox.tag) == (Mailbox("Bob", "x.example"), "Shop")
    assert parse("bob@x.example").tag == ""
    assert parse("+a@x.example").base == Mailbox("+a", "x.example")


@given(st.text(max_size=80))
def test_whatever_is_read_can_be_written_and_read_again(text: str) -> None:
    try:
        address = read(text)
    except BadAddress:
        return
    assert read(write(address)) == address
    assert fold(address.name) == address.name
    if address.kind is AddressKind.CONTACT:
        aliases = Aliases()
        assert aliases.text(aliases.local(write(address))) == write(address)


@given(st.text(alphabet="aA.@%+-_ßÄüＡéЖ漢 \0'\"<>:,;()[]\\", max_size=40))
def test_addresses_hold_nothing_that_ends_a_command(text: str) -> None:
    try:
        mailbox = parse(text)
    except BadAddress:
        return
    assert not set(mailbox.envelope) & set(' \0\r\n<>,;()[]\\"')
    assert mailbox.domain == parse(mailbox.envelope).domain
