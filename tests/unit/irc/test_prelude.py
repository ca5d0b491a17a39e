"""What is sent after connecting: in its order, with its pauses, throttled, and before any channel is joined."""

import pytest

from bridges.irc import prelude, profile
from gateway.bridge import BadAddress
from tests.fakes.clock import settle
from tests.unit.irc.scripted import NETWORK, Scene


async def welcomed(commands: str, **user: str) -> Scene:
    scene = await Scene(user={"after_connect_commands": commands, **user}).start()
    scene.server.says(f":{NETWORK} CAP * LS :")
    scene.server.take()
    scene.server.says(f":{NETWORK} 001 Nick :Welcome")
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    return scene


async def test_a_wait_holds_back_what_comes_after_it_and_the_joins() -> None:
    scene = await welcomed("PRIVMSG NickServ :hi\nWAIT 5\nMODE Nick +B")
    assert scene.server.take() == ["PRIVMSG NickServ :hi"]
    await scene.clock.advance(4.9)
    assert scene.server.take() == []
    await scene.clock.advance(0.2)
    assert scene.server.take() == ["MODE Nick +B", "JOIN #foo"]
    await scene.finish()


async def test_the_lines_are_as_fast_as_all_others() -> None:
    scene = await welcomed("\n".join(f"PRIVMSG x :{number}" for number in range(6)), throttle_limit="3")
    assert len(scene.server.take()) == 3
    await scene.clock.advance(3)
    assert len(scene.server.take()) == 3
    await scene.clock.advance(1)
    assert scene.server.take() == ["JOIN #foo"]
    await scene.finish()


async def test_a_connection_that_ends_in_a_pause_ends_the_rest_with_it() -> None:
    scene = await welcomed("WAIT 5\nMODE Nick +B")
    scene.server.hangs_up()
    await settle()
    await scene.clock.advance(10)
    assert scene.server.take() == []
    await scene.ended()


@pytest.mark.parametrize("line", ["WAIT", "WAIT x", "WAIT -1", "WAIT 0", "WAIT 61", "wait 5 6"])
def test_a_pause_that_makes_no_sense_is_explained(line: str) -> None:
    with pytest.raises(BadAddress, match="WAIT takes"):
        profile.check({"after_connect_commands": line})


def test_pauses_are_bounded_together_and_other_lines_are_none() -> None:
    with pytest.raises(BadAddress, match="together"):
        profile.check({"after_connect_commands": "WAIT 40\nWAIT 40"})
    assert prelude.waiting("WAITING 5") is None
    assert prelude.waiting(" wait 5 ") == 5.0
