"""What users say and do in private chats: messages go to the ledger, all else to the session as it is now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gateway.accounts.account import Account
from gateway.bridge import Capabilities, Session, Ticket
from gateway.chat import rendering
from gateway.chat.corrections import Correction
from gateway.chat.payloads import Payloads, chat_state
from gateway.chat.private import PrivateChats
from gateway.chat.speech import Reacted, Retracted, Speech, Spoken, encrypted, with_kind
from gateway.delivery.outgoing import Outgoing, Parts, not_connected
from gateway.delivery.service import Deliveries
from gateway.model import Address, Refused
from gateway.xmpp import sharing
from gateway.xmpp.stanza import Stanza


@dataclass(slots=True)
class _Act:
    """A ticket for what has no text: the client has shown it already, and there is nothing to tell but that it failed."""

    stanza: Stanza
    refuse: Callable[[Stanza, Refused], None]
    then: Callable[[], None]
    reference: str = ""

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self.then()

    def refused(self, why: Refused) -> None:
        self.refuse(self.stanza, why)


class TellingContext(Protocol):
    """What this needs of the component."""

    speech: Speech
    deliveries: Deliveries

    def refuse(self, stanza: Stanza, why: Refused, extra: str = "") -> None: ...


class Telling:
    """``files``: the network takes them."""

    def __init__(
        self,
        context: TellingContext,
        chats: PrivateChats,
        account: Callable[[str, str], Account | None],
        *,
        files: bool,
    ) -> None:
        self._context = context
        self._chats = chats
        self._account = account
        self._files = files

    def heard(self, stanza: Stanza, address: Address) -> None:
        """A message stanza to a contact that is no error, receipt or marker."""
        speech = self._context.speech
        _, found = speech.read(stanza.element)
        if found is not None and self._waits(stanza, address, found):
            return
        if found is not None and self._acted(stanza, address, found):
            return
        passed = sharing.passed(stanza, files=self._files)
        if passed is None:
            self._typing(stanza, address)
            return
        owner = stanza.sender.bare
        unkept = found is not None and found.unkept
        if passed.attachments:
            place = self._chats.place(owner, address)
            can = self._can(owner, address) if found is not None else None
            beside = speech.beside_files(place, passed.body, passed.text, found, can)
            text, kind = with_kind(beside.text)
            kept = passed.extra + beside.taken
            parts = Parts(beside.enrichment, passed.attachments, passed.body, kept, unkept)
            self._send(stanza, address, Outgoing(text, kind, parts), passed.body)
            return
        can = self._can(owner, address) if found is not None else None
        spoken = speech.speak(self._chats.place(owner, address), passed.text, found, can)
        if isinstance(spoken, Refused):
            self._context.refuse(stanza, spoken)
        elif spoken.corrects:
            self._correct(stanza, address, spoken, unkept=unkept)
        else:
            shown = spoken.body if (spoken.shown, spoken.shown_kind) != (spoken.text, spoken.kind) else ""
            parts = Parts(spoken.enrichment, (), shown, passed.extra + spoken.taken, unkept)
            self._send(stanza, address, Outgoing(spoken.text, spoken.kind, parts), spoken.own)

    def _waits(self, stanza: Stanza, address: Address, found: Payloads) -> bool:
        """Whether the stanza is about a message that the network has not named yet: it is looked at again then."""
        if not (found.retracts or found.replaces):
            return False
        owner = stanza.sender.bare
        can = self._can(owner, address)
        if can is None or not (can.retractions if found.retracts else can.corrections):
            return False
        id_ = found.retracts or found.replaces
        return self._chats.when_named(owner, address, id_, lambda: self.heard(stanza, address))

    def _send(self, stanza: Stanza, address: Address, outgoing: Outgoing, own: str) -> None:
        self._context.speech.said(stanza.sender.bare, address)
        self._chats.said(stanza.sender.bare, address, stanza.id, own)
        self._context.deliveries.send(stanza, address, outgoing)

    def _correct(self, stanza: Stanza, address: Address, spoken: Spoken, *, unkept: bool) -> None:
        owner = stanza.sender.bare
        target = self._chats.place(owner, address).sent(spoken.corrects)
        # The user's clients have corrected their message; so does the archive, though the network hears a line more.
        parts = Parts(shown=spoken.own, kept=rendering.replace(spoken.corrects), unkept=unkept)
        draft = self._context.deliveries.draft(stanza, address, Outgoing(f"* {spoken.own}", parts=parts))
        if draft is None:
            return
        before = target.text if target is not None else None
        correction = Correction(spoken.corrects, lambda: before, spoken.own, draft.send, draft.drop)
        self._context.speech.corrections.put((owner, address), correction)

    def _acted(self, stanza: Stanza, address: Address, found: Payloads) -> bool:
        """Whether the stanza is no message but something done to one, or cannot be read at all; all is done then."""
        context = self._context
        if found.encryption is not None:
            if stanza.body or not found.keys_only:
                context.refuse(stanza, encrypted(found.encryption))
            return True
        if found.reactions is None and not found.retracts:
            return False
        place = self._chats.place(stanza.sender.bare, address)
        speech, can = context.speech, self._can(stanza.sender.bare, address)
        done: Reacted | Retracted | Refused
        ask: Callable[[Session, Ticket], None]
        if found.reactions is not None:
            done = speech.react(place, found, can)
            if isinstance(done, Reacted):
                ask = partial(speech.ask_reaction, address, done)
        else:
            speech.said(stanza.sender.bare, address)
            done = speech.retract(place, found, can)
            if isinstance(done, Retracted):
                ask = partial(speech.ask_retraction, address, done)
        if isinstance(done, Refused):
            context.refuse(stanza, done)
        elif done.line:
            context.deliveries.send(stanza, address, Outgoing(done.line))
        elif done.target:
            account = self._account(stanza.sender.bare, address.network)
            if account is None or account.session is None or not account.connected:
                context.refuse(stanza, not_connected(account, address.network))
            else:
                withdrawn = done.target if isinstance(done, Retracted) else ""
                owner = stanza.sender.bare
                then = partial(self._chats.did, owner, address, stanza.id, done.shown, withdrawn)
                ask(account.session, _Act(stanza, context.refuse, then))
        return True

    def _typing(self, stanza: Stanza, address: Address) -> None:
        state = chat_state(stanza.element)
        account = self._account(stanza.sender.bare, address.network) if state is not None else None
        if state is not None and account is not None and account.session is not None and account.connected:
            self._context.speech.type(account.session, account.owner, address, state, account.can)

    def _can(self, owner: str, address: Address) -> Capabilities | None:
        """What the user's connection can do; None where there is none."""
        account = self._account(owner, address.network)
        return account.can if account is not None else None
