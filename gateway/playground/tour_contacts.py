"""The part of the tour about people: a contact, what is known of a message's fate, and what IRC cannot have."""

from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from gateway.playground.cast import Cast, Step
from gateway.playground.expect import Unmet
from gateway.playground.irc_client import line
from gateway.playground.match import Pattern, error_condition, error_text, message, presence, show

_ROSTER = "jabber:iq:roster"
_RECEIPTS = "urn:xmpp:receipts"
_MARKERS = "urn:xmpp:chat-markers:0"


class ContactsTour:
    """Needs alice to be connected, and both to be called by their names: IRC has only those who are there."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._carol = cast.gateway.contact("carol")
        self._answer = ""  # the id of what carol wrote

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            ("alice adds carol to her contacts", self._add),
            ("A private message, of which IRC never tells whether it was delivered", self._talk),
            ("A reaction, which most of IRC does not have, is refused in words or arrives", self._react),
            ("alice removes carol again", self._remove),
        )

    async def _add(self) -> None:
        await self._cast.alice.iq(
            self._cast.alice.bare, f"<query xmlns='{_ROSTER}'/>"
        )  # who has asked is told of changes
        self._cast.sends("alice", f"asks to see {self._carol}")
        self._cast.alice.send(f"<presence to={quoteattr(self._carol)} type='subscribe'/>")
        await self._cast.alice_sees(presence(self._carol, type="subscribed"), "she may")
        await self._cast.alice_sees(
            presence(self._carol, type="subscribe"), "carol would like to see alice too"
        )
        self._cast.sends("alice", "agrees")
        self._cast.alice.send(f"<presence to={quoteattr(self._carol)} type='subscribed'/>")
        await self._cast.alice.expect(_pushed(self._carol, "both"), "carol to be in the roster")
        self._cast.sees("alice", "carol is in her roster, both ways")

    async def _talk(self) -> None:
        self._cast.sends("alice", f"to {self._carol}: Have you got this? (and asks for a receipt)")
        id = self._cast.alice.new_id()
        self._cast.alice.send(
            f"<message to={quoteattr(self._carol)} type='chat' id='{id}'><body>Have you got this?</body>"
            f"<request xmlns='{_RECEIPTS}'/><markable xmlns='{_MARKERS}'/></message>"
        )
        await self._cast.carol_sees(line("PRIVMSG", "carol", "Have you got this?", sender="alice"))
        self._cast.sends("carol", "to alice: Yes, I have")
        self._cast.carol.say("alice", "Yes, I have")
        got = await self._cast.alice.expect(_said(self._carol, "Yes, I have"))
        self._answer = got.get("id") or ""
        self._cast.sees("alice", "carol: Yes, I have")
        await self._cast.alice.settle(self._cast.gateway.jid)
        claims = self._cast.alice.inbox.waiting(
            lambda one: any(each.tag.startswith((f"{{{_RECEIPTS}}}", f"{{{_MARKERS}}}")) for each in one)
        )
        if claims:
            raise Unmet(f"alice expected no receipt, for nobody can know, but got {show(claims[0])}")
        self._cast.sees("alice", "no receipt: her client shows the message as sent, and no more")

    async def _react(self) -> None:
        self._cast.sends("alice", "reacts with 👍")
        id = self._cast.alice.new_id()
        self._cast.alice.send(
            f"<message to={quoteattr(self._carol)} type='chat' id='{id}'>"
            f"<reactions xmlns='urn:xmpp:reactions:0' id={quoteattr(self._answer)}><reaction>👍</reaction></reactions>"
            "<store xmlns='urn:xmpp:hints'/></message>"
        )
        # A network with message tags can carry it. carol asked for none, so she sees nothing of it.
        await self._cast.alice.settle(self._cast.gateway.jid)
        for refused in self._cast.alice.inbox.waiting(message(type="error", id=id)):
            if not error_text(refused):
                raise Unmet(f"alice expected a reason, but got only {error_condition(refused)}")
            self._cast.sees("alice", f"{error_condition(refused)}: {error_text(refused)}")
            return
        self._cast.sees("alice", f"no error: {self._cast.rig.irc.name} has taken it")

    async def _remove(self) -> None:
        self._cast.sends("alice", f"removes {self._carol}")
        await self._cast.alice.iq(
            self._cast.alice.bare,
            f"<query xmlns='{_ROSTER}'><item jid={quoteattr(self._carol)} subscription='remove'/></query>",
            type="set",
        )
        await self._cast.alice.expect(_pushed(self._carol, "remove"), "carol to leave the roster")
        await self._cast.alice.settle(self._cast.gateway.jid)
        if self._cast.alice.inbox.waiting(presence(self._carol, type="subscribe")):
            raise Unmet("alice expected not to be asked by somebody whom she has removed")
        self._cast.sees("alice", "carol is gone, and does not come back by herself")


def _said(sender: str, body: str) -> Pattern:
    """From whatever resource."""
    return message(
        body=body, type="chat", also=lambda one: (one.get("from") or "").partition("/")[0] == sender
    )


def _pushed(jid: str, subscription: str) -> Callable[[Element], bool]:
    """A roster push (RFC 6121 §2.1.6)."""

    def pushed(stanza: Element) -> bool:
        item = stanza.find(f"{{{_ROSTER}}}query/{{{_ROSTER}}}item")
        return (
            stanza.get("type") == "set"
            and item is not None
            and item.get("jid") == jid
            and item.get("subscription") == subscription
        )

    return pushed
