"""Joins that a login may still open, and channels beyond what the server allows."""

from gateway.model import Condition, Refused
from tests.unit.irc.scripted import NETWORK, Scene

NEEDS_ACCOUNT = f":{NETWORK} 477 Nick #reg :Cannot join channel (+r) - you need to be logged in"


def refusals(scene: Scene) -> list[tuple[str, Refused]]:
    return [(call[1], call[2]) for call in scene.sink.take() if call[0] == "room_refused"]


async def asked(scene: Scene, *rooms: str) -> list[str]:
    for room in rooms:
        scene.session.join(room, "Nick", "")
    await scene.clock.advance(0)
    return [line for line in scene.server.take() if line.startswith("JOIN")]


async def test_a_channel_for_accounts_is_tried_again_when_services_have_logged_us_in() -> None:
    scene = await Scene(user={"after_connect_commands": "PRIVMSG NickServ :IDENTIFY x"}).login()
    assert await asked(scene, "#reg") == ["JOIN #reg"]
    scene.server.says(NEEDS_ACCOUNT)
    assert refusals(scene) == []
    scene.server.says(f":{NETWORK} 900 Nick n!u@h acc :You are now logged in as acc")
    await scene.clock.advance(0)
    assert scene.server.take() == ["JOIN #reg"]
    scene.server.says(NEEDS_ACCOUNT)  # once is enough
    ((_, why),) = refusals(scene)
    assert why.condition is Condition.REGISTRATION_REQUIRED
    await scene.finish()


async def test_a_login_that_does_not_come_is_not_waited_for_long() -> None:
    scene = await Scene(user={"after_connect_commands": "PRIVMSG NickServ :IDENTIFY x"}).login()
    await asked(scene, "#reg")
    scene.server.says(NEEDS_ACCOUNT)
    await scene.clock.advance(20)
    ((_, why),) = refusals(scene)
    assert "logged in" in why.text
    await asked(scene, "#reg")
    scene.server.says(NEEDS_ACCOUNT)
    assert len(refusals(scene)) == 1
    await scene.finish()


async def test_who_has_no_login_is_refused_at_once() -> None:
    scene = await Scene().login()
    await asked(scene, "#reg")
    scene.server.says(NEEDS_ACCOUNT)
    assert len(refusals(scene)) == 1
    await scene.finish()


async def test_a_channel_that_is_left_meanwhile_is_not_tried_again() -> None:
    scene = await Scene(user={"after_connect_commands": "PRIVMSG NickServ :IDENTIFY x"}).login()
    await asked(scene, "#reg")
    scene.server.says(NEEDS_ACCOUNT)
    scene.session.leave("#reg", "")
    scene.server.take()
    scene.server.says(f":{NETWORK} 900 Nick n!u@h acc :You are now logged in as acc")
    await scene.clock.advance(0)
    assert scene.server.take() == []
    await scene.finish()


async def test_more_channels_than_the_server_allows_are_not_even_asked_for() -> None:
    scene = await Scene().login("CHANLIMIT=#:3,&:1", "TARGMAX=JOIN:2")
    await scene.in_room("#one")
    assert await asked(scene, "#two", "#three", "#four", "&local", "&other") == [
        "JOIN #two,#three",
        "JOIN &local",
    ]
    told = refusals(scene)
    assert [room for room, _ in told] == ["#four", "&other"]
    assert told[0][1].condition is Condition.RESOURCE_CONSTRAINT
    assert "3" in told[0][1].text
    await scene.finish()


async def test_joins_fit_into_lines_that_every_server_takes() -> None:
    scene = await Scene().login("TARGMAX=JOIN:")
    rooms = [f"#room-with-a-long-name-{number}" for number in range(100)]
    lines = await asked(scene, *rooms)
    assert all(len(line) <= 450 for line in lines)
    assert ",".join(line.removeprefix("JOIN ") for line in lines).split(",") == rooms
    await scene.finish()
