"""What is remembered of private chats: bounded, and enough to refer to."""

import random

from gateway.chat.payloads import MentionOf
from gateway.chat.private import PrivateChats
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Enrichment, Mention, Message, Reply
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.stanza import parse_jid
from tests.fakes.clock import ManualClock
from tests.loopback import LoopbackBridge, LoopbackSettings

OWNER = "alice@localhost"
BOB = Address(AddressKind.CONTACT, "loop", "Bob")


class Desk:
    def __init__(self):
        self.clock = ManualClock()
        self.sent: list[str] = []
        bridge = LoopbackBridge(LoopbackSettings())
        book = AddressBook("loop.localhost", bridge)
        ids = IdSource(self.clock, random.Random(1))
        self.chats = PrivateChats(bridge, book, self.clock, ids, self._send)

    def _send(self, stanza, *, keep=False):
        self.sent.append(stanza)
        return True


def test_a_message_is_found_by_what_clients_call_it_however_the_name_is_spelt():
    desk = Desk()
    desk.chats.said(OWNER, BOB, "a1", "hello")
    place = desk.chats.place(OWNER, Address(AddressKind.CONTACT, "loop", "bob"))
    target = place.sent("a1")
    assert target is not None
    assert (target.text, target.own, target.recent, target.last) == ("hello", True, True, True)
    assert desk.chats.place("mallory@localhost", BOB).meant("a1") is None


def test_only_so_much_is_remembered():
    desk = Desk()
    for number in range(100):
        desk.chats.said(OWNER, BOB, f"a{number}", "x" * 10_000)
    place = desk.chats.place(OWNER, BOB)
    assert place.meant("a79") is None
    kept = place.meant("a80")
    assert kept is not None
    assert len(kept.text) == 2000
    for number in range(3000):
        desk.chats.said(OWNER, Address(AddressKind.CONTACT, "loop", f"n{number}"), "a", "x")
    assert desk.chats.place(OWNER, BOB).meant("a99") is None


async def test_recent_is_one_of_the_last_two_and_within_minutes():
    desk = Desk()
    desk.chats.said(OWNER, BOB, "a1", "one")
    await desk.clock.advance(400)
    assert not desk.chats.place(OWNER, BOB).meant("a1").recent
    for id_ in ("a2", "a3", "a4"):
        desk.chats.said(OWNER, BOB, id_, id_)
    place = desk.chats.place(OWNER, BOB)
    assert [place.meant(id_).recent for id_ in ("a2", "a3", "a4")] == [False, True, True]


def test_mentions_and_replies_are_shown_with_the_addresses_of_the_chat():
    desk = Desk()
    desk.chats.said(OWNER, BOB, "a1", "hello")
    enrichment = Enrichment(Reply("ancient", "bob", "hm"), mentions=(Mention(0, 3, "Carl"),))
    shown, extra = desk.chats.dressed(OWNER, "loop", Message("Bob", "Carl!", enrichment=enrichment))
    assert shown.text == "> bob: hm\nCarl!"
    assert "to='bob@loop.localhost'" in extra
    assert "uri='xmpp:carl@loop.localhost'" in extra
    mention = MentionOf(0, 3, parse_jid("bob@loop.localhost"), "")
    assert desk.chats.place(OWNER, BOB).name(mention) == "Bob"


def test_a_plain_message_stays_as_it_is():
    message = Message("Bob", "hi")
    assert Desk().chats.dressed(OWNER, "loop", message) == (message, "")


def test_forgetting_a_user_forgets_the_chats():
    desk = Desk()
    desk.chats.said(OWNER, BOB, "a1", "hello")
    desk.chats.forget(OWNER)
    assert desk.chats.place(OWNER, BOB).meant("a1") is None
