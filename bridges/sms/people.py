"""Our users, as the parts of this bridge have to know them: who is there to be told something, and what people are called.

Owns the list of sessions. Whoever has something to tell to somebody who is not there keeps it.
"""

from collections.abc import Iterable
from typing import Protocol

from bridges.sms.conversations import Conversations
from bridges.sms.personal import Personal
from bridges.sms.sending.messages import Tidings
from gateway.bridge import Sink
from gateway.model import Message, MessageKind


class Present(Protocol):
    """A user's session, as far as this room has to know it."""

    owner: str
    sink: Sink
    personal: Personal

    def met(self, party: str) -> None:
        """Something is known of somebody, from now on."""


class People:
    """``receiving.residents.Residents``, ``groups.Present`` and ``sending.messages.News``."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._sessions: dict[str, Present] = {}

    def came(self, session: Present) -> None:
        self._sessions[session.owner] = session

    def went(self, session: Present) -> None:
        if self._sessions.get(session.owner) is session:
            del self._sessions[session.owner]
            self._conversations.leave(session.owner)

    def session(self, owner: str) -> Present | None:
        return self._sessions.get(owner)

    @property
    def present(self) -> Iterable[str]:
        return list(self._sessions)

    def sink(self, owner: str) -> Sink | None:
        session = self._sessions.get(owner)
        return session.sink if session is not None else None

    def personal(self, owner: str) -> Personal:
        session = self._sessions.get(owner)
        return session.personal if session is not None else Personal()

    # -- what people are called --------------------------------------------------------------------------------

    def name(self, owner: str) -> str:
        """What other members of a team call a user."""
        return self.personal(owner).name or owner.partition("@")[0]

    def called(self, owner: str, party: str) -> str:
        return self._conversations.called(owner, party)

    async def heard(self, owner: str, party: str, number: str, name: str) -> None:
        """Somebody is about to be shown to a user as having written. Raises ``NotStored``."""
        await self._conversations.heard(owner, party, number, name)
        session = self._sessions.get(owner)
        if session is not None:
            session.met(party)

    # -- what is told ------------------------------------------------------------------------------------------

    async def told(self, tidings: Tidings) -> bool:
        if not tidings.owner:
            return True  # our own few words: nobody waits to hear of them
        sink = self.sink(tidings.owner)
        if sink is None:
            return False
        sink.delivery(tidings.id, tidings.state, tidings.why)
        return True

    def notice(self, owner: str, place: str, text: str) -> None:
        """In the chat that it is about (of the gateway, if that is empty), as nothing that anybody said."""
        sink = self.sink(owner)
        if sink is None:
            return
        if place.startswith("group-"):
            sink.room_note(place, text)
        else:
            sink.direct(Message(place, text, MessageKind.NOTICE))
