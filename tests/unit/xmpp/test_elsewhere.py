"""Messages sent with another client: in the user's name with evidence, else marked, and never lost in between."""

import random

import pytest

from gateway.ids import IdSource
from gateway.model import Message, MessageKind
from gateway.xmpp.elsewhere import SentElsewhere
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privilege import Right
from gateway.xmpp.privileges import DEADLINE, Privileges
from tests.unit.xmpp.support import ManualClock, Wire, stanza

USER, CAROL, GATEWAY = "alice@localhost", "carol@gw.localhost", "gw.localhost"
GRANT = (
    "<message from='localhost' to='gw.localhost'><privilege xmlns='urn:xmpp:privilege:2'>"
    "<perm access='message' type='outgoing'/></privilege></message>"
)
C = "{jabber:component:accept}"


class Rig:
    def __init__(self) -> None:
        self.clock, self.wire = ManualClock(), Wire()
        self.privileges = Privileges(GATEWAY, IqTracker(self.wire.send, self.clock), self.clock)
        ids = IdSource(self.clock, random.Random(1))
        self.elsewhere = SentElsewhere(GATEWAY, self.privileges, self.clock, ids, self.send)

    def send(self, text: str, *, keep: bool = False) -> bool:
        return self.wire.send(text)

    def show(self, text: str = "hello") -> str:
        """The id it went under; empty if it was shown marked."""
        self.elsewhere.show(USER, CAROL, Message("alice", text))
        sent = self.wire.one()
        return sent.get("id", "") if sent.get("to") == "localhost" else ""

    def marked(self) -> list[str | None]:
        return [each.findtext(f"{C}body") for each in self.wire.take() if each.get("from") == CAROL]


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.privileges.learn(stanza(GRANT))
    return rig


def returned(id_: str, sender: str = USER, type_: str = "chat") -> str:
    return f"<message from='{sender}' to='{CAROL}' type='{type_}' id='{id_}'><body>hello</body></message>"


def test_what_comes_back_is_proven_and_not_shown_again(rig: Rig) -> None:
    id_ = rig.show()
    assert rig.elsewhere.returned(stanza(returned(id_)))
    rig.clock.advance(DEADLINE + 1)
    assert rig.marked() == []
    assert rig.elsewhere.returned(stanza(returned(id_)))  # and again, after a restart for instance


def test_what_never_comes_back_is_shown_marked(rig: Rig) -> None:
    assert rig.show()
    rig.clock.advance(DEADLINE + 1)
    assert rig.marked() == ["[You wrote elsewhere] hello"]
    for _ in range(2):
        assert rig.show()
        rig.clock.advance(DEADLINE + 1)
        rig.wire.sent.clear()
    assert not rig.privileges.may("localhost", Right.MESSAGE)
    assert rig.show() == ""


def test_a_refusal_is_shown_marked_at_once(rig: Rig) -> None:
    id_ = rig.show()
    assert rig.elsewhere.returned(stanza(returned(id_, "localhost", "error")))
    assert rig.marked() == ["[You wrote elsewhere] hello"]


def test_a_lost_link_shows_what_is_unproven(rig: Rig) -> None:
    rig.show("one")
    rig.show("two")
    rig.elsewhere.forget()
    assert rig.marked() == ["[You wrote elsewhere] one", "[You wrote elsewhere] two"]


def test_without_a_link_it_is_marked(rig: Rig) -> None:
    rig.wire.up = False
    rig.elsewhere.show(USER, CAROL, Message("alice", "hello"))
    rig.clock.advance(DEADLINE + 1)
    assert rig.wire.sent == []  # refused by the wire: kept by the outbox, in earnest


def test_users_own_messages_are_never_taken_for_ours(rig: Rig) -> None:
    id_ = rig.show()
    assert not rig.elsewhere.returned(stanza(returned(id_, f"{USER}/phone")))
    assert not rig.elsewhere.returned(stanza(returned("something", USER)))


def test_a_late_action_says_when_and_what(rig: Rig) -> None:
    then = rig.clock.now() - 3600
    rig.elsewhere.show(USER, CAROL, Message("alice", "waves", MessageKind.ACTION, time=then))
    inner = next(rig.wire.one().iter("{jabber:client}message"))
    assert inner.findtext("{jabber:client}body") == "/me waves"
    assert inner.find("{urn:xmpp:delay}delay") is not None


def test_more_than_can_be_watched_are_marked(rig: Rig) -> None:
    for _ in range(1000):
        assert rig.show()
    assert rig.show() == ""
