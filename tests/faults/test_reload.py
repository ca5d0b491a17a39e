"""The configuration changes while people talk: who it does not concern notices nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.control.client import ControlError
from gateway.ops.desk import Reloaded
from gateway.playground.clients import XmppClient, error_condition, message, presence
from gateway.playground.ircd import Ircd
from gateway.playground.process import free_ports
from tests.faults.looking import NET, control
from tests.faults.manager import Manager, manager
from tests.scenario.stage import Company, Door, Play, Scene, Stage
from tests.waiting import DEADLINE, eventually

OTHER = "other"


@pytest.fixture(scope="module")
def systemd(directory: Path) -> Iterator[Manager]:
    with manager(directory) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, systemd: Manager) -> AsyncIterator[Stage]:
    (port,) = free_ports(1)
    play = Play(
        {NET: Door("127.0.0.1", port)},
        bridges={"irc": {}, OTHER: {}},
        environment={"NOTIFY_SOCKET": str(systemd.address), "WATCHDOG_USEC": "400000"},
    )
    place = directory / "stage"
    place.mkdir()
    running = await Stage.start(place, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


class Config:
    """The file that the gateway reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.first = path.read_text()

    @property
    def text(self) -> str:
        return self._path.read_text()

    def write(self, text: str) -> None:
        self._path.write_text(text)

    def change(self, before: str, after: str) -> None:
        assert before in self.text
        self.write(self.text.replace(before, after))

    def take_out(self, bridge: str) -> None:
        """All tables of a bridge."""
        tables = self.first.split("\n[")
        self.write("\n[".join(each for each in tables if not each.startswith(f"bridges.{bridge}")))


@pytest.fixture
def config(stage: Stage) -> Iterator[Config]:
    """It is put back into its place, and read again, at the end."""
    file = Config(stage.config)
    yield file
    file.write(file.first)
    assert not control(stage).reload().problem


async def reloaded(stage: Stage) -> Reloaded:
    return await asyncio.to_thread(control(stage).reload)


async def undisturbed(scene: Scene) -> None:
    """Nothing has happened in the room since it was looked at last, on either side, and it works."""
    await scene.settle()
    room = scene.room
    assert not scene.alice.inbox.waiting(lambda one: (one.get("from") or "").startswith(room))
    assert not scene.carol.inbox.waiting(
        lambda one: one.command in {"QUIT", "PART", "JOIN", "NICK", "PRIVMSG"}
    )
    await scene.talk("as before")


async def in_the_other_bridge(scene: Scene, company: Company) -> tuple[XmppClient, str, str]:
    """Somebody in a room of the other bridge, with room and nick."""
    stage = scene.stage
    bob, nick = await company.user("bob"), stage.new("Bob")
    room = stage.room(stage.new("#other"), NET, OTHER)
    await bob.join(room, nick, within=DEADLINE)
    await bob.expect(message(room, type="groupchat", subject=""), within=DEADLINE)
    return bob, room, nick


async def says(client: XmppClient, room: str, nick: str, words: str) -> None:
    id_ = client.say(room, words, type="groupchat")
    await client.expect(message(f"{room}/{nick}", words, id=id_), within=DEADLINE)


async def test_a_bridge_is_taken_away_and_comes_back_while_others_talk(
    scene: Scene, company: Company, config: Config
) -> None:
    stage = scene.stage
    bob, room, nick = await in_the_other_bridge(scene, company)
    config.take_out(OTHER)
    stage.gateway.signal(signal.SIGHUP)
    gone = await bob.expect(
        presence(f"{room}/{nick}", type="unavailable", status=(110, 332)), within=DEADLINE
    )
    assert gone is not None
    await stage.logged("configuration reloaded")
    refused = await bob.try_join(room, nick, within=DEADLINE)
    assert error_condition(refused) is not None
    with pytest.raises(ControlError, match="no bridge"):
        await asyncio.to_thread(control(stage).restart, OTHER)
    await undisturbed(scene)
    links = len(list(stage.events("link up")))
    config.write(config.first)
    assert await reloaded(stage) == Reloaded(changed=(f"bridges.{OTHER} was added.",))
    await stage.linked(links + 1)
    # What was stored of it was kept, and he is shown his room again without asking.
    await bob.expect(presence(f"{room}/{nick}", type="available", status=(110,)), within=DEADLINE)
    await says(bob, room, nick, "back again")
    await undisturbed(scene)


async def test_one_bridge_is_restarted_and_its_clients_stay_in_their_rooms(
    scene: Scene, company: Company
) -> None:
    stage = scene.stage
    bob, room, nick = await in_the_other_bridge(scene, company)
    bob.inbox.clear()
    for number in range(3):
        links = len(list(stage.events("link up")))
        await asyncio.to_thread(control(stage).restart, OTHER)
        await stage.linked(links + 1)
        await bob.expect(presence(f"{room}/{nick}", type="available", status=(110,)), within=DEADLINE)
        await says(bob, room, nick, f"still here, {number}")
        assert not bob.inbox.waiting(presence(f"{room}/{nick}", type="unavailable"))
    await undisturbed(scene)


