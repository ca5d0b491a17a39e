"""Our users, as the parts of this bridge have to know them: who writes, who is written to, and who can be told something.

Owns the list of sessions. All that comes for a user goes through the session of the moment; while there is none, whoever has
something to tell keeps it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from bridges.email.addresses import Mailbox
from bridges.email.attached.account import Mailing
from bridges.email.composing.places import Author
from bridges.email.config import EmailSettings
from bridges.email.identity import Identities
from bridges.email.personal import Personal
from bridges.email.receiving.contacts import EmailContact
from bridges.email.receiving.residents import FirstContact, Resident
from bridges.email.receiving.trust import Believed
from bridges.email.sending.bounces import Bounce
from gateway.bridge import NotStored, Sink
from gateway.model import DeliveryState, Message, MessageKind, Refused


class Present(Protocol):
    """A user's session, as far as this room has to know it."""

    owner: str
    sink: Sink
    personal: Personal
    mailing: Mailing | None  # the mailbox elsewhere that is attached

    def learnt(self, contact: EmailContact) -> None:
        """Something is known of somebody, from now on."""

    async def look_again(self, address: str) -> None:
        """Something was decided about a folded mailbox."""

    def bounced(self, address: str, bounce: Bounce | None) -> None:
        """Mail to a folded mailbox comes back, or does so no more."""


class People:
    """``composing.places.Authors`` and ``Voice``, ``receiving.residents.Residents``."""

    def __init__(self, settings: EmailSettings, identities: Identities) -> None:
        self._settings = settings
        self._identities = identities
        self._sessions: dict[str, Present] = {}

    def reconfigure(self, settings: EmailSettings) -> None:
        """These hold from now on."""
        self._settings = settings

    def came(self, session: Present) -> None:
        self._sessions[session.owner] = session

    def went(self, session: Present) -> None:
        if self._sessions.get(session.owner) is session:
            del self._sessions[session.owner]

    def session(self, owner: str) -> Present | None:
        return self._sessions.get(owner)

    @property
    def present(self) -> Iterable[str]:
        return list(self._sessions)

    # -- who writes --------------------------------------------------------------------------------------------

    async def author(self, owner: str) -> Author | None:
        session = self._sessions.get(owner)
        if session is None:
            raise NotStored("The user's settings are not known while there is no session.")
        return self.writes(session)

    def writes(self, session: Present) -> Author | None:
        personal = session.personal
        mailbox = self.sender(session)
        if mailbox is None:
            return None
        return Author(
            mailbox,
            personal.name or mailbox.local,
            self.addresses(session.owner),
            personal.window,
            personal.html if personal.html is not None else self._settings.html,
            personal.quotes,
            personal.asks_for_receipts,
        )

    def sender(self, session: Present) -> Mailbox | None:
        """What a user's mail comes from."""
        if session.mailing is not None:
            return session.mailing.mailbox
        return self._identities.sender(session.owner, session.personal.address)

    # -- who is written to -------------------------------------------------------------------------------------

    async def owner_of(self, mailbox: Mailbox) -> Resident | None:
        return self._identities.find(mailbox)

    def addresses(self, owner: str) -> frozenset[str]:
        session = self._sessions.get(owner)
        mailing = session.mailing if session is not None else None
        own = self._identities.addresses(owner)
        return own | {mailing.mailbox.folded} if mailing is not None else own

    def provider(self, owner: str, mailbox: Mailbox) -> Believed | None:
        if self._settings.ours(mailbox):
            return None
        session = self._sessions.get(owner)
        mailing = session.mailing if session is not None else None
        return mailing.believed if mailing is not None else Believed()

    def sink(self, owner: str) -> Sink | None:
        session = self._sessions.get(owner)
        return session.sink if session is not None else None

    def policy(self, owner: str) -> FirstContact:
        session = self._sessions.get(owner)
        chosen = session.personal.first_contact if session is not None else None
        return chosen or self._settings.first_contact

    # -- what is told ------------------------------------------------------------------------------------------

    def failed(self, owner: str, line_ids: Sequence[str], why: Refused) -> bool:
        return self.tell(owner, line_ids, DeliveryState.FAILED, why)

    def withdrawn(self, owner: str, line_ids: Sequence[str]) -> bool:
        sink = self.sink(owner)
        if sink is None:
            return False
        for each in line_ids:
            sink.withdrawn(each)
        return True

    def tell(
        self, owner: str, line_ids: Sequence[str], state: DeliveryState, why: Refused | None = None
    ) -> bool:
        """News of messages of the user's; False: not now."""
        sink = self.sink(owner)
        if sink is None:
            return False
        for each in line_ids:
            sink.delivery(each, state, why)
        return True

    def notice(self, owner: str, place: str, text: str) -> None:
        """In the chat that it is about, as nothing that anybody said."""
        sink = self.sink(owner)
        if sink is None:
            return
        if place.startswith("#"):
            sink.room_note(place, text)
        else:
            sink.direct(Message(place, text, MessageKind.NOTICE))
