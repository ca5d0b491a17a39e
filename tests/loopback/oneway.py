"""The loopback network as one some of whose people cannot be written to."""

from dataclasses import replace

from gateway.bridge import Account, Sink
from tests.loopback import LoopbackBridge, LoopbackSession


class OneWayBridge(LoopbackBridge):
    """As ``LoopbackBridge``; nobody writes to whoever is among ``deaf``."""

    capabilities = replace(LoopbackBridge.capabilities, one_way=True)
    deaf = ("announcer",)

    def session(self, account: Account, sink: Sink) -> "OneWaySession":
        return OneWaySession(self, account, sink)


class OneWaySession(LoopbackSession):
    bridge: OneWayBridge

    def one_way(self, contact: str) -> bool:
        return contact in self.bridge.deaf
