import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc import secrecy
from bridges.irc.bridge import IrcBridge
from bridges.irc.config import IrcSettings
from gateway.bridge import Services
from gateway.model import Address, AddressKind
from tests.fakes.clock import ManualClock


@pytest.mark.parametrize(
    ("nick", "text"),
    [
        ("NickServ", "IDENTIFY hunter2"),
        ("nickserv", "identify carol hunter2"),
        ("NickServ@services.libera.chat", "REGISTER hunter2 carol@example.org"),
        ("NickServ", "GHOST carol hunter2"),
        ("NickServ", "set password hunter2"),
        ("NickServ", "  DROP carol hunter2"),
        ("NickServ", "hello\nIDENTIFY hunter2"),
        ("Q@CServe.quakenet.org", "AUTH carol hunter2"),
        ("X", "login carol hunter2"),
        ("AuthServ", "auth carol hunter2"),
        ("bob", "/msg NickServ IDENTIFY hunter2"),
        ("bob", "/ns identify hunter2"),
        ("bob", "/quote PRIVMSG NickServ :IDENTIFY hunter2"),
        ("bob", "identify hunter2"),
    ],
)
def test_passwords_told_to_services_are_secret(nick: str, text: str) -> None:
    assert secrecy.to_person(nick, text)


@pytest.mark.parametrize(
    ("nick", "text"),
    [
        ("NickServ", "HELP"),
        ("NickServ", "INFO carol"),
        ("NickServ", "identify"),
        ("bob", "the login is broken again"),
        ("bob", "register by tomorrow"),
        ("x-ray", "login carol hunter2"),
        ("bob", ""),
        ("bob", "/me waves"),
        ("bob", "msg me later"),
    ],
)
def test_ordinary_words_are_not(nick: str, text: str) -> None:
    assert not secrecy.to_person(nick, text)


@pytest.mark.parametrize(
    "line",
    [
        "PASS hunter2",
        "oper carol hunter2",
        "PRIVMSG NickServ :IDENTIFY hunter2",
        "privmsg bob,NickServ :identify hunter2",
        "NICKSERV IDENTIFY hunter2",
        "NS IDENTIFY hunter2",
        "/msg nickserv identify hunter2",
        "REGISTER * * hunter2",
        "AUTHENTICATE Y2Fyb2w=",
        "WHOIS bob\nPASS hunter2",
    ],
)
def test_lines_to_a_server_with_a_password_are_secret(line: str) -> None:
    assert secrecy.to_server(line)


@pytest.mark.parametrize(
    "line", ["WHOIS bob", "MODE #foo +k key", "PRIVMSG bob :identify", "", ":", "JOIN #x"]
)
def test_other_lines_are_not(line: str) -> None:
    assert not secrecy.to_server(line)


def test_the_bridge_tells_the_core() -> None:
    bridge = IrcBridge(IrcSettings(), Services(ManualClock(), random.Random(1), "1"))
    assert bridge.capabilities.confidences
    assert bridge.confidential(Address(AddressKind.CONTACT, "n", "NickServ"), "IDENTIFY x")
    assert bridge.confidential(Address(AddressKind.NETWORK, "n"), "PASS x")
    assert not bridge.confidential(Address(AddressKind.ROOM, "n", "#foo"), "IDENTIFY x")


@given(st.text(max_size=60), st.text(max_size=200))
def test_whatever_is_written_there_is_an_answer(nick: str, text: str) -> None:
    assert secrecy.to_person(nick, text) in (True, False)
    assert secrecy.to_server(text) in (True, False)
