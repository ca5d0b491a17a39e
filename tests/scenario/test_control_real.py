"""The operator's commands against a gateway at work: it does what it is told, and people notice only what is meant for
them."""

import asyncio
import io
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import pytest_asyncio

from gateway import cli
from gateway.playground.clients import line, message
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "ngircd"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, ngircd: NgIRCd) -> AsyncIterator[Stage]:
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", Play({NET: Door(ngircd.host, ngircd.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, NET)


async def typed(stage: Stage, *words: str) -> tuple[int, str, str]:
    """A command: its exit status, and what it said on its two outputs."""

    def type_() -> tuple[int, str, str]:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            return cli.main([*words, "-c", str(stage.config)]), out.getvalue(), err.getvalue()

    return await asyncio.to_thread(type_)


async def test_a_bridge_is_restarted_under_its_users(scene: Scene) -> None:
    links = len(list(scene.stage.events("link up")))
    status, out, err = await typed(scene.stage, "restart", "irc")
    assert (status, err) == (0, "")
    assert "runs again" in out
    await scene.stage.linked(links + 1)
    await scene.carol.expect(line("JOIN", scene.channel, sender=scene.nick), within=DEADLINE)
    scene.alice.inbox.clear()
    scene.carol.inbox.clear()
    await scene.talk("after the restart")


async def test_a_second_gateway_is_refused_and_does_the_first_no_harm(scene: Scene) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "run",
        "-c",
        str(scene.stage.config),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert "is this gateway running twice?" in err.decode()
    await scene.talk("alone")


async def test_what_is_changed_holds_at_once(scene: Scene) -> None:
    stage = scene.stage
    status, out, _ = await typed(stage, "limits", "irc", "messages_burst=7", "--json")
    assert status == 0
    (changed,) = [each for each in json.loads(out) if each["name"] == "messages_burst"]
    assert (changed["value"], changed["configured"]) == (7, 120)
    assert (await typed(stage, "limits", "irc", "messages_burst=default"))[0] == 0
    assert (await typed(stage, "limits", "irc", "nonsense=1"))[0] == 1
    assert (await typed(stage, "block", "evil.example", "--reason", "spam"))[0] == 0
    status, out, _ = await typed(stage, "block")
    assert status == 0
    for part in ("evil.example", "spam", "on the console"):
        assert part in out
    assert (await typed(stage, "allow", "evil.example", "--lift"))[0] == 0
    assert (await typed(stage, "log-level", "warning"))[0] == 0
    status, out, _ = await typed(stage, "reload")
    assert status == 0
    assert re.search(r"^The log level is \w+ again, as configured; it was warning\.$", out, re.MULTILINE)
    assert "log level" not in (await typed(stage, "reload"))[1]
    assert (await typed(stage, "restart", "irk"))[0] == 1


async def test_a_broken_configuration_changes_nothing_and_is_told(stage: Stage) -> None:
    text = stage.config.read_text()
    stage.config.write_text(text + "[nonsense]\n")
    try:
        status, _, err = await typed(stage, "reload")
    finally:
        stage.config.write_text(text)
    assert status == 1
    assert "nothing was changed" in err
    assert "nonsense" in err
    status, out, _ = await typed(stage, "reload")
    assert (status, out.strip() != "") == (0, True)


async def test_a_private_message_that_nobody_got_has_failed_for_its_sender_and_for_the_operator(
    scene: Scene,
) -> None:
    stage, alice = scene.stage, scene.alice
    ghost = stage.contact(stage.new("ghost"), NET)
    id_ = alice.say(ghost, "is anybody there?")
    error = await alice.expect(message(ghost, type="error", id=id_), within=DEADLINE)
    assert error.find("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found") is not None

    async def traced() -> str:
        return (await typed(stage, "trace", id_, "--json"))[1]

    async def failed() -> bool:
        return '"failed"' in await traced()

    assert await eventually(failed, "its trace ends with its failure")
    (trace,) = json.loads(await traced())
    assert trace["direction"] == "out"
    groups = json.loads((await typed(stage, "failures", "--json"))[1])
    (group,) = [each for each in groups if trace["id"] in each["ids"]]
    assert group["cause"].startswith("item-not-found")


async def test_status_tells_how_it_is(scene: Scene) -> None:
    stage = scene.stage
    await scene.talk("to be counted")
    status, out, err = await typed(stage, "status", "--json")
    assert (status, err) == (0, "")
    (bridge,) = json.loads(out)["bridges"]
    assert bridge["link"]["state"] == "up"
    assert bridge["states"]["connected"] >= 1
    assert bridge["traffic"]["out"]["total"] >= 1
    assert scene.alice.bare in {each["owner"] for each in bridge["sessions"]}
    status, out, _ = await typed(stage, "status")
    assert status == 0
    for part in ("ready", "irc  irc.localhost", "up for", "to it", "from it"):
        assert part in out
    links = len(list(stage.events("link up")))
    await stage.xmpp.kill()
    status = await eventually(lambda: _not_ready(stage), "it is told that the link is down")
    assert status == 1
    await stage.xmpp.restart()
    await stage.linked(links + 1)


async def _not_ready(stage: Stage) -> int:
    return (await typed(stage, "status"))[0]
