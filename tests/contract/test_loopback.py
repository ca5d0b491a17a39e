"""The loopback bridge keeps the contract: the surface needs no knowledge of XMPP."""

import asyncio

import pytest

from gateway.bridge import Account
from gateway.model import MessageKind
from gateway.testing import BridgeContract, Harness, RecordingSink, RecordingTicket
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings
from tests.loopback.expressing import EVERYTHING, ExpressiveBridge
from tests.loopback.governing import GoverningBridge


class LoopbackPeer:
    """Somebody else on the loopback network: a second session."""

    nick = "Peer"

    def __init__(self, bridge: LoopbackBridge) -> None:
        self._sink = RecordingSink()
        self.session: LoopbackSession = bridge.session(Account("peer", "loop", self.nick, {}), self._sink)

    async def join(self, room: str) -> None:
        self.session.join(room, self.nick, "")

    async def leave(self, room: str) -> None:
        self.session.leave(room, "")

    async def say(self, room: str, text: str) -> None:
        self.session.say(room, text, MessageKind.CHAT, RecordingTicket())

    async def tell(self, nick: str, text: str) -> None:
        self.session.tell(nick, text, MessageKind.CHAT, RecordingTicket())

    async def heard(self, text: str) -> None:
        await self._sink.wait_any(
            lambda call: call.name in ("room_message", "direct") and text in call.arguments[-1].text
        )


BRIDGES = {
    "plain": lambda: LoopbackBridge(LoopbackSettings()),
    "governing": GoverningBridge,
    "expressive": lambda: ExpressiveBridge(**EVERYTHING),
}


class TestLoopback(BridgeContract):
    @pytest.fixture(params=BRIDGES)
    async def harness(self, request):
        bridge = BRIDGES[request.param]()
        peer = LoopbackPeer(bridge)
        running = asyncio.create_task(peer.session.run())
        await asyncio.sleep(0)
        yield Harness(bridge, Account("user", "loop", "Me", {}), "#Room", peer)
        peer.session.close("")
        await running
