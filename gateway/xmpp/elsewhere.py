"""Messages that a user sent with another client of the foreign network: shown as the user's own where the server lets us
send in the user's name (XEP-0356 §5) and copies that to the user's devices, else from the contact, clearly marked.

A message sent in the user's name goes to our own address, so it comes back: that is the evidence that it was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.bridge import Cancellable, Clock
from gateway.ids import IdSource
from gateway.model import Message, MessageKind
from gateway.xmpp import render
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.privilege import Right, privileged_message
from gateway.xmpp.privileges import DEADLINE, Privileges
from gateway.xmpp.stanza import Stanza, parse_jid
from gateway.xmpp.text import attribute, escape

MARK = "elsewhere-"
"""What ids begin with of messages that are shown, and never sent."""
#: How many may be unproven at a time; more are shown marked at once.
_UNPROVEN_LIMIT = 1000


@dataclass(slots=True)
class _Unproven:
    domain: str
    fall_back: Callable[[], None]
    timer: Cancellable


class SentElsewhere:
    """``jid`` is the component's own, ``send`` takes ready stanzas."""

    def __init__(
        self, jid: str, privileges: Privileges, clock: Clock, ids: IdSource, send: Callable[..., bool]
    ) -> None:
        self._jid = jid
        self._privileges = privileges
        self._clock = clock
        self._ids = ids
        self._send = send
        self._unproven: dict[str, _Unproven] = {}

    def show(self, owner: str, contact_jid: str, message: Message) -> None:
        """Show what the user (bare JID) wrote to a contact."""

        def marked() -> None:
            self._marked(owner, contact_jid, message)

        domain = parse_jid(owner).domain
        rights = self._privileges.granted(domain)
        if rights is None or not rights.carbons or len(self._unproven) >= _UNPROVEN_LIMIT:
            marked()
            return
        try:
            rights = self._privileges.claim(domain, Right.MESSAGE)
        except RefusedError:
            marked()
            return
        id_ = MARK + self._ids.next()
        timer = self._clock.call_later(DEADLINE, lambda: self._failed(id_))
        self._unproven[id_] = _Unproven(domain, marked, timer)
        late = message.time is not None and self._clock.now() - message.time > 30
        delay = (
            render.delay(attribute(contact_jid), message.time) if late and message.time is not None else ""
        )
        inner = (
            f"<message xmlns='jabber:client' from='{attribute(owner)}' to='{attribute(contact_jid)}' type='chat' "
            f"id='{id_}'><body>{escape(_said(message))}</body>{delay}</message>"
        )
        outer = (
            f"<message from='{attribute(self._jid)}' to='{attribute(domain)}' id='{id_}'>"
            f"{privileged_message(rights, inner)}</message>"
        )
        if not self._send(outer):
            self._failed(id_)

    def returned(self, stanza: Stanza) -> bool:
        """Whether a message to a contact is one of ours that came back, of this run or of one before. It then must not be
        sent to the network: that is where it was written."""
        if stanza.sender.resource or not stanza.id.startswith(MARK):
            return False
        proven = self._take(stanza.id)
        if proven is not None:
            self._privileges.report(proven.domain, Right.MESSAGE, worked=stanza.type != "error")
            if stanza.type == "error":
                proven.fall_back()
        return True

    def forget(self) -> None:
        """The link is lost: what is not proven is shown marked, which waits for the next link."""
        for id_ in list(self._unproven):
            unproven = self._take(id_)
            if unproven is not None:
                unproven.fall_back()

    def _failed(self, id_: str) -> None:
        unproven = self._take(id_)
        if unproven is not None:
            self._privileges.report(unproven.domain, Right.MESSAGE, worked=False)
            unproven.fall_back()

    def _take(self, id_: str) -> _Unproven | None:
        unproven = self._unproven.pop(id_, None)
        if unproven is not None:
            unproven.timer.cancel()
        return unproven

    def _marked(self, owner: str, contact_jid: str, message: Message) -> None:
        sender = attribute(contact_jid)
        late = message.time is not None and self._clock.now() - message.time > 30
        delay = render.delay(sender, message.time) if late and message.time is not None else ""
        text = f"[You wrote elsewhere] {_said(message)}"
        self._send(render.chat(sender, attribute(owner), self._ids.next(), text, delay), keep=True)


def _said(message: Message) -> str:
    return f"/me {message.text}" if message.kind is MessageKind.ACTION else message.text
