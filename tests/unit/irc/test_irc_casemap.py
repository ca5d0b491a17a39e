"""CASEMAPPING, and the mapping keyed by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.casemap import ASCII, RFC1459, RFC1459_STRICT, CaseMap, Casemapping, casemapping

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


def test_a_case_map_finds_every_spelling_and_keeps_the_last() -> None:
    rooms: CaseMap[int] = CaseMap(RFC1459)
    rooms["#Foo[1]"] = 1
    assert rooms["#foo{1}"] == 1
    assert "#FOO{1]" in rooms
    assert "#bar" not in rooms
    assert 5 not in rooms
    assert rooms.get("#bar") is None
    assert rooms.spelling("#foo[1]") == "#Foo[1]"
    assert rooms.spelling("#bar") == "#bar"
    rooms["#FOO[1]"] = 2
    assert list(rooms) == ["#FOO[1]"]
    assert len(rooms) == 1
    assert rooms.pop("#foo[1]") == 2
    assert not rooms
    with pytest.raises(KeyError):
        rooms["#foo"]


def test_refolding_keeps_apart_what_the_new_rule_keeps_apart() -> None:
    nicks: CaseMap[int] = CaseMap(RFC1459)
    nicks["a["] = 1
    assert nicks.refold(ASCII) == []
    nicks["a{"] = 2
    assert (nicks["A["], nicks["A{"]) == (1, 2)


def test_refolding_tells_what_it_lost() -> None:
    nicks: CaseMap[int] = CaseMap(ASCII)
    nicks["a["] = 1
    nicks["a{"] = 2
    nicks["b"] = 3
    assert nicks.refold(RFC1459) == [("a[", 1)]
    assert dict(nicks) == {"a{": 2, "b": 3}


@given(st.lists(st.tuples(st.text(alphabet="aAbB[]{}^~é", max_size=3), st.integers())))
def test_a_case_map_is_a_dict_of_folded_names(items: list[tuple[str, int]]) -> None:
    ours: CaseMap[int] = CaseMap(RFC1459)
    plain: dict[str, int] = {}
    for name, value in items:
        ours[name] = value
        plain[RFC1459.fold(name)] = value
    assert {RFC1459.fold(name): value for name, value in ours.items()} == plain
