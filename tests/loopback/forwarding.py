"""The loopback network as one that takes messages for people who are away, and reports what became of them."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.bridge import Account, Sink, Ticket
from gateway.model import DeliveryState, Message, MessageKind, Refused
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings


class ForwardingBridge(LoopbackBridge):
    """As ``LoopbackBridge``; ``sent`` holds what it took, by its own ids."""

    capabilities = replace(
        LoopbackBridge.capabilities,
        store_and_forward=True,
        durable_rooms=True,
        delivery_reports=True,
        read_marks=True,
        late_failures=True,
    )

    def __init__(self, settings: LoopbackSettings | None = None) -> None:
        super().__init__(settings or LoopbackSettings())
        self.sent: dict[str, tuple[ForwardingSession, str]] = {}
        self.read: list[tuple[str, str]] = []
        self.busy: Refused | None = None

    def session(self, account: Account, sink: Sink) -> "ForwardingSession":
        return ForwardingSession(self, account, sink)

    @property
    def texts(self) -> Sequence[str]:
        return [text for _, text in self.sent.values()]

    def report(self, text: str, state: DeliveryState, why: Refused | None = None) -> None:
        """What became of the message with that text."""
        id_, (session, _) = next(each for each in self.sent.items() if each[1][1] == text)
        session.sink.delivery(id_, state, why)


class ForwardingSession(LoopbackSession):
    bridge: ForwardingBridge

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if self.bridge.busy is not None:
            ticket.refused(self.bridge.busy)
            return
        id_ = self.bridge.next_id()
        self.bridge.sent[id_] = self, text
        person = self.bridge.people.get(contact)
        if person is not None:
            person.sink.direct(Message(self.nick, text, kind, id_))
        ticket.done((id_,))

    def mark_read(self, contact: str, foreign_id: str) -> None:
        self.bridge.read.append((contact, foreign_id))
