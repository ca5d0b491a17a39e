"""gateway/doors/bot.py and talks.py: long forms in a chat, with time in the test's hand."""

import asyncio
import random
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doors.bot import Bot
from gateway.ids import IdSource
from gateway.limits import LimitPolicy, Limits
from gateway.model import Condition, Field, FieldKind, Refused
from gateway.texts import Languages, Text
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, NoteType, Outcome, Page
from gateway.xmpp.text import escape
from tests.unit.xmpp.support import ALICE, ANY_TEXT, COMPONENT, ManualClock, Wire, carried, stanza

C = f"{{{COMPONENT}}}"

WIZARD = Form(
    "Wizard",
    (
        Field("name", "Name", required=True),
        Field("note", "Notes", FieldKind.LINES),
        Field("shown", "", FieldKind.FIXED, "Only to be read."),
        Field("loud", "Loud", FieldKind.BOOLEAN, "false"),
    ),
    "Two pages.",
)
SECOND = Form(
    "Second page", (Field("colour", "Colour", FieldKind.CHOICE, options=(("r", "Red"), ("g", "Green"))),)
)


class Room:
    """The bot with everything around it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.wire = Wire()
        self.ids = IdSource(self.clock, random.Random(1))
        self.usage = Limits(LimitPolicy(), self.clock)
        self.refused: list[Condition] = []
        self.spawned: list[Awaitable[None]] = []
        self.seen: list[dict[str, tuple[str, ...]]] = []
        self.release = asyncio.Event()
        self.after = 0
        commands = (
            Command("ping", "Ping", lambda execution: Done("Pong"), help="Says pong."),
            Command("wizard", "Wizard", self.wizard),
            Command("slow", "Slow", self.slow),
            Command("broken", "Broken", self.broken),
            Command("refusing", "Refusing", self.refusing),
            Command("picky", "Picky", self.picky),
            Command("pages", "Pages", self.pages),
            Command(
                "secret",
                "Admins only",
                lambda execution: Done("!"),
                lambda user: False,
                category=Category.ADMIN,
            ),
        )
        self.bot = Bot("Test gateway", lambda target, requester: commands, Languages({}), self)

    def send(self, text: str, *, keep: bool = False) -> bool:
        return self.wire.send(text)

    def refuse(self, stanza, why: Refused) -> None:
        self.refused.append(why.condition)

    def spawn(self, work: Awaitable[None]) -> None:
        self.spawned.append(work)

    def hear(self, text: str) -> None:
        self.clock.advance(1)  # people are slower than floods
        body = f"<body>{escape(text)}</body>"
        self.bot.heard(stanza(f"<message type='chat' from='{ALICE.full}' to='gw'>{body}</message>"))

    def say(self, text: str) -> str:
        """Write, and the one answer."""
        self.hear(text)
        answer = self.wire.one()
        assert (answer.get("to"), answer.get("from"), answer.get("type")) == (ALICE.full, "gw", "chat")
        return answer.findtext(f"{C}body") or ""

    def wizard(self, execution: Execution) -> Outcome:
        self.seen.append(dict(execution.values))
        if execution.stage == 0:
            return Page(WIZARD, last=False, memo="m")
        if execution.stage == 1:
            assert execution.memo == "m"
            return Page(SECOND)
        return Done(
            Text("{name} likes {colour}.", name=execution.text("name"), colour=execution.text("colour"))
        )

    def pages(self, execution: Execution) -> Outcome:
        fixed = Field("data", "", FieldKind.FIXED, f"part {execution.stage}")
        return (
            Page(Form("Data", (fixed,)), last=False)
            if execution.stage < 2
            else Done("The end.", result="part 2")
        )

    async def slow(self, execution: Execution) -> Outcome:
        await self.release.wait()

        def then() -> None:
            self.after += 1

        return Done("At last.", then=then)

    async def broken(self, execution: Execution) -> Outcome:
        raise ValueError("a bug with a password in it")

    def refusing(self, execution: Execution) -> Outcome:
        raise RefusedError(Refused(Condition.NOT_ALLOWED, "Not today."))

    def picky(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(Form("Picky", (Field("name", "Name", required=True),)))
        return Again("Not that one.") if execution.text("name") == "root" else Done("Fine.", NoteType.WARN)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_form_of_two_pages_from_start_to_end(room):
    text = room.say("wizard")
    assert text.startswith("Wizard\nTwo pages.\nOnly to be read.")
    assert "Question 1 of 3: Name" in text
    assert "Question 2 of 3: Notes" in room.say("Ann")
    assert "Noted" in room.say("first")
    assert "Noted" in room.say("second\nthird")
    assert "Question 3 of 3: Loud" in room.say(".")
    assert "Second page" in room.say("yes")
    assert room.say("2") == "Ann likes g."
    assert room.seen[-1] == {
        "name": ("Ann",),
        "note": ("first", "second", "third"),
        "loud": ("true",),
        "colour": ("g",),
    }
    assert room.say("ping") == "Pong"


def test_back_goes_back_also_over_a_page_and_answers_stay(room):
    for each in ("wizard", "Ann", "skip", "yes"):
        room.say(each)
    assert "Loud" in room.say("back")
    assert "Notes" in room.say("back")
    text = room.say("back")
    assert "Now: Ann." in text
    assert "This is the first question." in room.say("back")
    assert "Second page" in room.say("done")


def test_a_required_answer_cannot_be_skipped(room):
    room.say("wizard")
    assert room.say("skip") == "This one has to be given."
    assert "required" in room.say("done")


def test_an_answer_that_is_a_command_word_is_written_with_a_sign(room):
    room.say("picky")
    assert "cancelled" in room.say("cancel")
    room.say("picky")
    assert room.say("=cancel") == "Careful: Fine."


def test_a_page_asked_again_says_why_and_keeps_the_answer(room):
    room.say("picky")
    text = room.say("root")
    assert "That did not work: Not that one." in text
    assert "Now: root." in text
    assert "Fine." in room.say("ann")


def test_pages_without_questions_are_turned_by_next(room):
    text = room.say("pages")
    assert "part 0" in text
    assert "next" in text
    assert "next" in room.say("and now?")
    assert "part 1" in room.say("next")
    assert room.say("next") == "The end.\npart 2"


def test_numbers_follow_the_list_that_is_shown_to_this_user(room):
    text = room.say("help")
    assert "Admins only" not in text
    assert room.say("8") == room.say("secret")
    assert "Says pong." in room.say("help ping")


async def test_a_command_that_takes_long_says_so_and_its_outcome_is_told_once(room):
    room.hear("slow")
    task = asyncio.ensure_future(room.spawned[0])
    await asyncio.sleep(0)
    assert room.wire.take() == []
    assert "still at it" in room.say("hello?")
    assert "cancelled" in room.say("cancel")
    room.release.set()
    await task
    assert room.wire.one().findtext(f"{C}body") == "At last."
    assert room.after == 1


async def test_a_defect_is_told_without_its_details(room):
    room.hear("broken")
    with pytest.raises(ValueError, match="bug"):
        await room.spawned[0]
    text = room.wire.one().findtext(f"{C}body") or ""
    assert "log" in text
    assert "password" not in text


def test_a_refusal_at_the_start_ends_the_command(room):
    assert room.say("refusing") == "Not today."
    assert room.say("ping") == "Pong"


def test_whoever_does_not_answer_is_told_that_it_is_over(room):
    room.say("wizard")
    room.clock.advance(601)
    assert "“Wizard” has ended" in (room.wire.one().findtext(f"{C}body") or "")
    assert "I do not know that" in room.say("Ann")


def test_there_are_not_endlessly_many_talks():
    room = Room()
    for number in range(2_500):
        room.clock.advance(0.01)
        room.bot.heard(
            stanza(
                f"<message type='chat' from='u{number}@example.org/x' to='gw'><body>wizard</body></message>"
            )
        )
    assert len(room.bot._talks) == 2_000
    room.bot.close()
    assert len(room.bot._talks) == 0


@given(st.lists(ANY_TEXT.filter(lambda text: carried(text).strip()), max_size=12))
def test_whatever_is_written_is_answered_with_one_message(texts):
    room = Room()
    for text in ["wizard", *texts]:
        room.hear(text)
        answers = room.wire.take()
        assert len(answers) == 1 or room.spawned
