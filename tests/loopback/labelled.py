"""The loopback network, where people and rooms are called otherwise than their addresses: ``gateway.bridge.Labels``."""

from dataclasses import replace

from gateway.model import Address, AddressKind
from tests.loopback import LoopbackBridge


class LabelledBridge(LoopbackBridge):
    """As ``LoopbackBridge``; ``plain`` is called as it is."""

    capabilities = replace(LoopbackBridge.capabilities, labels=True)

    def label(self, user: str, address: Address) -> str:
        kind = "room" if address.kind is AddressKind.ROOM else "person"
        return f"The {kind} {address.name} of {user}" if address.name != "plain" else ""
