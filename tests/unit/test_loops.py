"""What is taken for a loop between bridges, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import loops as loops_module
from gateway.loops import DISTRUST, WINDOW, Loop, Loops, core
from tests.unit.clock import ManualClock

RELAY = "relay@example.org"
HERE, THERE = ("irc", "net", "#here"), ("sms", "net", "#there")
TEXT = "The meeting is moved to half past three."


class Stage:
    """One user between two places."""

    def __init__(self, owner: str = RELAY) -> None:
        self.clock = ManualClock()
        self.loops = Loops(self.clock)
        self.owner = owner

    def says(self, text: str, place: tuple[str, str, str] = HERE) -> Loop | None:
        return self.loops.said(self.owner, f"{place[2]}@{place[0]}", text, 5, lambda: place)

    def hears(
        self, text: str, place: tuple[str, str, str] = THERE, sender: str = "other", *, direct: bool = False
    ) -> None:
        if self.owner in self.loops.watched:
            self.loops.heard(self.owner, place, sender, text, direct=direct)

    async def relays(self, text: str, times: int, pause: float = 0.1, sender: str = "other") -> int:
        """Hear a text there and say it here, again and again; how often it was let through."""
        passed = 0
        for _ in range(times):
            self.hears(text, sender=sender)
            await self.clock.advance(pause)
            passed += self.says(text) is None
            await self.clock.advance(pause)
        return passed


async def test_a_text_that_comes_round_again_and_again_is_cut() -> None:
    stage = Stage()
    assert await stage.relays(TEXT, 6) == 6
    stage.hears(TEXT)
    cut = stage.says(TEXT)
    assert cut == Loop(RELAY, HERE, 5, fresh=True)


async def test_after_a_cut_the_next_texts_are_cut_sooner_and_nobody_is_told_again() -> None:
    stage = Stage()
    await stage.relays(TEXT, 7)
    await stage.relays("Another text altogether.", 3)
    stage.hears("Another text altogether.")
    cut = stage.says("Another text altogether.")
    assert cut is not None
    assert not cut.fresh
    await stage.clock.advance(DISTRUST + 1)
    assert await stage.relays("And a third one, much later.", 6) == 6


async def test_short_texts_have_to_come_round_more_often() -> None:
    stage = Stage()
    assert await stage.relays("ok", 11) == 11
    assert await stage.relays("ok", 1) == 0


async def test_a_relay_of_many_people_saying_the_same_is_no_loop() -> None:
    stage = Stage()
    for number in range(300):
        stage.hears("lol", sender=f"nick{number}")
        assert stage.says("lol") is None
        await stage.clock.advance(0.1)


async def test_marks_of_relays_keep_people_apart() -> None:
    stage = Stage()
    for number in range(100):
        text = f"<nick{number}> good morning everybody"
        stage.hears(text)
        assert stage.says(text) is None
        await stage.clock.advance(0.1)


async def test_a_growing_pile_of_marks_is_one_text() -> None:
    stage = Stage()
    text, cut = "<ann> hello", None
    for turn in range(8):
        stage.hears(text, HERE)
        await stage.clock.advance(0.2)
        text = f"<{'bridge' if turn % 2 else 'relay'}> {text}"
        cut = stage.says(text)
        if cut is not None:
            break
    assert cut is not None
    assert cut.turns == 5


async def test_many_people_here_saying_lol_is_no_loop() -> None:
    stage = Stage()
    for number in range(200):
        stage.owner = f"user{number % 10}@example.org"
        assert stage.says("lol") is None
        for other in range(10):
            stage.owner = f"user{other}@example.org"
            stage.hears("lol", HERE, f"user{number % 10}")
        await stage.clock.advance(0.4)


async def test_two_people_amusing_each_other_are_no_loop() -> None:
    stage = Stage()
    for _ in range(25):
        stage.hears("o/", HERE)
        await stage.clock.advance(1.2)
        assert stage.says("o/") is None
        await stage.clock.advance(1.2)


async def test_saying_the_same_without_hearing_it_is_no_loop() -> None:
    stage = Stage()
    for _ in range(200):
        assert stage.says("!roll the dice for me please") is None
        stage.hears("You rolled a six, congratulations!", HERE, "dicebot")
        await stage.clock.advance(0.2)


async def test_an_announcement_that_is_relayed_every_few_seconds_is_no_loop() -> None:
    stage = Stage()
    for _ in range(100):
        stage.hears(TEXT)
        assert stage.says(TEXT) is None
        await stage.clock.advance(8)


async def test_two_echoes_in_one_room_are_a_loop_after_a_while() -> None:
    stage = Stage()
    passed = 0
    for _ in range(40):
        stage.hears(TEXT, HERE)
        passed += stage.says(TEXT) is None
        await stage.clock.advance(0.1)
    assert 15 <= passed <= 38


async def test_two_answering_machines_are_a_loop_though_they_say_different_things() -> None:
    stage = Stage()
    carol = ("irc", "net", "carol")
    cut = None
    for turn in range(60):
        cut = stage.says("I am on holiday until Monday.", carol)
        if cut is not None:
            assert turn < 25
            break
        stage.hears("Nobody reads this mailbox.", carol, "carol", direct=True)
        await stage.clock.advance(0.1)
    assert cut is not None


async def test_a_talk_with_a_bot_is_no_loop() -> None:
    stage = Stage()
    bot = ("irc", "net", "bot")
    for number in range(100):
        assert stage.says("next", bot) is None
        stage.hears(f"This is page {number}.", bot, "bot", direct=True)
        await stage.clock.advance(0.5)


async def test_nobody_is_watched_who_does_not_repeat_themselves() -> None:
    stage = Stage()
    for number in range(100):
        stage.says(f"text {number}")
    assert stage.loops.watched == {}
    stage.says("text 1")
    assert list(stage.loops.watched) == [RELAY]
    await stage.clock.advance(WINDOW + 1)
    stage.hears("anything")
    assert stage.loops.watched == {}


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops_module, "_TEXTS", 100)
    monkeypatch.setattr(loops_module, "_USERS", 100)
    monkeypatch.setattr(loops_module, "_CUTS", 10)
    stage = Stage()
    for number in range(2_000):
        stage.owner = f"user{number}@example.org"
        for _ in range(2):
            stage.says(TEXT)
        assert len(stage.loops.watched) <= 100
    stage.owner = "talker@example.org"
    for number in range(2_000):
        stage.says(f"text {number}")
        stage.says(f"text {number}")
        assert len(stage.loops.watched.get(stage.owner, {})) <= 50


@pytest.mark.parametrize(
    ("text", "essence", "marks"),
    [
        ("hello", "hello", 0),
        ("<ann> hello", "<ann> hello", 1),
        ("<b> <ann> hello", "<ann> hello", 2),
        ("[b] (c): <ann> hello <b> there", "<ann> hello <b> there", 3),
        ("<3", "<3", 0),
        ("(yes) [no]", "[no]", 2),
        ("", "", 0),
    ],
)
def test_the_innermost_mark_counts(text: str, essence: str, marks: int) -> None:
    assert core(text) == (essence, marks)


@given(st.text("<>[]() ab\n", max_size=300))
def test_any_text_has_a_core_that_is_its_own(text: str) -> None:
    essence, _ = core(text)
    assert text.endswith(essence)
    assert core(essence)[0] == essence
