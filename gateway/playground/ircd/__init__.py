"""A small IRC server of our own: the playground's stand-in where no other is installed, and a peer that misbehaves on
demand for tests. It shares no code with the bridge, so that the two cannot agree on the same mistake.

    python -m gateway.playground.ircd --port 6667
"""

from gateway.playground.ircd.server import Ircd, Received
from gateway.playground.ircd.state import Channel, IrcdSettings, Member, User

__all__ = ["Channel", "Ircd", "IrcdSettings", "Member", "Received", "User"]
