"""What is counted of messages to networks and from them; plain numbers, for metrics and tests."""

from dataclasses import dataclass


@dataclass(slots=True)
class InboundCounts:
    """Since the start."""

    received: int = 0
    known: int = 0  # came again, and were not shown again
    unwritten: int = 0  # sent without the ledger, since it could not be written
    bounced: int = 0
    failed: int = 0  # refused for good by the user's server
    dropped: int = 0  # fell out of a spool


@dataclass(slots=True)
class OutboundCounts:
    """Since the start."""

    sent: int = 0
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    repeated: int = 0  # given to the network once more
