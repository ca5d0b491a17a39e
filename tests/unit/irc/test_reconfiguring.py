"""Other settings while the bridge runs: they hold for what begins from now on, and what cannot be changed so is named."""

import random

import pytest

from bridges.irc.bridge import IrcBridge
from bridges.irc.config import IrcSettings
from bridges.irc.plugin import BRIDGE
from gateway.bridge import BadAddress, Services
from tests.fakes.clock import ManualClock


def bridge(**settings: object) -> IrcBridge:
    made = BRIDGE.build(
        IrcSettings.model_validate(settings), Services(ManualClock(), random.Random(1), "1.0")
    )
    assert isinstance(made, IrcBridge)
    return made


def labels(of: IrcBridge, network: str) -> dict[str, str]:
    return {each.name: each.default for each in of.fields(network)}


def test_networks_and_their_defaults_are_others_at_once():
    irc = bridge(only_configured_networks=True, networks={"one": {"address": "irc.one.test"}})
    with pytest.raises(BadAddress):
        irc.address("#room%two")
    new = IrcSettings.model_validate(
        {
            "only_configured_networks": True,
            "networks": {"two": {"address": "irc.two.test"}},
            "default_ports": [6669],
        }
    )
    assert irc.reconfigure(new) == []
    assert irc.address("#room%two").network == "two"
    with pytest.raises(BadAddress):
        irc.address("#room%one")
    assert irc.reconfigure(new) == []


def test_what_needs_a_restart_is_named_each_time_and_stays_as_it_was():
    irc = bridge()
    new = IrcSettings.model_validate(
        {
            "fixed_server": "irc.one.test",
            "identd_port": 1113,
            "reaction_lines": True,
            "networks": {"x": {"typing": False}},
        }
    )
    for _ in range(2):
        assert irc.reconfigure(new) == ["fixed_server", "reaction_lines", "identd_port"]
    assert irc.address("#room%irc.other.test").network == "irc.other.test"
    assert not irc.capabilities.reaction_lines
    assert irc.reconfigure(IrcSettings()) == []
