"""Accounts of people who were in a channel before us (WHOX), asked before the channel is told."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridges.irc.faces import LONGEST, MOST
from tests.unit.irc.scripted import BOB, NETWORK, Receipt, Scene

NAMES = "@Nick!~nick@my.host Bob!bob@his.host Carol!carol@her.host"
ASKED = "WHO #foo %tuhnfa,271"


async def coming_in(names: str = NAMES, *isupport: str, caps: str = "account-notify") -> Scene:
    scene = await Scene({"networks": {NETWORK: {"throttle_rate": 0}}}).login(
        *(isupport or ("WHOX", "BOT=B")), caps=caps
    )
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.take()
    scene.enter("#foo", names)
    return scene


def joined(scene: Scene) -> dict[str, tuple[str, str, list[str]]]:
    """Identity, account and hats of those who were told with the room."""
    told = [each for each in scene.sink.take() if each[0] == "room_joined"]
    return {
        one.nick: (one.identity, one.stable, [hat.name for hat in one.hats])
        for (_, _, _, occupants, _) in told
        for one in occupants
    }


async def test_accounts_bots_and_staff_are_known_when_the_channel_is_told() -> None:
    scene = await coming_in()
    assert ASKED in scene.server.take()
    assert joined(scene) == {}
    scene.server.says(
        f":{NETWORK} 354 Nick 271 ~nick my.host Nick H@ 0",
        f":{NETWORK} 354 Nick 271 bob his.cloak Bob G*B bobs",
        f"{BOB} PRIVMSG #foo :hello",
        f":{NETWORK} 315 Nick #foo :End",
    )
    assert joined(scene) == {
        "Nick": ("~nick@my.host", "", ["op"]),
        "Bob": ("bob@his.cloak", "bobs", ["oper", "bot", "account"]),
        "Carol": ("carol@her.host", "", []),
    }


async def test_a_server_that_is_busy_or_silent_holds_nothing_up_for_long() -> None:
    scene = await coming_in()
    scene.server.says(f":{NETWORK} 263 Nick WHO :Try again later")
    assert len(joined(scene)) == 3
    await scene.finish()
    scene = await coming_in()
    await scene.clock.advance(LONGEST + 0.1)
    assert len(joined(scene)) == 3
    scene.server.says(f":{NETWORK} 354 Nick 271 bob his.host Bob H bobs", f":{NETWORK} 315 Nick #foo :End")
    late = [each for each in scene.sink.take() if each[0] == "arrived"]
    assert [(each[2].nick, each[2].stable) for each in late] == [("Bob", "bobs")]


@pytest.mark.parametrize(
    ("names", "isupport", "caps"),
    [
        (NAMES, "BOT=B", "account-notify"),  # no WHOX
        (NAMES, "WHOX", ""),  # what is told would not be kept up to date
        ("@Nick!~nick@my.host", "WHOX", "account-notify"),  # nobody else is there
        (" ".join(["Nick", *(f"n{number}" for number in range(MOST))]), "WHOX", "account-notify"),
    ],
)
async def test_nobody_is_asked_where_it_makes_no_sense(names: str, isupport: str, caps: str) -> None:
    scene = await coming_in(names, isupport, caps=caps)
    assert not [line for line in scene.server.take() if line.startswith("WHO ")]
    assert joined(scene)


async def test_what_a_user_asks_is_answered_to_the_user() -> None:
    scene = await coming_in()
    scene.session.instruct("WHO #foo %na", Receipt())
    scene.server.take()
    scene.sink.take()
    scene.server.says(f":{NETWORK} 354 Nick Bob bobs")
    assert [each for each in scene.sink.take() if each[0] == "service"]


WORDS = st.sampled_from(["271", "Bob", "Nick", "#foo", "0", "*", "H*B", "", "é", "x y"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["354", "315", "263"]), st.lists(WORDS, max_size=9)), max_size=8))
async def test_no_answer_breaks_anything(lines: list[tuple[str, list[str]]]) -> None:
    scene = await coming_in()
    scene.server.says(*(f":{NETWORK} {command} {' '.join(words)}" for command, words in lines))
    await scene.clock.advance(LONGEST + 1)
    assert len([each for each in scene.sink.take() if each[0] == "room_joined"]) == 1
    await scene.finish()
