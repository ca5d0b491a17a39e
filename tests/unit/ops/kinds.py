"""The three kinds of bridges, built and not begun."""

import random
from pathlib import Path
from typing import cast

import bridges.email.plugin
import bridges.irc.plugin
import bridges.sms.plugin
from gateway.bridge import Bridge, Measure, Measured, Plugin, Services
from tests.fakes.clock import ManualClock

SETTINGS: dict[str, dict[str, object]] = {
    "irc": {"networks": {"irc.example.org": {}}},
    "email": {
        "domains": ["gw.example"],
        "address_template": "{local}@gw.example",
        "local_domains": ["localhost"],
        "smarthost": {"port": 2525},
        "lmtp": {"listen": "127.0.0.1:2424"},
        "trust": {"authserv_ids": ["mx.example"]},
    },
    "sms": {"region": "DE"},
}
PLUGINS: dict[str, Plugin] = {
    "irc": bridges.irc.plugin.BRIDGE,
    "email": bridges.email.plugin.BRIDGE,
    "sms": bridges.sms.plugin.BRIDGE,
}


def built(kind: str, directory: Path) -> Bridge:
    plugin = PLUGINS[kind]
    settings = plugin.settings.model_validate(SETTINGS[kind])
    return plugin.build(settings, Services(ManualClock(), random.Random(1), "1", directory=directory))


def measures(bridge: Bridge) -> list[Measure]:
    assert bridge.capabilities.measured
    return list(cast("Measured", bridge).measures())
