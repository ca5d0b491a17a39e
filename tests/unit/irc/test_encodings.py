"""Bytes and text by network and channel: what users set, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc import encodings
from bridges.irc.encodings import USUAL, Encodings, Pair, expressible
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.split import pieces
from gateway.bridge import BadAddress
from gateway.model import MessageKind
from tests.unit.irc.scripted import Receipt, Scene

RUSSIAN = {"encoding_in": "koi8-r", "encoding_out": "koi8-r"}
JAPANESE = {"encoding_in": "iso-2022-jp", "encoding_out": "iso-2022-jp"}


def some(usual: Pair = USUAL, *, only_utf8: bool = False) -> Encodings:
    return Encodings(usual, str.lower, lambda: only_utf8)


@pytest.mark.parametrize(
    ("written", "known"),
    [("UTF-8", "utf-8"), ("utf8", "utf-8"), ("latin-1", "latin-1"), ("ISO-8859-15//TRANSLIT", "iso-8859-15")],
)
def test_names_are_those_that_iconv_takes(written: str, known: str) -> None:
    assert encodings.encoding(written) == known


@pytest.mark.parametrize(
    "name", ["nonsense-9", "utf-16", "utf-7", "cp037", "rot13", "hex", "a\0b", "x" * 500]
)
def test_what_is_no_encoding_of_text_on_irc_is_explained(name: str) -> None:
    with pytest.raises(BadAddress, match="encoding"):
        encodings.check({"encoding_in": name})


def test_a_channel_goes_before_its_network_and_utf_8_before_both() -> None:
    mine = some(Pair("latin-1", "latin-1"))
    mine.adjust("#foo", RUSSIAN)
    assert mine.decode("PRIVMSG #foo :привет".encode("koi8-r")) == "PRIVMSG #foo :привет"
    assert mine.decode(b":a!b@c PRIVMSG #FOO :\xd0") == ":a!b@c PRIVMSG #FOO :п"
    assert mine.decode("@time=x :s 332 me #foo :тема".encode("koi8-r")) == "@time=x :s 332 me #foo :тема"
    assert mine.decode("PRIVMSG #bar :é".encode("latin-1")) == "PRIVMSG #bar :é"
    assert mine.decode("PRIVMSG #foo :é".encode()) == "PRIVMSG #foo :é"
    assert mine.encode("PRIVMSG #foo :привет") == "PRIVMSG #foo :привет".encode("koi8-r")
    assert mine.encode("@+x=é TOPIC #foo :тема") == "@+x=é ".encode() + "TOPIC #foo :тема".encode("koi8-r")
    assert mine.encode("KICK #bar bob :é") == "KICK #bar bob :é".encode("latin-1")
    assert mine.encode("PRIVMSG #bar :п") == b"PRIVMSG #bar :?"


def test_what_is_set_no_more_is_the_networks_again() -> None:
    mine = some()
    mine.adjust("#foo", RUSSIAN)
    assert not mine.unset
    mine.adjust("#foo", {})
    assert (mine.unset, mine.simple) == (True, True)


def test_encodings_of_seven_bits_are_told_by_their_escapes() -> None:
    mine = some()
    mine.adjust("#foo", JAPANESE)
    line = "PRIVMSG #foo :こんにちは"
    assert mine.decode(line.encode("iso-2022-jp")) == line
    assert mine.decode(line.encode()) == line
    assert mine.encode(line) == line.encode("iso-2022-jp")
    assert not some(Pair("iso-2022-jp")).simple


def test_where_only_utf_8_is_taken_nothing_else_counts() -> None:
    mine = some(Pair("koi8-r", "koi8-r"), only_utf8=True)
    assert mine.plain
    assert mine.encode("PRIVMSG #foo :п") == "PRIVMSG #foo :п".encode()
    assert mine.decode(b"PRIVMSG #foo :\xd0") == "PRIVMSG #foo :\N{REPLACEMENT CHARACTER}"


def test_the_rule_of_the_server_for_names_counts_for_channels_too() -> None:
    keys = {"#a[": "#a["}
    mine = Encodings(Pair("latin-1"), lambda name: keys.get(name, name.lower()), lambda: False)
    mine.adjust("#a[", RUSSIAN)
    keys.update({"#a[": "#a{", "#a{": "#a{"})
    mine.refold()
    assert mine.outgoing("#a{") == "koi8-r"


@given(st.binary(max_size=300), st.sampled_from([RUSSIAN, JAPANESE, {"encoding_in": "gb18030"}]))
def test_any_bytes_become_text(raw: bytes, values: dict[str, str]) -> None:
    mine = some()
    mine.adjust("#foo", values)
    assert isinstance(mine.decode(raw), str)
    assert isinstance(mine.decode(b"PRIVMSG #foo :" + raw), str)


@given(st.text(max_size=300), st.sampled_from([RUSSIAN, JAPANESE]))
def test_any_text_becomes_bytes(text: str, values: dict[str, str]) -> None:
    mine = some()
    mine.adjust("#foo", values)
    assert isinstance(mine.encode(text), bytes)
    assert isinstance(mine.encode(f"PRIVMSG #foo :{text}"), bytes)


@given(
    st.text(st.characters(exclude_characters="\r\n\u2028\u2029\0", codec="utf-8"), min_size=1, max_size=200),
    st.sampled_from(["koi8-r", "iso-2022-jp", "gb18030", "shift_jis", "big5"]),
    st.integers(min_value=16, max_value=60),
)
def test_text_is_parted_by_the_bytes_it_will_have(text: str, encoding: str, limit: int) -> None:
    parts = pieces(text, limit_bytes=limit, encoding=encoding)
    assert strip("".join(parts)) == strip(text)
    assert all(len(part.encode(encoding, "replace")) <= limit for part in parts)


async def test_a_session_speaks_to_each_channel_in_its_encoding_and_hears_it() -> None:
    scene = Scene(user={"encoding_in": "latin-1"}, rooms={"#foo": RUSSIAN})
    await scene.login()
    await scene.in_room()
    scene.server.wire.clear()
    receipt = Receipt()
    scene.session.say("#foo", "привет 🙂", MessageKind.CHAT, receipt)
    assert receipt.outcome == "done"
    assert scene.server.wire == ["PRIVMSG #foo :привет ?".encode("koi8-r")]
    scene.server.says_raw(b":Bob!bob@his.host PRIVMSG #foo :" + "да".encode("koi8-r"))
    scene.server.says_raw(b":Bob!bob@his.host PRIVMSG Nick :" + "é".encode("latin-1"))
    assert [call[-1].text for call in scene.sink.take()] == ["да", "é"]
    scene.session.set_topic("#foo", "тема", Receipt())
    scene.session.kick("#foo", "Bob", "пока", Receipt())
    assert scene.server.wire[1:] == [
        "TOPIC #foo :тема".encode("koi8-r"),
        "KICK #foo Bob :пока".encode("koi8-r"),
    ]
    await scene.finish()


async def test_long_text_is_parted_by_its_own_bytes() -> None:
    scene = Scene(rooms={"#foo": RUSSIAN})
    await scene.login()
    await scene.in_room()
    scene.server.wire.clear()
    scene.session.say("#foo", "я" * 400, MessageKind.CHAT, Receipt())
    assert len(scene.server.wire) == 1, "400 bytes, not 800"
    scene.session.say("#foo", "я" * 700, MessageKind.CHAT, Receipt())
    assert len(scene.server.wire) == 3
    await scene.finish()


async def test_a_change_reaches_the_live_session() -> None:
    scene = Scene()
    await scene.login()
    await scene.in_room()
    assert scene.server.connection is not None
    assert scene.server.connection.encoder is None, "who has set nothing pays nothing"
    scene.session.adjust("#foo", RUSSIAN)
    scene.server.wire.clear()
    scene.session.say("#foo", "да", MessageKind.CHAT, Receipt())
    assert scene.server.wire == ["PRIVMSG #foo :да".encode("koi8-r")]
    scene.session.adjust("#foo", {})
    assert scene.server.connection.encoder is None
    await scene.finish()


async def test_a_server_that_takes_utf_8_only_gets_nothing_else() -> None:
    scene = Scene(user=RUSSIAN)
    await scene.login("UTF8ONLY")
    await scene.in_room()
    scene.server.wire.clear()
    scene.session.say("#foo", "да", MessageKind.CHAT, Receipt())
    assert scene.server.wire == ["PRIVMSG #foo :да".encode()]
    await scene.finish()


async def test_settings_that_hold_no_more_are_told_and_harm_nothing() -> None:
    scene = Scene(rooms={"#foo": {"encoding_out": "nonsense-9"}})
    await scene.start()
    scene.server.says(":irc.example CAP * LS :", ":irc.example 001 Nick :Welcome")
    told = [call[1] for call in scene.sink.take() if call[0] == "service"]
    assert any("#foo" in text and "nonsense-9" in text for text in told)
    await scene.finish()


def test_what_cannot_be_said_is_known_before_it_is() -> None:
    assert expressible("привет 🙂", "koi8-r") == "привет ?"
