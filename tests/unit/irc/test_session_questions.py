"""CTCP that the user asks others: an answer, a refusal or the passing of time, never nothing."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.irc.text import one_line
from gateway.model import Condition, Question, Refused
from tests.unit.irc.scripted import BOB, Scene


class Told:
    """``gateway.bridge.Answer`` that remembers."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.why: Refused | None = None

    def told(self, value: str) -> None:
        assert self.value is None
        assert self.why is None
        self.value = value

    def refused(self, why: Refused) -> None:
        assert self.value is None
        assert self.why is None
        self.why = why


def ask(scene: Scene, question: Question, contact: str = "bob") -> Told:
    told = Told()
    scene.session.ask(contact, question, told)
    return told


async def test_answers_go_to_the_questions_in_order_and_by_kind() -> None:
    scene = await Scene().in_room()
    scene.server.take()
    first, second, time = (
        ask(scene, Question.VERSION),
        ask(scene, Question.VERSION),
        ask(scene, Question.TIME),
    )
    sent = scene.server.take()
    assert sent[:2] == ["PRIVMSG bob :\x01VERSION\x01"] * 2
    scene.server.says(f"{BOB} NOTICE Nick :\x01VERSION one \x02two\x01")
    assert (first.value, second.value, time.value) == ("one two", None, None)
    scene.server.says(f"{BOB} NOTICE Nick :\x01TIME noon\x01", f"{BOB} NOTICE Nick :\x01VERSION three\x01")
    assert (second.value, time.value) == ("three", "noon")
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_ping_is_answered_with_nothing_to_read() -> None:
    scene = await Scene().in_room()
    told = ask(scene, Question.PING)
    assert scene.server.take()[-1].startswith("PRIVMSG bob :\x01PING ")
    scene.server.says(f"{BOB} NOTICE Nick :\x01PING 1\x01")
    assert told.value == ""
    await scene.finish()


async def test_nobody_there_is_a_refusal_in_the_servers_words() -> None:
    scene = await Scene().in_room()
    told = ask(scene, Question.VERSION, "Carl")
    scene.server.says(":irc.example 401 Nick carl :No such nick/channel")
    assert told.why is not None
    assert told.why.condition is Condition.ITEM_NOT_FOUND
    assert "No such nick" in told.why.text
    await scene.finish()


async def test_silence_is_a_time_out_and_nobody_waits_for_ever() -> None:
    scene = await Scene().in_room()
    told = ask(scene, Question.VERSION)
    await scene.clock.advance(21)
    assert told.why is not None
    assert told.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    told = ask(scene, Question.VERSION)
    scene.server.hangs_up()
    await scene.ended()
    assert told.why is not None
    assert ask(scene, Question.VERSION).why is not None


async def test_a_name_that_is_none_is_refused_at_once() -> None:
    scene = await Scene().in_room()
    scene.server.take()
    assert ask(scene, Question.VERSION, "a b").why is not None
    assert scene.server.take() == []
    await scene.finish()


async def test_direct_connections_are_turned_down_and_the_user_hears_of_them() -> None:
    scene = await Scene().in_room()
    scene.server.says(
        f'{BOB} PRIVMSG Nick :\x01DCC SEND "my holiday.jpg" 2130706433 1024 99999\x01',
        f"{BOB} PRIVMSG Nick :\x01DCC CHAT chat 2130706433 1024\x01",
        f"{BOB} PRIVMSG Nick :\x01USERINFO\x01",
    )
    told = [call[1] for call in scene.sink.take() if call[0] == "service"]
    assert all(
        word in text for word, text in zip(("my holiday.jpg", "directly", "USERINFO"), told, strict=True)
    )
    assert all("Bob" in text for text in told)
    assert scene.server.take() == [
        "NOTICE Bob :\x01DCC REJECT SEND my holiday.jpg\x01",
        "NOTICE Bob :\x01DCC REJECT CHAT chat\x01",
    ]
    scene.server.says(f"{BOB} PRIVMSG Nick :\x01DCC SEND again.jpg 1 2 3\x01")
    assert scene.sink.take() == []  # too often
    await scene.finish()


async def test_what_is_for_a_whole_channel_is_asked_of_nobody() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{BOB} PRIVMSG #foo :\x01SOUND bell.wav\x01")
    assert (scene.sink.take(), scene.server.take()) == ([], [])
    await scene.finish()


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_question_breaks_anything(argument: str) -> None:
    async def played() -> None:
        scene = await Scene().in_room()
        scene.server.says(f"{BOB} PRIVMSG Nick :\x01DCC {one_line(argument, 300)}\x01")
        for line in scene.server.take():
            assert len(line.encode()) <= 510
        await scene.finish()

    asyncio.run(played())
