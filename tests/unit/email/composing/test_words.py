"""Subjects, quotes, HTML, seals: the small parts of a mail."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.email.composing import markup, quoting, subjects
from bridges.email.composing.choosing import to_all
from bridges.email.composing.cleaning import body, file_name, remembered
from bridges.email.composing.seals import Seals
from bridges.email.composing.threads import Mail
from bridges.email.mime.letter import Person
from gateway.model import Reply

# -- subjects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "subject", "rest"),
    [
        ("Subject: Lunch\nAt one?", "Lunch", "At one?"),
        ("subject:Lunch", "Lunch", ""),
        ("Subject: Lunch\n\n\nAt one?", "Lunch", "At one?"),
        ("Subject:\nAt one?", "", "Subject:\nAt one?"),
        ("The subject: Lunch", "", "The subject: Lunch"),
        ("At one?\nSubject: Lunch", "", "At one?\nSubject: Lunch"),
    ],
)
def test_the_first_line_can_give_the_subject(text: str, subject: str, rest: str) -> None:
    assert subjects.given(text) == (subject, rest)


@pytest.mark.parametrize(
    "subject",
    ["Lunch", "Re: Lunch", "RE: re: Lunch", "AW: SV: Lunch", "Re[2]: Lunch", "Re : Lunch", "回复：Lunch"],
)
def test_an_answer_has_one_prefix(subject: str) -> None:
    assert subjects.answering(subject) == "Re: Lunch"


@pytest.mark.parametrize("subject", ["Reason: none", "Rest", "Re:", ""])
def test_other_words_are_no_prefixes(subject: str) -> None:
    assert subjects.base(subject) == subject


def test_first_words_are_whole_ones_and_60_characters_at_most() -> None:
    assert subjects.first_words("Short") == "Short"
    assert subjects.first_words("> quoted\n\nMine") == "Mine"
    assert subjects.first_words("word " * 30) == "word " * 11 + "word…"
    assert subjects.first_words("") == ""


@settings(deadline=None)
@given(st.text(max_size=300))
def test_first_words_of_anything_are_one_short_line(text: str) -> None:
    words = subjects.first_words(text)
    assert len(words) <= 60
    assert "\n" not in words


@pytest.mark.parametrize(
    ("text", "all_", "rest"),
    [
        ("@all hello", True, "hello"),
        ("@ALL: hello", True, "hello"),
        ("@all\nhello", True, "hello"),
        ("@all", True, ""),
        ("@allen hello", False, "@allen hello"),
        ("@all-hands", False, "@all-hands"),
        ("hello @all", False, "hello @all"),
    ],
)
def test_only_the_beginning_of_a_text_says_that_it_is_for_all(text: str, all_: bool, rest: str) -> None:
    assert to_all(text) == (all_, rest)


# -- quotes ------------------------------------------------------------------------------------------------------


def mail(text: str, name: str = "Bob", time: float = 1_700_000_000.0) -> Mail:
    return Mail("m", "o", "<a@b>", "t", "s", Person(name, "bob@example.com"), (), time, text=text)


def test_a_quote_names_its_author_and_date() -> None:
    assert quoting.quote(mail("One\n\n> Two")) == (
        "On 14 November 2023 at 22:13 UTC, Bob <bob@example.com> wrote:\n> One\n>\n>> Two"
    )


def test_a_long_quote_is_shortened() -> None:
    lines = quoting.quote(mail("line\n" * 5000)).split("\n")
    assert len(lines) == 202
    assert lines[-1] == "> [...]"


def test_nothing_is_quoted_of_a_mail_that_says_nothing() -> None:
    assert quoting.quote(mail(" \n ")) == ""
    assert quoting.quote_of(Reply("x")) == ""


@pytest.mark.parametrize("time", [-1e12, 1e18, float("inf")])
def test_a_date_that_nobody_can_mean_is_no_obstacle(time: float) -> None:
    assert "wrote:" in quoting.quote(mail("x", time=time))


def test_the_name_of_an_author_cannot_break_the_attribution() -> None:
    assert len(quoting.quote(mail("x", "Eve\r\n> forged\n")).split("\n")) == 2


# -- html --------------------------------------------------------------------------------------------------------


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"html", "body", "div", "br", "strong", "em", "s", "code", "pre", "blockquote", "a"}
        assert all(name in ("style", "href") for name, _ in attrs)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(deadline=None)
@given(st.text(st.sampled_from('a *_~`>\n<&"https://x.y'), max_size=200).map(body))
def test_html_of_anything_is_balanced(text: str) -> None:
    reader = Balanced()
    reader.feed(markup.html(text))
    reader.close()
    assert not reader.open


def test_marks_become_elements() -> None:
    html = markup.html("*bold* and _it *both*_\n> quote\n```\nx < y\n```\nhttps://a.example/?x&y.")
    assert "<strong>bold</strong> and <em>it <strong>both</strong></em>" in html
    assert "<div>quote</div></blockquote>" in html
    assert "<pre>x &lt; y</pre>" in html
    assert '<a href="https://a.example/?x&amp;y">https://a.example/?x&amp;y</a>.' in html


def test_no_markup_of_the_writer_is_markup() -> None:
    assert "<script" not in markup.html('<script>alert(1)</script> https://x.example/"><b')


# -- the rest ----------------------------------------------------------------------------------------------------


def test_a_seal_is_known_again_and_no_other() -> None:
    seals = Seals(b"k" * 32)
    value = seals.loop("abc")
    assert seals.looped(f" {value} ") == "abc"
    assert Seals(b"x" * 32).looped(value) is None
    for bad in ("", "abc", "abc ", "äbc x", "abd" + value[3:], value + "0", "x" * 99 + " y"):
        assert seals.looped(bad) is None
    assert seals.origin("alice@example.org") == seals.origin("alice@example.org")
    assert "alice" not in seals.origin("alice@example.org")


def test_names_of_files_keep_their_endings() -> None:
    assert file_name("../../etc/passwd") == "_.._etc_passwd"
    assert file_name("") == file_name("...") == "file"
    assert file_name("x" * 300 + ".pdf") == "x" * 116 + ".pdf"
    assert file_name("a\u202egpj.exe") == "agpj.exe"


def test_texts_are_remembered_without_what_nobody_sees() -> None:
    assert remembered("\n\na  \r\nb\0\ud800\n\n") == "a\nb"
