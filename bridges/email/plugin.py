"""What the entry point ``causeway.bridges`` names."""

from bridges.email.bridge import build
from bridges.email.config import EmailSettings
from bridges.email.migrations import SCHEMA
from gateway.bridge import Plugin

BRIDGE = Plugin(settings=EmailSettings, build=build, schema=SCHEMA)

__all__ = ["BRIDGE"]
