"""gateway/doors/questions.py: what people write, as values, and what they are asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doors import questions
from gateway.doors.questions import Keep, Unclear, answer, asked, ended, question
from gateway.model import Field, FieldKind
from gateway.texts import Languages
from tests.unit.xmpp.support import ANY_TEXT

CHOICE = Field(
    "c",
    "Colour",
    FieldKind.CHOICE,
    options=(("r", "Red"), ("g", "Green"), ("3", "Three"), ("none", "No colour")),
)
GERMAN = Languages.installed()


def say(text: str) -> str:
    return text


def in_german(text: str) -> str:
    return GERMAN.say(text, "de")


def of(kind: FieldKind, **rest: object) -> Field:
    return Field("f", "Field", kind, **rest)


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        (of(FieldKind.TEXT), "  some words ", ("some words",)),
        (of(FieldKind.TEXT), "=back", ("back",)),
        (of(FieldKind.TEXT), "==", ("=",)),
        (of(FieldKind.TEXT), "none", ()),
        (of(FieldKind.SECRET), "s3cret", ("s3cret",)),
        (of(FieldKind.BOOLEAN), "Yes", ("true",)),
        (of(FieldKind.BOOLEAN), "0", ("false",)),
        (of(FieldKind.LINES), "one\ntwo", ("one", "two")),
        (of(FieldKind.JIDS), "a@b.c, d@e.f", ("a@b.c", "d@e.f")),
        (CHOICE, "2", ("g",)),
        (CHOICE, "green", ("g",)),
        (CHOICE, "3", ("3",)),
        (CHOICE, "=none", ("none",)),
        (of(FieldKind.CHOICES, options=CHOICE.options), "1, 2", ("r", "g")),
    ],
)
def test_an_answer_gives_the_values_of_its_kind(field, text, values):
    assert answer(field, text, say) == values


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (of(FieldKind.BOOLEAN), "perhaps"),
        (of(FieldKind.TEXT), "two\nlines"),
        (of(FieldKind.TEXT, required=True), "none"),
        (of(FieldKind.JIDS), "not an address @"),
        (CHOICE, "5"),
        (CHOICE, "9" * 400),
        (CHOICE, "mauve"),
        (CHOICE, "²"),
    ],
)
def test_what_is_no_answer_is_unclear(field, text):
    with pytest.raises(Unclear):
        answer(field, text, say)


@pytest.mark.parametrize("word", ["keep", "Skip", "-", "behalten", "auslassen"])
def test_a_value_can_stay_as_it_is(word):
    with pytest.raises(Keep):
        answer(of(FieldKind.TEXT), word, in_german)


def test_yes_and_no_are_understood_in_both_languages():
    field = of(FieldKind.BOOLEAN)
    assert [answer(field, word, in_german) for word in ("ja", "nein", "yes")] == [
        ("true",),
        ("false",),
        ("true",),
    ]


@given(st.sampled_from(FieldKind), ANY_TEXT)
def test_any_text_is_an_answer_or_unclear(kind, text):
    if kind is FieldKind.FIXED:
        return
    try:
        values = answer(Field("f", "Field", kind, options=CHOICE.options), text, say)
    except (Unclear, Keep):
        return
    assert isinstance(values, tuple)


@pytest.mark.parametrize(
    ("text", "lines", "over"),
    [
        ("one", ["one"], False),
        (".", [], True),
        ("one\n.", ["one"], True),
        ("one\ntwo\n", ["one", "two"], True),
        ("one\r\n\r\ntwo", ["one", "", "two"], False),
        ("one\n.\nignored", ["one"], True),
    ],
)
def test_a_longer_answer_ends_with_a_full_stop_or_an_empty_line(text, lines, over):
    assert ended(text) == (lines, over)


def test_a_question_shows_label_help_options_and_what_stays():
    field = Field("c", "Colour", FieldKind.CHOICE, "g", "Of the door.", options=CHOICE.options)
    text = question(field, 2, 3, ("g",))
    assert "Question 2 of 3: Colour" in text
    assert "Of the door." in text
    assert "2. Green" in text
    assert "Now: Green." in text


def test_a_secret_that_is_set_is_not_shown():
    text = question(of(FieldKind.SECRET), 1, 1, ("hunter2",))
    assert "hunter2" not in text
    assert "stays in the history" in text


def test_long_lists_of_options_are_cut():
    options = tuple((str(n), f"Option {n}") for n in range(500))
    text = question(of(FieldKind.CHOICE, options=options), 1, 1, ())
    assert "and 400 more" in text


def test_what_is_only_shown_is_not_asked():
    assert asked((of(FieldKind.FIXED), CHOICE)) == (CHOICE,)


def test_words_for_leaving_are_known():
    assert questions.leaves_or_empties(" KEEP ", say)
    assert not questions.leaves_or_empties("keeper", say)
