"""Nicks that are made to be taken for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.lookalikes import taken_for
from tests.unit.irc.scripted import BOB, Scene


@pytest.mark.parametrize(
    ("nick", "name"),
    [
        ("B0b", "Bob"),
        ("CaroI", "Carol"),
        ("caro1", "carol"),
        ("Воb", "Bob"),  # two Cyrillic letters
        ("Bo\N{ZERO WIDTH SPACE}b", "Bob"),
        ("Bo\N{RIGHT-TO-LEFT OVERRIDE}b", "Bob"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER B}ob", "Bob"),
        ("Βοb", "Bob"),  # Greek
        ("Bob", ""),
        ("[Bob]_^", ""),
        ("Борис", ""),  # is meant to be read so
        ("Bób", ""),
    ],
)
def test_what_is_seen_is_a_plain_name_or_none(nick: str, name: str) -> None:
    assert taken_for(nick) == name


@given(st.text(max_size=30))
def test_whatever_a_nick_is_it_is_read(nick: str) -> None:
    name = taken_for(nick)
    assert name.isascii()
    assert taken_for(name) in ("", name)


def hats(scene: Scene) -> dict[str, list[str]]:
    """Who was told of, with the titles of their hats."""
    told = [each[-1] for each in scene.sink.take() if each[0] == "arrived"]
    return {each.nick: [hat.title for hat in each.hats] for each in told}


async def test_who_looks_like_somebody_else_who_is_there_wears_a_hat_that_says_so() -> None:
    scene = await Scene().in_room()
    scene.server.says(":B0b!x@y JOIN #foo", ":Car0l!x@y JOIN #foo", ":BOB!bob@his.host JOIN #foo")
    assert hats(scene) == {"B0b": ["Not Bob"], "Car0l": [], "Bob": []}
    scene.server.says(f"{BOB} PART #foo", ":irc.example MODE #foo +v B0b")
    assert hats(scene) == {"B0b": ["Voice"]}


async def test_those_who_were_there_before_are_compared_too() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.enter("#foo", "@Nick!~nick@my.host Bob!bob@his.host B0b!x@y")
    (told,) = [each for each in scene.sink.take() if each[0] == "room_joined"]
    assert [hat.title for each in told[3] for hat in each.hats] == ["Operator", "Not Bob"]
