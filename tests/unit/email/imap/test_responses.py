"""What an IMAP server says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.email.imap.responses import Response, Responses, Unintelligible

MOST = 100_000
HEADERS = b"BODY[HEADER.FIELDS (DATE FROM)]"
PIECES = [b"* ", b"(", b")", b'"', b"{3}\r\n", b"\r\n", b"[", b"]", b"NIL"]


def read(data: bytes) -> list[Response]:
    return list(Responses(MOST).feed(data))


def test_statuses_have_a_code_and_words_for_people() -> None:
    found = read(
        b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n"
        b"a1 NO [AUTHENTICATIONFAILED] Wrong\r\n"
        b"a2 OK done\r\n"
        b"* BYE\r\n"
        b"a3 BAD [half open\r\n"
    )
    assert [(each.tag, each.status, each.code, each.text) for each in found] == [
        ("*", "OK", "CAPABILITY IMAP4rev1 IDLE", "ready"),
        ("a1", "NO", "AUTHENTICATIONFAILED", "Wrong"),
        ("a2", "OK", "", "done"),
        ("*", "BYE", "", ""),
        ("a3", "BAD", "", "[half open"),
    ]


def test_data_is_atoms_strings_lists_and_literals() -> None:
    found = read(
        b"* 23 EXISTS\r\n"
        b"* SEARCH 2 84 882\r\n"
        b'* LIST (\\HasNoChildren \\Sent) "/" "Sent \\"old\\" \\\\ mail"\r\n'
        b"* 12 FETCH (UID 5 FLAGS (\\Seen) BODY[HEADER.FIELDS (DATE FROM)] {5}\r\nab\r\n) RFC822.SIZE 44 X NIL)\r\n"
        b"+ idling\r\n"
    )
    assert (found[0].number, found[0].name) == (23, "EXISTS")
    assert found[1].values == (b"SEARCH", b"2", b"84", b"882")
    assert found[2].values == (b"LIST", (b"\\HasNoChildren", b"\\Sent"), b"/", b'Sent "old" \\ mail')
    assert found[3].values == (
        b"12",
        b"FETCH",
        (b"UID", b"5", b"FLAGS", (b"\\Seen",), HEADERS, b"ab\r\n)", b"RFC822.SIZE", b"44", b"X", None),
    )
    assert found[4] == Response("+", text="idling")


def test_literals_may_be_empty_and_several_and_look_like_anything() -> None:
    found = read(b"* 1 FETCH (A {0}\r\n B {9}\r\n* BYE\r\n{1 C ~{1}\r\n\0)\r\n* 2 EXISTS\r\n")
    assert found[0].values == (b"1", b"FETCH", (b"A", b"", b"B", b"* BYE\r\n{1", b"C", b"\0"))
    assert found[1].name == "EXISTS"


DIALOGUE = (
    b"* OK hi\r\n* 3 FETCH (UID 7 BODY[] {12}\r\nFrom: a\r\n\r\n{ FLAGS ())\r\n"
    b"* LIST () NIL {2}\r\n\xc3\xa4\r\na1 OK x\r\n"
)


@given(st.lists(st.integers(0, len(DIALOGUE)), max_size=8))
def test_it_does_not_matter_how_the_bytes_come(cuts: list[int]) -> None:
    responses = Responses(MOST)
    places = [0, *sorted(cuts), len(DIALOGUE)]
    found = [each for start, end in pairwise(places) for each in responses.feed(DIALOGUE[start:end])]
    assert found == read(DIALOGUE)
    assert len(found) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b" OK\r\n",
        b"* LIST (a\r\n",
        b"* LIST a)\r\n",
        b'* LIST "a\r\n',
        b"* A {99999999}\r\n",
        b"* A " + b"(" * 30 + b")" * 30 + b"\r\n",
        b"* SEARCH " + b"1 " * 150_001 + b"\r\n",
        b"* OK " + b"x" * 1_000_001,
        b"* OK " + b"x" * 1_000_001 + b"\r\n",
    ],
)
def test_what_is_no_imap_or_too_much_of_it_is_not_believed(data: bytes) -> None:
    with pytest.raises(Unintelligible):
        read(data)


@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([b"* ", b"(", b")", b'"', b"{3}\r\n", b"\r\n", b"[", b"]", b"NIL"])
    )
)
def test_no_bytes_make_it_fail_otherwise(pieces: list[bytes]) -> None:
    responses = Responses(1000)
    try:
        for piece in pieces:
            list(responses.feed(piece))
    except Unintelligible:
        pass
