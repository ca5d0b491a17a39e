"""Framing, parsing and serialising IRC lines."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.decode import decode, encode, known_encoding
from bridges.irc.protocol.line import (
    Injection,
    Line,
    LineSplitter,
    Malformed,
    Mask,
    mask_of,
    nick_of,
    parse,
    serialise,
)

ANY_TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))
MIDDLE = st.text(st.characters(exclude_characters="\r\n\0 ", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text[0] != ":"
)
TRAILING = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
COMMAND = st.from_regex(r"[A-Z]{1,8}|[0-9]{3}", fullmatch=True)
TAG_KEY = st.from_regex(r"\+?([a-z]{1,5}\.[a-z]{2}/)?[A-Za-z0-9-]{1,10}", fullmatch=True)
TAG_VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PING", Line({}, "", "PING", [])),
        ("PING :a b", Line({}, "", "PING", ["a b"])),
        ("ping x", Line({}, "", "PING", ["x"])),
        (":s 001 nick :Welcome  there ", Line({}, "s", "001", ["nick", "Welcome  there "])),
        (":a!b@c PRIVMSG #x hi", Line({}, "a!b@c", "PRIVMSG", ["#x", "hi"])),
        (":a!b@c PRIVMSG #x ::-)", Line({}, "a!b@c", "PRIVMSG", ["#x", ":-)"])),
        (":a!b@c PRIVMSG #x :", Line({}, "a!b@c", "PRIVMSG", ["#x", ""])),
        (":a!b@c PRIVMSG #x :a :b", Line({}, "a!b@c", "PRIVMSG", ["#x", "a :b"])),
        # Several spaces, spaces at the beginning and at the end.
        ("  @a=1   :s   MODE   #x  +o   bob  ", Line({"a": "1"}, "s", "MODE", ["#x", "+o", "bob"])),
        (":s JOIN  :#x", Line({}, "s", "JOIN", ["#x"])),
        # Only ASCII spaces part words (research: italics and U+3000 were lost).
        (":s TOPIC #x \x1dhi\x1f\u3000yo\xa0", Line({}, "s", "TOPIC", ["#x", "\x1dhi\x1f\u3000yo\xa0"])),
        ("A\tB C", Line({}, "", "A\tB", ["C"])),
        # Seen on the wire.
        ("CAP * LS znc.in/self-message", Line({}, "", "CAP", ["*", "LS", "znc.in/self-message"])),
        ("AUTHENTICATE :+", Line({}, "", "AUTHENTICATE", ["+"])),
        ("@time=1 AUTHENTICATE :+", Line({"time": "1"}, "", "AUTHENTICATE", ["+"])),
        (":s BATCH :-1", Line({}, "s", "BATCH", ["-1"])),
        (
            "@time=t;msgid=m;label=1;inspircd.org/echo;account=carol :carol2!c@h PRIVMSG #x :hi",
            Line(
                {"time": "t", "msgid": "m", "label": "1", "inspircd.org/echo": "", "account": "carol"},
                "carol2!c@h",
                "PRIVMSG",
                ["#x", "hi"],
            ),
        ),
    ],
)
def test_a_line_is_read_into_its_parts(text: str, expected: Line) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (r"a=\:\s\\\r\n", {"a": "; \\\r\n"}),
        (r"a=\b\q", {"a": "bq"}),
        ("a=x\\", {"a": "x"}),  # a lone backslash at the end is dropped
        (r"a=\\:", {"a": "\\:"}),
        ("a=1;a=2", {"a": "2"}),  # the last one wins
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        (";;=x;a=1;", {"a": "1"}),
        ("+example.com/a=1;+b", {"+example.com/a": "1", "+b": ""}),
        ("", {}),
    ],
)
def test_tags_are_unescaped(tags: str, expected: dict[str, str]) -> None:
    assert parse(f"@{tags} PING").tags == expected


@pytest.mark.parametrize(
    "text", ["", " ", ":source", ":source ", "@tag", "@tag :source", "@tag  ", " :", ":", "@"]
)
def test_a_line_without_a_command_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@given(
    st.one_of(st.text(), st.lists(st.sampled_from([":", "@", " ", ";", "=", "\\", "a", "\0"])).map("".join))
)
def test_reading_raises_nothing_but_malformed(text: str) -> None:
    try:
        line = parse(text)
    except Malformed:
        return
    assert line.command
    assert line.command == line.command.upper()
    assert all(line.params[:-1])


@given(
    COMMAND,
    st.lists(MIDDLE, max_size=5),
    st.one_of(st.none(), TRAILING),
    st.dictionaries(TAG_KEY, TAG_VALUE, max_size=5),
    st.one_of(st.just(""), MIDDLE),
)
def test_what_was_serialised_is_read_back(
    command: str, middles: list[str], last: str | None, tags: dict[str, str], source: str
) -> None:
    params = [*middles, last] if last is not None else middles
    assert parse(serialise(command, *params, tags=tags, source=source)) == Line(tags, source, command, params)


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("PING", "x"), "PING x"),
        (("PRIVMSG", "#x", "hi"), "PRIVMSG #x :hi"),
        (("PRIVMSG", "#x", ""), "PRIVMSG #x :"),
        (("TOPIC", "#x"), "TOPIC #x"),
        (("TOPIC", "#x", ""), "TOPIC #x :"),
        (("PART", "#x"), "PART #x"),
        (("PART", "#x", "bye"), "PART #x :bye"),
        (("KICK", "#x", "bob"), "KICK #x bob"),
        (("JOIN", "#x", "key"), "JOIN #x key"),
        (("USER", "u", "0", "*", "real"), "USER u 0 * :real"),
        (("PONG", ":odd"), "PONG ::odd"),
        (("AWAY",), "AWAY"),
    ],
)
def test_the_last_parameter_gets_a_colon_where_it_needs_one(parts: tuple[str, ...], line: str) -> None:
    assert serialise(*parts) == line


PLACES: dict[str, Callable[[str], str]] = {
    "middle": lambda bad: serialise("PRIVMSG", bad, "text"),
    "last": lambda bad: serialise("PRIVMSG", "#x", bad),
    "source": lambda bad: serialise("PING", source=bad),
    "tag name": lambda bad: serialise("PING", tags={bad: "x"}),
    "command": serialise,
}


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "\r", "\n", "\0"])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_line_breaks_and_nul_are_refused_everywhere(place: Callable[[str], str], bad: str) -> None:
    with pytest.raises(Injection):
        place(bad)


def test_line_breaks_in_tag_values_are_escaped_and_nul_is_refused() -> None:
    assert serialise("PING", tags={"a": "x\r\ny"}) == "@a=x\\r\\ny PING"
    with pytest.raises(Injection):
        serialise("PING", tags={"a": "\0"})


@pytest.mark.parametrize("middle", ["", ":x", "a b", " "])
def test_what_is_no_middle_parameter_is_refused(middle: str) -> None:
    with pytest.raises(Injection):
        serialise("PRIVMSG", middle, "text")


@pytest.mark.parametrize("key", ["", "a b", "a;b", "a=b", "a\n", "+", "é", "a/"])
def test_what_is_no_tag_name_is_refused(key: str) -> None:
    with pytest.raises(Injection):
        serialise("PING", tags={key: "x"})


@pytest.mark.parametrize("command", ["", "A B", "A:", "É", "@a"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(Injection):
        serialise(command)


@given(
    st.text(), st.lists(st.text(), max_size=4), st.dictionaries(st.text(), st.text(), max_size=2), st.text()
)
def test_a_serialised_line_never_holds_a_line_break(
    command: str, params: list[str], tags: dict[str, str], source: str
) -> None:
    try:
        line = serialise(command, *params, tags=tags, source=source)
    except Injection:
        return
    assert not set(line) & set("\r\n\0")


@pytest.mark.parametrize(
    ("source", "mask"),
    [
        ("a!b@c", Mask("a", "b", "c")),
        ("a!~b@c.example", Mask("a", "~b", "c.example")),
        ("a@c", Mask("a", "", "c")),
        ("a!b", Mask("a", "b", "")),
        ("irc.example", Mask("irc.example", "", "")),
        ("a!b@c@d", Mask("a", "b@c", "d")),
        ("", Mask("", "", "")),
    ],
)
def test_a_source_is_parted(source: str, mask: Mask) -> None:
    assert mask_of(source) == mask
    assert nick_of(source) == mask.nick


@given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
def test_lines_come_out_the_same_however_the_bytes_are_cut(chunks: list[bytes], limit: int) -> None:
    whole = b"".join(chunks) + b"\n"
    cut, byte_by_byte, at_once = LineSplitter(limit), LineSplitter(limit), LineSplitter(limit)
    from_chunks = [line for chunk in [*chunks, b"\n"] for line in cut.feed(chunk)]
    from_bytes = [line for byte in whole for line in byte_by_byte.feed(bytes([byte]))]
    expected = [line for line in whole.replace(b"\r", b"\n").split(b"\n") if line]
    assert (
        from_chunks == from_bytes == at_once.feed(whole) == [line for line in expected if len(line) <= limit]
    )
    assert (
        cut.dropped == byte_by_byte.dropped == at_once.dropped == sum(len(line) > limit for line in expected)
    )


def test_every_line_end_in_use_ends_a_line() -> None:
    assert LineSplitter().feed(b"a\r\nb\nc\rd\r\n\r\ne") == [b"a", b"b", b"c", b"d"]


def test_a_line_without_end_is_dropped_and_the_next_one_comes() -> None:
    splitter = LineSplitter(100)
    for _ in range(50):
        assert splitter.feed(b"x" * 90) == []
    assert splitter.feed(b"tail\r\nPING :a\r\n") == [b"PING :a"]
    assert splitter.dropped == 1


def bytes_searched(work: Callable[[], object]) -> int:
    """The bytes that ``work`` walks over in searching and splitting: the sizes of what it calls such methods of."""
    total = 0

    def count(_frame: FrameType, event: str, called: object) -> None:
        nonlocal total
        owner = getattr(called, "__self__", None)
        if event == "c_call" and isinstance(owner, bytes | bytearray):
            total += len(owner)

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return total


@pytest.mark.parametrize("ending", [b"", b"\r\n"], ids=["never ends", "ends"])
def test_work_grows_with_the_bytes_and_not_with_how_they_are_cut(ending: bytes) -> None:
    size = 12_000

    def dribble() -> None:
        splitter = LineSplitter()
        for _ in range(size):
            splitter.feed(b"x")
        splitter.feed(ending)

    assert bytes_searched(dribble) < 5 * size


def test_a_flood_without_newline_holds_no_more_than_the_cap() -> None:
    splitter = LineSplitter(1000)
    searched = bytes_searched(lambda: [splitter.feed(b"y" * 1024) for _ in range(1000)])
    assert searched < 5 * 1024 * 1000
    assert splitter.feed(b"\nPING\n") == [b"PING"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_is_read_as_such_whatever_the_fallback(text: str) -> None:
    assert decode(text.encode(), "koi8-r") == text


@given(st.binary(), st.sampled_from(["cp1252", "latin-1", "koi8-r", "shift_jis", "cp437"]))
def test_reading_bytes_never_raises(data: bytes, fallback: str) -> None:
    decode(data, fallback)


def test_what_is_not_utf_8_is_read_in_the_fallback() -> None:
    assert decode(b"caf\xe9 \x80") == "café €"
    assert decode(b"\x81") == "\ufffd"
    assert decode("привет".encode("koi8-r"), "koi8-r") == "привет"


def test_what_an_encoding_cannot_say_becomes_a_question_mark() -> None:
    assert encode("é😀\udc80", "latin-1") == b"\xe9??"
    assert encode("é") == b"\xc3\xa9"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("utf-8", True),
        ("latin-1", True),
        ("koi8-r", True),
        ("utf-16", False),
        ("utf-7", False),
        ("rot13", False),
        ("no such", False),
        ("cp037", False),
        ("hex", False),
        ("a\0b", False),
    ],
)
def test_only_encodings_that_leave_ascii_alone_can_be_a_fallback(name: str, known: bool) -> None:
    assert known_encoding(name) is known
