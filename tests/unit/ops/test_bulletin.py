"""What people hear of troubles over XMPP, and how seldom."""

from collections.abc import Sequence

import pytest

from gateway.model import Availability
from gateway.ops.bulletin import QUIET, SETTLED, SPACING, Bulletin
from gateway.ops.health import Health
from gateway.texts import Languages
from tests.fakes.clock import ManualClock


class Voices:
    def __init__(self) -> None:
        self.up = ["irc", "sms"]
        self.told: list[tuple[str, str]] = []
        self.shown: list[str] = []

    def speaking(self) -> Sequence[str]:
        return self.up

    def tell_admins(self, bridge: str, text: str) -> None:
        self.told.append((bridge, text))

    def show(self, bridge: str) -> None:
        self.shown.append(bridge)


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.health = Health(self.clock)
        self.voices = Voices()
        self.bulletin = Bulletin(self.health, self.voices, self.clock)

    async def after(self, seconds: float) -> None:
        await self.clock.advance(seconds)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_trouble_that_lasts_is_shown_and_told_once_and_so_is_its_end(scene):
    german = Languages.installed()
    scene.health.report("database", "The disk is full.")
    await scene.after(SETTLED + 1)
    assert scene.voices.told == [("irc", "Trouble: The disk is full.")]
    assert german.say(scene.voices.told[0][1], "de") == "Störung: The disk is full."
    assert scene.voices.shown == ["irc", "sms"]
    await scene.after(1000)
    scene.health.clear("database")
    await scene.after(SETTLED + 1)
    assert scene.voices.told[1:] == [("irc", "Over, after 17 minutes: The disk is full.")]
    assert german.say(scene.voices.told[1][1], "de") == "Vorbei (Dauer: 17 Minuten): The disk is full."
    assert scene.voices.shown == ["irc", "sms"] * 2
    await scene.after(1000)
    assert len(scene.voices.told) == 2
    assert scene.clock.waiting == [], "nothing is looked at while all is well"


async def test_what_is_over_within_seconds_is_told_to_nobody(scene):
    for _ in range(20):
        scene.health.report("link of irc", "It is down.", bridge="irc", hard=False)
        await scene.after(SETTLED - 2)
        scene.health.clear("link of irc")
        await scene.after(2)
    assert (scene.voices.told, scene.voices.shown) == ([], [])


async def test_what_comes_and_goes_for_hours_floods_nobody(scene):
    for _ in range(240):  # for an hour
        scene.health.report("database", "It is locked.")
        await scene.after(SETTLED + 1)
        scene.health.clear("database")
        await scene.after(SETTLED + 4)
    assert len(scene.voices.told) <= 2 * (3600 / QUIET + 1)
    assert scene.voices.shown.count("irc") <= 3600 / SPACING + 1


async def test_users_see_no_more_than_that_nothing_is_carried_and_admins_why(scene):
    scene.health.report("database", "The file /srv/secret.db is locked.")
    await scene.after(SETTLED + 1)
    shown = scene.bulletin.standing("irc", admin=False)
    assert shown is not None
    assert shown.availability is Availability.EXTENDED_AWAY
    assert "secret" not in shown.status
    assert "/srv/secret.db" in scene.bulletin.standing("irc", admin=True).status


async def test_what_does_not_touch_messages_is_the_admins_alone(scene):
    scene.health.report("key file", "It is gone.", hard=False)
    await scene.after(SETTLED + 1)
    assert scene.bulletin.standing("irc", admin=False) is None
    assert scene.bulletin.standing("irc", admin=True).availability is Availability.AWAY


async def test_the_trouble_of_one_bridge_is_shown_by_that_one_alone(scene):
    scene.health.report("bridge sms", "It failed.", bridge="sms")
    await scene.after(SETTLED + 1)
    assert scene.voices.shown == ["sms"]
    assert scene.voices.told == [("sms", "Trouble: It failed.")]
    assert scene.bulletin.standing("irc", admin=True) is None


async def test_the_trouble_of_a_link_is_told_by_another_bridge(scene):
    scene.voices.up = ["sms"]
    scene.health.report("link of irc", "It is down.", bridge="irc")
    await scene.after(SETTLED + 1)
    assert scene.voices.told == [("sms", "Trouble: It is down.")]


async def test_where_no_link_is_up_a_long_trouble_is_told_afterwards(scene):
    scene.voices.up = []
    scene.health.report("link of irc", "It is down.", bridge="irc")
    await scene.after(600)
    assert scene.voices.told == []
    scene.voices.up = ["irc"]
    scene.health.clear("link of irc")
    await scene.after(SETTLED + 1)
    assert scene.voices.told == [("irc", "Over, after 10 minutes: It is down.")]


async def test_worse_words_for_the_same_trouble_are_shown_and_not_told_again(scene):
    scene.health.report("link of irc", "It is down.", bridge="irc", hard=False)
    await scene.after(SETTLED + 1)
    scene.health.report("link of irc", "It is down.", bridge="irc", hard=True)
    await scene.after(SPACING + 1)
    assert scene.voices.shown == ["irc", "irc"]
    assert len(scene.voices.told) == 1
