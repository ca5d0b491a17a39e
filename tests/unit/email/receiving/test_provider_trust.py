"""Whom to believe about mail of a mailbox elsewhere: the provider, in the first field, and nobody in its name."""

from bridges.email.receiving.trust import Believed, Standing, judge

ANY = Believed(provider=frozenset({"x.example"}), ordered=True)
KNOWN = Believed(provider=frozenset({"google.com"}))
AUTHOR = "bob@far.example"


def field(host: str, result: str = "pass") -> tuple[str, str]:
    return "Authentication-Results", f"{host}; dmarc={result} header.from=far.example"


def received(by: str) -> tuple[str, str]:
    return "Received", f"from somewhere by {by} with ESMTP id 1; now"


def test_the_providers_own_word_counts() -> None:
    assert judge([received("mda.x.example"), field("mx.x.example")], AUTHOR, ANY).proven
    assert judge([received("2002:a05:1::"), field("mx.google.com")], AUTHOR, KNOWN).proven


def test_nobody_elses_does_and_it_is_shown_as_it_says_with_a_warning() -> None:
    for fields in (
        [],
        [field("mx.evil.example")],
        [field("evilx.example")],
        [field("mx.evil.example"), field("mx.x.example")],  # what is below the first may be anybody's
        [received("mx.evil.example"), field("mx.x.example")],
        [("Received", "by nobody"), field("mx.x.example")],
    ):
        trust = judge(fields, AUTHOR, ANY)
        assert trust.standing is Standing.UNPROVEN
        assert trust.shown_as_said


def test_what_is_refuted_or_says_of_nobody_stays_out_of_the_chat() -> None:
    assert not judge([field("mx.x.example", "fail")], AUTHOR, ANY).shown_as_said
    assert not judge([], None, ANY).shown_as_said
    assert not judge([], "nonsense", ANY).shown_as_said


def test_at_the_operators_border_what_is_not_proven_is_never_shown_as_it_says() -> None:
    assert not judge([], AUTHOR, Believed(frozenset({"mx.gw.example"}))).shown_as_said
