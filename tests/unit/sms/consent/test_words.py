"""Which texts mean STOP, and which only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.consent.words import START_WORDS, STOP_WORDS, Meaning, Words


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop \n",
        "STOPALL",
        "stop  all",
        "UNSUBSCRIBE",
        "Cancel",
        "END",
        "quit",
        "REVOKE",
        "OptOut",
        "opt-out",
        "ARRÊT",
        "ARRE\u0302T",
        "arret",
        "СТОП",
        "停止",
        "수신거부",
    ],
)
def test_a_text_that_is_nothing_but_the_word_means_stop(text: str) -> None:
    assert Words().meaning(text) is Meaning.STOP


@pytest.mark.parametrize("text", ["START", "unstop", "Opt in"])
def test_start_undoes_it(text: str) -> None:
    assert Words().meaning(text) is Meaning.START


@pytest.mark.parametrize(
    "text", ["", "Stop it!", "STOP.", "please stop", "stop stop", "HELP", "INFO", "yes", "no", "S T O P"]
)
def test_what_is_more_than_the_word_is_a_text(text: str) -> None:
    assert Words().meaning(text) is None


def test_an_installation_has_words_of_its_own() -> None:
    words = Words(stop=("Basta ",), start=("Dai",), ordinary=("END", "start"))
    assert words.meaning("basta") is Meaning.STOP
    assert words.meaning("DAI") is Meaning.START
    assert words.meaning("end") is None
    assert words.meaning("START") is None


def test_no_word_means_both() -> None:
    assert not STOP_WORDS & START_WORDS
    assert all(STOP_WORDS)
    assert all(START_WORDS)


@given(st.text())
def test_any_text_has_a_meaning_or_none(text: str) -> None:
    assert Words().meaning(text) in (None, Meaning.STOP, Meaning.START)


def test_a_word_of_the_configuration_is_a_word() -> None:
    with pytest.raises(ValidationError, match="is no word"):
        ConsentSettings(stop_words=(" ",))
    assert ConsentSettings(stop_words=(" Basta ",)).stop_words == ("basta",)
