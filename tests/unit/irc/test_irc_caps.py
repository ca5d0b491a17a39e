"""Capability negotiation, and SASL within it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.caps import GROUP, MAX_OFFERED, CapNegotiator
from bridges.irc.protocol.line import Malformed, parse
from bridges.irc.protocol.mechanisms import Plain
from bridges.irc.protocol.sasl import Result, SaslEngine

WANTED = ("multi-prefix", "server-time", "message-tags", "batch", "echo-message")


def answers(negotiator: CapNegotiator, *lines: str) -> list[str]:
    return [answer for line in lines for answer in negotiator.feed(parse(line))]


def login() -> SaslEngine:
    return SaslEngine([Plain("alice", "secret")])


def test_what_is_wanted_and_offered_is_requested_and_negotiation_ends() -> None:
    negotiator = CapNegotiator(WANTED)
    assert negotiator.start() == ["CAP LS 302"]
    assert answers(negotiator, ":s CAP * LS :batch multi-prefix other=x server-time ") == [
        "CAP REQ :multi-prefix server-time batch"
    ]
    assert not negotiator.finished
    assert answers(negotiator, ":s CAP * ACK :multi-prefix server-time batch ") == ["CAP END"]
    assert negotiator.finished
    assert negotiator.enabled == {"multi-prefix", "server-time", "batch"}
    assert negotiator.offered["other"] == "x"


def test_a_list_of_several_lines_is_read_to_its_end() -> None:
    negotiator = CapNegotiator(WANTED)
    assert answers(negotiator, "CAP * LS * :batch a=b=c", "CAP * LS * server-time") == []
    # Ergo's last line has no colon.
    assert answers(negotiator, "CAP * LS multi-prefix") == ["CAP REQ :multi-prefix server-time batch"]
    assert negotiator.offered["a"] == "b=c"


@pytest.mark.parametrize("line", ["CAP * LS :", "CAP * LS", "CAP * LS :draft/unknown"])
def test_nothing_to_ask_for_ends_at_once(line: str) -> None:
    negotiator = CapNegotiator(WANTED)
    assert answers(negotiator, line) == ["CAP END"]
    assert negotiator.finished


def test_an_acknowledgement_may_come_without_colon() -> None:
    negotiator = CapNegotiator(WANTED)
    answers(negotiator, "CAP * LS :batch multi-prefix")
    assert answers(negotiator, "CAP * ACK batch multi-prefix") == ["CAP END"]


def test_an_acknowledgement_may_come_in_parts_or_empty() -> None:
    negotiator = CapNegotiator(WANTED)
    answers(negotiator, "CAP * LS :batch multi-prefix")
    assert answers(negotiator, "CAP * ACK :batch") == []
    assert answers(negotiator, "CAP * ACK :multi-prefix") == ["CAP END"]
    other = CapNegotiator(WANTED)
    answers(other, "CAP * LS :batch multi-prefix")
    assert answers(other, "CAP * ACK :") == ["CAP END"]


def test_a_refused_group_is_asked_for_one_by_one_and_never_hangs() -> None:
    negotiator = CapNegotiator(WANTED)
    answers(negotiator, "CAP * LS :batch multi-prefix server-time")
    assert answers(negotiator, "CAP * NAK :multi-prefix ser") == [
        "CAP REQ multi-prefix",
        "CAP REQ server-time",
        "CAP REQ batch",
    ]
    assert answers(negotiator, "CAP * ACK :multi-prefix", "CAP * NAK :server-time") == []
    assert answers(negotiator, "CAP * ACK :batch") == ["CAP END"]
    assert negotiator.enabled == {"multi-prefix", "batch"}


def test_a_refusal_that_names_nothing_is_about_the_oldest_request() -> None:
    negotiator = CapNegotiator(["batch"])
    answers(negotiator, "CAP * LS :batch")
    assert answers(negotiator, "CAP * NAK :") == ["CAP END"]


def test_many_capabilities_are_asked_for_in_groups_that_fit_a_line() -> None:
    wanted = [f"vendor.example/capability-{number:03}" for number in range(60)]
    negotiator = CapNegotiator(wanted)
    requests = answers(negotiator, f"CAP * LS :{' '.join(wanted)}")
    assert len(requests) > 1
    assert all(len(request) <= len("CAP REQ :") + GROUP for request in requests)
    names = [parse(request).params[1] for request in requests]
    assert " ".join(names).split() == wanted
    last = answers(negotiator, *(f"CAP * ACK :{group}" for group in names))
    assert last == ["CAP END"]


@pytest.mark.parametrize(
    "line",
    [":s 421 nick CAP :Unknown command", ":s 451 * :You have not registered", ":s 451 CAP :Register first"],
)
def test_a_server_without_capabilities_is_no_obstacle(line: str) -> None:
    negotiator = CapNegotiator(WANTED)
    assert answers(negotiator, line) == []
    assert negotiator.finished


def test_a_server_that_refuses_the_list_but_knows_cap_is_told_that_it_is_over() -> None:
    assert answers(CapNegotiator(WANTED), ":s 410 * LS :Invalid CAP command") == ["CAP END"]


def test_another_unknown_command_means_nothing() -> None:
    negotiator = CapNegotiator(WANTED)
    assert answers(negotiator, ":s 421 nick FOO :Unknown command") == []
    assert not negotiator.finished


def test_a_welcome_ends_everything() -> None:
    negotiator = CapNegotiator(WANTED)
    assert answers(negotiator, ":s 001 nick :Welcome") == []
    assert negotiator.finished
    assert answers(negotiator, "CAP nick LS :batch") == []


def test_capabilities_come_and_go_later() -> None:
    negotiator = CapNegotiator(WANTED)
    answers(negotiator, "CAP * LS :batch", "CAP * ACK :batch", ":s 001 n :Hi")
    assert answers(negotiator, ":s CAP n NEW :echo-message other") == ["CAP REQ echo-message"]
    assert answers(negotiator, ":s CAP n ACK :echo-message") == []
    # InspIRCd has put another user's nick here.
    assert answers(negotiator, ":s CAP somebodyelse DEL :batch") == []
    assert negotiator.enabled == {"echo-message"}
    assert "batch" not in negotiator.offered
    assert answers(negotiator, ":s CAP n NEW :batch") == ["CAP REQ batch"]
    assert answers(negotiator, ":s CAP n ACK :-echo-message batch") == []
    assert negotiator.enabled == {"batch"}


def test_what_a_hostile_server_offers_is_bounded() -> None:
    negotiator = CapNegotiator(WANTED)
    for number in range(2 * MAX_OFFERED):
        answers(negotiator, f"CAP * LS * :cap{number}")
    assert len(negotiator.offered) == MAX_OFFERED


def test_the_login_stands_between_the_capabilities_and_the_end() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    assert answers(negotiator, "CAP * LS :sasl=PLAIN,EXTERNAL batch") == ["CAP REQ :batch sasl"]
    assert answers(negotiator, "CAP * ACK :batch sasl") == ["AUTHENTICATE PLAIN"]
    assert answers(negotiator, "@time=x AUTHENTICATE :+") == ["AUTHENTICATE AGFsaWNlAHNlY3JldA=="]
    assert answers(negotiator, ":s 900 * *!*@* alice :You are now logged in as alice") == []
    assert answers(negotiator, ":s 903 * :SASL authentication successful") == ["CAP END"]
    assert negotiator.outcome is not None
    assert negotiator.outcome.result is Result.SUCCESS
    assert negotiator.outcome.account == "alice"
    assert negotiator.finished
    assert not negotiator.failed


def test_a_failed_login_that_is_not_required_goes_on_without() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    answers(negotiator, "CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +")
    assert answers(negotiator, ":s 904 * :SASL authentication failed") == ["CAP END"]
    assert negotiator.outcome is not None
    assert negotiator.outcome.result is Result.FAILED


def test_a_failed_login_that_is_required_never_ends_registration() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login(), require_sasl=True)
    answers(negotiator, "CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +")
    assert answers(negotiator, ":s 904 * :SASL authentication failed") == []
    assert negotiator.failed
    assert not negotiator.finished
    assert negotiator.outcome is not None
    assert negotiator.outcome.text == "SASL authentication failed"


@pytest.mark.parametrize(
    "lines",
    [
        ("CAP * LS :batch", "CAP * ACK :batch"),
        ("CAP * LS :",),
        ("CAP * LS :sasl=EXTERNAL", "CAP * ACK :sasl"),
        ("CAP * LS :sasl", "CAP * NAK :sasl"),
        (":s 421 n CAP :Unknown command",),
        (":s 410 * LS :Invalid CAP command",),
        ("CAP * LS :sasl", "CAP * ACK :sasl", "CAP * DEL :sasl"),
        ("CAP * LS :sasl", "CAP * ACK :sasl", ":s 421 n AUTHENTICATE :Unknown command"),
        ("CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +", ":s 906 n :SASL authentication aborted"),
    ],
)
def test_a_required_login_without_a_login_service_is_unavailable(lines: Sequence[str]) -> None:
    negotiator = CapNegotiator(WANTED, sasl=login(), require_sasl=True)
    assert "CAP END" not in answers(negotiator, *lines)
    assert negotiator.failed
    assert negotiator.outcome is not None
    assert negotiator.outcome.result is Result.UNAVAILABLE
    optional = CapNegotiator(WANTED, sasl=login())
    assert answers(optional, *lines)[-1:] in (["CAP END"], [])
    assert optional.finished


def test_a_login_service_that_comes_later_is_used() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    answers(negotiator, "CAP * LS :batch", "CAP * ACK :batch", ":s 001 n :Hi")
    assert answers(negotiator, "CAP n NEW :sasl=PLAIN") == ["CAP REQ sasl"]
    assert answers(negotiator, "CAP n ACK :sasl") == ["AUTHENTICATE PLAIN"]
    answers(negotiator, "AUTHENTICATE +")
    assert answers(negotiator, ":s 903 n :ok") == []
    assert negotiator.outcome is not None
    assert negotiator.outcome.result is Result.SUCCESS
    # It is not used twice.
    assert answers(negotiator, "CAP n DEL :sasl", "CAP n NEW :sasl=PLAIN") == []


WORDS = [
    "CAP",
    "*",
    "LS",
    "ACK",
    "NAK",
    "NEW",
    "DEL",
    ":batch sasl",
    "batch",
    "-sasl",
    ":",
    "AUTHENTICATE",
    "+",
    "AAAA",
    "!",
    "001",
    "410",
    "421",
    "451",
    "900",
    "903",
    "904",
    "908",
    "PLAIN",
]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), max_size=30),
    st.booleans(),
)
def test_whatever_a_server_says_the_end_is_sent_at_most_once(lines: list[str], required: bool) -> None:
    negotiator = CapNegotiator(["batch"], sasl=login(), require_sasl=required)
    sent = []
    for line in lines:
        try:
            sent += negotiator.feed(parse(line))
        except Malformed:
            continue
    assert sent.count("CAP END") <= 1
    assert not (negotiator.failed and "CAP END" in sent)
    assert negotiator.finished or "CAP END" not in sent


def test_a_list_that_never_comes_does_not_hold_us_up() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    negotiator.start()
    assert negotiator.waiting
    assert negotiator.overdue() == ["CAP END"]
    assert negotiator.finished
    assert not negotiator.waiting
    assert not negotiator.failed
    required = CapNegotiator(WANTED, sasl=login(), require_sasl=True)
    assert required.overdue() == []
    assert required.failed


def test_requests_and_logins_that_are_never_answered_do_not_hold_us_up() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    assert answers(negotiator, "CAP * LS :batch sasl=PLAIN") == ["CAP REQ :batch sasl"]
    assert negotiator.waiting
    assert negotiator.overdue() == ["CAP END"]
    other = CapNegotiator(WANTED, sasl=login())
    assert answers(other, "CAP * LS :sasl=PLAIN", "CAP * ACK :sasl") == ["CAP REQ sasl", "AUTHENTICATE PLAIN"]
    assert other.waiting
    assert other.overdue() == ["AUTHENTICATE *", "CAP END"]
    assert other.outcome is not None
    assert other.outcome.result is Result.UNAVAILABLE
    assert answers(other, ":s 906 me :aborted", ":s 001 me :hello") == []


def test_services_that_come_back_log_us_in_after_all() -> None:
    negotiator = CapNegotiator(WANTED, sasl=login())
    assert answers(negotiator, "CAP * LS :batch", "CAP * ACK :batch") == ["CAP REQ batch", "CAP END"]
    answers(negotiator, ":s 001 me :hello")
    assert answers(negotiator, "CAP me NEW :sasl=PLAIN") == ["CAP REQ sasl"]
    assert answers(negotiator, "CAP me ACK :sasl") == ["AUTHENTICATE PLAIN"]
    assert answers(negotiator, ":s 906 me :services are away", "CAP me NEW :sasl=PLAIN") == [
        "AUTHENTICATE PLAIN"
    ]
    answers(negotiator, "AUTHENTICATE +", ":s 903 me :done")
    assert answers(negotiator, "CAP me NEW :sasl=PLAIN") == []
    assert negotiator.outcome is not None
    assert negotiator.outcome.result is Result.SUCCESS
