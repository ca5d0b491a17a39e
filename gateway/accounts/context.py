"""What an account needs of the component it lives in, as Protocols: stores, stanzas, contacts and the ledger of messages.

Knows none of those who fill the roles; ``gateway.accounts.host`` has most of them.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from gateway.accounts.breaker import Breaker
from gateway.accounts.pacing import Backoff
from gateway.bridge import Account as BridgeAccount
from gateway.bridge import Bridge, Clock
from gateway.chat.private import PrivateChats
from gateway.delivery.holding import Held
from gateway.media.arrivals import Arrivals
from gateway.model import (
    Availability,
    Contact,
    DeliveryState,
    Message,
    Question,
    Refused,
)
from gateway.rooms.context import RoomContext
from gateway.rooms.habits import Habits
from gateway.rooms.history import Said
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room

if TYPE_CHECKING:
    from gateway.accounts.account import Account


class ContactEvents(Protocol):
    """What becomes of a session's news of contacts."""

    def described(self, account: "Account", contact: Contact) -> None: ...

    def stood(self, account: "Account", name: str, availability: Availability, status: str) -> None: ...

    def sent_elsewhere(self, account: "Account", name: str, message: Message) -> None: ...


class DeliveryEvents(Protocol):
    """The ledger of private messages, seen from a session."""

    def received(
        self, account: "Account", message: Message, extra: str = "", held: Held | None = None
    ) -> None:
        """``extra`` is ready XML that goes with the text. ``held``: what ``hold`` gave for it, with what it was then."""

    def hold(self, account: "Account", message: Message, extra: str = "") -> Held:
        """A message that cannot be shown yet, made safe: as much of it as would be left if it never could."""

    def withdrawn(self, account: "Account", foreign_id: str) -> None:
        """See ``Sink.withdrawn``."""

    def drop(self, held: Held) -> None:
        """What was held is not to be shown; the user knows."""

    async def committed(self, account: "Account", message: Message, extra: str = "") -> None:
        """As ``received``; returns once the message is safe, or raises ``NotKept``."""

    def reported(
        self, account: "Account", foreign_id: str, state: DeliveryState, why: Refused | None
    ) -> None: ...


class AccountContext(RoomContext, Protocol):
    """What an account needs of the component it lives in."""

    bridge: Bridge
    clock: Clock
    breaker: Breaker
    contacts: ContactEvents
    deliveries: DeliveryEvents
    arrivals: Arrivals
    watched: Collection[str]
    private: PrivateChats

    def spawn(self, work: Awaitable[None]) -> None:
        """Run ``work`` in a task that the component holds."""

    def turn(self, network: str) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Wait for a turn to log in; see ``Pacer``."""

    def backoff(self) -> Backoff: ...

    async def described(self, owner: str, network: str, nick: str) -> BridgeAccount:
        """The account as its bridge is told of it, with all that the user has set."""

    async def habits(self, account: "Account", room: Room | None = None) -> Habits:
        """How the user wants a room to be kept, or all that nothing was said about."""

    async def earlier(self, account: "Account", room: Room) -> list[Said]:
        """What the archive remembers of a room, oldest first."""

    def refuse_join(self, attendee: Attendee, why: Refused) -> None:
        """Answer a join presence with an error."""

    def status_changed(self, account: "Account") -> None: ...

    def direct(self, account: "Account", message: Message, held: Held | None = None) -> None: ...

    def hold(self, account: "Account", message: Message) -> Held:
        """See ``DeliveryEvents.hold``."""

    async def direct_committed(self, account: "Account", message: Message) -> None: ...

    def service(self, account: "Account", text: str) -> None: ...

    def asked(
        self, account: "Account", sender: str, question: Question, answer: Callable[[str], None]
    ) -> None:
        """Somebody asks what the user's software is; see ``Sink.asked``."""

    def invited(self, account: "Account", name: str, actor: str, reason: str) -> None:
        """Somebody on the network wants the user in the room of that name."""

    def overheard(self, account: "Account", room: str, message: Message) -> None:
        """What was said in a room, of users who are ``watched``: they may be half of a loop."""

    def remember_account(self, account: "Account", stopped: str = "") -> None:
        """``stopped`` says why it must not be connected by itself."""

    def remember_room(self, account: "Account", room: Room) -> None: ...

    def forget_room(self, account: "Account", room: Room) -> None: ...

    def remember_attendee(self, account: "Account", room: Room, attendee: Attendee) -> None: ...

    def forget_attendee(self, account: "Account", room: Room, attendee: Attendee) -> None: ...
