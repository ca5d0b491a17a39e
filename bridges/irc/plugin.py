"""What the entry point ``causeway.bridges`` names.

The library comes first: when ``irc.events`` is imported it reads the source of all that is on the stack, to find a file of
its own, and from here that is little. Half of the time that the bridge takes to import.
"""

import irc.events

from bridges.irc.bridge import build
from bridges.irc.config import IrcSettings
from gateway.bridge import Plugin

BRIDGE = Plugin(settings=IrcSettings, build=build)

__all__ = ["BRIDGE", "irc"]
