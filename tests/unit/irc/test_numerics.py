import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc import numerics
from bridges.irc.numerics import is_error, no_answer, refused
from gateway.model import Condition, ErrorType

# irc.md's table of numerics, condition and type, as XMPP clients will see them.
TABLE = [
    ("401 406 441", Condition.ITEM_NOT_FOUND, ErrorType.CANCEL),
    ("402 403", Condition.ITEM_NOT_FOUND, ErrorType.CANCEL),
    ("404 482 481 483 484 485", Condition.FORBIDDEN, ErrorType.AUTH),
    ("405 478 734", Condition.RESOURCE_CONSTRAINT, ErrorType.WAIT),
    ("407 415 461 696", Condition.BAD_REQUEST, ErrorType.MODIFY),
    ("421 472 501", Condition.FEATURE_NOT_IMPLEMENTED, ErrorType.CANCEL),
    ("432", Condition.NOT_ACCEPTABLE, ErrorType.MODIFY),
    ("476 479", Condition.JID_MALFORMED, ErrorType.MODIFY),
    ("433 436", Condition.CONFLICT, ErrorType.CANCEL),
    ("437 263 439 480 707", Condition.RESOURCE_CONSTRAINT, ErrorType.WAIT),
    ("438 447", Condition.NOT_ACCEPTABLE, ErrorType.WAIT),
    ("442", Condition.NOT_ACCEPTABLE, ErrorType.CANCEL),
    ("464 904", Condition.NOT_AUTHORIZED, ErrorType.AUTH),
    ("465 466", Condition.FORBIDDEN, ErrorType.AUTH),
    ("470", Condition.REDIRECT, ErrorType.MODIFY),
    ("471", Condition.SERVICE_UNAVAILABLE, ErrorType.WAIT),
    ("473", Condition.REGISTRATION_REQUIRED, ErrorType.AUTH),
    ("474", Condition.FORBIDDEN, ErrorType.AUTH),
    ("475", Condition.NOT_AUTHORIZED, ErrorType.AUTH),
    ("477 486", Condition.REGISTRATION_REQUIRED, ErrorType.AUTH),
    ("489 490", Condition.POLICY_VIOLATION, ErrorType.MODIFY),
    ("716 717 531 520", Condition.FORBIDDEN, ErrorType.AUTH),
    ("443", Condition.CONFLICT, ErrorType.CANCEL),
]
ROWS = [(numeric, condition, kind) for listed, condition, kind in TABLE for numeric in listed.split()]


@pytest.mark.parametrize(("numeric", "condition", "kind"), ROWS)
def test_every_numeric_has_its_condition_and_type(
    numeric: str, condition: Condition, kind: ErrorType
) -> None:
    why = refused(numeric, ["Nick", "#foo", "the server's words"], "irc.example")
    assert (why.condition, why.error_type) == (condition, kind)
    assert why.text.startswith("irc.example: #foo: the server's words.")


@pytest.mark.parametrize(
    ("numeric", "params", "condition", "kind"),
    [
        ("437", ["Nick", "Wanted", "Nick/channel is temporarily unavailable"], "conflict", "cancel"),
        ("437", ["Nick", "#foo", "Nick/channel is temporarily unavailable"], "resource-constraint", "wait"),
        ("477", ["Nick", "+foo", "Channel doesn't support modes"], "feature-not-implemented", "cancel"),
        (
            "477",
            ["Nick", "#foo", "Cannot join channel (+r): identify first"],
            "registration-required",
            "auth",
        ),
        (
            "480",
            ["Nick", "#foo", "Cannot join channel (+j) - throttle exceeded"],
            "resource-constraint",
            "wait",
        ),
        (
            "480",
            ["Nick", "#foo", "Cannot join channel (+S) - SSL/TLS required"],
            "policy-violation",
            "modify",
        ),
        ("489", ["Nick", "#foo", "Neither voiced nor channel operator"], "forbidden", "auth"),
        ("489", ["Nick", "#foo", "Cannot join channel; TLS users only (+z)"], "policy-violation", "modify"),
    ],
)
def test_numerics_of_several_meanings_are_read_by_the_servers_words(
    numeric: str, params: list[str], condition: str, kind: str
) -> None:
    why = refused(numeric, params, "irc.example")
    assert (why.condition, why.error_type) == (condition, kind)


@given(st.text(), st.lists(st.text()))
def test_any_numeric_with_any_parameters_gives_a_sentence(numeric: str, params: list[str]) -> None:
    why = refused(numeric, params, "irc.example")
    assert why.text.startswith("irc.example")
    assert why.text[-1] in ".!?"


def test_a_server_without_words_of_its_own_gets_ours() -> None:
    assert refused("471", ["Nick"], "irc.example").text == (
        "irc.example: The channel is full. Try again later."
    )


def test_silence_says_who_was_silent_about_what() -> None:
    why = no_answer("irc.example", "the join of #foo", 20)
    assert why.text == "irc.example did not answer the join of #foo within 20 seconds. Try again later."
    assert why.error_type is ErrorType.WAIT


def test_errors_are_told_from_answers() -> None:
    assert all(is_error(numeric) for numeric in ("401", "599", "716", "904"))
    assert not any(is_error(command) for command in ("001", "372", "900", "PRIVMSG", "", "4", "40"))


def test_every_refusal_of_a_request_has_a_meaning_or_the_general_one() -> None:
    refusals = (
        numerics.REFUSES_JOIN | numerics.REFUSES_MESSAGE | numerics.REFUSES_NICK | numerics.REFUSES_INVITE
    )
    assert all(is_error(numeric) for numeric in refusals)
