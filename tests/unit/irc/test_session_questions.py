"""CTCP that the user asks others: an answer, a refusal or the passing of time, never nothing."""

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
