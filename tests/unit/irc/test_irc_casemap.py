"""CASEMAPPING."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.casemap import ASCII, RFC1459, RFC1459_STRICT, Casemapping, casemapping

RULES = ["ascii", "rfc1459", "rfc1459-strict", "rfc7613", "rfc8265", "unheard-of"]


@pytest.mark.parametrize(
    ("rule", "one", "other", "same"),
    [
        ("ascii", "Bob", "bOB", True),
        ("ascii", "[x]", "{x}", False),
        ("rfc1459", "[X\\]^", "{x|}~", True),
        ("rfc1459-strict", "[X\\]", "{x|}", True),
        ("rfc1459-strict", "^", "~", False),
        ("RFC1459", "[", "{", True),
        # Nothing above 0x7F is folded by the classic rules.
        ("ascii", "É", "é", False),
        ("rfc1459", "É", "é", False),
        ("rfc1459", "ß", "SS", False),
        ("rfc8265", "É", "é", True),
        ("rfc8265", "e\u0301", "é", True),
        ("rfc8265", "Ａ", "a", True),
        ("rfc8265", "[", "{", False),
        ("rfc8265", "ß", "ss", False),
        ("rfc7613", "ß", "SS", True),
        # What an unknown rule folds more than ascii is not guessed: two rooms must never become one.
        ("unheard-of", "A[", "a[", True),
        ("unheard-of", "[", "{", False),
        ("", "A", "a", True),
    ],
)
def test_names_are_the_same_by_the_servers_rule(rule: str, one: str, other: str, same: bool) -> None:
    fold = casemapping(rule).fold
    assert (fold(one) == fold(other)) is same


@given(st.sampled_from(RULES), st.text())
def test_folding_is_stable(rule: str, text: str) -> None:
    fold = casemapping(rule).fold
    assert fold(fold(text)) == fold(text)


@given(st.sampled_from([ASCII, RFC1459, RFC1459_STRICT]), st.text())
def test_the_classic_rules_touch_only_ascii(rule: Casemapping, text: str) -> None:
    folded = rule.fold(text)
    assert len(folded) == len(text)
    assert all(a == b or (ord(a) < 128 and ord(b) < 128) for a, b in zip(text, folded, strict=True))
