"""What each kind of bridge counts: always the same series, whoever and whatever comes by."""

import random
from pathlib import Path
from typing import cast

import pytest

import bridges.email
import bridges.irc
import bridges.sms
from bridges.irc.tally import Tallies
from gateway.bridge import Bridge, Measure, Measured, MeasureKind, Plugin, Services
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
    "irc": bridges.irc.BRIDGE,
    "email": bridges.email.BRIDGE,
    "sms": bridges.sms.BRIDGE,
}


def built(kind: str, directory: Path) -> Bridge:
    plugin = PLUGINS[kind]
    settings = plugin.settings.model_validate(SETTINGS[kind])
    return plugin.build(settings, Services(ManualClock(), random.Random(1), "1", directory=directory))


def measures(bridge: Bridge) -> list[Measure]:
    assert bridge.capabilities.measured
    return list(cast("Measured", bridge).measures())


@pytest.mark.parametrize("kind", PLUGINS)
def test_a_bridge_has_numbers_before_it_has_begun(kind: str, tmp_path: Path) -> None:
    found = measures(built(kind, tmp_path))
    assert found
    assert all(each.name.startswith(f"{kind}_") and each.help for each in found)
    assert all(each.name.endswith("_total") == (each.kind is MeasureKind.COUNTER) for each in found)
    series = [(each.name, each.labels) for each in found]
    assert len(set(series)) == len(series)
    shapes = {(each.name, tuple(name for name, _ in each.labels)) for each in found}
    assert len({name for name, _ in shapes}) == len(shapes)


def test_networks_that_users_think_of_are_counted_together() -> None:
    tallies = Tallies(["irc.example.org"])
    series = len(list(tallies.measures()))
    for number in range(100):
        tallies.of(f"irc{number}.example.net").lines_in += 1
    tallies.of("irc.example.org").lines_in += 7
    found = {each.labels: each.value for each in tallies.measures() if each.name == "irc_lines_total"}
    assert found[("network", "other"), ("direction", "in")] == 100
    assert found[("network", "irc.example.org"), ("direction", "in")] == 7
    assert len(list(tallies.measures())) == series
