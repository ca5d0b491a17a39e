"""Whatever users make long: it is refused in words or cut where a cut is better, and never breaks the session."""

import pytest

from bridges.irc.addresses import Addresses, check_channel, check_nick
from bridges.irc.network_config import NetworkSettings
from bridges.irc.profile import Liberties, profile
from gateway.bridge import Account, BadAddress
from gateway.model import Condition
from tests.unit.irc.scripted import NETWORK, Receipt, Scene

LONGEST = 200  # bytes of a name, RFC 1459 §1.3


@pytest.mark.parametrize("char", ["x", "é", "🙂"])
def test_names_are_as_long_as_rfc_1459_has_channels(char: str) -> None:
    count = (LONGEST - 4) // len(char.encode())
    assert check_nick(char * count)
    assert check_channel("#" + char * count)
    for check in (check_nick, lambda name: check_channel("#" + name)):
        with pytest.raises(BadAddress, match=str(LONGEST)):
            check(char * (LONGEST + 1))
    with pytest.raises(BadAddress):
        Addresses().address(f"{'x' * 500}%{NETWORK}")


def test_a_nick_nobody_can_have_is_refused_before_anything_is_dialled() -> None:
    with pytest.raises(BadAddress, match="cannot be a nick"):
        profile(Account("user", NETWORK, "x" * 500, {}), NetworkSettings(), Liberties(move=False))


def test_settings_are_measured_in_bytes_because_lines_are() -> None:
    with pytest.raises(BadAddress, match="pass"):
        profile(
            Account("user", NETWORK, "Nick", {"pass": "🙂" * 200}), NetworkSettings(), Liberties(move=False)
        )
    long = NetworkSettings(realname="🙂" * 200)
    assert (
        len(profile(Account("user", NETWORK, "Nick", {}), long, Liberties(move=False)).realname.encode())
        <= 400
    )


async def test_a_channel_password_too_long_for_a_line_is_refused() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "x" * 480)
    ((name, room, why),) = scene.sink.take()
    assert (name, room, why.condition) == ("room_refused", "#foo", Condition.NOT_ACCEPTABLE)
    assert "too long" in why.text
    await scene.clock.advance(0)
    assert scene.server.take() == []
    await scene.finish()


async def test_reasons_and_topics_leave_room_for_long_names() -> None:
    room, nick = "#" + "c" * 190, "n" * 190
    scene = await Scene().login("CHANNELLEN=200", "NICKLEN=200")
    scene.session.join(room, "Nick", "")
    await scene.clock.advance(0)
    scene.server.take()
    scene.server.says(
        f":Nick!u@h JOIN {room}",
        f":{NETWORK} 353 Nick = {room} :@Nick {nick}",
        f":{NETWORK} 366 Nick {room} :End",
    )
    scene.session.kick(room, nick, "r" * 400, Receipt())
    scene.session.set_topic(room, "t" * 300, Receipt())
    await scene.clock.advance(0)
    kick, topic = scene.server.take()
    assert kick.startswith(f"KICK {room} {nick} ")
    assert topic.startswith(f"TOPIC {room} :ttt")
    assert len(kick) <= 510
    assert len(topic) <= 510
    await scene.finish()
