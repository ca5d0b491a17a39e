"""What a mail looks like in a chat."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime.letter import (
    Answer,
    Attendee,
    AutoKind,
    Automatic,
    Invitation,
    Letter,
    ListInfo,
    Moment,
    Person,
    Protection,
    ProtectionKind,
)
from bridges.email.receiving.page import shortened
from bridges.email.receiving.presentation import LONGEST, Context, Cut, Shown, present, when
from bridges.email.receiving.trust import Standing, Trust
from gateway.model import Part, Span, Style

CAROL = Person("Carol", "carol@far.example")
ALICE = Person("Alice", "alice@gw.example")
PROVEN = Context(Trust(Standing.PROVEN), frozenset({"alice@gw.example"}))
PLAIN = Letter(from_=(CAROL,), sole_author=CAROL, to=(ALICE,), subject="Tea", text="Hello.")


def shown(letter: Letter, context: Context = PROVEN, *cuts: Cut) -> Shown:
    return present(letter, letter.text, letter.spans, cuts, context)


def test_a_new_subject_stands_above_the_text() -> None:
    page = shown(PLAIN)
    assert page.text == "Tea\n\nHello."
    assert page.spans == (Span(0, 3, Style.STRONG),)
    assert page.recipients == ()
    assert not page.original


@pytest.mark.parametrize("subject", ["Tea", "Re: Tea", "AW: re: tea"])
def test_a_subject_that_is_known_is_not_told_again(subject: str) -> None:
    assert shown(replace(PLAIN, subject=subject), replace(PROVEN, thread_subject="Re: Tea")).text == "Hello."


def test_a_subject_that_changed_is_told() -> None:
    letter = replace(PLAIN, subject="Coffee")
    assert shown(letter, replace(PROVEN, thread_subject="Tea")).text == "Coffee\n\nHello."


def test_other_people_are_named_and_whom_an_answer_reaches() -> None:
    letter = replace(
        PLAIN,
        to=(ALICE, Person("Bob", "Bob@far.example")),
        cc=(Person("", "dan@far.example"), Person("Bob again", "bob@far.example"), CAROL),
    )
    page = shown(letter)
    assert page.text == (
        "Tea\nTo: you, Bob <bob@far.example>; Cc: dan@far.example\n"
        "(An answer goes to Carol only. Begin it with @all to answer all 3.)\n\nHello."
    )
    assert [(each.part, each.name, each.display_name) for each in page.recipients] == [
        (Part.TO, "bob@far.example", "Bob"),
        (Part.CC, "dan@far.example", ""),
    ]


def test_of_many_people_the_number_is_told() -> None:
    letter = replace(PLAIN, to=tuple(Person("", f"p{number}@far.example") for number in range(50)))
    page = shown(letter)
    assert "and 38 others" in page.text
    assert "answer all 51" in page.text
    assert len(page.recipients) == 50


def test_mail_that_nobody_vouches_for_says_so_first() -> None:
    trust = Trust(Standing.REFUTED, "far.example says that this is not how its mail is sent.")
    page = shown(PLAIN, replace(PROVEN, trust=trust))
    assert page.text.startswith(
        "⚠ This mail says that it is from Carol <carol@far.example>, and that may be a lie."
    )
    assert "far.example says" in page.text
    assert "write to carol@far.example" in page.text
    assert page.text.endswith("Tea\n\nHello.")
    assert [page.text[each.start : each.end] for each in page.spans] == ["Tea"]


def test_nobody_is_offered_an_author_who_is_not_certain() -> None:
    letter = replace(PLAIN, from_=(CAROL, Person("Eve", "eve@evil.example")), sole_author=None)
    page = shown(letter, replace(PROVEN, trust=Trust(Standing.REFUTED, "x.")))
    assert "Carol <carol@far.example> and Eve <eve@evil.example>" in page.text
    assert "write to" not in page.text


@pytest.mark.parametrize(
    ("kind", "lists", "mark"),
    [
        (AutoKind.REPLY, None, "[automatic answer]"),
        (AutoKind.GENERATED, None, "[automatic mail]"),
        (AutoKind.BULK, None, "[sent to many]"),
        (AutoKind.LIST, ListInfo(id="dev.far.example", name="Dev"), "[mailing list Dev]"),
        (AutoKind.LIST, ListInfo(id="dev.far.example"), "[mailing list dev.far.example]"),
    ],
)
def test_what_a_machine_sent_is_marked(kind: AutoKind, lists: ListInfo | None, mark: str) -> None:
    assert mark in shown(replace(PLAIN, automatic=Automatic(kind, ("x",)), lists=lists)).text


def test_a_long_text_is_cut_and_comes_whole_as_a_file() -> None:
    text = "word " * 3_000
    spans = (Span(0, 4, Style.STRONG), Span(5, 14_999, Style.QUOTE))
    page = shown(replace(PLAIN, text=text, spans=spans, subject=""))
    assert page.original
    assert len(page.text) < LONGEST + 100
    assert "more characters: the whole mail is attached]" in page.text
    assert all(each.end <= len(page.text) for each in page.spans)


def test_quotes_that_were_folded_are_counted_where_they_were() -> None:
    letter = replace(PLAIN, text="Yes.\nNo.", spans=(Span(5, 8, Style.STRONG),), subject="")
    page = shown(letter, PROVEN, Cut(4, 12), Cut(8, 1))
    assert page.text == "Yes.\n[12 quoted lines]\nNo.\n[1 quoted line]"
    (span,) = page.spans
    assert page.text[span.start : span.end] == "No."


def test_a_signature_that_was_folded_leaves_a_mark() -> None:
    letter = replace(PLAIN, subject="", text="Yes.")
    assert shown(letter, PROVEN, Cut(4, 3, signature=True)).text == "Yes.\n[signature: 3 lines]"
    both = shown(letter, PROVEN, Cut(4, 9), Cut(4, 1, signature=True))
    assert both.text == "Yes.\n[signature: 1 line]\n[9 quoted lines]"


def test_a_mail_that_is_nothing_but_a_quote_still_says_something() -> None:
    assert shown(replace(PLAIN, text="", subject=""), PROVEN, Cut(0, 3)).text == "[3 quoted lines]"
    assert shown(replace(PLAIN, text="", subject="")).text == "(This mail has no text.)"


def test_what_cannot_be_shown_comes_as_a_file() -> None:
    page = shown(replace(PLAIN, text="", unreadable="It is broken."))
    assert page.original
    assert "[It is broken. The original mail is attached.]" in page.text
    page = shown(replace(PLAIN, protection=Protection(ProtectionKind.ENCRYPTED, "OpenPGP")))
    assert page.original
    assert "Encrypted with OpenPGP" in page.text
    page = shown(replace(PLAIN, protection=Protection(ProtectionKind.SIGNED, "S/MIME")))
    assert not page.original
    assert "did not check the signature" in page.text


def test_an_invitation_is_summed_up_in_the_users_time() -> None:
    invitation = Invitation(
        "REQUEST",
        "uid",
        summary="Tea",
        location="Garden",
        organizer=CAROL,
        start=Moment(1_700_000_000.0),
        end=Moment(1_700_003_600.0),
    )
    zone = timezone(timedelta(hours=2), "EET")
    page = shown(replace(PLAIN, invitation=invitation), replace(PROVEN, zone=zone))
    assert (
        "📅 Invitation: Tea\nWhen: Wed 15 Nov 2023, 00:13 to 01:13 EET\nWhere: Garden\nBy: Carol" in page.text
    )
    day = replace(
        invitation, start=Moment(1_700_006_400.0, whole_day=True), end=Moment(1_700_179_200.0, whole_day=True)
    )
    assert "When: Wed 15 Nov 2023 to Thu 16 Nov 2023" in shown(replace(PLAIN, invitation=day)).text
    answer = replace(invitation, method="REPLY", attendees=(Attendee(CAROL, Answer.ACCEPTED),))
    assert "Carol <carol@far.example>: accepted" in shown(replace(PLAIN, invitation=answer)).text


def test_a_tag_of_the_address_is_shown() -> None:
    page = shown(PLAIN, replace(PROVEN, tag="shop", recipient="alice+shop@gw.example"))
    assert "(to alice+shop@gw.example)" in page.text


@pytest.mark.parametrize(
    ("sent", "received", "now", "told"),
    [
        (1000.0, 1010.0, 1020.0, None),
        (1000.0, 5000.0, 5000.0, 1000.0),
        (None, 1000.0, 5000.0, 1000.0),
        (9000.0, 1000.0, 5000.0, 1000.0),  # a date after it came
        (0.0, 4_000_000.0, 4_000_001.0, None),  # a date of long ago, and it came just now
        (0.0, 4_000_000.0, 4_000_900.0, 4_000_000.0),
    ],
)
def test_a_time_is_told_if_it_is_late_and_can_be_true(
    sent: float | None, received: float, now: float, told: float | None
) -> None:
    assert when(replace(PLAIN, date=sent), received, now) == told


@given(
    st.text("ab \n", max_size=200),
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200))),
)
def test_spans_stay_within_a_text_that_was_cut(text: str, limit: int, places: list[tuple[int, int]]) -> None:
    spans = [Span(min(a, b, len(text)), min(max(a, b), len(text)), Style.QUOTE) for a, b in places]
    kept, left, missing = shortened(text, spans, limit)
    assert len(kept) <= limit or len(text) <= limit
    assert missing == len(text) - len(kept)
    assert all(0 <= each.start <= each.end <= len(kept) for each in left)
