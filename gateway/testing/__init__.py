"""For authors of bridges: a sink that records, and the contract that every bridge has to keep, as a pytest suite.

Needs pytest; nothing of the gateway imports it.
"""

from gateway.testing.contract import BridgeContract, Harness, Peer
from gateway.testing.recorder import Call, RecordingAnswer, RecordingSink, RecordingTicket

__all__ = ["BridgeContract", "Call", "Harness", "Peer", "RecordingAnswer", "RecordingSink", "RecordingTicket"]
