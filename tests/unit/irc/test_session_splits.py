"""A network that breaks apart, and comes together again, as the core is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc import splits
from bridges.irc.splits import servers
from gateway.model import Departure, Exit
from tests.unit.irc.scripted import ME, NETWORK, Scene

SPLIT = "hub.example leaf.example"
PEOPLE = [f"ghost{number}" for number in range(20)]


def mask(nick: str) -> str:
    return f":{nick}!{nick}@some.host"


async def crowd(*ops: str) -> Scene:
    names = " ".join(f"{'@' if nick in ops else ''}{nick}!{nick}@some.host" for nick in PEOPLE)
    return await Scene().in_room("#foo", f"Nick!~nick@my.host {names}")


def told(scene: Scene, what: str) -> list[tuple]:
    return [call for call in scene.sink.calls if call[0] == what]


def notes(scene: Scene) -> list[str]:
    return [call[2] for call in told(scene, "room_note")]


async def test_many_quits_that_name_two_servers_are_one_line():
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    await scene.clock.advance(2)
    assert notes(scene) == ["netsplit: hub.example <-> leaf.example, 20 people"]
    assert {call[3].exit for call in told(scene, "departed")} == {Exit.SPLIT}
    scene.sink.take()
    scene.server.says(*(f"{mask(nick)} JOIN #foo" for nick in PEOPLE))
    await scene.clock.advance(2)
    assert [call[2].nick for call in told(scene, "arrived")] == PEOPLE
    assert notes(scene) == ["netjoin: hub.example <-> leaf.example, 20 people are back"]
    scene.sink.take()
    await scene.clock.advance(splits.AWAY * 2)
    assert scene.sink.take() == []
    await scene.finish()


async def test_who_does_not_come_back_is_gone_after_a_while():
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    scene.server.says(*(f"{mask(nick)} JOIN #foo" for nick in PEOPLE[3:]))
    await scene.clock.advance(2)
    scene.sink.take()
    await scene.clock.advance(splits.AWAY)
    gone = Departure(Exit.QUIT, SPLIT)
    assert scene.sink.take() == [("departed", ["#foo"], nick, gone) for nick in PEOPLE[:3]]
    await scene.finish()


async def test_a_few_departures_are_told_one_by_one():
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE[: splits.FEW]))
    scene.sink.take()
    await scene.clock.advance(2)
    assert {call[3].exit for call in told(scene, "departed")} == {Exit.QUIT}
    assert len(told(scene, "departed")) == splits.FEW
    assert notes(scene) == []
    await scene.finish()


async def test_a_batch_names_the_servers_and_is_told_at_its_end():
    scene = await crowd()
    scene.server.says(
        f":{NETWORK} BATCH +s netsplit irc.hub other.host",
        *(f"@batch=s {mask(nick)} QUIT :whatever" for nick in PEOPLE),
        f":{NETWORK} BATCH -s",
    )
    assert notes(scene) == ["netsplit: irc.hub <-> other.host, 20 people"]
    scene.sink.take()
    scene.server.says(
        f":{NETWORK} BATCH +j netjoin irc.hub other.host",
        *(f"@batch=j {mask(nick)} JOIN #foo" for nick in PEOPLE[:10]),
        f":{NETWORK} BATCH -j",
    )
    assert notes(scene) == ["netjoin: irc.hub <-> other.host, 10 people are back"]
    await scene.finish()


async def test_who_had_modes_is_told_once_with_them():
    scene = await crowd("ghost0", "ghost1")
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    scene.sink.take()
    scene.server.says(*(f"{mask(nick)} JOIN #foo" for nick in PEOPLE))
    assert len(told(scene, "arrived")) == 18
    scene.sink.take()
    scene.server.says(":leaf.example MODE #foo +o ghost0")
    assert [call[2].nick for call in told(scene, "arrived")] == ["ghost0"]
    scene.sink.take()
    await scene.clock.advance(splits.MODES_TIME)  # nobody gives the other the mode back
    assert [call[2].nick for call in told(scene, "arrived")] == ["ghost1"]
    await scene.finish()


async def test_somebody_else_under_the_nick_is_no_return():
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    scene.sink.take()
    scene.server.says(":ghost0!thief@other.host JOIN #foo")
    assert [call[0] for call in scene.sink.take()] == ["departed", "arrived"]
    scene.server.says(":ghost0!thief@other.host NICK ghost1")
    assert scene.sink.take() == [
        ("departed", ["#foo"], "ghost1", Departure(Exit.QUIT, SPLIT)),
        ("renamed", ["#foo"], "ghost0", "ghost1"),
    ]
    await scene.finish()


async def test_who_returns_and_goes_again_before_their_modes_is_not_told_as_there():
    scene = await crowd("ghost0")
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    scene.server.says(f"{mask('ghost0')} JOIN #foo", f"{mask('ghost0')} PART #foo")
    scene.sink.take()
    await scene.clock.advance(splits.MODES_TIME * 2)
    assert told(scene, "arrived") == []
    await scene.finish()


async def test_a_long_list_of_lost_people_is_told_in_portions(monkeypatch):
    monkeypatch.setattr(splits, "PORTION", 4)
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    await scene.clock.advance(2)
    scene.sink.take()
    later = scene.clock.monotonic() + splits.AWAY
    assert scene.session._parts.rooms.splits.expire(later) < later + 0.1
    assert len(told(scene, "departed")) == 4
    await scene.finish()


async def test_more_than_can_be_waited_for_are_just_gone(monkeypatch):
    monkeypatch.setattr(splits, "MAX_AWAY", 15)
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    exits = [call[3].exit for call in told(scene, "departed")]
    assert (exits.count(Exit.SPLIT), exits.count(Exit.QUIT)) == (15, 5)
    await scene.finish()


async def test_leaving_the_room_ends_the_waiting():
    scene = await crowd()
    scene.server.says(*(f"{mask(nick)} QUIT :{SPLIT}" for nick in PEOPLE))
    scene.session.leave("#foo", "")
    scene.server.says(f"{ME} PART #foo")
    scene.sink.take()
    await scene.clock.advance(splits.AWAY * 2)
    assert scene.sink.take() == []
    await scene.finish()


@pytest.mark.parametrize(
    "reason",
    [
        "hub.example hub.example",
        "Quit: hub.example leaf.example",
        "hub.example  leaf.example",
        "good bye",
        "see you. later.",
        "http://a.example b.example",
        "a.example b.example c.example",
        "",
    ],
)
def test_other_words_are_no_split(reason):
    assert servers(reason) is None


def test_hidden_servers_are_a_split():
    assert servers("*.net *.split") == ("*.net", "*.split")


@given(st.text(st.sampled_from(".* abc-_\x02é"), max_size=300))
def test_anything_can_be_said_at_leaving(reason):
    found = servers(reason)
    assert found is None or all("." in each and " " not in each for each in found)
