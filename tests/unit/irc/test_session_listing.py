"""LIST: one question at a time, an answer for everybody who waits, and nothing that hangs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.listing import PATIENCE
from gateway.model import Catalog, Condition, Listed, Refused
from tests.unit.irc.scripted import Scene


class Told:
    """``gateway.bridge.Answer`` that remembers."""

    def __init__(self) -> None:
        self.value: Catalog | None = None
        self.why: Refused | None = None

    def told(self, value: Catalog) -> None:
        assert self.value is None
        assert self.why is None
        self.value = value

    def refused(self, why: Refused) -> None:
        assert self.value is None
        assert self.why is None
        self.why = why


def ask(scene: Scene, *, anew: bool = True) -> Told:
    told = Told()
    scene.session.list_rooms(told, anew=anew)
    return told


async def online(*tokens: str) -> Scene:
    scene = await Scene().login()
    if tokens:
        scene.server.says(f":irc.example 005 Nick {' '.join(tokens)} :are supported")
    scene.server.take()
    return scene


async def test_a_list_is_told_whole_with_people_and_topics() -> None:
    scene = await online()
    first, second = ask(scene), ask(scene)
    assert scene.server.take() == ["LIST"]  # once for both
    scene.server.says(
        ":irc.example 321 Nick Channel :Users Name",
        ":irc.example 322 Nick #a 12 :[+nt] About \x02a\x02",
        ":irc.example 322 Nick #b 3 :",
        ":irc.example 322 Nick #c x",  # no number, and no topic: tokens are all we go by
        ":irc.example 322 Nick * 5 :Prv",
    )
    assert first.value is None
    scene.server.says(":irc.example 323 Nick :End")
    whole = Catalog((Listed("#a", 12, "About a"), Listed("#b", 3), Listed("#c", None)))
    assert first.value == second.value == whole
    assert ask(scene).value == whole
    assert scene.server.take() == []  # remembered
    assert scene.sink.take() == []
    await scene.clock.advance(61)
    later = ask(scene, anew=False)
    assert later.value == whole
    ask(scene)
    assert scene.server.take() == ["LIST"]
    await scene.finish()


async def test_of_a_slow_list_the_beginning_is_told() -> None:
    scene = await online()
    told = ask(scene)
    scene.server.says(":irc.example 322 Nick #a 1 :")
    await scene.clock.advance(21)
    assert told.value == Catalog((Listed("#a", 1),), complete=False)
    scene.server.says(":irc.example 322 Nick #b 1 :")
    assert ask(scene).value == Catalog((Listed("#a", 1), Listed("#b", 1)), complete=False)
    scene.server.says(":irc.example 323 Nick :End")
    told = ask(scene)
    assert told.value is not None
    assert told.value.complete
    await scene.finish()


async def test_a_server_that_does_not_answer_is_said_to() -> None:
    scene = await online()
    told = ask(scene)
    await scene.clock.advance(21)
    assert told.why is not None
    assert told.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert ask(scene).why is None
    assert scene.server.take() == ["LIST", "LIST"]
    await scene.finish()


async def test_a_server_that_is_busy_is_quoted() -> None:
    scene = await online()
    told = ask(scene)
    scene.server.says(":irc.example 263 Nick LIST :Server load is temporarily too heavy.")
    assert told.why is not None
    assert told.why.condition is Condition.RESOURCE_CONSTRAINT
    assert "temporarily too heavy" in told.why.text
    await scene.finish()


async def test_a_connection_that_ends_answers_everybody() -> None:
    scene = await online()
    told = ask(scene)
    scene.server.hangs_up()
    await scene.ended()
    assert told.why is not None
    assert ask(scene).why is not None


@pytest.mark.parametrize(
    ("tokens", "channels", "line"),
    [
        (("SAFELIST",), 40_000, "LIST"),
        (("ELIST=CMNTU",), 40_000, "LIST >3"),
        (("ELIST=CMNTU",), 50, "LIST"),
        ((), 40_000, None),
    ],
)
async def test_no_server_is_asked_for_more_than_it_can_send(
    tokens: tuple[str, ...], channels: int, line: str | None
) -> None:
    scene = await online(*tokens)
    scene.server.says(f":irc.example 254 Nick {channels} :channels formed")
    told = ask(scene)
    assert scene.server.take() == ([] if line is None else [line])
    assert (told.why is not None) == (line is None)
    await scene.finish()


async def test_some_networks_list_nothing_to_newcomers() -> None:
    scene = await online("SECURELIST=60", "SAFELIST")
    told = ask(scene)
    assert told.why is not None
    assert "60 seconds" in told.why.text
    await scene.clock.advance(61)
    ask(scene)
    assert scene.server.take()[-1:] == ["LIST"]
    await scene.finish()


async def test_a_list_that_the_user_asks_for_himself_is_shown_as_text() -> None:
    scene = await online()
    scene.server.says(":irc.example 322 Nick #a 12 :About a", ":irc.example 323 Nick :End")
    assert [call[0] for call in scene.sink.take()] in ([], ["service"] * 2)
    await scene.finish()


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=60)))
async def test_no_entry_breaks_anything(tails: list[str]) -> None:
    scene = await online()
    told = ask(scene)
    scene.server.says(*(f":irc.example 322 Nick {tail}" for tail in tails), ":irc.example 323 Nick :End")
    assert told.value is not None
    assert len(told.value.rooms) <= len(tails)
    await scene.finish()


async def test_a_moment_that_cannot_be_told_exactly_is_not_waited_for_for_ever() -> None:
    scene = await online()
    await scene.clock.advance(15.774)
    asked = scene.clock.monotonic()
    assert (asked + PATIENCE) - asked < PATIENCE
    told = ask(scene)
    await scene.clock.advance(PATIENCE + 1)
    assert told.why is not None
    await scene.finish()
