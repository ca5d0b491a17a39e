"""What protects one component and its users from too much: limits, the gate before the handlers, the inflow of private
messages, and the look-out for loops, put together.

Wiring only; what each does is said in its own file.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass

from gateway.accounts.account import Account
from gateway.accounts.context import DeliveryEvents
from gateway.accounts.inflow import Inflow
from gateway.bridge import BadAddress, Bridge, Clock
from gateway.limits import Limits
from gateway.loops import Loop, Loops, Place
from gateway.model import Address, AddressKind, Message, Refused
from gateway.texts import Languages
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.gate import Gate, loop_notices
from gateway.xmpp.stanza import Stanza


@dataclass(frozen=True, slots=True)
class GuardWiring:
    """What the component lends. ``own`` are the domains of all components of this process; ``admins`` those of now;
    ``returned`` takes back a message of ours that a server sent to us (privileges); ``tell`` writes to a bare JID in the
    gateway's name, ``notify`` to a user in that of their network."""

    name: str
    bridge: Bridge
    book: AddressBook
    clock: Clock
    limits: Limits
    loops: Loops
    own: Set[str]
    send: Callable[..., bool]
    admins: Callable[[], frozenset[str]]
    returned: Callable[[Stanza], bool]
    tell: Callable[[str, str], None]
    notify: Callable[[Account, str], None]
    languages: Languages | None = None
    refused: Callable[[Stanza, Refused], None] | None = None


class Guard:
    """``limits`` are the component's. Implements what ``Gate`` needs, and ``overheard`` of the accounts' context."""

    def __init__(self, wiring: GuardWiring) -> None:
        self._wiring = wiring
        self.send = wiring.send
        self.returned = wiring.returned
        self.limits = wiring.limits
        self.watched = wiring.loops.watched
        self._loops = wiring.loops
        self._gate = Gate(
            self.limits, wiring.loops, wiring.clock, wiring.own, self, wiring.languages, wiring.refused
        )
        self._inflow: Inflow | None = None
        self.admit = self._gate.admit

    def before(self, ledger: DeliveryEvents) -> DeliveryEvents:
        """What stands before the ledger."""
        wiring = self._wiring
        self._inflow = Inflow(ledger, self.limits, wiring.clock, self._heard, wiring.notify)
        return self._inflow

    def close(self) -> None:
        """Pass on and tell what waits."""
        if self._inflow is not None:
            self._inflow.close()
        self._gate.close()

    # -- what comes in from networks ---------------------------------------------------------------------------

    def overheard(self, account: Account, room: str, message: Message) -> None:
        """Somebody in a room said something to a user who is ``watched``."""
        place = (self._wiring.name, account.network, room)
        self._loops.heard(account.owner, place, message.sender, message.text)

    def _heard(self, account: Account, message: Message) -> None:
        """The same in private."""
        book = self._wiring.book
        try:
            jid = book.jid_of(Address(AddressKind.CONTACT, account.network, message.sender))
        except BadAddress:
            return  # nobody can answer it
        self._gate.acquainted(account.owner, jid)
        if account.owner in self.watched:
            place = (self._wiring.name, account.network, account.fold(message.sender))
            self._loops.heard(account.owner, place, message.sender, message.text, direct=True)

    # -- GateContext -------------------------------------------------------------------------------------------

    def address_of(self, local: str) -> Address:
        return self._wiring.book.address(local)

    def place(self, address: Address) -> Place:
        return (self._wiring.name, address.network, self._wiring.bridge.fold(address.name))

    def looped(self, loop: Loop, where: str) -> None:
        loop_notices(loop, where, self._wiring.admins(), self._wiring.tell)
