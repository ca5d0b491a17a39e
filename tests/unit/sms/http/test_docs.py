"""What the documentation shows works as it stands."""

import re
import tomllib
from pathlib import Path

import pytest

from bridges.sms.http import library
from bridges.sms.http.kannel import Wanted, faults, read
from bridges.sms.plugin import BRIDGE
from gateway.config import load

TEXT = (Path(__file__).parents[4] / "docs" / "sms-providers.md").read_text()
HEAD = '[xmpp]\n[bridges.sms]\njid = "sms.example.org"\nsecret = "a secret of some length"\nregion = "US"\n'


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", TEXT, re.S))
def test_every_configuration_shown_is_one(tmp_path, block):
    path = tmp_path / "causeway.toml"
    path.write_text(HEAD + block)
    settings = load(path, {}, {"sms": lambda: BRIDGE})
    assert settings.bridges[0].own.routes
    assert tomllib.loads(block)


def test_the_kannel_conf_shown_has_no_faults_of_its_own(tmp_path):
    (block,) = re.findall(r"```\n(group = smsbox.*?)```", TEXT, re.S)
    path = tmp_path / "kannel.conf"
    path.write_text(block.replace("ADDRESS", "http://127.0.0.1:5290/bridge/sms/kannel/x"))
    assert faults(read(path), Wanted("gw", "", "/bridge/sms/kannel/")) == [
        "There is no group smsc: texts wait in Kannel for ever."
    ]


def test_every_preset_and_what_it_needs_is_in_the_table():
    for name in library.names():
        preset = library.preset(name)
        if name == "kannel":
            continue
        (row,) = re.findall(rf"\| `{name}` \|.*", TEXT)
        shown = set(re.findall(r"`([a-z_]+)`", row.partition("|")[2]))
        assert (preset.values.keys() | preset.secrets.keys()) - {"base"} <= shown | {name}, name
