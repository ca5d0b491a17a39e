"""A gateway at work is packed up, dies, and is put up again elsewhere from what was packed: users find their rooms, phones
get nothing twice, and who wrote what may have gone out since is told that nobody knows."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from gateway.playground.clients import IrcClient, line, message
from gateway.playground.match import error_condition
from gateway.playground.ngircd import NgIRCd
from gateway.playground.process import Child
from tests.rig.smsc import NodeSmsc
from tests.scenario.phone_house import House, contact, number_of, resident
from tests.scenario.post_house import rows, write
from tests.scenario.stage import Company, Play, Stage
from tests.scenario.test_delivery_real import Reader
from tests.waiting import DEADLINE, eventually

NET = "ngircd"
NUMBERS = ("+12125550001", "+12125550002")

_MORE = """\
[bridges.irc.networks.{net}]
address = "{irc.host}"
ports = [{irc.port}]
tls_ports = []
throttle_rate = 0

[bridges.sms.routes.centre]
kind = "smpp"
host = "127.0.0.1"
port = {port}
system_id = "causeway"
password = "secret"

[media]
directory = "media"

"""


@pytest_asyncio.fixture
async def house(directory: Path, ngircd: NgIRCd) -> AsyncIterator[House]:
    more = "".join(f'[[bridges.sms.numbers]]\nnumber = "{each}"\nroutes = ["centre"]\n' for each in NUMBERS)
    async with AsyncExitStack() as stack:
        for name in ("smsc", "stage"):
            (directory / name).mkdir()
        smsc = await NodeSmsc.start(directory / "smsc")
        stack.push_async_callback(smsc.stop)
        play = Play(
            {},
            {"irc": {}, "sms": {"region": '"US"', "countries": '["US"]', "registration": '"free"'}},
            limits={"foreign_messages_per_minute": "0"},
            kinds={"sms": "sms"},
            more=_MORE.format(net=NET, irc=ngircd, port=smsc.port) + more,
        )
        stage = await Stage.start(directory / "stage", "prosody", play)
        stack.push_async_callback(stage.stop)
        await smsc.session()
        yield House(stage, smsc)


@pytest_asyncio.fixture
async def stage(house: House) -> Stage:
    return house.stage


@pytest_asyncio.fixture
async def carol(ngircd: NgIRCd) -> AsyncIterator[IrcClient]:
    client = await IrcClient.connect(ngircd.host, ngircd.port, "carol")
    yield client
    await client.close()


async def _typed(*words: str | Path) -> tuple[int, str]:
    """A command of the operator's: its exit status, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *map(str, words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


def _moved(stage: Stage, place: Path) -> Path:
    """Another machine's configuration: the same, with everything in another directory but the key, which stays apart."""
    place.mkdir()
    config = place / "config.toml"
    text = re.sub(r"sqlite:///[^\"]*", "sqlite:///moved.db", stage.config.read_text())
    config.write_text(text)
    config.chmod(0o600)
    return config


async def test_a_gateway_put_up_again_elsewhere_sends_nothing_twice_and_loses_nobody(
    house: House, company: Company, carol: IrcClient, directory: Path
) -> None:
    stage, phone, reader = house.stage, house.phone(), Reader()
    alice = await resident(company)
    reader.watch(alice)
    await number_of(house, alice)
    await carol.join("#home")
    room = stage.room("#home", NET)
    await alice.join(room, "Alice", within=DEADLINE)
    await carol.expect(line("JOIN", "#home", sender="Alice"))

    # Texts wait, and people talk, while everything is packed up.
    await house.smsc.kill()
    before = rows(house, "sms_messages")
    perhaps = [write(alice, contact(phone), f"perhaps {number}") for number in range(3)]
    await eventually(lambda: rows(house, "sms_messages") == before + 3, "the texts are written down")
    packing = asyncio.create_task(_typed("backup", directory / "b.tar.gz", "-c", stage.config))
    said = 0
    while not packing.done():
        carol.say("Alice", f"talk {said}")
        await alice.expect(message(stage.contact("carol", NET), f"talk {said}"), within=DEADLINE)
        said += 1
    status, words = await packing
    assert status == 0, words
    assert "Missing" not in words

    # Life goes on: the texts go out. Then the machine burns down.
    await house.smsc.restart()
    await house.texts(phone, 3)
    await eventually(lambda: len(reader.texts("talk")) == said, "all that carol said")
    await stage.gateway.kill()
    stage.assert_calm()

    config = _moved(stage, directory / "elsewhere")
    status, words = await _typed("restore", directory / "b.tar.gz", "-c", config)
    assert status == 0, words
    assert "3 messages waited to be sent when the backup was made" in words
    stage.gateway = Child(
        "gateway", [sys.executable, "-m", "gateway", "run", "-c", str(config)], directory / "elsewhere"
    )
    await stage.restart_gateway()
    await house.smsc.session()

    for id_ in perhaps:
        error = await alice.expect(
            message(also=lambda one, id_=id_: one.get("id") == id_ and one.get("type") == "error"),
            "what nobody knows",
            DEADLINE,
        )
        assert error_condition(error) == "remote-server-timeout"
        assert "restored from a backup" in "".join(error.itertext())
    # In order: had anything been sent again, it would be there before this.
    write(alice, contact(phone), "certainly")
    texts = await house.texts(phone, 4)
    assert [each["short_message"]["message"] for each in texts][3:] == ["certainly"]
    # carol has seen her come back; both hear each other as before, and what was said was not said again.
    await eventually(
        lambda: carol.inbox.waiting(lambda one: one.command == "JOIN"), "alice is in her room again"
    )
    alice.say(room, "I am back", type="groupchat")
    await carol.expect(line("PRIVMSG", "#home", "I am back", sender="Alice"), within=DEADLINE)
    assert set(reader.texts("talk").values()) == {1}
    assert len(reader.texts("talk")) == said
