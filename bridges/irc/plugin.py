"""What the entry point ``causeway.bridges`` names."""

from bridges.irc.bridge import build
from bridges.irc.config import IrcSettings
from gateway.bridge import Plugin

BRIDGE = Plugin(settings=IrcSettings, build=build)

__all__ = ["BRIDGE"]
