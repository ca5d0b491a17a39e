"""gateway/texts.py: sentences with their parts, languages by tag, and the catalogues that are shipped."""

import ast
import gettext
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.texts import Languages, Readers, Text, joined

HERE = Path(gateway.__file__).parent


class Shouting(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return (
            message.upper()
            .replace("{NAME}", "{name}")
            .replace("{PART0}", "{part0}")
            .replace("{PART1}", "{part1}")
        )


LOUD = Languages({"de": Shouting(), "pt-br": Shouting()})


def test_a_text_is_its_english_sentence():
    text = Text("Hello {name}.", name="Ann")
    assert text == "Hello Ann."
    assert isinstance(text, str)


def test_a_sentence_is_said_with_its_parts_as_they_are():
    assert LOUD.say(Text("Hello {name}.", name="Ann"), "de") == "HELLO Ann."


def test_parts_that_are_texts_are_said_too():
    assert LOUD.say(Text("{name}!", name=Text("yes")), "de") == "YES!"
    assert LOUD.say(joined("\n", [Text("one"), "two"]), "de") == "ONE\ntwo"


def test_what_is_no_text_stays_as_it_is():
    assert LOUD.say("The network said {this}", "de") == "The network said {this}"


@pytest.mark.parametrize(
    ("wanted", "best"),
    [
        ("de", "de"),
        ("DE-at", "de"),
        ("de_CH", "de"),
        ("pt-BR", "pt-br"),
        ("pt", "en"),
        ("", "en"),
        ("-", "en"),
    ],
)
def test_the_nearest_language_is_taken_and_english_otherwise(wanted, best):
    assert LOUD.best(wanted) == best


@given(st.lists(st.text(), max_size=5), st.text(max_size=5))
def test_joining_is_joining_whatever_is_in_the_texts(texts, separator):
    assert joined(separator, texts) == separator.join(texts)
    assert LOUD.say(joined(separator, texts), "en") == separator.join(texts)


@given(st.text())
def test_any_language_tag_is_answered(tag):
    assert LOUD.best(tag) in {"en", "de", "pt-br"}


def templates() -> set[str]:
    """Every sentence in the source that can be said in another language."""
    found = set()
    for file in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


def holes(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_the_german_catalogue_is_compiled_from_todays_sentences():
    """If not: run scripts/texts, translate what is new, and run it again."""
    file = HERE / "locale/de/LC_MESSAGES/causeway.mo"
    with file.open("rb") as opened:
        catalogue = gettext.GNUTranslations(opened)
    sentences = templates()
    assert len(sentences) > 100
    said = {each: catalogue.gettext(each) for each in sentences}
    missing = [each for each in sentences if each not in catalogue._catalog]
    assert missing == []
    assert [each for each, german in said.items() if holes(each) != holes(german)] == []


def test_shipped_languages_are_found():
    languages = Languages.installed()
    assert languages.best("de-DE") == "de"
    assert languages.say(Text("Saved."), "de") == "Gespeichert."


def test_readers_are_written_to_in_the_language_of_what_they_wrote_last() -> None:
    readers = Readers(Languages.installed())
    text = Text("There is no {nick} in this room.", nick="bob")
    assert readers.say(text, "ann@localhost") == "There is no bob in this room."
    readers.wrote("ann@localhost", "de-AT")
    assert readers.say(text, "ann@localhost") == "In diesem Raum ist niemand namens bob."
    assert (readers.language("ann@localhost"), readers.language("bob@localhost")) == ("de", "en")
    readers.wrote("ann@localhost", "")
    assert readers.say(text, "ann@localhost") == text
