"""What the doctor says of real networks: certificates that are good, end soon, have ended, or are others'."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from bridges.irc.bridge import IrcBridge
from bridges.irc.config import IrcSettings
from gateway.bridge import Finding, Services, Verdict
from gateway.clock import SystemClock
from gateway.playground.certificate import make_certificate
from gateway.playground.clients import IrcClient, line
from gateway.playground.inspircd import InspIRCd
from tests.rig.servers import open_to_daemons
from tests.waiting import DEADLINE

_SHOWN = {
    "good": {"days": 90.0},
    "soon": {"days": 3.0},
    "ended": {"days": -2.0},
    "other": {"days": 90.0, "names": ("irc.example",), "addresses": ()},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def networks(tmp_path_factory) -> AsyncIterator[dict[str, InspIRCd]]:
    async with AsyncExitStack() as stack:
        found = {}
        for name, shown in _SHOWN.items():
            directory: Path = open_to_daemons(tmp_path_factory.mktemp(name))
            certificate = make_certificate(directory, **shown)
            found[name] = await InspIRCd.start(directory, certificate=certificate, sts=name == "good")
            stack.push_async_callback(found[name].stop)
        yield found


async def examined(networks: dict[str, InspIRCd], **more: dict[str, object]) -> dict[str, Finding]:
    listed = {
        name: {
            "address": server.host,
            "tls_ports": (server.tls_port,),
            "ca_file": str(server.certificate.authority),
        }
        for name, server in networks.items()
        if server.certificate is not None
    }
    settings = IrcSettings.model_validate({"networks": listed | more})
    bridge = IrcBridge(settings, Services(SystemClock(), random.Random(7), "1"))
    return {each.subject: each async for each in bridge.examine()}


async def test_what_is_wrong_with_a_certificate_is_said_and_how_to_trust_it_all_the_same(networks) -> None:
    found = await examined(networks)
    assert {name: found[f"tls of {name}"].verdict for name in networks} == {
        "good": Verdict.OK,
        "soon": Verdict.NOTE,
        "ended": Verdict.FAIL,
        "other": Verdict.FAIL,
    }
    assert "expired" in found["tls of ended"].text
    assert "It is for irc.example" in found["tls of other"].text
    for name in ("ended", "other"):
        assert networks[name].certificate.sha256 in found[f"tls of {name}"].fix
    assert "server-time" in found["capabilities of good"].text


async def test_ports_without_encryption_and_pins_are_judged_as_they_are_used(networks) -> None:
    good, ended = networks["good"], networks["ended"]
    plain = {"address": good.host, "tls_ports": (), "ports": (good.port,)}
    pinned = {
        "address": ended.host,
        "tls_ports": (ended.tls_port,),
        "fingerprint": ended.certificate.sha256,
    }
    silent = {"address": good.host, "tls_ports": (1,)}
    found = await examined({}, plain=plain, pinned=pinned, silent=silent)
    assert f"tls_ports = [{good.tls_port}]" in found[f"port {good.port} of plain"].fix
    assert found["tls of pinned"].verdict is Verdict.OK
    assert "refuses connections" in found["tls of silent"].text


async def test_nobody_is_ever_there_for_that(networks) -> None:
    good = networks["good"]
    watcher = await IrcClient.connect(good.host, good.port, "watcher")
    try:
        await examined({"good": good})
        watcher.send("LUSERS")
        told = await watcher.expect(line("265"), within=DEADLINE)  # local users, and the most there ever were
        assert told.params[-1].endswith("Current local users: 1  Max: 1"), told.params
    finally:
        await watcher.close()
