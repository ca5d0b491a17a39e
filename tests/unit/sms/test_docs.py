"""What the page for operators shows is taken as it stands, and every command is on a page."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bridges.sms.building import Unusable, built
from bridges.sms.commands import SmsCommands
from bridges.sms.config import SmsSettings
from bridges.sms.http.kannel import Wanted, faults, read
from bridges.sms.http.webhooks import Webhooks
from gateway.config import load
from tests.unit.sms.stage import whole

DOCS = Path(__file__).parents[3] / "docs"
PAGE, USERS = [(DOCS / name).read_text(encoding="utf-8") for name in ("sms.md", "users.md")]
_BLOCK = re.compile(r"^( *)<!-- tested: (\w+) -->\n *```(?:toml)?\n(.*?)^ *```\n", re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [textwrap.dedent(text) for _, found, text in _BLOCK.findall(PAGE) if found == kind]


def loaded(tmp_path: Path, *parts: str) -> SmsSettings:
    path = tmp_path / "config.toml"
    path.write_text("\n".join(("[xmpp]", *blocks("web"), *blocks("config"), *parts)))
    for name in ("smpp.password", "twilio.token", "telnyx.key"):
        (tmp_path / name).write_text("secret")
    (bridge,) = load(path, {}).bridges
    assert isinstance(bridge.own, SmsSettings)
    return bridge.own


def test_there_is_a_route_of_every_kind(tmp_path: Path) -> None:
    kinds = [loaded(tmp_path, each).routes["main"].kind for each in blocks("route")]
    assert sorted(kinds) == ["gammu", "http", "http", "kannel", "smpp"]


@pytest.mark.parametrize("route", blocks("route"))
async def test_every_route_shown_can_be_built(tmp_path: Path, route: str, services: Any) -> None:
    settings = loaded(tmp_path, route.replace("/var/lib/causeway", str(tmp_path))).routes["main"]
    way = built("main", settings, services, Webhooks(services))
    assert not isinstance(way, Unusable)
    assert "cannot be read" not in way.seen().detail


def test_numbers_and_prices_are_taken(tmp_path: Path) -> None:
    [numbers], [ways], [prices] = blocks("numbers"), blocks("ways"), blocks("prices")
    route = blocks("route")[0]
    settings = loaded(tmp_path, route, route.replace(".main]", ".spare]"), numbers, ways, prices)
    assert [each.mode for each in settings.numbers] == ["personal", "personal", "team", "pool"]
    assert [each.destination for each in settings.ways] == ["+49"]
    assert len(settings.prices) == 2


def test_the_kannel_conf_loses_nothing(tmp_path: Path) -> None:
    [text] = blocks("kannel")
    path = tmp_path / "kannel.conf"
    path.write_text(text.replace("ADDRESS", "http://127.0.0.1:5290/bridge/sms/main/x"))
    assert faults(read(path), Wanted("gw", "main", "/bridge/sms/main/")) == []


async def test_every_command_is_on_a_page(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        for each in SmsCommands(stage.bridge.office).declared():
            assert f"`{each.node}`" in (PAGE if each.admins_only else USERS), each.node
