"""What the entry point ``causeway.bridges`` names."""

from bridges.sms.bridge import build
from bridges.sms.config import SmsSettings
from bridges.sms.migrations import SCHEMA
from gateway.bridge import Plugin

BRIDGE = Plugin(settings=SmsSettings, build=build, schema=SCHEMA)

__all__ = ["BRIDGE"]
