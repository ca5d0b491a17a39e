"""The IRC bridge keeps the contract, on a small IRC server that shares no code with it."""

import random

import pytest

from bridges.irc.config import IrcSettings
from bridges.irc.plugin import BRIDGE
from bridges.irc.protocol.formatting import strip
from gateway.bridge import Account, Services
from gateway.clock import SystemClock
from gateway.playground.irc_client import IrcClient, line
from gateway.playground.ircd import Ircd
from gateway.testing import BridgeContract, Harness


class IrcPeer:
    """Somebody else on the IRC server."""

    def __init__(self, client: IrcClient) -> None:
        self.client = client

    @property
    def nick(self) -> str:
        return self.client.nick

    async def join(self, room: str) -> None:
        await self.client.join(room)

    async def leave(self, room: str) -> None:
        self.client.send(f"PART {room}")
        await self.client.expect(line("PART", room, sender=self.nick), "to be out")

    async def say(self, room: str, text: str) -> None:
        self.client.say(room, text)
        await self.client.settle()

    async def tell(self, nick: str, text: str) -> None:
        await self.say(nick, text)

    async def heard(self, text: str) -> None:
        await self.client.expect(lambda got: got.command == "PRIVMSG" and text in strip(got.params[-1]), text)


class TestIrc(BridgeContract):
    @pytest.fixture
    async def harness(self):
        ircd = await Ircd().start()
        peer = await IrcClient.connect(ircd.host, ircd.port, "Peer")
        network = {"address": ircd.host, "tls_ports": [], "ports": [ircd.port], "throttle_rate": 0}
        settings = IrcSettings.model_validate({"networks": {"irc.test": network}})
        bridge = BRIDGE.build(settings, Services(SystemClock(), random.Random(3), "1.0"))
        yield Harness(bridge, Account("user", "irc.test", "Me", {}), "#Room", IrcPeer(peer))
        await peer.drop()
        await ircd.stop()
