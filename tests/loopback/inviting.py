"""The loopback network as one with invitations, rooms that send people elsewhere, and forced joins."""

from dataclasses import replace

from gateway.bridge import Account, Sink, Ticket
from gateway.model import Address, AddressKind, Condition, Refused
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings


class InvitingBridge(LoopbackBridge):
    """As ``LoopbackBridge``; ``moved`` says where rooms send those who want to join."""

    capabilities = replace(LoopbackBridge.capabilities, invitations=True)

    def __init__(self, settings: LoopbackSettings | None = None) -> None:
        super().__init__(settings or LoopbackSettings())
        self.moved: dict[str, str] = {}

    def session(self, account: Account, sink: Sink) -> "InvitingSession":
        return InvitingSession(self, account, sink)


class InvitingSession(LoopbackSession):
    bridge: InvitingBridge

    def join(self, room: str, nick: str, password: str) -> None:
        elsewhere = self.bridge.moved.get(self.fold(room))
        if elsewhere is None:
            super().join(room, nick, password)
            return
        address = Address(AddressKind.ROOM, self.bridge.settings.network, elsewhere)
        why = Refused(Condition.REDIRECT, f"{room} has moved.", address=address)
        self.sink.room_refused(self.fold(room), why)
        super().join(elsewhere, nick, "")

    def invite(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        guest = self.bridge.people.get(nick)
        if guest is None:
            ticket.refused(Refused(Condition.ITEM_NOT_FOUND, f"There is no {nick}."))
            return
        guest.sink.invited(room, self.nick, reason)
        ticket.done()
