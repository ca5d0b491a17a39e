"""What a room itself has to say, as events of the room too (XEP-0316), for clients that want them: Converse.js (14) shows
nothing else that comes from a room's own address.

They go beside the message in words, not in it: Gajim (1.7) drops whatever looks like an event. A client tells in its
capabilities whether it wants them; it is asked once. Knows neither rooms nor what is said in them.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from gateway.model import Refused
from gateway.rooms.people import Attendee
from gateway.xmpp import render
from gateway.xmpp.caps import CAPS
from gateway.xmpp.disco import INFO
from gateway.xmpp.iq import Outcome
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.text import escape
from gateway.xmpp.xml import element

EVENT = "http://jabber.org/protocol/pubsub#event"
CONFERENCE = "urn:ietf:params:xml:ns:conference-info"
_ACTIVITY = "http://jabber.org/protocol/activity"
#: XEP-0163 §4.2: the feature by which a client asks to be notified.
WANTED = f"{CONFERENCE}+notify"

_REMEMBERED = 5000
_WAITING = 1000
_LONGEST = 300  # characters of a client's name for itself


class Asks(Protocol):
    def __call__(self, client: str, payload: str, callback: Callable[[Outcome], None]) -> object:
        """Send an iq of type get to a full JID; the answer, or why there is none, comes exactly once."""


class Listeners:
    """Which clients of one component want events. What one user's client says counts for that user alone: nobody can speak
    for the clients of others."""

    def __init__(self, ask: Asks) -> None:
        self._ask = ask
        self._known: OrderedDict[tuple[str, str], bool] = (
            OrderedDict()
        )  # by user, and XEP-0115's node#ver or client
        self._waiting: dict[tuple[str, str], list[Attendee]] = {}

    def met(self, presence: Stanza, attendee: Attendee) -> None:
        """A client has sent presence to a room. ``attendee.eventful`` is true as soon as it is known to want events."""
        caps = presence.child("c", CAPS)
        if caps is None:
            return
        node = f"{caps.get('node', '')}#{caps.get('ver', '')}"
        if len(node) <= _LONGEST:
            self._learn((presence.sender.bare, node), attendee, {"node": node})

    def met_again(self, attendee: Attendee) -> None:
        """A client that was in a room before a restart of ours, and has not said again what it is."""
        self._learn((attendee.jid.partition("/")[0], attendee.jid), attendee, None)

    def _learn(self, key: tuple[str, str], attendee: Attendee, query: dict[str, str | None] | None) -> None:
        known = self._known.get(key)
        if known is not None:
            attendee.eventful = known
        elif key in self._waiting:
            self._waiting[key].append(attendee)
        elif len(self._waiting) < _WAITING:
            self._waiting[key] = [attendee]

            def heard(outcome: Outcome) -> None:
                waiting = self._waiting.pop(key, [])
                if isinstance(outcome, Refused):
                    return
                wants = any(each.get("var") == WANTED for each in outcome.iter(f"{{{INFO}}}feature"))
                self._known[key] = wants
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
                for each in waiting:
                    each.eventful = wants

            self._ask(attendee.jid, element("query", INFO, query), heard)


def said(to: Attendee, id_: str, text: str) -> list[str]:
    """What the room says to one client, in all the ways that it needs. ``id_`` is one of ours."""
    note = render.room_note(to.room_attr, to.jid_attr, id_, text)
    return [note, event(to, id_, text)] if to.eventful else [note]


def event(to: Attendee, id_: str, text: str) -> str:
    """For an ``eventful`` client."""
    return (
        f"<message from='{to.room_attr}' to='{to.jid_attr}' type='groupchat' id='{id_}-e'><event xmlns='{EVENT}'>"
        f"<items node='{CONFERENCE}'><item id='{id_}'><conference-info xmlns='{CONFERENCE}'>"
        f"<activity xmlns='{_ACTIVITY}'><other/><text>{escape(text)}</text></activity>"
        "</conference-info></item></items></event></message>"
    )
