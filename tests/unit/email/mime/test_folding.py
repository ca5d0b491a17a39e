"""Folding takes away what is known and what ends a mail; nothing that somebody wrote now."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime.folding import Folded, fold
from bridges.email.mime.letter import Letter, Role
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import PATIENT, mail
from tests.unit.email.mime.styles import HTML_STYLES, KEPT, PEOPLE, SIGNED, STYLES, WROTE


def folded(
    body: str, content_type: str = "text/plain; charset=utf-8", known: tuple[str, ...] = (WROTE,)
) -> Folded:
    return fold(read(mail(body, content_type)), known, PEOPLE)


@pytest.mark.parametrize("body", STYLES.values(), ids=STYLES)
def test_a_known_quote_at_the_end_is_folded_whatever_introduces_it(body: str) -> None:
    result = folded(body)
    assert result.text == "Gern, bis morgen!"
    assert [cut.role for cut in result.cuts] == [Role.QUOTE]
    assert result.cuts[0].lines >= 3


@pytest.mark.parametrize("body", HTML_STYLES.values(), ids=HTML_STYLES)
def test_a_known_quote_is_folded_in_the_html_of_many_clients(body: str) -> None:
    result = folded(body, "text/html; charset=utf-8")
    assert result.text == "Gern, bis morgen!"


@pytest.mark.parametrize("body", [*STYLES.values(), *HTML_STYLES.values()], ids=[*STYLES, *HTML_STYLES])
def test_a_quote_of_what_was_never_seen_stays(body: str) -> None:
    content_type = "text/html" if body.startswith("<") else "text/plain"
    letter = read(mail(body, f"{content_type}; charset=utf-8"))
    for known in ((), ("Something quite different was said in this thread, about cats.",)):
        assert fold(letter, known, PEOPLE).text == letter.text


@pytest.mark.parametrize(("body", "left"), SIGNED.values(), ids=SIGNED)
def test_signatures_are_folded_where_they_stand(body: str, left: str) -> None:
    result = folded(body)
    assert result.text == left
    assert Role.SIGNATURE in {cut.role for cut in result.cuts}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_what_somebody_wrote_is_never_cut(body: str) -> None:
    letter = read(mail(body))
    assert fold(letter, (WROTE,), PEOPLE) == Folded(letter.text, letter.spans)


def test_answers_within_the_quote_of_a_client_without_marks_keep_it_all() -> None:
    first, second, third = WROTE.split("\n\n")
    head = "From: Alice <alice@example.net>\nSent: Monday, 1 June 2026 10:00\nTo: Bob\nSubject: Tea\n\n"
    body = f"See below.\n\n{head}{first}\n\nYes, that is fine.\n\n{second}\n\n{third}\n"
    assert "Yes, that is fine." in folded(body).text
    assert folded(body).cuts == ()


def test_a_thumb_is_an_answer_within_a_quote_and_above_one() -> None:
    first, second, third = WROTE.split("\n\n")
    head = "From: Alice <alice@example.net>\nSent: Monday, 1 June 2026 10:00\nTo: Bob\nSubject: Tea\n\n"
    assert "👍" in folded(f"Well.\n\n{head}{first}\n\n👍\n\n{second}\n\n{third}\n").text
    quoted = "\n".join(f"> {line}" for line in WROTE.split("\n"))
    assert folded(f"👍\n\nOn Mon, 1 June 2026, Alice wrote:\n{quoted}\n").text == "👍"


def test_quotes_answered_one_by_one_stay_and_only_the_last_unanswered_one_goes() -> None:
    first, second, third = WROTE.split("\n\n")
    quoted = ["\n".join(f"> {line}" for line in part.split("\n")) for part in (first, second, third)]
    result = folded(
        f"Alice wrote on 1 June 2026:\n{quoted[0]}\n\nYes.\n\n{quoted[1]}\n\nNo.\n\n{quoted[2]}\n"
    )
    assert result.text.endswith("No.")
    assert first.split("\n")[0] in result.text


def test_a_list_footer_below_the_quote_stays() -> None:
    quoted = "\n".join(f"> {line}" for line in WROTE.split("\n"))
    body = f"Fine.\n\nOn 1 June 2026, Alice wrote:\n{quoted}\n\n_______________________\nTea mailing list\ntea@example.com\n"
    assert folded(body).text == "Fine.\n\n_______________________\nTea mailing list\ntea@example.com"


def test_spans_move_with_the_text() -> None:
    quote = "<br>".join(WROTE.split("\n"))
    body = f"<p>So <b>bold</b></p><div class=gmail_quote>On 1 June 2026 Alice wrote:<blockquote>{quote}</blockquote></div>"
    result = folded(body, "text/html")
    assert result.text == "So bold"
    assert [(span.start, span.end) for span in result.spans] == [(3, 7)]
    assert result.cuts[0].at == len("So bold")


_LINES = st.lists(
    st.sampled_from(
        ["> ", ">> ", "", "-- ", "--", "On 1 June 2026 Alice wrote:", "From: Alice", "Sent: x", "To: y"]
    )
    | st.sampled_from(WROTE.split("\n")).flatmap(lambda line: st.sampled_from([line, f"> {line}"]))
    | st.text(max_size=30),
    max_size=40,
)


@PATIENT
@given(_LINES)
def test_what_is_left_is_a_part_of_the_text_and_offsets_fit(lines: list[str]) -> None:
    letter = read(mail("\n".join(lines)))
    result = fold(letter, (WROTE,), PEOPLE)
    assert len(result.text) <= len(letter.text)
    for line in result.text.split("\n"):
        assert line in letter.text
    assert all(0 <= span.start < span.end <= len(result.text) for span in result.spans)
    assert all(0 <= cut.at <= len(result.text) and cut.lines > 0 for cut in result.cuts)
    if letter.text.strip():
        assert result.text.strip() or not result.cuts


@PATIENT
@given(_LINES)
def test_lines_that_nobody_knows_are_only_ever_cut_with_a_quote_or_signature(lines: list[str]) -> None:
    """An unknown line without marks, above all that is known, is always kept."""
    letter = read(mail("\n".join(["This is new and nobody has seen it.", *lines])))
    assert fold(letter, (WROTE,), PEOPLE).text.startswith("This is new and nobody has seen it.")


@pytest.mark.parametrize(
    "line",
    ["On " * 20_000, "From: " * 10_000, "> " * 30_000, "alice@example.net 1 June 2026 wrote: " * 2_000],
    ids=["On", "From", "marks", "attributions"],
)
@pytest.mark.parametrize("shape", ["long", "many"])
def test_hostile_texts_are_read_in_linear_time(line: str, shape: str) -> None:
    words = line.split(" ")
    text = line if shape == "long" else "\n".join(words[:20_000])
    known = (text[:50_000], WROTE)
    letter = Letter(text=text)
    began = time.process_time()
    fold(letter, known, PEOPLE)
    # Seconds where the peers of this took minutes: far from any measurement.
    assert time.process_time() - began < 20
