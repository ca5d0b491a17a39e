"""The gate before all handlers: which stanzas of users cost what, and what those hear who are too fast.

Takes from ``Limits`` and asks ``Loops``; whatever it does not let in it has dealt with itself. Nobody is left without an
answer who waits for one: beyond a number of errors a minute, what is refused is told together, in an error to the last of
them. Knows nothing of what stanzas do behind it.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.bridge import BadAddress, Cancellable, Clock
from gateway.limits import Kind, Limits
from gateway.loops import Loop, Loops, Place
from gateway.model import Address, AddressKind, Condition, ErrorType, Refused
from gateway.texts import Languages, Text
from gateway.xmpp import mam, render
from gateway.xmpp.errors import error_stanza
from gateway.xmpp.stanza import CLIENT, COMPONENT, Stanza, namespace_of

_log = structlog.get_logger(__name__)

#: Seconds between two errors for what was refused without one.
_TOGETHER = 5.0
#: Users with refused stanzas that have not been told of, and pairs of user and contact that are not new.
_WITHHELD, _ACQUAINTED = 10_000, 100_000

_SUBJECTS = frozenset({f"{{{COMPONENT}}}subject", f"{{{CLIENT}}}subject"})
#: Payloads that networks without such a thing get as a message.
_ACTS = frozenset(
    {
        "urn:xmpp:reactions:0",
        "urn:xmpp:message-retract:0",
        "urn:xmpp:message-retract:1",
        "urn:xmpp:fasten:0",
        "urn:xmpp:sfs:0",
        "jabber:x:oob",
        "jabber:x:conference",
        render.MUC_USER,
    }
)
_JOIN = f"{{{render.MUC}}}x"
_MUC_X = f"<x xmlns='{render.MUC}'/>"

_MESSAGES = Kind.MESSAGES  # hot: to look up a member of an enumeration costs as much as two calls
#: What requests cost. All others are bounded by how many are worked on at a time.
_REQUESTS: dict[tuple[str, str], Kind] = {
    ("http://jabber.org/protocol/commands", "set"): Kind.COMMANDS,
    ("jabber:iq:search", "set"): Kind.COMMANDS,
    (render.MUC_ADMIN, "set"): Kind.COMMANDS,
    (mam.MAM, "set"): Kind.ARCHIVE_QUERIES,
    (mam.MAM, "get"): Kind.ARCHIVE_QUERIES,
}


class GateContext(Protocol):
    """What the gate needs of the component."""

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def address_of(self, local: str) -> Address:
        """The address behind an escaped local part; raises ``BadAddress``."""

    def place(self, address: Address) -> Place:
        """The same with its name folded."""

    def returned(self, stanza: Stanza) -> bool:
        """Whether this is a message of ours that a server brought back, and so is settled."""

    def looped(self, loop: Loop, where: str) -> None:
        """A loop was cut at our address ``where``, for the first time in a while."""


@dataclass(slots=True)
class _Withheld:
    """What one user was not told yet: how many were refused, the last of them, and why."""

    count: int
    last: Stanza
    why: Refused
    extra: str


class Gate:
    """``own`` are the domains of all our components: what comes from one of them has been here before. ``refused`` hears of
    everything that is too much, answered or not."""

    def __init__(
        self,
        limits: Limits,
        loops: Loops,
        clock: Clock,
        own: Set[str],
        context: GateContext,
        languages: Languages | None = None,
        refused: Callable[[Stanza, Refused], None] | None = None,
    ) -> None:
        self._refused = refused
        self._take = limits.take
        self._limits = limits
        self._loops = loops
        self._clock = clock
        self._own = own
        self._languages = languages
        self._context = context
        self._acquainted: dict[tuple[str, str], None] = {}
        self._withheld: dict[str, _Withheld] = {}
        self._timer: Cancellable | None = None
        self._crossed = 0

    def admit(self, stanza: Stanza) -> bool:
        """Whether handlers are to see the stanza."""
        kind = stanza.kind
        if kind == "message":
            if not stanza.sender.resource and self._context.returned(stanza):
                return False
            # RFC 6120 §8.3.1: an error is never answered, and costs nothing to get.
            return stanza.type == "error" or self._message(stanza)
        if kind == "presence":
            return self._presence(stanza)
        return self._request(stanza)

    def acquainted(self, owner: str, jid: str) -> None:
        """Somebody wrote to the user from this address of ours: who answers does not write to somebody new."""
        self._acquainted[owner, jid] = None
        if len(self._acquainted) > _ACQUAINTED:
            for pair in list(self._acquainted)[: _ACQUAINTED // 4]:
                del self._acquainted[pair]

    def close(self) -> None:
        """Tell what has not been told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell()

    # -- messages ----------------------------------------------------------------------------------------------

    def _message(self, stanza: Stanza) -> bool:
        sender = stanza.sender
        if sender.domain in self._own:
            self._from_ourselves()
            return False
        body = stanza.body
        if body is None and not _acts(stanza):
            # Typing, receipts, news: nobody waits for an outcome of them.
            return self._take(sender.bare, Kind.SIGNALS) is None
        if not sender.local:
            # A server or a gateway, not a person: text of theirs is automatic, and must not be answered by software of ours.
            return False
        why = self._take(sender.bare, _MESSAGES)
        if why is None and stanza.type != "groupchat":
            why = self._new_contact(stanza)
        if why is None and body and self._limits.policy.loop_turns:
            where = stanza.to.full if stanza.type != "groupchat" else stanza.to.bare
            if not self._loops.first(sender.bare, where, body):
                why = self._loop(stanza, where, body)
        return why is None or self._refuse(stanza, why)

    def _new_contact(self, stanza: Stanza) -> Refused | None:
        pair = (stanza.sender.bare, stanza.to.full)
        if pair in self._acquainted:
            return None
        try:
            address = self._context.address_of(stanza.to.local)
        except BadAddress:
            return None  # the handler says what is wrong with it
        person = address.kind is AddressKind.CONTACT or (
            address.kind is AddressKind.ROOM and stanza.to.resource
        )
        why = self._take(stanza.sender.bare, Kind.NEW_CONTACTS) if person else None
        if why is None:
            self.acquainted(*pair)
        return why

    def _loop(self, stanza: Stanza, where: str, text: str) -> Refused | None:
        most = self._limits.policy.loop_turns
        loop = self._loops.said(stanza.sender.bare, where, text, most, lambda: self._place(stanza))
        if loop is None:
            return None
        if loop.fresh:
            self._context.looped(loop, where)
        return Refused(
            Condition.POLICY_VIOLATION,
            f"This text has come round {loop.turns} times, so it was not sent: two bridges or bots seem to pass on each "
            "other's messages. Take one of them away.",
            ErrorType.CANCEL,
        )

    def _place(self, stanza: Stanza) -> Place:
        try:
            return self._context.place(self._context.address_of(stanza.to.local))
        except BadAddress:
            return ("", "", stanza.to.local)

    def _from_ourselves(self) -> None:
        self._crossed += 1
        if self._crossed & (self._crossed - 1) == 0:  # 1, 2, 4, 8 ...: often enough
            _log.warning("dropped what came from a bridge of our own", times=self._crossed)

    # -- presence and requests ---------------------------------------------------------------------------------

    def _presence(self, stanza: Stanza) -> bool:
        """Joins and subscriptions. Changes of a status come once for every contact and room, and cost nothing."""
        type_ = stanza.type
        if type_ == "available":
            if not stanza.to.resource or stanza.element.find(_JOIN) is None:
                return True
            kind, extra = Kind.JOINS, _MUC_X
        elif type_ == "subscribe":
            kind, extra = Kind.SUBSCRIPTIONS, ""
        else:
            return True
        if stanza.sender.domain in self._own:
            self._from_ourselves()
            return False
        why = self._take(stanza.sender.bare, kind)
        return why is None or self._refuse(stanza, why, extra)

    def _request(self, stanza: Stanza) -> bool:
        payload = stanza.payload
        kind = _REQUESTS.get((namespace_of(payload), stanza.type)) if payload is not None else None
        why = self._take(stanza.sender.bare, kind) if kind is not None else None
        if why is None:
            return True
        # RFC 6120 §8.2.3: every request is answered.
        self._answer(stanza, why)
        return False

    # -- refusals ----------------------------------------------------------------------------------------------

    def _refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> bool:
        if self._refused is not None:
            self._refused(stanza, why)
        owner = stanza.sender.bare
        known = self._withheld.get(owner)
        if known is not None:
            known.count += 1
            known.last, known.why, known.extra = stanza, why, extra
        elif self._take(owner, Kind.ERRORS) is None:
            self._answer(stanza, why, extra)
        else:
            if len(self._withheld) >= _WITHHELD:
                self._tell_one(next(iter(self._withheld)))
            self._withheld[owner] = _Withheld(1, stanza, why, extra)
            if self._timer is None:
                self._timer = self._clock.call_later(_TOGETHER, self._overdue)
        return False

    def _overdue(self) -> None:
        self._timer = None
        self._tell()

    def _tell(self) -> None:
        for owner in list(self._withheld):
            self._tell_one(owner)

    def _tell_one(self, owner: str) -> None:
        withheld = self._withheld.pop(owner)
        _log.info("user is too fast", user=owner, refused=withheld.count)
        why = withheld.why
        if withheld.count > 1:
            text = Text(
                "{refusal} The same goes for the {count} before it that were not answered.",
                refusal=why.text,
                count=withheld.count - 1,
            )
            why = Refused(why.condition, text, why.type)
        self._answer(withheld.last, why, withheld.extra)

    def _answer(self, stanza: Stanza, why: Refused, extra: str = "") -> None:
        text = error_stanza(stanza, why, extra=extra, languages=self._languages)
        if text is not None:
            self._context.send(text, keep=True)


def _acts(stanza: Stanza) -> bool:
    """Whether a message without text does something that others see."""
    return any(child.tag in _SUBJECTS or namespace_of(child) in _ACTS for child in stanza.element)


#: Tells users, by bare JID, something in the gateway's own name.
Tell = Callable[[str, str], None]


def loop_notices(loop: Loop, where: str, admins: frozenset[str], tell: Tell) -> None:
    """Tell whom it concerns of a loop, with what they can do."""
    _log.warning("cut a loop between bridges", user=loop.owner, network=loop.place[1], turns=loop.turns)
    what = (
        f"Messages that you sent to {where} were going round and round: the same text came back {loop.turns} times. Two "
        "bridges or bots seem to pass on each other's messages. The gateway has cut the loop and does so again at once for "
        "the next ten minutes. Take one of the two out of the room, or tell it to ignore the other."
    )
    tell(loop.owner, what)
    for admin in admins:
        tell(
            admin,
            f"Cut a loop between bridges: {loop.owner} sent the same text to {where} again and again ({loop.turns} "
            "turns). If its owner does not mend it, deny that address.",
        )
