import stringprep
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridges.irc.addresses import Addresses, check_nick, escape, server_name, survives, unescape
from gateway.bridge import BadAddress
from gateway.model import GATEWAY, Address, AddressKind

FREE = Addresses()
FIXED = Addresses("irc.localhost")


def ascii_lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def room(name: str, network: str = "irc.localhost") -> Address:
    return Address(AddressKind.ROOM, network, name)


def contact(name: str, network: str = "irc.localhost") -> Address:
    return Address(AddressKind.CONTACT, network, name)


def network(name: str = "irc.localhost") -> Address:
    return Address(AddressKind.NETWORK, name)


def nodeprep(text: str) -> str:
    """RFC 3920 appendix A, by the standard library's tables; ValueError for what it prohibits. Unicode 3.2."""
    if any(stringprep.in_table_a1(char) for char in text):
        raise ValueError("unassigned")
    mapped = "".join(stringprep.map_table_b2(char) for char in text if not stringprep.in_table_b1(char))
    text = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for char in text:
        if (
            stringprep.in_table_c11_c12(char)
            or stringprep.in_table_c21_c22(char)
            or stringprep.in_table_c3(char)
            or stringprep.in_table_c4(char)
            or stringprep.in_table_c5(char)
            or stringprep.in_table_c6(char)
            or stringprep.in_table_c7(char)
            or stringprep.in_table_c8(char)
            or stringprep.in_table_c9(char)
            or char in "\"&'/:<>@"
        ):
            raise ValueError(f"prohibited: {char!r}")
    if any(map(stringprep.in_table_d1, text)) and (
        any(map(stringprep.in_table_d2, text))
        or not stringprep.in_table_d1(text[0])
        or not stringprep.in_table_d1(text[-1])
    ):
        raise ValueError("mixed directions")
    return text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", GATEWAY),
        ("irc.libera.chat", network("irc.libera.chat")),
        ("IRC.Libera.Chat", network("irc.libera.chat")),
        ("localhost", network("localhost")),
        ("127.0.0.1", network("127.0.0.1")),
        ("::1", network("::1")),
        ("#foo%irc.localhost", room("#foo")),
        ("&local%irc.localhost", room("&local")),
        ("+modeless%irc.localhost", room("+modeless")),
        ("!safe%irc.localhost", room("!safe")),
        ("##%irc.localhost", room("##")),
        ("#a%b%irc.localhost", room("#a%b")),
        ("#biboumi@louiz.org:80%irc.localhost", room("#biboumi@louiz.org:80")),
        ("nick2%irc.localhost", contact("nick2")),
        ("[x]%irc.localhost", contact("[x]")),
    ],
)
def test_biboumis_forms_are_read(text: str, address: Address) -> None:
    assert FREE.address(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", network()),
        ("#foo", room("#foo")),
        ("#foo%irc.localhost", room("#foo%irc.localhost")),
        ("nick", contact("nick")),
    ],
)
def test_with_a_fixed_server_the_network_is_left_out(text: str, address: Address) -> None:
    assert FIXED.address(text) == address
    assert FIXED.text(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "#foo",
        "#foo%",
        "%irc.localhost",
        "#a b%irc.localhost",
        "#a,b%irc.localhost",
        "#a\x07%irc.localhost",
        "#a\\x0d\\x0aQUIT%irc.localhost",
        "#a\\x00%irc.localhost",
        "a\\x20b%irc.localhost",
        "a\\xff%irc.localhost",
        "a b%irc.localhost",
        "a,b%irc.localhost",
        "a!b%irc.localhost",
        "*%irc.localhost",
        "$all%irc.localhost",
        ":x%irc.localhost",
        "#foo%irc localhost",
        "#foo%irc..localhost",
        "#foo%-x",
        "irc.local/host",
        "a" * 254,
        "#" + "x" * 600 + "%irc.localhost",
    ],
)
def test_what_no_server_could_take_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        FREE.address(text)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 250


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("#foo", "#foo"),
        ("#Foo", "#foo"),
        ("#é", "#é"),
        ("#É", "#\\xc3\\x89"),
        ("#ß", "#\\xc3\\x9f"),
        ("#😀", "#\\xf0\\x9f\\x98\\x80"),
        ("#مرحبا", "#" + "".join(f"\\x{byte:02x}" for byte in "مرحبا".encode())),
        ("#a\\xb", "#a\\xb"),
        ("#a\\xbc", "#a\\x5cxbc"),
        ("#a\\XBC", "#a\\x5cxbc"),
        ("#\x02bold", "#\\x02bold"),
    ],
)
def test_what_xmpp_servers_would_change_is_written_in_bytes(name: str, text: str) -> None:
    assert FREE.text(room(name)) == f"{text}%irc.localhost"
    assert FREE.address(f"{text}%irc.localhost") == room(ascii_lower(name))


def test_a_host_name_in_another_script_becomes_ascii() -> None:
    assert server_name("IRC.Bücher.example") == "irc.xn--bcher-kva.example"


def test_a_name_too_long_for_an_address_is_refused() -> None:
    with pytest.raises(BadAddress, match="too long"):
        FREE.text(room("#" + "😀" * 100))
    with pytest.raises(BadAddress, match="too long"):
        FREE.text(room("#" + "@" * 400))


@given(st.text())
@example("e\u0301")
@example("\uac00\u11a8")
@example("\\x5cx41")
@example("\\xff")
def test_every_name_survives_escaping_up_to_ascii_case(name: str) -> None:
    assert unescape(escape(name)) == ascii_lower(name)


@given(st.text(st.characters(codec=None), min_size=1))
@example("e\u0301")
@example("\u05d0a")
@example("\u1112\u1161\u11ab")
@example("\u13a0")
@example("\u10a0")
@example("ﬁ")
@example("\u00ad")
@example("\ud800")
def test_an_escaped_name_is_left_alone_by_every_folding(name: str) -> None:
    escaped = escape(name)
    assert escaped == escaped.lower() == escaped.casefold()
    assert unicodedata.normalize("NFKC", escaped) == escaped
    xep_0106 = "".join(f"\\{ord(char):02x}" if char in " \"&'/:<>@" else char for char in escaped)
    assert nodeprep(f"{xep_0106}%irc.localhost") == f"{xep_0106}%irc.localhost"


@given(st.text())
@example("#a\\xff%irc.localhost")
@example("#a\\XC3\\XA9%irc.localhost")
def test_reading_any_text_gives_an_address_or_a_refusal_and_its_form_is_stable(text: str) -> None:
    for addresses in (FREE, FIXED):
        try:
            address = addresses.address(text)
            form = addresses.text(address)
        except BadAddress:
            continue
        again = addresses.address(form)
        assert (again.kind, again.network, again.name) == (
            address.kind,
            address.network,
            ascii_lower(address.name),
        )
        assert addresses.text(again) == form


def test_every_character_that_survives_alone_survives_beside_every_neighbour() -> None:
    # NFKC composes pairs only; what could be a second half is escaped, so joining survivors changes nothing.
    survivors = "".join(chr(code) for code in range(0x80, 0x3200) if survives(chr(code)))
    assert unicodedata.normalize("NFKC", survivors) == survivors


@pytest.mark.parametrize("nick", ["x", "Nick[away]", "nickserv@services.example", "a/b", "日本"])
def test_nicks_of_every_kind_are_let_through(nick: str) -> None:
    assert check_nick(nick) == nick
