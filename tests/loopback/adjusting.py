"""The loopback network with settings for rooms and the gateway: ``gateway.bridge.Adjustable``, ``Crowded``, ``Adjusts``,
``Detailed``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.bridge import Account, BadAddress, Sink
from gateway.model import Crowd, Details
from gateway.model import Field as Setting
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings


class AdjustingBridge(LoopbackBridge):
    """``colour`` can be set for a room, and for the gateway as a whole; "none" is no colour."""

    capabilities = replace(
        LoopbackBridge.capabilities,
        adjustable=True,
        crowds=True,
        details=True,
        network_noun="loop network",
        room_noun="loop room",
    )

    def __init__(self) -> None:
        super().__init__(LoopbackSettings())
        self.told: list[Account] = []
        self.adjusted: list[tuple[str, dict[str, str]]] = []

    def gateway_fields(self) -> Sequence[Setting]:
        return (Setting("colour", "Colour of all rooms"),)

    def room_fields(self, network: str, room: str, settings: Mapping[str, str]) -> Sequence[Setting]:
        return (Setting("colour", "Colour", default=settings.get("nick", "")),)

    def check_rooms(self, values: Mapping[str, str]) -> None:
        if values.get("colour") == "none":
            raise BadAddress("None is no colour.")

    def crowd(self, network: str) -> Crowd:
        return Crowd(speakers=False, above=1)

    def session(self, account: Account, sink: Sink) -> LoopbackSession:
        self.told.append(account)
        return AdjustingSession(self, account, sink)


class AdjustingSession(LoopbackSession):
    bridge: AdjustingBridge

    def adjust(self, room: str, settings: Mapping[str, str]) -> None:
        self.bridge.adjusted.append((room, dict(settings)))

    def details(self) -> Details:
        return Details("by a wire", ("It is short.",))