async def test_settings_of_networks_hold_for_new_connections_and_others_wait_for_a_restart(
    scene: Scene, config: Config, ircd: Ircd
) -> None:
    stage = scene.stage
    config.change(
        f'[bridges.irc.networks."{NET}"]',
        f'[bridges.irc.networks."new"]\naddress = "127.0.0.1"\nports = [{ircd.port}]\ntls_ports = []\n'
        f'[bridges.irc.networks."{NET}"]',
    )
    config.change(f"[bridges.{OTHER}]", f'[bridges.{OTHER}]\nfixed_server = "irc.example"')
    config.change("[limits]", "[limits]\naccounts_per_user = 7")
    (port,) = free_ports(1)
    config.write(
        f'[web]\nlisten = "127.0.0.1:{port}"\npublic_url = "https://gw.example"\ntrusted_proxies = ["192.0.2.1"]\n'
        f'[media]\nmax_file_mb = 1\nupload_service = "files.localhost"\n{config.text}'
    )
    done = await reloaded(stage)
    assert done.changed == (
        "limits: accounts_per_user.",
        "web: trusted_proxies.",
        "media: max_file_mb.",
        "bridges.irc: networks.",
    )
    assert done.restart == (
        "web.listen",
        "web.public_url",
        "media.upload_service",
        f"bridges.{OTHER}.fixed_server",
    )
    assert await reloaded(stage) == Reloaded(restart=done.restart), "it is named until it is done"
    limits = {each.name: each for each in await asyncio.to_thread(control(stage).limits, "irc")}
    assert (limits["accounts_per_user"].value, limits["accounts_per_user"].configured) == (7, 7)
    room = stage.room(stage.new("#new"), "new")
    nick = stage.new("Second")
    await scene.alice.join(room, nick, within=DEADLINE)
    await scene.alice.expect(message(room, type="groupchat", subject=""), within=DEADLINE)
    scene.alice.leave(room, nick)
    await scene.alice.expect(presence(f"{room}/{nick}", type="unavailable"), within=DEADLINE)
    await undisturbed(scene)


async def test_what_an_admin_changed_stays_over_a_reload(scene: Scene, config: Config) -> None:
    stage, desk = scene.stage, control(scene.stage)
    await asyncio.to_thread(desk.change_limits, "irc", {"rooms_per_account": 33})
    config.change("[limits]", "[limits]\nrooms_per_account = 44")
    await reloaded(stage)
    limits = {each.name: each for each in await asyncio.to_thread(desk.limits, "irc")}
    assert (limits["rooms_per_account"].value, limits["rooms_per_account"].configured) == (33, 44)
    await asyncio.to_thread(desk.change_limits, "irc", {"rooms_per_account": None})
    limits = {each.name: each for each in await asyncio.to_thread(desk.limits, "irc")}
    assert limits["rooms_per_account"].value == 44


async def test_a_broken_file_keeps_the_old_one_and_says_why_everywhere(
    scene: Scene, config: Config, systemd: Manager
) -> None:
    stage = scene.stage
    config.write("[bridges.irc\n")
    stage.gateway.signal(signal.SIGHUP)
    refused = await stage.logged("configuration not reloaded")
    assert "line 1" in str(refused["reason"])
    assert "line 1" in (await reloaded(stage)).problem
    readiness = await asyncio.to_thread(control(stage).readiness)
    assert [each.key for each in readiness.ailments] == ["configuration"]
    assert readiness.ready, "messages go on"
    await systemd.hears("cannot be read again")
    await undisturbed(scene)
    config.write(config.first)
    await reloaded(stage)
    assert not (await asyncio.to_thread(control(stage).readiness)).ailments
    await eventually(lambda: "cannot be read" not in systemd.status, "the status to heal")


async def test_a_storm_of_signals_disturbs_nobody(scene: Scene, config: Config, systemd: Manager) -> None:
    stage = scene.stage
    text = config.first
    for number in range(50):
        config.write(text if number % 2 else "broken" * number)
        stage.gateway.signal(signal.SIGHUP)
        if number % 10 == 0:
            await scene.talk(f"in the storm {number}")
    config.write(text)
    assert not (await reloaded(stage)).problem
    # A reading may still be under way that a signal asked for; then everything is calm, and the manager knows.
    stage.gateway.signal(signal.SIGHUP)
    await eventually(
        lambda: systemd.times("RELOADING=1") == systemd.times("READY=1") - 1, "every reload to have its end"
    )
    await undisturbed(scene)


async def test_the_service_manager_knows_how_we_are(stage: Stage, systemd: Manager) -> None:
    await systemd.hears("2 of 2 links up")
    beats = systemd.times("WATCHDOG=1")
    await eventually(lambda: systemd.times("WATCHDOG=1") > beats + 2, "signs of life")
    assert systemd.said[0] == "READY=1" or "READY=1" in systemd.said
    await stage.xmpp.kill()
    await systemd.hears("0 of 2 links up")
    await stage.xmpp.restart()
    await systemd.hears("2 of 2 links up")
