"""The loopback bridge with files: what it is sent it fetches, keeps and passes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.bridge import Account, MediaError, Services, Sink, Ticket
from gateway.model import Address, AddressKind, Attachment, Enrichment, Message, MessageKind
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings


class SharingBridge(LoopbackBridge):
    """``received``: every file that came from XMPP, with its bytes in ``data``."""

    capabilities = replace(LoopbackBridge.capabilities, attachments=True)

    def __init__(self, services: Services) -> None:
        super().__init__(LoopbackSettings())
        self.services = services
        self.enrichments: list[Enrichment | None] = []
        self.received: asyncio.Queue[tuple[Address, str, Attachment]] = asyncio.Queue()

    def session(self, account: Account, sink: Sink) -> "SharingSession":
        return SharingSession(self, account, sink)


class SharingSession(LoopbackSession):
    """``gateway.bridge.SharesFiles`` too."""

    def __init__(self, bridge: SharingBridge, account: Account, sink: Sink) -> None:
        super().__init__(bridge, account, sink)
        self._user = account.user
        self._sharing = bridge
        self._fetching: set[asyncio.Task[None]] = set()

    def share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
        enrichment: Enrichment | None = None,
    ) -> None:
        self._sharing.enrichments.append(enrichment)
        task = asyncio.create_task(self._share(address, text, attachments, kind, ticket))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _share(
        self,
        address: Address,
        text: str,
        attachments: Sequence[Attachment],
        kind: MessageKind,
        ticket: Ticket,
    ) -> None:
        files: list[Attachment] = []
        try:
            for each in attachments:
                with await self._sharing.services.media.fetch(each, self._user) as blob:
                    data = await asyncio.to_thread(blob.path.read_bytes)
                file = Attachment(blob.name, blob.media_type, blob.size, data=data, sha256=blob.sha256)
                files.append(file)
                self._sharing.received.put_nowait((address, text, file))
        except MediaError as error:
            ticket.refused(error.refused)
            return
        message = Message(self.nick, text, kind, self.bridge.next_id(), attachments=tuple(files))
        if address.kind is AddressKind.ROOM:
            key = self.fold(address.name)
            for name, member in self.bridge.rooms[key].members.items():
                if name != self.nick:
                    member.sink.room_message(key, message)
        elif address.name in self.bridge.people:
            self.bridge.people[address.name].sink.direct(message)
        ticket.done((message.foreign_id,))
