"""Addresses are read so that nobody can be taken for somebody else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.mime import people
from bridges.email.mime.letter import Person
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import PATIENT


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bob@example.org", [("", "bob@example.org")]),
        ("Bob <bob@example.org>", [("Bob", "bob@example.org")]),
        (
            '"Gray, Bob" <bob@example.org>, carol@example.com',
            [("Gray, Bob", "bob@example.org"), ("", "carol@example.com")],
        ),
        ("bob@example.org (Bob (the) Gray)", [("Bob (the) Gray", "bob@example.org")]),
        ("undisclosed-recipients:;", []),
        (
            "Team: a@example.org, b@example.org; , c@example.org",
            [("", "a@example.org"), ("", "b@example.org"), ("", "c@example.org")],
        ),
        ("=?utf-8?q?B=C3=B6b?= <bob@example.org>", [("Böb", "bob@example.org")]),
        ('"=?utf-8?q?B=C3=B6b?=" <bob@example.org>', [("Böb", "bob@example.org")]),
        ('"a b"@example.org', [("", '"a b"@example.org')]),
        ("Bob\\ Gray <bob@example.org>", [("Bob Gray", "bob@example.org")]),
        ("用户@例子.广告", [("", "用户@例子.广告")]),
        ('"Bob \\"the\\" Gray" <bob@example.org>', [('Bob "the" Gray', "bob@example.org")]),
        ("bob@example.org <bob@example.org>", [("bob@example.org", "bob@example.org")]),
    ],
)
def test_what_people_write(value: str, found: list[tuple[str, str]]) -> None:
    assert [(person.name, person.address) for person in people.read(value)[0]] == found


@pytest.mark.parametrize(
    "value",
    [
        "alice@good.example <bob@evil.example>",
        "<a@example.org><b@example.org>",
        "a@example.org b@example.org",
        "<@relay.example:bob@example.org>",
        "Bob <bob@example.org> and more",
        "Bob <bob@exa\x00mple.org>",
        "Bob <b\u202eob@example.org>",
        "<>",
        '"',
        "Bob <bob@example.org",
        "MAILER-DAEMON",
        "(",
        "a;b@example.org",
        "<a@b@c>",
    ],
)
def test_what_is_not_as_it_must_be_has_a_defect(value: str) -> None:
    assert people.read(value)[1]


@pytest.mark.parametrize(
    "fields",
    [
        "From: a@example.org\r\nFrom: b@example.org\r\n",
        "From: a@example.org, b@example.org\r\n",
        "From: a@example.org <b@example.org>\r\n",
        "From: =?utf-8?q?x?= <a@example.org> <b@example.org>\r\n",
        "Sender: a@example.org\r\n",
        "From: \r\n",
        "From: Bob:;\r\n",
    ],
)
def test_only_a_single_faultless_from_has_an_author(fields: str) -> None:
    letter = read(f"{fields}Subject: x\r\n\r\nHello".encode())
    assert letter.sole_author is None
    assert letter.defects


def test_an_author_is_who_wrote_it() -> None:
    letter = read("From: Böb <bob@example.org>\r\n\r\nHello".encode())
    assert letter.sole_author == Person("Böb", "bob@example.org")
    assert letter.from_ == (letter.sole_author,)
    assert letter.defects == ()


def test_a_line_break_in_a_name_is_a_space_and_brings_no_other_address() -> None:
    found, _ = people.read("=?utf-8?q?n=0a=2C_evil=40x?= <a@example.org>")
    assert found == (Person("n , evil@x", "a@example.org"),)


@pytest.mark.parametrize(
    "value",
    [
        "(" * 65_000,
        "(\\" * 30_000,
        '"\\' * 32_000,
        '<"' * 30_000,
        "<" * 65_000,
        "a@b," * 16_000,
        ":;" * 30_000,
        "a " * 30_000 + "@b",
        "".join("(" for _ in range(500)) + "a@b" + ")" * 500,
    ],
)
def test_hostile_fields_take_linear_time(value: str) -> None:
    began = time.process_time()
    people.read(value)
    assert time.process_time() - began < 20


@PATIENT
@given(st.text('ab@.<>()",:;\\ =?[]\u202e\n', max_size=60))
def test_addresses_never_hold_what_could_make_them_another_one(value: str) -> None:
    found, _ = people.read(value)
    for person in found:
        if person.address:
            assert "@" in person.address
        assert not set(person.address) & set("\r\n\x00\u202e")
        if not person.address.startswith('"'):
            assert not set(person.address) & set('<>(),:;" ')
